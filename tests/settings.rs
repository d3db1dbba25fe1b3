//! Arguments, environment, what an index recorded, the config file: which comes first; and what is made of the command line.

use crate::support::{Sandbox, tiny_model};

const CONFIG: &str = ".config/semsearch/config.toml";

fn lines(sandbox: &Sandbox, args: &[&str], environment: &[(&str, &str)]) -> usize {
    let output = sandbox.command(args).envs(environment.iter().copied()).output().unwrap();
    sandbox.ran(&output).success().lines().count()
}

#[test]
fn a_flag_comes_before_the_environment_before_the_config_file_before_the_default() {
    let sandbox = Sandbox::with_index();
    let query = ["query", "music", "-f", "tsv"];
    assert_eq!(lines(&sandbox, &query, &[]), 10);
    sandbox.write(CONFIG, "top-k = 3\n# a comment\nmode = \"hybrid\"\n");
    assert_eq!(lines(&sandbox, &query, &[]), 3);
    assert_eq!(lines(&sandbox, &query, &[("SEMSEARCH_TOP_K", "4")]), 4);
    assert_eq!(lines(&sandbox, &[&query[..], &["-k", "5"]].concat(), &[("SEMSEARCH_TOP_K", "4")]), 5);
    let other = sandbox.write("other/semsearch/config.toml", "top_k = 2\n");
    let home = other.parent().unwrap().parent().unwrap().to_str().unwrap();
    assert_eq!(lines(&sandbox, &query, &[("XDG_CONFIG_HOME", home)]), 2);
}

#[test]
fn what_an_index_recorded_comes_before_the_config_file() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("in.jsonl", "{\"text\":\"dog\"}\n");
    let model = sandbox.path("tiny").to_str().unwrap().to_owned();
    sandbox
        .write(CONFIG, format!("model = \"{model}\"\nfactory = \"SQfp16\"\nlanguage = \"german\"\nmax-length = 8\n"));
    sandbox.run(&["index", "in.jsonl"]).success();
    sandbox.write(CONFIG, "factory = \"Flat\"\nlanguage = \"dutch\"\nmax-length = 9\n");
    sandbox.run(&["index", "in.jsonl"]).success();
    let info = sandbox.run(&["info"]).success();
    for recorded in ["SQfp16", "german", "[DIR]/tiny"] {
        assert!(info.contains(recorded), "{info}");
    }
    let told = sandbox.run(&["config"]).success();
    let row =
        |name: &str| told.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(row("factory"), ["factory", "SQfp16", ".semsearch"]);
    assert_eq!(row("max-length"), ["max-length", "8", ".semsearch"]);
    assert_eq!(row("top-k"), ["top-k", "10", "default"]);
}

#[test]
fn a_config_file_that_cannot_be_used_is_named_with_what_is_wrong() {
    let sandbox = Sandbox::with_index();
    let said = |content: &str| {
        sandbox.write(CONFIG, content);
        let ran = sandbox.run(&["query", "x"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{ran}");
        let first = ran.stderr.lines().next().unwrap().to_owned();
        first.replace("[DIR]/.config/semsearch/", "")
    };
    assert_eq!(said("top-k 3\n"), "error: config.toml:1: key with no value, expected `=`");
    assert_eq!(said("topk = 3\n"), "error: config.toml: no setting `topk` with a plain value");
    assert_eq!(said("top-k = [3]\n"), "error: config.toml: no setting `top-k` with a plain value");
    assert!(said("precision = \"f99\"\n").starts_with("error: config.toml: invalid value 'f99' for '--precision"));
    assert!(
        said("alpha = 3\n").contains("invalid value '3' for `alpha` in config.toml: expected a number from 0 to 1")
    );
    // Help is there even then.
    sandbox.write(CONFIG, "nonsense");
    assert!(sandbox.run(&["query", "--help"]).success().contains("Search an index"));
}

#[test]
fn shells_and_man_know_every_command() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = sandbox.run(&["completions", shell]).success();
        assert!(
            ["index", "query", "--top-k", "hybrid"].iter().all(|word| script.contains(word.trim_start_matches('-'))),
            "{shell}"
        );
    }
    let page = sandbox.run(&["man", "query"]).success();
    assert!(page.contains(".TH semsearch-query 1") && page.contains("Who headlined the halftime show"));
    sandbox.run(&["man", "--output", "man"]).success();
    let pages = std::fs::read_dir(sandbox.path("man")).unwrap().count();
    assert_eq!(pages, 1 + 12 + 4, "the program's, each command's, and those of `model`");
    assert_eq!(sandbox.run(&["man", "nope"]).status, Some(2));
}

#[test]
fn a_bad_value_is_said_to_be_of_where_it_stands() {
    let sandbox = Sandbox::with_index();
    let first = |ran: crate::support::Ran| ran.stderr.lines().next().unwrap_or_default().replace("[DIR]/", "");
    let typed = first(sandbox.run(&["query", "x", "-k", "none"]));
    assert_eq!(typed, "error: invalid value 'none' for '--top-k <N>': expected a whole number from 1");
    let set = sandbox.command(&["query", "x"]).env("SEMSEARCH_TOP_K", "none").output().unwrap();
    let set = first(sandbox.ran(&set));
    assert_eq!(set, "error: invalid value 'none' for SEMSEARCH_TOP_K: expected a whole number from 1");
    sandbox.write(CONFIG, "top-k = \"none\"\n");
    let file = first(sandbox.run(&["query", "x"]));
    let expected =
        "error: invalid value 'none' for `top-k` in .config/semsearch/config.toml: expected a whole number from 1";
    assert_eq!(file, expected);
}
