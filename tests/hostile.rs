//! Input that nobody gives on purpose: the program must answer within bounded time and memory, and keep the index
//! intact.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::support::{Ran, Sandbox};

/// Runs `script` in a shell in the sandbox with at most 3 GB of address space. `$semsearch` is the program.
fn shell(sandbox: &Sandbox, script: &str) -> Ran {
    let plain = sandbox.command(&[]);
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(format!("ulimit -v 3000000; set -o pipefail; {script}"));
    shell.current_dir(sandbox.path("")).stdin(Stdio::null()).env_clear();
    shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("semsearch", plain.get_program());
    sandbox.ran(&shell.output().unwrap())
}

/// The number of documents in the sandbox's index. Checks that the index is intact.
fn documents(sandbox: &Sandbox) -> Value {
    sandbox.run(&["verify"]).success();
    serde_json::from_str::<Value>(&sandbox.run(&["info", "--json"]).success()).unwrap()["documents"].take()
}

#[test]
fn a_line_of_a_gigabyte_is_no_record_and_is_not_held_in_memory() {
    let sandbox = Sandbox::new();
    let long = "head -c 1000000000 /dev/zero | tr '\\0' a";
    // Without progress, which a slow machine would print.
    let ran = shell(&sandbox, &format!("{long} | $semsearch index - -q"));
    assert_eq!(ran.status, Some(2), "{ran}");
    insta::assert_snapshot!(ran.stderr, @r"
    error: <stdin>:1: the record is longer than 64 MiB
    hint: `--on-error skip` passes bad records over
    ");
    let around = format!("(echo '{{\"text\":\"a\"}}'; {long}; echo; echo '{{\"text\":\"b\"}}')");
    let ran = shell(&sandbox, &format!("{around} | $semsearch index - --on-error skip --json -q"));
    let summary: Value = serde_json::from_str(&ran.success()).unwrap();
    assert_eq!((&summary["added"], &summary["skipped"]), (&json!(2), &json!(1)));
    for (format, expected) in [
        ("json", "error: <stdin>:1: cannot read: a record is longer than 64 MiB"),
        ("csv", "error: <stdin>:1: cannot read: a row of more than 64 MiB: is a quote open?"),
        ("text", "error: <stdin>: the record is longer than 64 MiB"),
    ] {
        let start = if format == "json" { "[{\\\"text\\\":\\\"" } else { "" };
        let ran =
            shell(&sandbox, &format!("(printf %s \"{start}\"; {long}) | $semsearch index - -q --format {format}"));
        assert_eq!((ran.status, ran.stderr.lines().next()), (Some(2), Some(expected)), "{ran}");
    }
    assert_eq!(documents(&sandbox), 2);
}

#[test]
fn ten_million_empty_lines_are_passed_over_and_counted() {
    let sandbox = Sandbox::new();
    let empty = "head -c 10000000 /dev/zero | tr '\\0' '\\n'";
    let ran = shell(&sandbox, &format!("{empty} | $semsearch index -"));
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(2), "error: <stdin>: no records in it\n"), "{ran}");
    let ran = shell(&sandbox, &format!("({empty}; echo nonsense) | $semsearch index -"));
    assert!(ran.stderr.starts_with("error: <stdin>:10000001: invalid JSON"), "{ran}");
    shell(&sandbox, &format!("({empty}; echo '{{\"text\":\"a\"}}') | $semsearch index -")).success();
    assert_eq!(documents(&sandbox), 1);
    // The same input as queries.
    let ran = shell(&sandbox, &format!("({empty}; echo a) | $semsearch query -f tsv | cut -f1,3"));
    assert!(ran.success().starts_with("10000001\t"));
}

#[test]
fn a_fifo_is_read_as_it_comes() {
    let sandbox = Sandbox::new();
    let script = "mkfifo p.jsonl && (echo '{\"text\":\"a\"}'; sleep 0.2; echo '{\"text\":\"b\"}') > p.jsonl & \
                  while [ ! -p p.jsonl ]; do sleep 0.01; done; $semsearch index p.jsonl";
    shell(&sandbox, script).success();
    assert_eq!(documents(&sandbox), 2);
    // In a directory a FIFO is skipped, because opening it would wait for a writer.
    sandbox.write("dir/a.jsonl", "{\"text\":\"c\"}\n");
    shell(&sandbox, "mkfifo dir/b.jsonl && $semsearch index dir").success();
    assert_eq!(documents(&sandbox), 3);
    let ran = shell(&sandbox, "$semsearch query -k 1 -f tsv --queries <(echo a) | cut -f5");
    assert_eq!(ran.success(), "a\n");
}

