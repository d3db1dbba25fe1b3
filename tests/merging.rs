//! Indexes that were built apart and merged: the answers of one build, and nothing lost wherever merging ends.

use std::fs;
use std::process::{ExitStatus, Stdio};

use crate::faults::{everything, shim};
use crate::support::{Sandbox, copy, tiny_model};

const PARTS: usize = 4;
const MODEL: [&str; 2] = ["--model", "tiny"];

/// Records of one part: some of them long enough to be cut into chunks, some of the same text.
fn records(part: usize) -> String {
    let words = ["dog", "cat", "walk", "rain", "today", "a", "b", "c"];
    let record = |number: usize| {
        let word = |at: usize| words[(number * 5 + at * at) % words.len()];
        let length = if number.is_multiple_of(7) { 150 } else { 6 };
        let text: Vec<&str> = (0..length).map(word).collect();
        format!("{{\"_id\":\"d{number:03}\",\"text\":\"{}\",\"year\":{}}}\n", text.join(" "), 1990 + number % 30)
    };
    (part * 30..(part + 1) * 30).map(record).collect()
}

fn inputs() -> [String; PARTS] {
    [0, 1, 2, 3].map(|part| format!("in{part}.jsonl"))
}

/// Parts `p0` to `p3`, each of two commits and with a document that was removed, and `one`, built of all inputs.
fn built() -> Sandbox {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    let inputs = inputs();
    let names: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let long = ["--long", "chunk", "--max-length", "32", "-q"];
    for (part, name) in names.iter().enumerate() {
        sandbox.write(name, records(part));
        let index = format!("p{part}");
        sandbox.run(&[&["index", *name, "-i", &index, "--commit-every", "20"], &MODEL[..], &long].concat()).success();
    }
    sandbox.run(&[&["index"], &names[..], &["-i", "one"], &MODEL, &long].concat()).success();
    for (index, id) in [("p1", "d036"), ("one", "d036"), ("p3", "d118"), ("one", "d118")] {
        sandbox.run(&["remove", id, "-i", index]).success();
    }
    sandbox
}

/// What an index answers: to several questions, in every mode, filtered, by chunks, for what resembles a document.
fn answers(sandbox: &Sandbox, index: &str) -> Vec<String> {
    answers_by(sandbox, index, &["dense", "lexical", "hybrid"])
}

fn answers_by(sandbox: &Sandbox, index: &str, modes: &[&str]) -> Vec<String> {
    let questions = sandbox.write("questions", "dog walk\nrain today\ncat cat a b\n");
    let questions = questions.to_str().unwrap();
    let query = |options: &[&str]| {
        let all = [&["query", "-i", index, "-q", "-k", "12", "-f", "jsonl"], options].concat();
        let ran = sandbox.run(&all);
        // Not every part has all years.
        assert!(matches!(ran.status, Some(0 | 1)), "{ran}");
        ran.stdout
    };
    let mut answers = Vec::new();
    for mode in modes {
        for more in [&[][..], &["--filter", "year < 2001"], &["--chunks"], &["--filter", "year = 1995", "--unique"]] {
            answers.push(query(&[&["--queries", questions, "--mode", mode], more].concat()));
        }
    }
    // Not every part has all of them.
    let like = |id| sandbox.run(&["query", "-i", index, "-q", "-k", "12", "-f", "jsonl", "--like", id]).stdout;
    answers.extend(["d000", "d063", "d117"].map(like));
    answers.extend(["d000", "d063", "d077"].map(|id| sandbox.run(&["get", id, "-i", index]).stdout));
    answers.push(sandbox.run(&["ls", "-i", index]).success());
    answers
}

/// Compares answers line by line, so that a failure shows one line.
fn same(found: &[String], expected: &[String]) {
    for (number, (found, expected)) in found.iter().zip(expected).enumerate() {
        for (found, expected) in found.lines().zip(expected.lines()) {
            assert_eq!(found, expected, "answer {number}");
        }
        assert_eq!(found.len(), expected.len(), "answer {number}");
    }
}

fn verified(sandbox: &Sandbox, index: &str) {
    let told = sandbox.run(&["verify", "-i", index]);
    assert_eq!(told.status, Some(0), "{told}");
    let files = ["vectors", "catalog"].map(|part| fs::read_dir(sandbox.path(index).join(part)).unwrap().count());
    assert!(told.stdout.contains(&format!("intact: {} files", files[0] + files[1])), "{files:?}: {told}");
}

