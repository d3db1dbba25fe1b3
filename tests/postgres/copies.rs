//! `store push` and `store pull`: an index goes from a directory into a database and back, and no vector is computed anew.

use std::fs;

use serde_json::json;

use super::servers::Servers;
use super::small::{self, MODEL, record, records};
use crate::support::Sandbox;

/// Long records that are cut into chunks, with titles and nested metadata.
fn long_records() -> String {
    let sentence = |n: usize| format!("The dog and the cat walk today in rain n{n}. ");
    let document = |n: usize| {
        let text: String = (0..20).map(|part| sentence(n * 20 + part)).collect();
        let line = json!({"_id": format!("long {n}"), "title": format!("Walk {n}"), "text": text,
            "year": 2000 + n, "author": {"name": "L'Été \"Ost\" \\"}, "tags": ["a", n]});
        line.to_string() + "\n"
    };
    (0..6).map(document).collect()
}

/// A directory of records in two commits, and an empty store of two shards.
fn scene(schema: &str) -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    small::prepare(&sandbox);
    sandbox.write("short.jsonl", records(0..60, 0));
    sandbox.write("long.jsonl", long_records());
    for file in ["short.jsonl", "long.jsonl"] {
        let index = ["index", file, "-i", "dir", "-q", "--long", "chunk", "--max-length", "32"];
        sandbox.run(&[&index[..], &MODEL].concat()).success();
    }
    let address = Servers::shared().cluster(&sandbox, schema, 4);
    (sandbox, address)
}

/// What an index answers to everything, and its vectors.
fn answers(sandbox: &Sandbox, place: [&str; 2]) -> Vec<Vec<u8>> {
    let said = |args: &[&str]| sandbox.run(&[args, &place, &["-q"]].concat()).success().into_bytes();
    let mut answers = vec![said(&["ls", "-f", "jsonl"]), said(&["get", "-f", "json", "d007", "long 3"])];
    for mode in ["dense", "lexical", "hybrid"] {
        for more in [&[][..], &["--chunks"], &["--filter", "year >= 2003 and author.name ^= L"]] {
            let query = ["query", "--queries", "questions", "-f", "jsonl", "-k", "30", "--mode", mode];
            answers.push(said(&[&query[..], more].concat()));
        }
    }
    answers.push(said(&["query", "--like", "long 2", "-f", "jsonl"]));
    said(&["export", "-o", "vectors.npy"]);
    answers.push(fs::read(sandbox.path("vectors.npy")).unwrap());
    assert!(sandbox.run(&[&["verify"][..], &place].concat()).success().contains("intact"));
    answers
}

#[track_caller]
fn same(found: &[Vec<u8>], expected: &[Vec<u8>]) {
    for (number, (found, expected)) in found.iter().zip(expected).enumerate() {
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(found == expected, "answer {number}: {}\n, not {}", shown(found), shown(expected));
    }
}

/// Copies an index, and returns what is said of it.
fn copied(sandbox: &Sandbox, action: &str, dir: &str, address: &str) -> String {
    let ran = sandbox.run(&["store", action, dir, "--store", address]);
    assert_eq!(ran.status, Some(0), "{ran}");
    ran.stderr
}

#[test]
fn a_directory_that_was_pushed_and_pulled_is_the_same_to_the_last_bit() {
    let (sandbox, address) = scene("copied");
    let expected = answers(&sandbox, ["-i", "dir"]);
    let told = copied(&sandbox, "push", "dir", &address);
    assert!(told.contains("documents: 66 added, 0 updated, 0 unchanged"), "{told}");
    same(&answers(&sandbox, ["--store", &address]), &expected);
    let told = copied(&sandbox, "pull", "back", &address);
    assert!(told.contains("documents: 66 added, 0 updated, 0 unchanged"), "{told}");
    same(&answers(&sandbox, ["-i", "back"]), &expected);
    for (action, dir) in [("push", "dir"), ("push", "back"), ("pull", "dir"), ("pull", "back")] {
        let told = copied(&sandbox, action, dir, &address);
        assert!(told.contains("documents: 0 added, 0 updated, 66 unchanged"), "{action} {dir}: {told}");
    }
    same(&answers(&sandbox, ["-i", "dir"]), &expected);
    // The copies are updated as if they had been built here.
    for place in [["-i", "back"], ["--store", &address]] {
        let index = ["index", "short.jsonl", "long.jsonl", "--json", "-q"];
        let told = sandbox.run(&[&index[..], &MODEL, &place].concat()).success();
        assert!(told.contains("\"added\":0,\"updated\":0,\"unchanged\":66"), "{told}");
    }
}

#[test]
fn only_what_changed_is_copied_again() {
    let (sandbox, address) = scene("copied_again");
    copied(&sandbox, "push", "dir", &address);
    copied(&sandbox, "pull", "back", &address);
    sandbox.write("short.jsonl", records(0..5, 1) + &record(99, 0));
    sandbox.run(&[&["index", "short.jsonl", "-i", "dir", "-q"][..], &MODEL].concat()).success();
    let told = copied(&sandbox, "push", "dir", &address);
    assert!(told.contains("documents: 1 added, 5 updated, 61 unchanged"), "{told}");
    let told = copied(&sandbox, "pull", "back", &address);
    assert!(told.contains("documents: 1 added, 5 updated, 61 unchanged"), "{told}");
    let shown = |place: [&str; 2]| {
        let query = ["query", "--queries", "questions", "-f", "jsonl", "-k", "90"];
        let ids = sandbox.run(&[&["ls", "-f", "jsonl"][..], &place].concat()).success();
        (ids, sandbox.run(&[&query[..], &place].concat()).success())
    };
    let expected = shown(["-i", "dir"]);
    assert_eq!(shown(["--store", &address]), expected);
    assert_eq!(shown(["-i", "back"]), expected);
}

#[test]
fn an_index_is_copied_only_to_one_that_is_made_in_the_same_way() {
    let (sandbox, address) = scene("copied_other");
    let none = sandbox.run(&["store", "push", "nothing", "--store", &address]);
    assert!(none.status == Some(2) && none.stderr.contains("nothing: no index here"), "{none}");
    let none = sandbox.run(&["store", "pull", "back", "--store", &address]);
    assert!(none.status == Some(2) && none.stderr.contains("no index here"), "{none}");
    assert!(!sandbox.path("back").exists());
    sandbox
        .run(&[&["index", "short.jsonl", "--store", &address, "-q", "--max-length", "8"][..], &MODEL].concat())
        .success();
    let before = sandbox.run(&["ls", "--store", &address]).success();
    for (action, made) in [("push", "postgresql://"), ("pull", "dir: ")] {
        let other = sandbox.run(&["store", action, "dir", "--store", &address]);
        assert!(other.status == Some(2) && other.stderr.starts_with(&format!("error: {made}")), "{action}: {other}");
        assert!(other.stderr.contains("built with max-length"), "{action}: {other}");
    }
    assert_eq!(sandbox.run(&["ls", "--store", &address]).success(), before);
}
