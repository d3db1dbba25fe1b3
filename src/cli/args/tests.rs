//! Tests of the command line as a whole.

use clap::builder::PossibleValue;

use std::ffi::OsStr;

use clap::{Command, CommandFactory, FromArgMatches, Parser};

use super::Args;
use super::parse::{settled, without_environment};

#[test]
fn the_command_line_is_sound() {
    Args::command().debug_assert();
}

/// Every command and what is below it, with the words that lead to it.
fn all(command: &Command, words: &[String], found: &mut Vec<(Vec<String>, Command)>) {
    found.push((words.to_vec(), command.clone()));
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        all(below, &[words, &[below.get_name().to_owned()]].concat(), found);
    }
}

fn commands() -> Vec<(Vec<String>, Command)> {
    let mut program = without_environment(Args::command());
    program.build();
    let mut found = Vec::new();
    all(&program, &["semsearch".to_owned()], &mut found);
    assert_eq!(
        found.len(),
        1 + 15 + 2 * usize::from(cfg!(feature = "serve")) + 10 * usize::from(cfg!(feature = "postgres")) + 4
    );
    found
}

#[test]
fn every_option_and_each_of_its_values_has_a_line_of_help() {
    for (words, command) in commands() {
        for option in command.get_arguments() {
            let name = format!("{} {}", words.join(" "), option.get_id());
            assert!(option.get_help().is_some_and(|help| !help.to_string().is_empty()), "{name}");
            // The name of a shell needs no help text.
            let described = |value: &PossibleValue| value.get_help().is_some() || option.get_id() == "shell";
            assert!(option.get_possible_values().iter().all(described), "{name}");
        }
    }
}

/// Words that an option or argument might take.
const CANDIDATES: [&str; 16] = [
    "latin1",
    "127.0.0.1:1",
    "1",
    "2",
    "0.5",
    "x",
    "y",
    "a.svg",
    "b.svg",
    "cpu",
    "cuda",
    "scalar",
    "ip",
    "l2",
    "english",
    "ndcg@10",
];

/// The candidates that `arg` accepts.
fn taken(arg: &clap::Arg, command: &Command) -> Vec<String> {
    let possible = arg.get_possible_values();
    let candidates = possible.iter().map(|value| value.get_name().to_owned());
    let candidates: Vec<String> = candidates.chain(CANDIDATES.map(String::from)).collect();
    let fits = |word: &&String| {
        let alone = Command::new("x").no_binary_name(true).disable_help_flag(true).arg(arg.clone().required(false));
        let words = arg.get_long().map(|long| format!("--{long}={word}")).unwrap_or_else(|| (*word).clone());
        alone.try_get_matches_from([words]).is_ok()
    };
    let found: Vec<String> = candidates.iter().filter(fits).take(2).cloned().collect();
    assert!(!found.is_empty(), "{} {}", command.get_name(), arg.get_id());
    found
}

/// Further arguments that a command requires.
fn needed(command: &Command, option: &clap::Arg) -> Vec<String> {
    let required = |arg: &&clap::Arg| arg.is_required_set() && arg.get_id() != option.get_id();
    let words = command.get_arguments().filter(required).map(|arg| {
        let word = taken(arg, command).remove(0);
        arg.get_long().map(|long| format!("--{long}={word}")).unwrap_or(word)
    });
    let svg = (option.get_id() == "svg" && command.get_name() == "eval").then(|| "--sweep=alpha".to_owned());
    // `remove` takes ids or a filter.
    let ids = (command.get_name() == "remove" && option.get_id() != "filter").then(|| "x".to_owned());
    let pre = (option.get_id() == "pre_glob").then(|| "--pre=x".to_owned());
    words.chain(svg).chain(ids).chain(pre).collect()
}

