//! Streams that cannot be written: a message that is lost changes nothing else, but lost data is an error.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use crate::support::{Sandbox, tiny_model};

/// Every command, and whether its result goes to standard output.
const COMMANDS: [(&[&str], bool); 39] = [
    (&["index", "in.jsonl", "-i", "new", "--model", "tiny"], false),
    (&["index", "in.jsonl", "-i", "new", "--model", "tiny", "--json"], true),
    (&["query", "dog"], true),
    (&["query", "dog", "cat", "--full", "--highlight", "sentence"], true),
    (&["query", "dog", "-f", "json"], true),
    (&["query", "dog", "-f", "jsonl"], true),
    (&["query", "dog", "-f", "tsv"], true),
    (&["query", "dog", "-f", "trec"], true),
    (&["query", "dog", "-f", "jsonl", "--filter", "not nothing = 1"], true),
    (&["embed", "in.jsonl", "--model", "tiny"], true),
    (&["embed", "in.jsonl", "--model", "tiny", "--output-format", "parquet"], true),
    (&["embed", "in.jsonl", "--model", "tiny", "-o", "out.npy"], false),
    (&["embed", "in.jsonl", "--model", "tiny", "-o", "out.jsonl"], false),
    (&["sim", "dog", "cat", "--model", "tiny"], true),
    (&["sim", "dog", "cat", "--model", "tiny", "-f", "json", "--svg", "s.svg"], true),
    (&["sim", "dog", "cat", "--model", "tiny", "-f", "csv"], true),
    (&["eval", "data", "--model", "tiny"], true),
    (&["eval", "data", "--model", "tiny", "-f", "json", "--per-query"], true),
    (&["eval", "data", "--model", "tiny", "--sweep", "alpha"], true),
    (&["info"], true),
    (&["info", "--json"], true),
    (&["verify"], true),
    (&["export", "-o", "new.npy"], false),
    (&["export", "-o", "new"], false),
    (&["model", "fetch", "tiny"], true),
    (&["model", "import", "tiny", "--model", "own/tiny"], true),
    (&["model", "path", "tiny"], true),
    (&["model", "verify", "tiny"], true),
    (&["config"], true),
    (&["completions", "bash"], true),
    (&["man"], true),
    (&["man", "query"], true),
    (&["man", "-o", "new"], false),
    (&["--help"], true),
    (&["-h"], true),
    (&["--version"], true),
    (&["-V"], true),
    (&["query", "--help"], true),
    (&["help", "query"], true),
];

/// A sandbox with all files that the commands name.
fn world() -> Sandbox {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    let long = "walk ".repeat(40);
    let records = format!("{{\"_id\": \"1\", \"text\": \"a dog {long}\"}}\n{{\"_id\": \"2\", \"text\": \"a cat\"}}\n");
    sandbox.write("in.jsonl", &records);
    sandbox.write("data/corpus.jsonl", &records);
    sandbox.write("data/queries.jsonl", "{\"_id\": \"q\", \"text\": \"dog\"}\n");
    sandbox.write("data/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\t1\t1\nr\t1\t1\n");
    sandbox.run(&["index", "in.jsonl", "--model", "tiny"]).success();
    sandbox
}

fn command(sandbox: &Sandbox, args: &[&str]) -> Command {
    let _ = fs::remove_dir_all(sandbox.path("new"));
    let mut command = sandbox.command(args);
    // Verbose, so that a command writes as many messages as possible.
    command.env("SEMSEARCH_VERBOSE", "1").env("XDG_CACHE_HOME", sandbox.path("cache"));
    command
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn standard_output_that_is_full_is_an_error_where_a_result_goes_there() {
    let sandbox = world();
    for (args, prints) in COMMANDS {
        let ran = sandbox.ran(&command(&sandbox, args).stdout(full()).output().unwrap());
        assert_eq!(ran.status, Some(if prints { 2 } else { 0 }), "{args:?}: {ran}");
        let told = ran.stderr.contains("error: <stdout>: cannot write: No space left on device");
        assert_eq!(told, prints, "{args:?}: {ran}");
        let nothing_said = command(&sandbox, args).stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(nothing_said.code(), Some(if prints { 2 } else { 0 }), "{args:?}");
    }
}

#[test]
fn standard_error_that_is_full_changes_nothing() {
    let sandbox = world();
    for (args, prints) in COMMANDS {
        let ran = sandbox.ran(&command(&sandbox, args).stderr(full()).output().unwrap());
        assert_eq!((ran.status, ran.stdout.is_empty()), (Some(0), !prints), "{args:?}: {ran}");
    }
    for args in [&["query", "x", "-i", "nowhere"][..], &["query", "--nonsense"], &["index", "missing.jsonl"], &[]] {
        assert_eq!(command(&sandbox, args).stderr(full()).status().unwrap().code(), Some(2), "{args:?}");
    }
    assert_eq!(
        command(&sandbox, &["query", "a dog", "--min-score", "1e9"]).stderr(full()).status().unwrap().code(),
        Some(1)
    );
}

#[test]
fn closed_streams_change_nothing() {
    let sandbox = world();
    for closed in [">&-", "2>&-", ">&- 2>&-"] {
        for (args, _) in COMMANDS {
            let plain = command(&sandbox, args);
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(format!("exec \"$0\" \"$@\" {closed}")).arg(plain.get_program()).args(args);
            shell.current_dir(sandbox.path("")).stdin(Stdio::null()).env_clear();
            shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let output = shell.output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{closed} {args:?}: {}", sandbox.ran(&output));
        }
    }
}

#[test]
fn a_pipe_that_nobody_reads_is_no_error() {
    let sandbox = world();
    for (args, _) in COMMANDS {
        let mut child = command(&sandbox, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ran = sandbox.ran(&child.wait_with_output().unwrap());
        assert_eq!(ran.status, Some(0), "{args:?}: {ran}");
        assert!(!ran.stderr.contains("error"), "{args:?}: {ran}");
    }
}

#[test]
fn quiet_commands_say_nothing_but_errors() {
    let sandbox = world();
    for (args, _) in COMMANDS {
        let mut loud = false;
        for quiet in [false, true] {
            let mut command = command(&sandbox, args);
            let command = if quiet { command.env("SEMSEARCH_QUIET", "1") } else { &mut command };
            let ran = sandbox.ran(&command.output().unwrap());
            assert_eq!(ran.status, Some(0), "{args:?}: {ran}");
            assert!(!quiet || ran.stderr.is_empty(), "{args:?}: {ran}");
            loud |= !ran.stderr.is_empty();
        }
        let talks =
            ["index", "query", "embed", "sim", "eval", "export"].contains(&args[0]) && !args.contains(&"--help");
        assert!(loud || !talks, "{args:?} has nothing to say: it proves nothing");
    }
    let failed = sandbox.run(&["verify", "-q", "-i", "nowhere"]);
    assert!(failed.status == Some(2) && failed.stderr.starts_with("error: "), "{failed}");
}