#[test]
fn a_file_that_grows_or_is_cut_while_it_is_read_leaves_an_intact_index() {
    let sandbox = Sandbox::new();
    let line = |number: usize| format!("{{\"_id\":\"{number}\",\"text\":\"a text with the number {number}\"}}\n");
    let path = sandbox.write("in.jsonl", (0..2000).map(line).collect::<String>());
    let child = sandbox.command(&["index", "in.jsonl"]).stderr(Stdio::piped()).spawn().unwrap();
    let growing = thread::spawn({
        let mut file = File::options().append(true).open(&path).unwrap();
        move || (2000..4000).for_each(|number| file.write_all(line(number).as_bytes()).unwrap())
    });
    let ran = sandbox.ran(&child.wait_with_output().unwrap());
    growing.join().unwrap();
    // Only whole lines are appended. All lines before the end of the file, as the reader met it, are indexed.
    assert_eq!(ran.status, Some(0), "{ran}");
    let found = documents(&sandbox).as_u64().unwrap();
    assert!((2000..=4000).contains(&found), "{found}");

    let child = sandbox.command(&["index", "in.jsonl", "--rebuild"]).stderr(Stdio::piped()).spawn().unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    for length in (0..10).rev() {
        file.set_len(length * 5000).unwrap();
    }
    let ran = sandbox.ran(&child.wait_with_output().unwrap());
    match ran.status {
        Some(0) => {}
        Some(2) => assert!(ran.stderr.starts_with("error: in.jsonl"), "{ran}"),
        _ => panic!("{ran}"),
    }
    assert!(documents(&sandbox).as_u64().unwrap() > 0);
}

#[test]
fn a_directory_where_a_file_was_named() {
    let sandbox = Sandbox::with_index();
    fs::create_dir(sandbox.path("dir")).unwrap();
    sandbox.write("dir/x", "");
    sandbox.write("in.jsonl", "{\"text\":\"a\"}\n");
    let said = |args: &[&str]| {
        let ran = sandbox.run(args);
        assert_eq!(ran.status, Some(2), "{args:?}: {ran}");
        ran.stderr.lines().next().unwrap_or_default().to_owned()
    };
    let all: Vec<String> = [
        &["query", "--queries", "dir"][..],
        &["sim", "--lines", "dir"],
        &["index", "--files-from", "dir"],
        &["index", "in.jsonl", "--vectors", "dir"],
        &["embed", "in.jsonl", "-o", "dir", "--output-format", "jsonl"],
        &["sim", "a", "b", "--svg", "dir"],
        &["eval", "--run", "dir", "--qrels", "dir"],
        &["model", "import", "in.jsonl"],
        &["index", "in.jsonl", "-i", "in.jsonl"],
    ]
    .map(said)
    .into();
    insta::assert_snapshot!(all.join("\n"), @"
    error: dir: cannot read: is a directory
    error: dir: cannot read: is a directory
    error: dir: cannot read: is a directory
    error: dir: no record with a field `embedding`
    error: dir: cannot write: Is a directory (os error 21)
    error: dir: cannot write: Is a directory (os error 21)
    error: dir: cannot read: is a directory
    error: in.jsonl: cannot read: not a directory
    error: in.jsonl: this is a file, and an index is a directory
    ");
}

#[test]
fn files_of_any_name_are_read_and_named_without_harm() {
    let sandbox = Sandbox::new();
    let names: [&[u8]; 6] =
        [b"a b.md", b"new\nline.md", b"\xff\xfe.md", "b\u{e4}r \u{1f43b}.md".as_bytes(), b"-x.md", b"\x1b[31mred.md"];
    for name in names {
        fs::create_dir_all(sandbox.path("dir")).unwrap();
        fs::write(sandbox.path("dir").join(OsStr::from_bytes(name)), "some words\n").unwrap();
    }
    sandbox.run(&["index", "dir"]).success();
    assert_eq!(documents(&sandbox), 6);
    // No name can colour a terminal or move its cursor.
    let shown = sandbox.run(&["query", "words"]).success();
    assert!(!shown.contains('\x1b'), "{shown:?}");
    fs::write(sandbox.path("\u{1b}[31mbad.jsonl"), "nonsense\n").unwrap();
    let ran = sandbox.run(&["index", "\u{1b}[31mbad.jsonl"]);
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(!ran.stderr.contains('\x1b'), "{:?}", ran.stderr);
    // As with other programs: put -- before the name, or write it with ./
    fs::write(sandbox.path("-y.jsonl"), "{\"text\":\"a\"}\n").unwrap();
    sandbox.run(&["index", "--", "-y.jsonl"]).success();
    sandbox.run(&["index", "./-y.jsonl"]).success();
    assert_eq!(documents(&sandbox), 7);
}

#[test]
fn zero_bytes_marks_and_carriage_returns_are_text_or_none() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "in.jsonl",
        b"\xef\xbb\xbf{\"_id\":\"1\",\"text\":\"a\\u0000b\"}\r\n\r\n{\"_id\":\"2\",\"text\":\"c\\r\\nd\"}\r\n",
    );
    sandbox.run(&["index", "in.jsonl"]).success();
    let hits = sandbox.run(&["query", "a", "-f", "jsonl"]).json_lines();
    let mut texts: Vec<_> = hits.iter().map(|hit| hit["text"].as_str().unwrap()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["a\0b", "c\r\nd"]);
    // A raw zero byte is not valid JSON. In a plain line it is a character.
    sandbox.write("zero.jsonl", b"{\"text\":\"a\0b\"}\n");
    let ran = sandbox.run(&["index", "zero.jsonl"]);
    insta::assert_snapshot!(ran.stderr, @r"
    error: zero.jsonl:1: invalid JSON: control character (\u0000-\u001F) found while parsing a string (column 11)
    hint: a line is one record (`jq -c` makes them so); `--on-error skip` passes bad ones over
    ");
    let embedded = sandbox.pipe(&["embed", "--lines"], b"\xef\xbb\xbfa\0b\r\n").json_lines();
    assert_eq!(embedded[0]["text"], "a\0b");
    let rows = sandbox.pipe(&["query", "-f", "tsv", "-k", "2"], b"\xef\xbb\xbfa\r\n").success();
    assert!(rows.lines().all(|row| row.split('\t').count() == 5), "{rows:?}");
}

