//! `semsearch`: semantic search on the command line. See the library for how it works, `cli` for what can be typed.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
