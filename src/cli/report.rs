//! How failures are told: one line with the chain of causes, then what to type next.

use std::env;
use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;
use std::thread;

use anstyle::{AnsiColor, Style};
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use semsearch::error::{Error, FileError, is_guarded};
use semsearch::{corpus, index};

use super::args::{self, Args};
use super::config::Config;
use super::hint::hint;
use super::interrupt::Stopped;
use super::output;
use super::terminal::say;

/// The status of anything that failed.
const FAILED: u8 = 2;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// A failure whose message stands by itself, with what to type next.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Advice {
    pub(super) message: String,
    pub(super) hint: String,
}

/// A failure with the text that it is about, a mark below the place.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Shown {
    pub(super) message: String,
    pub(super) shown: String,
    pub(super) hint: String,
}

/// Reports why a command failed. A reader that closed our output has simply seen enough.
pub(super) fn failure(error: &anyhow::Error) -> ExitCode {
    if let Some(Stopped(status)) = error.downcast_ref() {
        return ExitCode::from(*status);
    }
    // Every other file's errors say which file they are of.
    let bare = error.chain().next().and_then(|first| first.downcast_ref::<io::Error>());
    let of_output = match error.downcast_ref() {
        Some(Error::File(FileError::Write { path, source })) if path.as_os_str() == output::STDOUT => Some(source),
        _ => bare,
    };
    if of_output.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    if let Some(Shown { message, shown, hint }) = error.downcast_ref() {
        say(ERROR, "error", message);
        shown.lines().for_each(|line| say(Style::new(), "", line));
        say(HINT, "hint", hint);
        return ExitCode::from(FAILED);
    }
    if let Some(error) = bare {
        print(&format!("{}: cannot write: {error}", output::STDOUT), None);
        return ExitCode::from(FAILED);
    }
    let hint = error.chain().find_map(|cause| {
        let ours = cause.downcast_ref::<Error>().and_then(hint);
        ours.or_else(|| cause.downcast_ref::<Advice>().map(|advice| advice.hint.clone()))
    });
    print(&chain(error), hint.as_deref());
    ExitCode::from(FAILED)
}

/// From here on a panic, in whatever thread, ends the process with an error: half of an answer is none.
pub(super) fn defects() {
    panic::set_hook(Box::new(|panic| {
        // A reader that gives up is an error of its input, a library over a damaged file one of that file, and told as such.
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
pub(super) fn fault(error: &Error) {
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        line = format!("{line}: {}", source.to_string().replace('\n', " "));
        cause = source.source();
    }
    print(&line, None);
}

/// Reports what clap says of the command line: help and version as asked for, errors in our form. A bad value of the
/// environment or of the config file is said to be theirs.
pub(super) fn usage(error: &clap::Error, config: Option<&Config>) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            return match error.print().and_then(|()| io::stdout().flush()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failure(&error.into()),
            };
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            return ExitCode::from(FAILED);
        }
        _ => {}
    }
    let rendered = error.render().to_string();
    let first: Vec<&str> = rendered.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let mut message = first.join(" ");
    if let Some((option, _)) = invalid(error)
        && let Some(source) = config.and_then(|config| untyped(error, config))
    {
        message = message.replace(&format!("'{option}'"), &source);
    }
    print(message.strip_prefix("error: ").unwrap_or(&message), Some(&suggestion(error)));
    ExitCode::from(FAILED)
}

/// The option, such as `--top-k <N>`, and its value that cannot be used, if that is the error.
fn invalid(error: &clap::Error) -> Option<(&str, &str)> {
    match (error.get(ContextKind::InvalidArg)?, error.get(ContextKind::InvalidValue)?) {
        (ContextValue::String(option), ContextValue::String(value)) => Some((option, value)),
        _ => None,
    }
}

/// Where a value that cannot be used comes from, if nobody typed it: what is typed is wrong by itself, without environment
/// and config file.
fn untyped(error: &clap::Error, config: &Config) -> Option<String> {
    let (option, _) = invalid(error)?;
    let wrong = |command: clap::Command| {
        command.try_get_matches_from(env::args_os()).is_err_and(|again| invalid(&again) == invalid(error))
    };
    if wrong(args::without_environment(Args::command())) {
        return None;
    }
    let name = option.trim_start_matches('-').split([' ', '=']).next()?;
    if wrong(args::with_environment(Args::command())) {
        return Some(format!("SEMSEARCH_{}", name.replace('-', "_").to_uppercase()));
    }
    config.place(name)
}

/// What clap thinks was meant, or where help is.
fn suggestion(error: &clap::Error) -> String {
    let likely = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    for (kind, value) in error.context() {
        match value {
            ContextValue::String(word) if likely.contains(&kind) => return format!("did you mean `{word}`?"),
            ContextValue::Strings(words) if likely.contains(&kind) && !words.is_empty() => {
                return format!("did you mean `{}`?", words.join("` or `"));
            }
            // How a value is given that begins with a hyphen, for one.
            ContextValue::StyledStrs(tips) if kind == ContextKind::Suggested && !tips.is_empty() => {
                return tips[0].to_string();
            }
            _ => {}
        }
    }
    "`semsearch --help` lists the commands, `semsearch COMMAND --help` their options".into()
}

fn print(message: &str, hint: Option<&str>) {
    say(ERROR, "error", message);
    if let Some(hint) = hint {
        say(HINT, "hint", hint);
    }
}

/// The error and its causes on one line. A library that pastes its cause into its own message is not repeated.
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
