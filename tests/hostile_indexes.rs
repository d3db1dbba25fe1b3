//! Crafted indexes with valid checksums: files of FAISS and of tantivy, and manifests. Whatever they contain, the
//! program answers or refuses. No signal ends it, it does not hang, it takes less than 1 GB, and it does not report a
//! crafted file as a defect of the program.
//!
//! Some are tried by default; `SEMSEARCH_HOSTILE=all` tries 10,000 files of FAISS, 1,000 manifests and 1,000 files of
//! tantivy. `SEMSEARCH_HOSTILE_UNDER` names a program that each command runs under, valgrind for one.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{env, fs, thread};

use serde_json::{Value, json};

use crate::seal::Manifest;
use crate::support::{Sandbox, copy, tiny_model};

/// Kinds of index, with the option that sets how thoroughly each is searched.
const FACTORIES: [(&str, &str, &[&str]); 16] = [
    ("Flat", "ip", &[]),
    ("SQ8", "ip", &[]),
    ("SQfp16", "l2", &[]),
    ("PQ4x4", "l2", &[]),
    ("PQ4x4fs", "ip", &[]),
    ("RaBitQ", "ip", &[]),
    ("LSH16rt", "l2", &[]),
    ("HNSW4", "ip", &["--ef-search", "8"]),
    ("HNSW4,SQ8", "l2", &["--ef-search", "8"]),
    ("HNSW4,PQ4x4", "l2", &["--ef-search", "8"]),
    ("IVF4,Flat", "ip", &["--nprobe", "3"]),
    ("IVF4,PQ4x4", "l2", &["--nprobe", "3"]),
    ("IVF8_HNSW4,SQ8", "ip", &["--nprobe", "3"]),
    ("IVF4,PQ4x4fs", "ip", &["--nprobe", "3"]),
    ("ITQ4,IVF4,PQ4x4", "ip", &["--nprobe", "3"]),
    ("PCA4,SQ4,RFlat", "ip", &[]),
];

/// Pseudo-random numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// The number of cases: `all` on request, otherwise few.
fn cases(all: usize, few: usize) -> usize {
    if env::var("SEMSEARCH_HOSTILE").is_ok_and(|word| word == "all") { all } else { few }
}

/// An index in two segments, with some passages removed.
fn small_index(factory: &str, metric: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    let words = ["dog", "cat", "walk", "rain", "today", "a", "b", "c"];
    let line = |id: usize, version: usize| {
        let text: Vec<&str> = (0..8).map(|at| words[(id * (at + 3) + at * at + version) % 8]).collect();
        let text = text.join(" ");
        format!("{{\"_id\":\"{id}\",\"title\":\"t{id}\",\"text\":\"{text}\",\"n\":{id}}}\n")
    };
    let lines = |ids: std::ops::Range<usize>, version| ids.map(|id| line(id, version)).collect::<String>();
    sandbox.write("a.jsonl", lines(0..60, 0));
    sandbox.write("b.jsonl", lines(55..75, 1));
    sandbox.write("more.jsonl", lines(70..79, 2));
    sandbox.write("queries", "dog cat\nwalk\nrain today\n".repeat(10));
    for input in ["a.jsonl", "b.jsonl"] {
        sandbox.run(&["index", input, "--model", "tiny", "--factory", factory, "--metric", metric, "-q"]).success();
    }
    sandbox
}

/// The files of the sandbox's index whose names have this ending.
fn files(sandbox: &Sandbox, ends: &[&str]) -> Vec<PathBuf> {
    let all = sandbox.index_bytes().into_iter().map(|(path, _)| path);
    all.filter(|path| ends.iter().any(|end| path.to_str().unwrap().ends_with(end))).collect()
}

/// What may be done with an index.
const COMMANDS: [&[&str]; 12] = [
    &["query", "dog cat", "-k", "5", "-f", "json"],
    &["query", "dog cat", "--filter", "n > 3", "-f", "json"],
    &["verify"],
    &["query", "--queries", "queries", "-k", "3", "-f", "tsv"],
    &["index", "more.jsonl", "-q"],
    &["export", "--output", "out.npy"],
    &["query", "dog cat", "--mode", "hybrid", "-k", "70", "-f", "json"],
    &["export", "--output", "out"],
    &["query", "rain", "--mode", "lexical", "--filter", "n < 60", "-f", "json"],
    &["info"],
    &["remove", "57", "3"],
    &["query", "--queries", "queries", "--filter", "n = 57 or n = 3", "-f", "tsv"],
];