#[test]
fn parts_that_are_merged_answer_as_one_build() {
    let sandbox = built();
    let before: Vec<_> = (0..PARTS).map(|part| answers(&sandbox, &format!("p{part}"))).collect();
    let told = sandbox.run(&["index", "--merge", "p0", "p1", "p2", "p3", "-i", "all", "--json"]).success();
    assert!(told.contains("\"documents\":118,") && told.contains("\"merged\":4,"), "{told}");
    verified(&sandbox, "all");
    same(&answers(&sandbox, "all"), &answers(&sandbox, "one"));
    // The parts stay as they were.
    assert!((0..PARTS).all(|part| answers(&sandbox, &format!("p{part}")) == before[part]));

    // In two steps, into an index that exists, and of an index that was merged itself.
    sandbox.run(&["index", "--merge", "p0", "p1", "-i", "some"]).success();
    sandbox.run(&["index", "--merge", "p2", "-i", "some"]).success();
    sandbox.run(&["index", "--merge", "some", "p3", "-i", "others"]).success();
    verified(&sandbox, "others");
    same(&answers(&sandbox, "others"), &answers(&sandbox, "one"));
}

#[test]
fn a_merged_index_is_updated_like_any_other() {
    let sandbox = built();
    sandbox.run(&["index", "--merge", "p0", "p1", "p2", "p3", "-i", "all"]).success();
    let inputs = inputs();
    let names: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let update = |index: &str| {
        let again = [&["index"], &names[..], &["-i", index, "--prune", "--json"], &MODEL].concat();
        sandbox.run(&again).success()
    };
    // The two that were removed come back. Nothing else is embedded again.
    let told = update("all");
    assert!(told.contains("\"added\":2,\"updated\":0,\"unchanged\":118,\"removed\":0"), "{told}");
    update("one");
    verified(&sandbox, "all");
    // Documents that change, go and come, in many commits: segments of one part become one, and stay where they are.
    for turn in 0..12 {
        let changed = records(1).replace("\"year\":", &format!("\"turn\":{turn},\"year\":"));
        sandbox.write("in1.jsonl", changed.lines().skip(turn).map(|line| format!("{line}\n")).collect::<String>());
        sandbox
            .write("in2.jsonl", records(2).lines().skip(2 * turn).map(|line| format!("{line}\n")).collect::<String>());
        assert_eq!(
            update("all").split("\"seconds\"").next().unwrap().split_once(',').unwrap().1,
            update("one").split("\"seconds\"").next().unwrap().split_once(',').unwrap().1
        );
        verified(&sandbox, "all");
        // Words of replaced passages count until their segment is rewritten, which is at another time in each index.
        let dense = |index| answers_by(&sandbox, index, &["dense"]);
        same(&dense("all"), &dense("one"));
    }
}

#[test]
fn factories_that_are_not_flat_are_merged_with_their_structures() {
    let sandbox = built();
    for factory in ["HNSW8", "SQ8", "IVF4,Flat"] {
        let index = |part: usize| format!("{}-{part}", factory.replace(',', "-"));
        for part in 0..PARTS {
            let (name, index) = (format!("in{part}.jsonl"), index(part));
            let build = [&["index", &name, "-i", &index, "--factory", factory, "-q"], &MODEL[..]].concat();
            sandbox.run(&build).success();
        }
        let whole = index(9);
        let parts: Vec<String> = (0..PARTS).map(index).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        sandbox.run(&[&["index", "--merge"], &parts[..], &["-i", &whole]].concat()).success();
        verified(&sandbox, &whole);
        let told = sandbox.run(&["query", "dog walk", "-i", &whole, "-k", "3", "-q", "-f", "jsonl"]).json_lines();
        assert_eq!(told.len(), 3, "{factory}");
    }
}

