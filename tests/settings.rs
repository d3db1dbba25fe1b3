//! The precedence of arguments, environment, values recorded in an index and config file, and errors of the command
//! line.

use semsearch::kernels::{Format, Isa};

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
    // Help works even if the config file is wrong.
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
    assert_eq!(
        pages,
        1 + 15 + 2 * usize::from(cfg!(feature = "serve")) + 10 * usize::from(cfg!(feature = "postgres")) + 4,
        "the program's, each command's, and those of `model` and `store`"
    );
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

#[test]
fn an_empty_variable_counts_as_one_that_is_not_set() {
    let sandbox = Sandbox::with_index();
    let told = sandbox.run(&["config"]).success();
    let names: Vec<String> =
        told.lines().map(|line| line.split_whitespace().next().unwrap().replace('-', "_").to_uppercase()).collect();
    assert!(names.len() > 15, "{told}");
    let empty = |args: &[&str]| {
        let variables = names.iter().map(|name| (format!("SEMSEARCH_{name}"), ""));
        let ran = sandbox.ran(&sandbox.command(args).envs(variables).output().unwrap());
        (ran.status, ran.stdout)
    };
    assert_eq!(empty(&["config"]), (Some(0), told));
    let plain = sandbox.run(&["query", "who sang", "-f", "tsv"]).success();
    assert_eq!(empty(&["query", "who sang", "-f", "tsv"]), (Some(0), plain));
    // If the variable is empty, the value of the config file counts.
    sandbox.write(CONFIG, "top-k = 3\n");
    assert_eq!(lines(&sandbox, &["query", "music", "-f", "tsv"], &[("SEMSEARCH_TOP_K", "")]), 3);
}

#[test]
fn a_bad_value_is_blamed_on_its_source_whatever_else_is_typed() {
    let sandbox = Sandbox::with_index();
    let first = |args: &[&str], value: &str| {
        let output = sandbox.command(args).env("SEMSEARCH_TOP_K", value).output().unwrap();
        sandbox.ran(&output).stderr.lines().next().unwrap_or_default().replace("[DIR]/", "")
    };
    let of_variable = "error: invalid value '0' for SEMSEARCH_TOP_K: must be at least 1";
    // The same word is also typed, but as the value of another argument.
    assert_eq!(first(&["query", "0"], "0"), of_variable);
    assert_eq!(first(&["query", "x", "--run-name", "0"], "0"), of_variable);
    assert_eq!(
        first(&["query", "x", "-k", "0"], "0"),
        "error: invalid value '0' for '--top-k <N>': must be at least 1"
    );
    assert_eq!(first(&["query", "x", "-k0"], "5"), "error: invalid value '0' for '--top-k <N>': must be at least 1");
    sandbox.write(CONFIG, "top-k = 0\n");
    assert_eq!(first(&["query", "x"], "0"), of_variable);
    let of_file = "error: invalid value '0' for `top-k` in .config/semsearch/config.toml: must be at least 1";
    assert_eq!(first(&["query", "0"], ""), of_file);
    let precision = sandbox.command(&["query", "x"]).env("SEMSEARCH_PRECISION", "f99").output().unwrap();
    let said = sandbox.ran(&precision).stderr;
    assert!(said.starts_with("error: invalid value 'f99' for SEMSEARCH_PRECISION [possible values: auto, "), "{said}");
}

#[test]
fn of_options_given_twice_the_last_one_counts() {
    let sandbox = Sandbox::with_index();
    let query = ["query", "music", "-f", "json", "-k", "5", "--full", "--full", "-f", "tsv", "--top-k", "2"];
    assert_eq!(lines(&sandbox, &query, &[]), 2);
    let elsewhere = sandbox.run(&["-i", "nowhere", "query", "music", "-k", "1", "-i", ".semsearch"]);
    elsewhere.success();
}

