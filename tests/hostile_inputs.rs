//! Inputs that are made to take all memory, to overflow a stack or to run for ever. Each must end in an answer or an
//! error, with at most 500 MB of memory. `SEMSEARCH_HOSTILE=all` tries them in full size, and a thousand crafted
//! Parquet files.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::crafted_parquet::{Choices, Crafted};
use crate::support::{Ran, Sandbox, tiny_model};

/// The most memory, in bytes, that the program may take for any input.
const MEMORY: u64 = 500 << 20;

/// Whether all cases are tried.
fn all() -> bool {
    std::env::var("SEMSEARCH_HOSTILE").is_ok_and(|value| value == "all")
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox
}

/// Runs a command to its end. Returns also its peak memory in bytes.
fn measured(sandbox: &Sandbox, command: &mut Command) -> (Ran, u64) {
    let (out, error) = (sandbox.path(".out"), sandbox.path(".err"));
    command.stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&error).unwrap());
    let mut child = command.spawn().unwrap();
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let status = loop {
        let status = fs::read_to_string(&status_file).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0) << 10);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let [stdout, stderr] = [out, error].map(|path| fs::read(path).unwrap());
    (sandbox.ran(&std::process::Output { status, stdout, stderr }), peak)
}

/// Indexes a file, and checks the bounds. Returns the status and the first line of the message.
#[track_caller]
fn within_bounds(sandbox: &Sandbox, file: &str, options: &[&str]) -> (Option<i32>, String) {
    let _ = fs::remove_dir_all(sandbox.path("ix"));
    let args = [&["index", file, "--model", "tiny", "-i", "ix"], options].concat();
    let started = Instant::now();
    let (ran, peak) = measured(sandbox, &mut sandbox.command(&args));
    let said = ran.stderr.lines().next().unwrap_or_default().to_owned();
    if all() {
        let status = ran.status.map_or("killed".into(), |status| status.to_string());
        eprintln!("{file}\t{status}\t{} MB\t{:.1} s\t{said}", peak >> 20, started.elapsed().as_secs_f64());
    }
    assert!(matches!(ran.status, Some(0 | 2)) && !ran.stderr.contains("defect"), "{file}: {ran}");
    assert!(peak < MEMORY, "{file}: {} MB", peak >> 20);
    (ran.status, said)
}

/// A text of words with about this many bytes.
fn words(bytes: usize) -> String {
    "dog cat walk rain ".repeat(bytes / 18)
}

#[test]
fn a_text_of_megabytes_takes_memory_in_proportion() {
    let sandbox = sandbox();
    let bytes = if all() { 63 << 20 } else { 8 << 20 };
    sandbox.write("words.jsonl", format!("{{\"text\":\"{}\"}}\n", words(bytes)));
    let summary = sandbox.run(&["index", "words.jsonl", "--model", "tiny", "--json", "-q"]).json_lines().remove(0);
    let tokens = bytes / 18 * 4;
    // 14 tokens are kept, in addition to the two special tokens.
    assert_eq!((&summary["tokens"], &summary["tokens_dropped"]), (&16.into(), &(tokens - 14).into()));
    assert_eq!(within_bounds(&sandbox, "words.jsonl", &[]).0, Some(0));
    sandbox.write("words.txt", words(bytes));
    assert_eq!(within_bounds(&sandbox, "words.txt", &["--long", "truncate"]).0, Some(0));
    for (name, text) in [("letters.txt", "a"), ("signs.txt", "."), ("blanks.txt", " "), ("hanzi.txt", "語")] {
        sandbox.write(name, text.repeat(bytes / 4 / text.len()) + "a");
        assert_eq!(within_bounds(&sandbox, name, &["--long", "truncate"]).0, Some(0));
    }
}

#[test]
fn several_records_of_megabytes_are_not_held_together() {
    let sandbox = sandbox();
    let (count, bytes) = if all() { (8, 60 << 20) } else { (12, 8 << 20) };
    let record = |number: usize| format!("{{\"text\":\"dog {number}\",\"x\":\"{}\"}}\n", "x".repeat(bytes));
    sandbox.write("large.jsonl", (0..count).map(record).collect::<String>());
    assert_eq!(within_bounds(&sandbox, "large.jsonl", &[]).0, Some(0));
}

