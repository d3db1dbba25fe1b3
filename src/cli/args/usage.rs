//! Errors of clap about the command line, in this program's form.

use std::env;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, ValueEnum};

use super::Args;
use super::common::ColorArg;
use super::parse::{with_environment, without_environment};
use crate::cli::advice::{Advice, Refusal};
use crate::cli::config_file::ConfigFile;

/// When to colour the report of a command line that cannot be parsed, by `--color`, the environment or the config file.
/// A word that is no value of `--color` is ignored.
pub(crate) fn color(config: &ConfigFile) -> ColorArg {
    let words: Vec<String> = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let options = words.split(|word| word == "--").next().unwrap_or_default();
    let after = |(at, word): (usize, &String)| match word.strip_prefix("--color") {
        Some("") => options.get(at + 1).cloned(),
        Some(value) => value.strip_prefix('=').map(String::from),
        None => None,
    };
    let typed = options.iter().enumerate().rev().find_map(after);
    let set = typed.or_else(|| env::var("SEMSEARCH_COLOR").ok().filter(|word| !word.is_empty()));
    let word = set.or_else(|| config.values.get("color").cloned());
    word.and_then(|word| ColorArg::from_str(&word, false).ok()).unwrap_or(ColorArg::Auto)
}

/// What to print for an error of clap. A bad value from the environment or the config file is reported as theirs.
pub(crate) fn refusal(error: &clap::Error, config: &ConfigFile) -> Refusal {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Refusal::Asked(error.render().ansi().to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Refusal::Incomplete(error.render().ansi().to_string()),
        _ => Refusal::Wrong(Advice { message: message(error, config), hint: suggestion(error) }),
    }
}

fn message(error: &clap::Error, config: &ConfigFile) -> String {
    let rendered = error.render().to_string();
    let first: Vec<&str> = rendered.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let mut message = first.join(" ");
    if let Some((option, _)) = invalid(error)
        && let Some(source) = untyped(error, config)
    {
        message = message.replace(&format!("'{option}'"), &source);
    }
    message.strip_prefix("error: ").unwrap_or(&message).to_owned()
}

/// The option, such as `--top-k <N>`, and its value, if the error is an invalid value.
fn invalid(error: &clap::Error) -> Option<(&str, &str)> {
    match (error.get(ContextKind::InvalidArg)?, error.get(ContextKind::InvalidValue)?) {
        (ContextValue::String(option), ContextValue::String(value)) => Some((option, value)),
        _ => None,
    }
}

/// Where an invalid value comes from, if it was not typed. A typed value is invalid even without environment and config
/// file.
fn untyped(error: &clap::Error, config: &ConfigFile) -> Option<String> {
    let (option, _) = invalid(error)?;
    let wrong = |command: Command| {
        command.try_get_matches_from(env::args_os()).is_err_and(|again| invalid(&again) == invalid(error))
    };
    if wrong(without_environment(Args::command())) {
        return None;
    }
    let name = option.trim_start_matches('-').split([' ', '=']).next()?;
    if wrong(with_environment(Args::command())) {
        return Some(format!("SEMSEARCH_{}", name.replace('-', "_").to_uppercase()));
    }
    config.place(name)
}

/// What clap assumes was meant; if it has no suggestion, where to find help.
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