/// Runs a command with little memory and little time. Returns what went wrong, if anything.
fn ends_badly(sandbox: &Sandbox, args: &[&str]) -> Option<String> {
    let plain = sandbox.command(args);
    let mut command = Command::new("sh");
    let under = env::var("SEMSEARCH_HOSTILE_UNDER").unwrap_or_default();
    let limits =
        if under.is_empty() { "ulimit -v 1048576; exec timeout -s KILL 10" } else { "exec timeout -s KILL 300" };
    command.arg("-c").arg(format!("ulimit -c 0; {limits} {under} \"$0\" \"$@\"")).arg(plain.get_program()).args(args);
    command.current_dir(sandbox.path("")).stdin(Stdio::null()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let well = output.status.code().is_some_and(|code| code <= 2)
        && !["defect", "panicked"].iter().any(|word| said.contains(word));
    let signal = output.status.signal();
    (!well).then(|| format!("{args:?}: {:?}, signal {signal:?}, {}", output.status.code(), said.trim()))
}

/// Tries `count` crafted indexes on all cores. `craft` changes an index, and returns a description of the change.
fn try_all(
    count: usize,
    seed: u64,
    start: &[(Sandbox, &[&str])],
    craft: impl Fn(&Sandbox, &mut Random) -> String + Sync,
) {
    for (sandbox, _) in start {
        copy(&sandbox.path(".semsearch"), &sandbox.path("start"));
    }
    let (next, bad, refused) = (AtomicUsize::new(0), Mutex::new(Vec::new()), AtomicUsize::new(0));
    // Only one thread at a time may use an index, because each case changes its directory.
    let busy: Vec<Mutex<()>> = start.iter().map(|_| Mutex::new(())).collect();
    let work = || {
        loop {
            let case = next.fetch_add(1, Ordering::Relaxed);
            if case >= count {
                return;
            }
            let (sandbox, effort) = &start[case % start.len()];
            let _own = busy[case % start.len()].lock().unwrap_or_else(PoisonError::into_inner);
            let mut random = Random(seed.wrapping_add(case as u64) << 20);
            let reset = |random: &mut Random| {
                fs::remove_dir_all(sandbox.path(".semsearch")).unwrap();
                copy(&sandbox.path("start"), &sandbox.path(".semsearch"));
                craft(sandbox, random)
            };
            let turn = random.below(COMMANDS.len());
            let again = random.0;
            let how = reset(&mut random);
            let usual = [COMMANDS[0], effort].concat();
            let chosen = [usual.as_slice(), COMMANDS[turn], COMMANDS[(turn + 5) % COMMANDS.len()]];
            let wrong: Vec<String> = chosen
                .iter()
                .filter_map(|args| {
                    let wrong = ends_badly(sandbox, args);
                    // A command that changed the index must not hide the crafted change from the next command.
                    if ["index", "remove"].contains(&args[0]) {
                        reset(&mut Random(again));
                    }
                    wrong
                })
                .collect();
            if sandbox.run(chosen[0]).status == Some(2) {
                refused.fetch_add(1, Ordering::Relaxed);
            }
            bad.lock().unwrap().extend(wrong.into_iter().map(|wrong| format!("case {case}, {how}: {wrong}")));
        }
    };
    thread::scope(|scope| {
        (0..thread::available_parallelism().map_or(1, usize::from)).for_each(|_| _ = scope.spawn(work))
    });
    let bad = bad.into_inner().unwrap();
    let refused = refused.into_inner();
    eprintln!("{count} indexes, {refused} of them refused by a query, {} commands ended badly", bad.len());
    assert!(bad.is_empty(), "{} of {count}:\n{}", bad.len(), bad.join("\n"));
    assert!(refused > 0, "nothing was found");
}

/// Changes bytes in a way that makes sense for lengths, links and positions.
fn craft(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    let near = random.below(5) < 2;
    let at = random.below(if near { bytes.len().min(200) } else { bytes.len() });
    let numbers = [0, 1, 2, u64::MAX, 1 << 31, (1 << 31) - 1, 1 << 32, 1 << 40, u64::MAX >> 1, 75, 76, 255, 1_000_000];
    let number = if random.below(4) == 0 { random.next() } else { *random.of(&numbers) };
    let mut put = |new: &[u8]| {
        let end = bytes.len().min(at + new.len());
        bytes[at..end].copy_from_slice(&new[..end - at]);
    };
    match random.below(10) {
        0..=3 => put(&(number as u32).to_le_bytes()),
        4..=5 => put(&number.to_le_bytes()),
        6 => put(&random.of(&[f32::NAN, f32::INFINITY, -1e38, 1e30]).to_le_bytes()),
        7 => {
            let kept = random.below(bytes.len());
            bytes.truncate(kept);
            return format!("cut at {kept}");
        }
        8 => {
            for _ in 0..=random.below(8) {
                let at = random.below(bytes.len());
                bytes[at] = random.next() as u8;
            }
            return "random bytes".into();
        }
        _ => {
            let from = random.below(bytes.len());
            let piece = bytes[from..].iter().take(1 + random.below(64)).copied().collect::<Vec<_>>();
            bytes.splice(at..at, piece);
            return format!("bytes from {from} put in at {at}");
        }
    }
    format!("{number:#x} at {at}")
}

/// Changes one of these files of an index.
fn craft_file(sandbox: &Sandbox, ends: &[&str], random: &mut Random) -> String {
    let file = random.of(&files(sandbox, ends)).clone();
    let mut bytes = fs::read(&file).unwrap();
    let how = craft(&mut bytes, random);
    let mut manifest = Manifest::read(&sandbox.path(".semsearch"));
    manifest.replace(&file, &bytes);
    manifest.seal();
    format!("{}: {how}", Path::new(file.file_name().unwrap()).display())
}

#[test]
fn crafted_files_of_faiss_are_answered_or_refused() {
    let start: Vec<_> =
        FACTORIES.iter().map(|&(factory, metric, effort)| (small_index(factory, metric), effort)).collect();
    for (sandbox, effort) in &start {
        sandbox.run(&[COMMANDS[0], effort].concat()).success();
        assert!(sandbox.run(&["verify"]).success().contains("intact"));
    }
    try_all(cases(10_000, 64), 1, &start, |sandbox, random| {
        let factory = Manifest::read(&sandbox.path(".semsearch")).commit["recipe"]["factory"].to_string();
        format!("{factory}, {}", craft_file(sandbox, &[".faiss", ".trained"], random))
    });
}

#[test]
fn crafted_files_of_tantivy_are_answered_or_refused() {
    let start = [(small_index("Flat", "ip"), &[][..]), (small_index("Flat", "ip"), &[][..])];
    let ends = [".term", ".idx", ".fast", ".fieldnorm", ".store", ".del", ".pos"];
    try_all(cases(1000, 30), 2, &start, |sandbox, random| craft_file(sandbox, &ends, random));
}

#[test]
fn crafted_manifests_are_answered_or_refused() {
    let start = [(small_index("Flat", "ip"), &[][..]), (small_index("IVF4,SQ8", "ip"), &[][..])];
    try_all(cases(1000, 40), 3, &start, |sandbox, random| {
        let mut manifest = Manifest::read(&sandbox.path(".semsearch"));
        let how = (0..=random.below(2)).map(|_| craft_value(&mut manifest.commit, "", random)).collect::<Vec<_>>();
        manifest.seal();
        how.join(", ")
    });
}

/// Changes a value at any depth.
fn craft_value(value: &mut Value, path: &str, random: &mut Random) -> String {
    let deeper = random.below(8) > 0;
    match value {
        Value::Object(entries) if deeper && !entries.is_empty() => {
            let at = random.below(entries.len());
            let (name, entry) = entries.iter_mut().nth(at).unwrap();
            let path = format!("{path}/{name}");
            craft_value(entry, &path, random)
        }
        Value::Array(entries) if deeper && !entries.is_empty() => {
            let at = random.below(entries.len());
            craft_value(&mut entries[at], &format!("{path}/{at}"), random)
        }
        Value::Array(entries) if !entries.is_empty() && random.below(2) == 0 => {
            let twice = entries[random.below(entries.len())].clone();
            entries.push(twice);
            format!("{path} twice")
        }
        _ => {
            let near = value.as_u64().unwrap_or(7);
            let numbers =
                [0, 1, near.wrapping_add(1), near.wrapping_sub(1), u32::MAX.into(), 1 << 40, u64::MAX, u64::MAX >> 1];
            let choices = [
                json!(random.of(&numbers)),
                json!(-1),
                json!(1e300),
                Value::Null,
                json!(true),
                json!(""),
                json!("../../etc/passwd"),
                json!("x".repeat(100_000)),
                json!([]),
                json!({}),
                json!([0, 2, 1, 1, u64::MAX]),
                json!("\u{1b}[2J"),
                json!("IVF0,Flat"),
            ];
            *value = if random.below(3) > 0 { choices[0].clone() } else { random.of(&choices).clone() };
            let mut new = value.to_string();
            new.truncate(30);
            format!("{path} = {new}")
        }
    }
}

#[test]
fn vectors_that_faiss_cannot_give_back_are_an_error_not_the_end() {
    let sandbox = small_index("IVF4,PQ4x4fs", "ip");
    let ran = sandbox.run(&["export", "--output", "out.npy"]);
    let said = "cannot read vectors back: FAISS cannot give vectors back from lists of product codes in blocks (x4fs)";
    assert!(ran.status == Some(2) && ran.stderr.contains(said), "{ran}");
}

#[test]
fn a_long_factory_is_an_error_wherever_it_comes_from() {
    let sandbox = small_index("Flat", "ip");
    let long = "PCA4,".repeat(20_000) + "Flat";
    let said = "a FAISS factory of 100004 bytes: at most 200 are taken";
    let ran = sandbox.run(&["index", "a.jsonl", "-i", "other", "--model", "tiny", "--factory", &long]);
    assert!(ran.status == Some(2) && ran.stderr.contains(said), "{ran}");
    sandbox.write(".config/semsearch/config.toml", format!("factory = \"{long}\"\n"));
    let ran = sandbox.run(&["index", "a.jsonl", "-i", "other", "--model", "tiny"]);
    assert!(ran.status == Some(2) && ran.stderr.contains(said), "{ran}");
    let mut manifest = Manifest::read(&sandbox.path(".semsearch"));
    manifest.commit["recipe"]["factory"] = long.into();
    manifest.seal();
    for args in [COMMANDS[0], COMMANDS[4], &["index", "more.jsonl", "--model", "tiny", "--factory", "Flat"]] {
        let ran = sandbox.run(args);
        let said = "manifest.json: damaged index: its factory's length is 100004, more than 200";
        assert!(ran.status == Some(2) && ran.stderr.contains(said), "{ran}");
    }
}