#[test]
fn records_of_a_million_values_or_names_are_bad_ones() {
    let sandbox = sandbox();
    let many = "1,".repeat(2_000_000);
    sandbox.write("array.jsonl", format!("{{\"text\":\"a\",\"x\":[{many}1]}}\n{{\"text\":\"b\"}}\n"));
    sandbox.write("array.json", format!("[{{\"text\":\"a\",\"x\":[{many}1]}}]\n"));
    let keys = |count: usize| (0..count).map(|number| format!("\"{number}\":1,")).collect::<String>();
    sandbox.write("keys.jsonl", format!("{{\"text\":\"a\",\"x\":{{{}\"y\":1}}}}\n", keys(1_000_000)));
    // The index would have to list the path of each value, 20 GB in all.
    let long = "k".repeat(420_000);
    sandbox.write("long.jsonl", format!("{{\"text\":\"a\",\"{long}\":{{{}\"y\":1}}}}\n", keys(50_000)));
    sandbox.write(
        "columns.csv",
        format!("text{0}\n{0}\n", (0..1_000_000).map(|name| format!(",{name}")).collect::<String>()),
    );
    sandbox.write("cells.csv", format!("text,x\ndog{}\n", ",".repeat(30 << 20)));
    let said: Vec<String> = ["array.jsonl", "array.json", "keys.jsonl", "long.jsonl", "columns.csv", "cells.csv"]
        .into_iter()
        .map(|file| within_bounds(&sandbox, file, &[]).1)
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    error: array.jsonl:1: the record has more than 500000 values
    error: array.json:1: cannot read: a record has more than 500000 values
    error: keys.jsonl:1: the record has more than 500000 values
    error: long.jsonl:1: its metadata are too large: an index would need more than 64 MiB to filter by them
    error: columns.csv:1: not a table with a name for each column: 1000001 columns, the maximum is 500000
    error: cells.csv:2: cannot read: a row of more than 4194304 cells
    ");
    let skipping = ["--on-error", "skip"];
    assert_eq!(within_bounds(&sandbox, "array.jsonl", &skipping).0, Some(0), "the next record is read");
}

#[test]
fn what_a_record_may_have_takes_no_more_memory_than_may_be() {
    let sandbox = sandbox();
    sandbox.write("array.jsonl", format!("{{\"text\":\"a\",\"x\":[{}1]}}\n", "1234.5,".repeat(499_000)).repeat(3));
    let keys: String = (0..499_000).map(|number| format!("\"key {number}\":\"{number}\",")).collect();
    sandbox.write("keys.jsonl", format!("{{\"text\":\"a\",\"x\":{{{keys}\"y\":1}}}}\n"));
    let names: String = (0..499_000).map(|name| format!(",{name}")).collect();
    sandbox.write("columns.csv", format!("text{names}\na{names}\n"));
    for file in ["array.jsonl", "keys.jsonl", "columns.csv"] {
        assert_eq!(within_bounds(&sandbox, file, &[]).0, Some(0));
    }
}

/// A gigabyte or more of one byte, compressed.
fn bomb(start: &str, byte: u8, gzip: bool) -> Vec<u8> {
    let length = if all() { 4 << 30 } else { 300 << 20 };
    let plain = start.as_bytes().chain(std::io::repeat(byte).take(length));
    let mut packed = Vec::new();
    if gzip {
        flate2::read::GzEncoder::new(plain, flate2::Compression::fast()).read_to_end(&mut packed).unwrap();
    } else {
        zstd::stream::copy_encode(plain, &mut packed, 1).unwrap();
    }
    packed
}

#[test]
fn what_was_compressed_to_take_all_memory_is_an_error() {
    let sandbox = sandbox();
    for (name, start) in
        [("a.jsonl", "{\"text\":\""), ("a.json", "[{\"text\":\""), ("a.csv", "text,x\ndog,"), ("a.txt", "")]
    {
        for gzip in [true, false] {
            let name = format!("{name}.{}", if gzip { "gz" } else { "zst" });
            sandbox.write(&name, bomb(start, b'a', gzip));
            let (status, said) = within_bounds(&sandbox, &name, &[]);
            assert!(status == Some(2) && said.contains("64 MiB"), "{name}: {said}");
        }
    }
    sandbox.write("a.parquet.gz", bomb("PAR1", 0, true));
    let (_, said) = within_bounds(&sandbox, "a.parquet.gz", &[]);
    let expected = "error: a.parquet.gz: cannot read: more than 64 MiB of Parquet in a stream: decompress it to a file";
    assert_eq!(said, expected);
    sandbox.write("list.gz", bomb("", b'a', true));
    let (ran, peak) =
        measured(&sandbox, &mut sandbox.command(&["index", "--files-from", "list.gz", "--model", "tiny"]));
    assert!(ran.stderr.starts_with("error: list.gz: cannot read: more than 64 MiB: that is no list of files"), "{ran}");
    assert!(peak < MEMORY, "{peak}");
    sandbox.write("qrels.gz", bomb("", b'a', true));
    let args = ["eval", "--run", "qrels.gz", "--qrels", "qrels.gz"];
    let (ran, peak) = measured(&sandbox, &mut sandbox.command(&args));
    assert_eq!((ran.status, peak < MEMORY), (Some(2), true), "{ran}");
    sandbox.write("in.jsonl", "{\"text\":\"dog\"}\n");
    sandbox.run(&["index", "in.jsonl", "--model", "tiny"]).success();
    let args = ["query", "--queries", "qrels.gz", "--model", "tiny"];
    let (ran, peak) = measured(&sandbox, &mut sandbox.command(&args));
    assert!(ran.stderr.starts_with("error: qrels.gz:1: the record is longer than 8 MiB"), "{ran}");
    assert!(peak < MEMORY, "{peak}");
}