#[test]
fn what_cannot_be_merged_is_told_and_makes_nothing() {
    let sandbox = built();
    let flags = [&["-i", "l2", "--metric", "l2", "--max-length", "32", "-q"], &MODEL[..]].concat();
    sandbox.run(&[&["index", "in3.jsonl"], &flags[..]].concat()).success();
    sandbox.write("letters/a.txt", "mine");
    fs::create_dir(sandbox.path("sub")).unwrap();
    for (parts, into, expected) in [
        (&["p0", "p0"][..], "x", "p0: document \"d000\" is in p0 too"),
        (&["p0", "one"], "x", "one: document \"d000\" is in p0 too"),
        (&["p0", "l2"], "x", "l2: built with metric l2, asked for ip"),
        (&["p0", "nothere"], "x", "nothere: no index here"),
        (&["p0", "letters"], "x", "letters: no index here"),
        (&["p0"], "letters", "letters: not an index, and not empty"),
        (&["p0", "p1"], "p0", "p0: an index cannot be merged into itself"),
        (&["p2"], "one", "p2: document \"d060\" is in one too"),
        (&["p0"], "sub/x", "so it can only be merged into an index there"),
        (&["-"], "x", "--merge takes indexes, not standard input"),
    ] {
        let before = answers(&sandbox, "one");
        let refused = sandbox.run(&[&["index", "--merge"], parts, &["-i", into]].concat());
        assert!(refused.status == Some(2) && refused.stderr.contains(expected), "{expected}: {refused}");
        assert!(!sandbox.path("x").exists() && !sandbox.path("sub/x").exists(), "{expected}");
        assert_eq!(answers(&sandbox, "one"), before);
    }
    // A byte that changed is found on the way.
    let damaged = fs::read_dir(sandbox.path("p3/vectors")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let refused = sandbox.run(&["index", "--merge", "p0", "p1", "p2", "p3", "-i", "x"]);
    assert!(
        refused.status == Some(2)
            && refused.stderr.contains("p3/vectors/")
            && refused.stderr.contains("checksum does not match"),
        "{refused}"
    );
    assert!(!sandbox.run(&["info", "-i", "x"]).stdout.contains("documents"), "nothing was committed");
}

/// Changes a part's manifest as somebody could who passes it on: with a checksum that matches.
fn crafted(sandbox: &Sandbox, index: &str, change: impl FnOnce(&mut serde_json::Value)) {
    let path = sandbox.path(index).join("manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut manifest["commit"]);
    let commit = manifest["commit"].to_string();
    let version = manifest["format_version"].as_u64().unwrap() as u32;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&version.to_le_bytes());
    crc.update(commit.as_bytes());
    let sealed = format!("{{\"format_version\":{version},\"crc32\":{},\"commit\":{commit}}}\n", crc.finalize());
    fs::write(path, sealed).unwrap();
}

#[test]
fn a_crafted_part_neither_names_our_files_nor_harms_what_is_there() {
    let sandbox = built();
    let before = answers(&sandbox, "p0");
    let refused = |part: &str, expected: &str| {
        let refused = sandbox.run(&["index", "--merge", part, "-i", "p0"]);
        assert!(refused.status == Some(2) && refused.stderr.contains(expected), "{expected}: {refused}");
        assert_eq!(answers(&sandbox, "p0"), before);
        verified(&sandbox, "p0");
    };
    copy(&sandbox.path("p1"), &sandbox.path("named"));
    crafted(&sandbox, "named", |commit| {
        let name = commit["documents"]["files"][0]["name"].as_str().unwrap().to_owned();
        fs::copy(sandbox.path("named/catalog").join(&name), sandbox.path("named/catalog/notes.txt")).unwrap();
        let mut file = commit["documents"]["files"][0].clone();
        file["name"] = "notes.txt".into();
        commit["documents"]["files"].as_array_mut().unwrap().push(file);
    });
    refused("named", "named/catalog/notes.txt: damaged index: it has a name that semsearch does not give");
    assert!(!sandbox.path("p0/catalog/notes.txt").exists());
    copy(&sandbox.path("p1"), &sandbox.path("large"));
    crafted(&sandbox, "large", |commit| commit["next_key"] = (1_u64 << 60).into());
    refused("large", "large: its keys are too large to be moved up");
}

#[test]
fn a_fault_at_any_step_of_merging_loses_nothing() {
    let sandbox = built();
    let (merge, all) = (["index", "--merge", "p1", "p2", "-i", "all"], sandbox.path("all"));
    copy(&sandbox.path("p0"), &sandbox.path("start"));
    let reset = || {
        let _ = fs::remove_dir_all(&all);
        copy(&sandbox.path("start"), &all);
    };
    let struck = |mode: &str, at: usize, log: Option<&std::path::Path>| -> ExitStatus {
        let mut command = sandbox.command(&merge);
        command.env("LD_PRELOAD", shim()).env("FAULT_MODE", mode).env("FAULT_AT", at.to_string());
        command.env("FAULT_DIR", all.canonicalize().unwrap());
        if let Some(log) = log {
            command.env("FAULT_LOG", log);
        }
        command.stderr(Stdio::null()).status().unwrap()
    };
    reset();
    let before = answers(&sandbox, "all");
    let log = sandbox.path("steps");
    assert!(struck("none", 0, Some(&log)).success());
    let after = answers(&sandbox, "all");
    let steps = fs::read_to_string(log).unwrap().lines().count();
    assert!(steps > 60, "{steps}");
    for (first, mode) in ["kill", "power", "full"].into_iter().enumerate() {
        for at in (first..steps).step_by(if everything() { 1 } else { 11 }) {
            reset();
            struck(mode, at + 1, None);
            let told = sandbox.run(&["verify", "-i", "all"]);
            assert_eq!(told.status, Some(0), "{mode} at {at}: {told}");
            let found = answers(&sandbox, "all");
            assert!(found == before || found == after, "{mode} at {at}");
            // The next run completes it, or says that it is there already.
            let again = sandbox.run(&merge);
            assert_eq!(again.status, Some(if found == before { 0 } else { 2 }), "{mode} at {at}: {again}");
            assert_eq!(answers(&sandbox, "all"), after, "{mode} at {at}");
        }
    }
}
