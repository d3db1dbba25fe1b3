//! How failures are reported: one line with the chain of causes, then the hint.

use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;
use std::thread;

use anstyle::{AnsiColor, Style};
use semsearch::corpus;
use semsearch::error::{FileError, is_guarded};
use semsearch::index::{self, StoreError};

use super::advice::{Advice, MarkedAdvice, Refusal};
use super::interrupt::Stopped;
use super::terminal::say;
use super::{errors, hint, output};

/// The status of anything that failed.
const FAILED: u8 = 2;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// Reports why a command failed. It is no failure if the reader of our output has closed the pipe.
pub(super) fn failure(error: &anyhow::Error) -> ExitCode {
    if let Some(Stopped(status)) = error.downcast_ref() {
        return ExitCode::from(*status);
    }
    // The errors of all other files name the file.
    let bare = error.chain().next().and_then(|first| first.downcast_ref::<io::Error>());
    let of_output = match errors::of_file(error) {
        Some(FileError::Write { path, source }) if path.as_os_str() == output::STDOUT => Some(source),
        _ => bare,
    };
    if of_output.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    if let Some(MarkedAdvice { message, marked, hint }) = error.downcast_ref() {
        say(ERROR, "error", message);
        marked.lines().for_each(|line| say(Style::new(), "", line));
        say(HINT, "hint", hint);
        return ExitCode::from(FAILED);
    }
    if let Some(error) = bare {
        print(&format!("{}: cannot write: {error}", output::STDOUT), None);
        return ExitCode::from(FAILED);
    }
    let hint = error.chain().find_map(|cause| {
        hint::of_cause(cause).or_else(|| cause.downcast_ref::<Advice>().map(|advice| advice.hint.clone()))
    });
    print(&chain(error), hint.as_deref());
    ExitCode::from(FAILED)
}

/// Installs a hook: a panic in any thread ends the process with an error, because an incomplete answer would be wrong.
pub(super) fn defects() {
    panic::set_hook(Box::new(|panic| {
        // A panic in a reader thread or in a guarded section is reported elsewhere, as an error of the input or of the
        // file.
        if is_guarded() || thread::current().name() == Some(corpus::READER) {
            return;
        }
        let payload = panic.payload();
        let said = payload.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        let said = said.replace('\n', " ");
        if thread::current().name().is_some_and(index::is_catalog_thread) {
            let hint = "nothing was committed; `semsearch verify` names every fault of the index";
            print(&format!("damaged index: its catalog cannot be written on: {said}"), Some(hint));
            signal_hook::low_level::exit(FAILED.into());
        }
        let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        let hint = "this should not happen: please report it, with the command and what it was given";
        print(&format!("defect: {said}{}", place.unwrap_or_default()), Some(hint));
        signal_hook::low_level::exit(FAILED.into());
    }));
}

/// Reports one of several things that are wrong.
pub(super) fn fault(error: &StoreError) {
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        line = format!("{line}: {}", source.to_string().replace('\n', " "));
        cause = source.source();
    }
    print(&line, None);
}

/// Reports why there is no command to run.
pub(super) fn refusal(refusal: &Refusal) -> ExitCode {
    match refusal {
        Refusal::Asked(help) => {
            let mut out = anstream::stdout();
            match out.write_all(help.as_bytes()).and_then(|()| out.flush()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failure(&error.into()),
            }
        }
        Refusal::Incomplete(help) => {
            let _ = anstream::stderr().write_all(help.as_bytes());
            ExitCode::from(FAILED)
        }
        Refusal::Wrong(Advice { message, hint }) => {
            print(message, Some(hint));
            ExitCode::from(FAILED)
        }
    }
}

fn print(message: &str, hint: Option<&str>) {
    say(ERROR, "error", message);
    if let Some(hint) = hint {
        say(HINT, "hint", hint);
    }
}

/// The error and its causes on one line. A cause that a library has already put into its own message is not repeated.
fn chain(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string().replace('\n', " ");
        if line.is_empty() {
            line = text;
        } else if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_is_one_line_and_repeats_nothing() {
        let root = io::Error::other("disk on\nfire");
        let error = anyhow::Error::new(root).context("cannot write: disk on fire").context("a.txt");
        assert_eq!(chain(&error), "a.txt: cannot write: disk on fire");
    }
}
