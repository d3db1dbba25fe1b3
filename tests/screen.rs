//! What a terminal receives, tested with a pseudo-terminal that Python's pty makes.

use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output, Stdio};

use crate::support::{Sandbox, tiny_model};

/// Runs a command with both output streams on one terminal, and prints what the terminal received.
const SCREEN: &str = r#"
import os, pty, sys
pid, screen = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shown = b""
try:
    while part := os.read(screen, 65536):
        shown += part
except OSError:
    pass
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

/// Turns the screen blue, renames it, beeps, goes back, and writes from right to left.
const HOSTILE: &str = "\u{1b}[44m\u{1b}]0;title\u{7}\u{8}\u{9b}31m\u{202e}gpj.exe\u{2066}\u{200b}\u{7f}";

fn on_terminal(sandbox: &Sandbox, args: &[&str]) -> Output {
    let plain = sandbox.command(args);
    let mut python = Command::new("python3");
    python.arg("-c").arg(SCREEN).arg(plain.get_program()).args(args).current_dir(sandbox.path("")).env_clear();
    python.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
    python.env("SEMSEARCH_FACTORY", "Flat").env("NO_COLOR", "1").stdin(Stdio::null()).output().unwrap()
}

fn is_sent(character: char) -> bool {
    character.is_control() || "\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}".contains(character)
}