#[test]
fn of_an_option_given_twice_the_last_one_counts() {
    let mut tried = 0;
    for (words, command) in commands().into_iter().filter(|(_, command)| !command.has_subcommands()) {
        let lists = |arg: &&clap::Arg| matches!(arg.get_action(), clap::ArgAction::Append);
        let options = command.get_arguments().filter(|arg| !arg.is_positional() && !lists(arg));
        for option in options.filter(|option| !["help", "version"].contains(&option.get_id().as_str())) {
            let long = option.get_long().unwrap();
            let of = |given: &[String]| {
                let line = [&words[..], &needed(&command, option), given].concat();
                let mut matches = without_environment(Args::command())
                    .try_get_matches_from(&line)
                    .unwrap_or_else(|error| panic!("{line:?}: {error}"));
                for word in &words[1..] {
                    matches = matches.remove_subcommand().filter(|(name, _)| name == word).unwrap().1;
                }
                let raw =
                    matches.get_raw(option.get_id().as_str()).map(|raw| raw.map(OsStr::to_owned).collect::<Vec<_>>());
                (raw, matches.value_source(option.get_id().as_str()))
            };
            if option.get_action().takes_values() {
                let values = taken(option, &command);
                let [first, last] = [&values[0], values.last().unwrap()].map(|word| format!("--{long}={word}"));
                assert_eq!(of(&[first, last.clone()]), of(&[last]), "{words:?} --{long}");
            } else {
                let flag = format!("--{long}");
                assert_eq!(of(&[flag.clone(), flag.clone()]), of(&[flag]), "{words:?} --{long}");
            }
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
}

#[test]
fn of_a_common_option_before_and_after_the_command_the_last_one_counts() {
    let args = Args::try_parse_from(["semsearch", "-i", "a", "-q", "verify", "-i", "b", "-v"]).unwrap();
    assert_eq!(args.common.last_index(), Some(&"b".into()));
}

#[test]
fn of_quiet_and_verbose_the_last_one_typed_counts() {
    for (line, quiet) in [("-q -v", false), ("-v -q", true), ("-q", true), ("-v", false)] {
        let words = ["semsearch", "verify"].into_iter().chain(line.split(' '));
        let matches = without_environment(Args::command()).try_get_matches_from(words).unwrap();
        let mut args = Args::from_arg_matches(&matches).unwrap();
        args.common.settle(&matches);
        assert_eq!(args.common.quiet, quiet, "{line}");
    }
}

#[test]
fn a_run_is_not_scored_with_options_of_a_search() {
    let eval = |words: &str| {
        let words = "semsearch eval --qrels q.tsv ".to_owned() + words;
        let matches = without_environment(Args::command()).try_get_matches_from(words.split_whitespace())?;
        settled(&matches).map(|_| ())
    };
    for option in ["--mode hybrid", "--alpha 0.3", "--filter a=1", "--rerank m", "--nprobe 2", "--partial"] {
        let error = eval(&format!("--run r.trec {option}")).unwrap_err().to_string();
        assert!(error.contains("changes a search"), "{option}: {error}");
        eval(&format!("--queries q.jsonl {option}")).unwrap();
    }
    eval("--run r.trec --metrics map@10").unwrap();
    assert!(eval("--run r.trec --split dev").unwrap_err().to_string().contains("cannot be used with"));
}

#[test]
fn a_negative_number_is_a_bad_value_and_no_option() {
    for (words, command) in commands().into_iter().filter(|(_, command)| !command.has_subcommands()) {
        for option in command.get_arguments().filter(|arg| arg.get_action().takes_values() && !arg.is_positional()) {
            let flag = format!("--{}", option.get_long().unwrap());
            let line = [&words[..], &needed(&command, option), &[flag.clone(), "-1".into()]].concat();
            if let Err(error) = without_environment(Args::command()).try_get_matches_from(line) {
                let said = error.to_string();
                assert!(said.contains(&format!("invalid value '-1' for '{flag}")), "{words:?}: {said}");
            }
        }
    }
}

#[test]
fn the_long_help_has_the_paragraphs_of_each_command() {
    let mut program = Args::command();
    let help = program.find_subcommand_mut("query").unwrap().render_long_help().to_string();
    assert!(help.contains("Each TEXT is a query of its own"), "{help}");
}

#[test]
fn every_command_has_examples() {
    let program = Args::command();
    let below = program.get_subcommands().flat_map(|command| command.get_subcommands());
    for command in program.get_subcommands().chain(below) {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(after.starts_with("Example"), "{}", command.get_name());
    }
}

#[test]
fn short_help_is_one_screen() {
    let mut program = Args::command().term_width(100);
    program.build();
    for command in program.get_subcommands_mut() {
        let lines = command.render_help().to_string().lines().count();
        assert!(lines <= 50, "{}: {lines} lines", command.get_name());
    }
}