#[test]
fn a_negative_number_is_told_to_be_one() {
    let ran = Sandbox::with_index().run(&["query", "x", "-k", "-1"]);
    insta::assert_snapshot!(ran, @r"
    status: 2
    stdout:
    stderr:
    error: invalid value '-1' for '--top-k <N>': expected a whole number from 1
    hint: `semsearch --help` lists the commands, `semsearch COMMAND --help` their options
    ");
}

#[test]
fn the_version_tells_what_is_built_in() {
    let sandbox = Sandbox::new();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(sandbox.run(&["-V"]).success(), format!("semsearch {version}\n"));
    let told = sandbox.run(&["--version"]).success();
    let features = told.strip_prefix(&format!("semsearch {version}\nfeatures: ")).unwrap().trim_end();
    let built_in: Vec<&str> = features.split(", ").collect();
    for (name, there) in
        [("hub", cfg!(feature = "hub")), ("parquet", cfg!(feature = "parquet")), ("cuda", cfg!(feature = "cuda"))]
    {
        assert_eq!(built_in.contains(&name), there, "{told}");
    }
}

#[test]
fn pages_of_the_manual_replace_those_of_another_release_and_nothing_else() {
    let sandbox = Sandbox::new();
    sandbox.write("man/semsearch-query.1", "old");
    sandbox.write("man/semsearch-query.1.part", "theirs");
    sandbox.run(&["man", "--output", "man"]).success();
    let read = |name: &str| std::fs::read_to_string(sandbox.path(name)).unwrap();
    assert!(read("man/semsearch-query.1").contains(".SH EXAMPLES"));
    assert_eq!(read("man/semsearch-query.1.part"), "theirs");
    assert_eq!(
        std::fs::read_dir(sandbox.path("man")).unwrap().count(),
        1 + 15 + 2 * usize::from(cfg!(feature = "serve")) + 10 * usize::from(cfg!(feature = "postgres")) + 4 + 1
    );
}

#[test]
fn a_field_that_no_document_has_is_named_with_those_that_there_are() {
    let sandbox = Sandbox::with_index();
    let said = |filter: &str| {
        let ran = sandbox.run(&["query", "music", "--filter", filter, "-f", "tsv"]);
        (ran.status, ran.stderr)
    };
    let warned = |field: &str| {
        let like = if field == "yaer" { " (`year` is like it)" } else { "" };
        format!("warning: no document has the field `{field}` of the filter{like}: fields are topic, year\n")
    };
    assert_eq!(said("yaer = 2016"), (Some(1), warned("yaer")));
    assert_eq!(said("title = x and yaer > 1"), (Some(1), warned("title") + &warned("yaer")));
    assert_eq!(said("not yaer = 2016"), (Some(0), warned("yaer")), "also where something is found");
    assert_eq!(
        said("year = 1"),
        (Some(1), "warning: no document passes the filter year = 1 (`semsearch get ID -f json` shows fields)\n".into())
    );
    assert_eq!(said("year >= 0").1, "");

    tiny_model(&sandbox.path("tiny"), 1);
    let nested = "{\"text\": \"dog\", \"a\": {\"b\": [{\"c\": null}]}}\n";
    let long = format!("{{\"text\": \"cat\", \"{}\": 1}}\n", "x".repeat(2000));
    let many: String = (0..40).map(|n| format!("{{\"text\": \"walk\", \"field{n:02}\": 1}}\n")).collect();
    sandbox.write("in.jsonl", nested.to_owned() + &long + &many);
    sandbox.run(&["index", "in.jsonl", "--model", "tiny", "-i", "many"]).success();
    let ran = |filter: &str| sandbox.run(&["query", "dog", "-i", "many", "--filter", filter, "-f", "tsv"]).stderr;
    for known in ["a.b.c is null", "a.b is null", "exists(a)", "field39 = 1", &format!("{} = 1", "x".repeat(2000))] {
        assert!(!ran(known).contains("no document has"), "{known}");
    }
    let told = ran("nothing = 1");
    assert!(told.contains("`nothing` of the filter: fields are a, a.b, a.b.c, field00, field01, "), "{told}");
    assert!(told.ends_with(", field16 and others\n"), "{told}");
    sandbox.write("bare.jsonl", "{\"text\": \"dog\"}\n");
    sandbox.run(&["index", "bare.jsonl", "--model", "tiny", "-i", "bare"]).success();
    let told = sandbox.run(&["query", "dog", "-i", "bare", "--filter", "x = 1"]).stderr;
    assert_eq!(
        told,
        "warning: no document has the field `x` of the filter: documents have no fields besides id, title and text\n"
    );
}

#[test]
fn the_default_precision_is_the_fastest_with_the_same_answers() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("in.jsonl", "{\"text\": \"rain\"}\n");
    // An empty config file: the tests' own asks for f32.
    sandbox.write(CONFIG, "");
    sandbox.run(&["index", "in.jsonl", "--model", "tiny"]).success();
    let info = sandbox.run(&["info", "--json"]).success();
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["precision"], if Isa::best().has(Format::Bf16) { "bf16" } else { "f32" });
    // An index keeps its own.
    sandbox.run(&["index", "in.jsonl", "--model", "tiny", "--precision", "f32", "--rebuild"]).success();
    let again = sandbox.run(&["query", "rain", "-v"]);
    assert!(again.stderr.contains(", f32, "), "{again}");
}