#[test]
fn half_a_surrogate_pair_is_an_error_that_can_be_skipped() {
    let sandbox = Sandbox::new();
    sandbox.write("in.jsonl", "{\"text\":\"whole \\ud83d\\ude00\"}\n{\"text\":\"half \\ud83d\"}\n");
    insta::assert_snapshot!(sandbox.run(&["index", "in.jsonl"]).stderr, @"
    error: in.jsonl:2: invalid JSON: unexpected end of hex escape (column 21)
    hint: a line is one record (`jq -c` makes them so); `--on-error skip` passes bad ones over
    ");
    let summary = sandbox.run(&["index", "in.jsonl", "--on-error", "skip", "--json", "-q"]).success();
    assert_eq!(serde_json::from_str::<Value>(&summary).unwrap()["skipped"], 1);
    assert_eq!(documents(&sandbox), 1);
}

#[test]
fn ids_may_be_whole_numbers_of_any_size() {
    let sandbox = Sandbox::new();
    let ids = ["7", "-7", "0", "18446744073709551615", "\"007\""];
    sandbox.write(
        "in.jsonl",
        ids.map(|id| format!("{{\"id\":{id},\"text\":\"a {id}\"}}\n").replace("a \"007\"", "a 007")).concat(),
    );
    sandbox.run(&["index", "in.jsonl"]).success();
    let hits = sandbox.run(&["query", "a", "-f", "jsonl"]).json_lines();
    let mut found: Vec<_> = hits.iter().map(|hit| hit["id"].as_str().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, ["-7", "0", "007", "18446744073709551615", "7"]);
    // 1.0 and 1e3 could be written in several ways, and numbers beyond 64 bits lose digits.
    for id in ["1.0", "1e3", "18446744073709551616", "null", "true", "[1]", "\"\""] {
        let ran = sandbox.pipe(&["index", "-"], format!("{{\"id\":{id},\"text\":\"a\"}}\n"));
        assert_eq!(ran.status, Some(2), "{id}: {ran}");
        assert!(ran.stderr.starts_with("error: <stdin>:1: field `id` is "), "{ran}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_not_the_end_of_the_stack() {
    let sandbox = Sandbox::new();
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let nested = format!("{{\"text\":\"a\",\"x\":{}}}\n", deep("[", "]"));
    let ran = sandbox.pipe(&["index", "-"], &nested);
    assert!(ran.stderr.starts_with("error: <stdin>:1: invalid JSON: recursion limit exceeded"), "{ran}");
    let ran = sandbox.pipe(&["index", "-", "--format", "json"], format!("[{}]", nested.trim_end()));
    assert!(ran.stderr.starts_with("error: <stdin>:1: invalid JSON: recursion limit exceeded"), "{ran}");
    // Nested quotes, lists and brackets of Markdown are no error, because any text is valid Markdown.
    for open in [">", "- ", "[", "*", "`", "#"] {
        sandbox.write("deep.md", open.repeat(20_000) + " words\n");
        sandbox.run(&["index", "deep.md", "--rebuild"]).success();
    }
    sandbox.write("in.jsonl", "{\"text\":\"a\",\"year\":1}\n");
    sandbox.run(&["index", "in.jsonl", "--rebuild"]).success();
    // About as long as a command line may be.
    let expression = format!("{}year = 1{}", "(".repeat(50_000), ")".repeat(50_000));
    let ran = sandbox.run(&["query", "a", "--filter", &expression]);
    assert_eq!(ran.status, Some(2), "{ran}");
    let many = vec!["year = 1"; 10_000].join(" or ");
    assert_eq!(sandbox.run(&["query", "a", "--filter", &many, "-f", "tsv"]).success().lines().count(), 1);
}

#[test]
fn a_vector_file_that_is_cut_or_of_another_shape_changes_nothing() {
    let sandbox = Sandbox::with_index();
    sandbox.write("in.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n");
    sandbox.run(&["embed", "in.jsonl", "-o", "v.npy"]).success();
    let mut file = File::options().read(true).write(true).open(sandbox.path("v.npy")).unwrap();
    let length = file.seek(std::io::SeekFrom::End(0)).unwrap();
    file.set_len(length - 100).unwrap();
    let before = sandbox.index_bytes();
    let ran = sandbox.run(&["index", "in.jsonl", "--vectors", "v.npy"]);
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(sandbox.index_bytes() == before, "the index was touched");
}