fn json_string(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A sandbox with hostile text in every name and text that can have it.
fn world() -> Sandbox {
    let sandbox = Sandbox::new();
    let model = format!("tiny{HOSTILE}");
    tiny_model(&sandbox.path(&model), 1);
    let (id, text) = (json_string(&format!("id{HOSTILE}")), json_string(&format!("a dog {HOSTILE}")));
    let record = format!("{{\"_id\": {id}, \"title\": {text}, \"text\": {text}, \"meta{}\": {text}}}\n", "\\u001b[1m");
    sandbox.write("in.jsonl", &record);
    sandbox.write(&format!("in{HOSTILE}.jsonl"), "nonsense\n");
    sandbox.write("data/corpus.jsonl", &record);
    sandbox.write("data/queries.jsonl", format!("{{\"_id\": {id}, \"text\": {text}}}\n"));
    sandbox.write("data/qrels/test.tsv", format!("query-id\tcorpus-id\tscore\nid{HOSTILE}\tid{HOSTILE}\t1\n"));
    for index in [".semsearch".to_owned(), format!("index{HOSTILE}")] {
        sandbox.run(&["index", "in.jsonl", "--model", &model, "-i", &index]).success();
    }
    sandbox
}

#[test]
fn a_terminal_is_shown_what_it_would_obey() {
    let sandbox = world();
    let (model, index, input) = (format!("tiny{HOSTILE}"), format!("index{HOSTILE}"), format!("in{HOSTILE}.jsonl"));
    let (query, filter, bad) = (format!("dog {HOSTILE}"), format!("'x{HOSTILE}' = 1"), format!("{HOSTILE} ="));
    let (flag, command) = (format!("--x{HOSTILE}"), format!("x{HOSTILE}"));
    let (model, index, input) = (model.as_str(), index.as_str(), input.as_str());
    let cases: [(&[&str], i32); 32] = [
        (&["query", &query, "-v"], 0),
        (&["query", &query, "dog", "--full"], 0),
        (&["query", &query, "--highlight", "sentence"], 0),
        (&["query", &query, "--highlight", "none"], 0),
        (&["query", &query, "-f", "json"], 0),
        (&["query", &query, "-f", "jsonl"], 0),
        (&["query", &query, "-f", "tsv"], 0),
        (&["query", &query, "-f", "trec"], 0),
        (&["query", &query, "--filter", &filter], 1),
        (&["query", &query, "--filter", &bad], 2),
        (&["query", "dog", "--mode", "lexical", "-i", index, "-v"], 0),
        (&["query", "dog", "-i", &command], 2),
        (&["query", "dog", "--model", &command], 2),
        (&["query", "dog", &flag], 2),
        (&["query", "dog", "-k", &command], 2),
        (&["query", "dog", "--queries", &command], 2),
        (&[&command], 2),
        (&["index", input, "-i", index, "-q"], 2),
        (&["index", "in.jsonl", "-i", input, "-q"], 2),
        (&["index", "in.jsonl", "--model", model, "--factory", &command, "-i", "other", "-q"], 2),
        (&["embed", "in.jsonl", "--model", model], 0),
        (&["sim", &query, "cat", "--model", model], 0),
        (&["sim", &query, "cat", "--model", model, "-f", "json"], 0),
        (&["sim", &query, "cat", "--model", model, "-f", "csv"], 0),
        (&["eval", "data", "-i", index, "-q", "--per-query"], 0),
        (&["eval", "data", "-i", index, "-q", "--per-query", "-f", "json"], 0),
        (&["info", "-i", index], 0),
        (&["info", "-i", index, "--json"], 0),
        (&["verify", "-i", index], 0),
        (&["export", "-i", index, "-o", "new.npy"], 0),
        (&["model", "path", model], 0),
        (&["config", "-i", index], 0),
    ];
    for (args, status) in cases {
        let output = on_terminal(&sandbox, args);
        let shown = String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n");
        assert_eq!(output.status.code(), Some(status), "{args:?}: {shown}");
        let sent: Vec<char> =
            shown.chars().filter(|&character| is_sent(character) && !['\n', '\t'].contains(&character)).collect();
        assert!(sent.is_empty(), "{args:?}: {sent:?} in {shown:?}");
    }
    let shown = |args: &[&str]| String::from_utf8(on_terminal(&sandbox, args).stdout).unwrap();
    assert!(shown(&["query", "dog", "-f", "tsv"]).contains("id\\u{1b}[44m\\u{1b}]0;title\\u{7}"));
    let lines = shown(&["query", "dog", "-f", "jsonl"]);
    let hit: serde_json::Value = serde_json::from_str(lines.trim()).unwrap();
    assert_eq!(hit["id"], format!("id{HOSTILE}"), "JSON on a terminal means what it does in a pipe");
}

#[test]
fn a_pipe_gets_data_byte_for_byte_and_messages_that_are_safe_to_read() {
    let sandbox = world();
    let query = |format: &str| sandbox.command(&["query", "dog", "-f", format]).output().unwrap().stdout;
    let (id, text) = (format!("id{HOSTILE}"), format!("a dog {HOSTILE}"));
    let rows = String::from_utf8(query("tsv")).unwrap();
    let cells: Vec<&str> = rows.trim_end_matches('\n').split('\t').collect();
    assert_eq!((cells[2], cells[4]), (id.as_str(), text.as_str()));
    assert!(String::from_utf8(query("trec")).unwrap().starts_with(&format!("1 Q0 {id} 1 ")));
    assert!(query("jsonl").windows(3).any(|bytes| bytes == "\u{202e}".as_bytes()), "not escaped without need");
    let failed = sandbox.command(&["query", "dog", "-i", &format!("none{HOSTILE}")]).output().unwrap();
    let said = String::from_utf8(failed.stderr).unwrap();
    assert!(said.starts_with("error: none\\u{1b}[44m\\u{1b}]0;title\\u{7}"), "{said:?}");
    assert!(said.chars().all(|character| character == '\n' || !is_sent(character)), "{said:?}");
    let name = std::ffi::OsStr::from_bytes(b"none\xff");
    let failed = sandbox.command(&["query", "dog", "-i"]).arg(name).output().unwrap();
    assert!(sandbox.ran(&failed).stderr.starts_with("error: none\u{fffd}: no index here"));
}

#[test]
fn a_table_for_programs_is_not_sent_to_a_terminal() {
    let sandbox = world();
    let model = format!("tiny{HOSTILE}");
    let output = on_terminal(&sandbox, &["embed", "in.jsonl", "--model", &model, "--output-format", "parquet"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        shown.starts_with("error: Parquet is no text: a terminal cannot show it\r\nhint: `--output FILE`"),
        "{shown}"
    );
}
