//! Embeds a text: `cargo run --release -p semsearch-encoder --example embed -- MODEL_DIR TEXT`

#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;

use semsearch_encoder::embedder::{Embedder, Options};
use semsearch_encoder::model::ModelFiles;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, text] = &arguments[..] else {
        return Err("expected two arguments: MODEL_DIR TEXT".into());
    };
    let embedder = Embedder::load(&ModelFiles::at(directory), &Options::default())?;
    let embedded = embedder.embed(&[text])?;
    println!("{:?}", embedded.vectors.row(0));
    Ok(())
}