fn parquet(compression: &str) -> Vec<u8> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/parquet");
    fs::read(dir.join(format!("{compression}.parquet"))).unwrap()
}

#[test]
fn a_parquet_file_that_promises_more_than_it_may_is_refused() {
    let sandbox = sandbox();
    for compression in ["none", "snappy", "gzip", "zstd", "lz4"] {
        let mut huge = Crafted::new(&parquet(compression));
        huge.set_in_headers(2, i64::from(i32::MAX));
        sandbox.write("a.parquet", huge.bytes());
        let (status, said) = within_bounds(&sandbox, "a.parquet", &[]);
        let expected =
            "error: a.parquet:1: not a Parquet file that can be read: its pages take more than 320 MiB of memory";
        assert_eq!((status, said.as_str()), (Some(2), expected), "{compression}");
    }
    let mut dictionary = Crafted::new(&parquet("none"));
    dictionary.set_dictionary_values(i64::from(i32::MAX));
    sandbox.write("a.parquet", dictionary.bytes());
    let (_, said) = within_bounds(&sandbox, "a.parquet", &[]);
    assert!(said.ends_with("its pages take more than 320 MiB of memory"), "{said}");
    let mut rows = Crafted::new(&parquet("none"));
    rows.set_rows(i64::MAX);
    sandbox.write("a.parquet", rows.bytes());
    let (_, said) = within_bounds(&sandbox, "a.parquet", &[]);
    assert!(said.contains("9223372036854775807 rows in a file of "), "{said}");
    for (depth, expected) in
        [(65, "groups 65 deep, at most 64 are read"), (200_000, "groups 200000 deep, at most 64 are read")]
    {
        let mut deep = Crafted::new(&parquet("none"));
        deep.nest(depth);
        sandbox.write("a.parquet", deep.bytes());
        let (status, said) = within_bounds(&sandbox, "a.parquet", &[]);
        assert!(status == Some(2) && said.ends_with(expected), "{said}");
    }
}

#[test]
fn crafted_parquet_files_end_as_an_answer_or_an_error() {
    let sandbox = sandbox();
    let originals = ["none", "snappy", "gzip", "zstd", "lz4"].map(|compression| Crafted::new(&parquet(compression)));
    for original in &originals {
        // A file that is taken apart and put together again without a change can still be read.
        sandbox.write("a.parquet", original.bytes());
        assert_eq!(sandbox.run(&["embed", "a.parquet", "--model", "tiny"]).json_lines().len(), 3);
    }
    let (count, mut read, mut largest, mut slowest) = (if all() { 1000 } else { 40 }, 0, 0, Duration::ZERO);
    for seed in 0..count {
        let mut choices = Choices::new(seed);
        let mut crafted = originals[choices.below(originals.len())].clone();
        crafted.change(&mut choices);
        let file = sandbox.write("a.parquet", crafted.bytes());
        let kept = || fs::copy(&file, std::env::temp_dir().join(format!("crafted-{seed}.parquet")));
        let started = Instant::now();
        let plain = sandbox.command(&["embed", "a.parquet", "--model", "tiny", "--on-error", "skip", "--threads", "1"]);
        let mut limited = Command::new("timeout");
        limited.args(["-s", "KILL", "20"]).arg(plain.get_program()).args(plain.get_args());
        limited.current_dir(sandbox.path("")).stdin(Stdio::null()).env_clear();
        limited.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ran = sandbox.ran(&limited.output().unwrap());
        let is_told = matches!(ran.status, Some(0 | 2)) && !ran.stderr.contains("defect");
        assert!(is_told, "seed {seed}: {ran}{:?}", kept());
        read += usize::from(ran.status == Some(0));
        slowest = slowest.max(started.elapsed());
        if all() {
            let (_, peak) = measured(&sandbox, &mut sandbox.command(&["embed", "a.parquet", "--model", "tiny"]));
            largest = largest.max(peak);
            assert!(peak < MEMORY, "seed {seed}: {} MB{:?}", peak >> 20, kept());
        }
    }
    if all() {
        eprintln!("crafted Parquet files: {count}, read {read}, at most {} MB and {slowest:.1?}", largest >> 20);
    }
    // Some changes are harmless, and some break the file.
    assert!(read > 0 && read < count as usize, "{read} of {count}");
}

#[test]
fn a_directory_of_many_files_takes_memory_for_their_names_alone() {
    let sandbox = sandbox();
    let count = if all() { 200_000 } else { 3000 };
    for number in 0..count {
        if number % 1000 == 0 {
            fs::create_dir_all(sandbox.path(format!("dir/{}", number / 1000))).unwrap();
        }
        let mut file = fs::File::create(sandbox.path(format!("dir/{}/{number}.txt", number / 1000))).unwrap();
        file.write_all(b"dog").unwrap();
    }
    assert_eq!(within_bounds(&sandbox, "dir", &["--limit", "10"]).0, Some(0));
}
