//! Index formats that earlier releases wrote.

use std::fs;
use std::path::Path;

use semsearch::index::{LocalStore, Store, StoreError, WriteOptions};
use serde_json::{Map, json};

use crate::filters::config;
use crate::large_damage::write_given;
use crate::seal::Manifest;
use crate::support::{Sandbox, copy, put};

/// A copy of an index of an earlier format, named as in `tests/data`.
fn of_format(name: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name), &sandbox.path(".semsearch"));
    sandbox
}

fn best(sandbox: &Sandbox, args: &[&str]) -> serde_json::Value {
    sandbox.run(&[&["query", "-k", "1", "-f", "jsonl"], args].concat()).json_lines().remove(0)
}

/// Five documents in two segments, one of them replaced; the default model, records from standard input.
#[test]
fn an_index_of_format_2_is_intact_and_answers_and_what_it_cannot_do_is_said() {
    let sandbox = of_format("index-2");
    assert!(sandbox.run(&["verify"]).success().contains("documents and vectors: 5"));
    let hit = best(&sandbox, &["musical instrument"]);
    assert_eq!((&hit["id"], &hit["text"]), (&"b".into(), &"The violin has four strings.".into()));
    assert_eq!((&hit["title"], &hit["metadata"]), (&"Violin".into(), &json!({"page": 7, "tags": ["x"]})));
    let before = sandbox.index_bytes();
    let refused = [
        sandbox.run(&["query", "violin", "--mode", "hybrid"]),
        sandbox.run(&["query", "violin", "--filter", "page = 7"]),
        sandbox.pipe(&["index", "-"], "{\"_id\":\"f\",\"text\":\"Glaciers carve valleys.\"}\n"),
    ];
    let said: Vec<_> = refused.into_iter().map(|ran| format!("{:?} {}", ran.status, ran.stderr)).collect();
    insta::assert_snapshot!(said.concat(), @r"
    Some(2) error: .semsearch: an older release built it, without what lexical search and filters need
    hint: build the index anew with `semsearch index --rebuild FILE`
    Some(2) error: .semsearch: an older release built it, without what lexical search and filters need
    hint: build the index anew with `semsearch index --rebuild FILE`
    Some(2) error: .semsearch: index format 2 can be searched, but not added to
    hint: build the index anew with `semsearch index --rebuild FILE`
    ");
    assert_eq!(sandbox.index_bytes(), before);
}

/// Two records, one of them replaced, and a Markdown file of two chunks; the default model.
#[test]
fn an_index_of_format_3_is_intact_answers_and_grows() {
    answers_and_grows("index-3");
}

/// The same.
#[test]
fn an_index_of_format_4_is_intact_answers_and_grows() {
    answers_and_grows("index-4");
}

fn answers_and_grows(name: &str) {
    let sandbox = of_format(name);
    assert!(sandbox.run(&["verify"]).success().contains("documents: 3, vectors: 4"));
    let violin = best(&sandbox, &["musical instrument", "--filter", "page >= 7 and tags = x"]);
    assert_eq!((&violin["id"], &violin["text"]), (&"b".into(), &"The violin has four strings.".into()));
    let chunk = best(&sandbox, &["valleys", "--mode", "lexical"]);
    assert_eq!((&chunk["id"], &chunk["title"]), (&"ice.md".into(), &"Ice".into()));
    assert_eq!(chunk["metadata"], json!({"path": "ice.md", "heading": "Ice > Glaciers"}));
    assert_eq!(chunk["chunk"]["index"], 1);
    sandbox.pipe(&["index", "-"], "{\"_id\":\"f\",\"text\":\"Bread rises.\"}\n").success();
    assert_eq!(best(&sandbox, &["baking"])["id"], "f");
    assert!(sandbox.run(&["verify"]).success().contains("documents: 4, vectors: 5"));
    // The new commit has the newest format, with checksums for the parts of all codes.
    let info: serde_json::Value = serde_json::from_str(&sandbox.run(&["info", "--json"]).success()).unwrap();
    assert_eq!(info["format_version"], 4);
    let endings = |kind: &str| {
        let names = fs::read_dir(sandbox.path(".semsearch/vectors")).unwrap();
        names.filter(|name| name.as_ref().unwrap().path().extension().unwrap() == kind).count()
    };
    assert_eq!(endings("sums"), endings("faiss"));
}

/// A segment of many flat vectors has them as bytes too. An index of an older release gets them with its next commit, and
/// answers the same with and without them, one question at a time or many together.
#[test]
fn an_index_without_bytes_answers_the_same_and_gets_them_with_its_next_commit() {
    let sandbox = Sandbox::new();
    write_given(&sandbox, "given", 3000, "");
    sandbox.run(&["index", "given.jsonl", "--vectors", "given.npy"]).success();
    let questions = ["violin and rain", "a glacier in a valley", "number2999", "bread", "a walk", "dogs"];
    let lines: String = questions.iter().map(|question| format!("{question}\n")).collect();
    sandbox.write("questions", lines);
    let together = || sandbox.run(&["query", "--queries", "questions", "-f", "jsonl", "-k", "9"]).json_lines();
    let one_by_one = || {
        let hits = |question: &&str| sandbox.run(&["query", question, "-f", "jsonl", "-k", "9"]).json_lines();
        questions.iter().flat_map(hits).collect::<Vec<_>>()
    };
    let named = |hits: Vec<serde_json::Value>| -> Vec<_> {
        hits.iter().map(|hit| (hit["id"].clone(), hit["score"].clone())).collect()
    };
    let expected = named(together());
    assert_eq!((named(one_by_one()), expected.len()), (expected.clone(), 6 * 9));

    let bytes = || {
        let names = fs::read_dir(sandbox.path(".semsearch/vectors")).unwrap().map(|name| name.unwrap().path());
        names.filter(|path| path.extension().is_some_and(|kind| kind == "halves")).collect::<Vec<_>>()
    };
    let first = fs::read(&bytes()[0]).unwrap();
    fs::remove_file(&bytes()[0]).unwrap();
    let mut manifest = Manifest::read(&sandbox.path(".semsearch"));
    manifest.commit["segments"][0].as_object_mut().unwrap().remove("halves").unwrap();
    manifest.seal();
    let rounded = |hits: Vec<(serde_json::Value, serde_json::Value)>| -> Vec<_> {
        hits.into_iter().map(|(id, score)| (id, (score.as_f64().unwrap() * 1e5).round())).collect()
    };
    // FAISS adds up in another order.
    assert_eq!(rounded(named(one_by_one())), rounded(expected.clone()));
    sandbox.pipe(&["index", "-"], "{\"_id\":\"far\",\"text\":\"Quarterly tax forms.\"}\n").success();
    assert_eq!(bytes().into_iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>(), [&*first]);
    assert_eq!(named(one_by_one()), expected);
    assert!(sandbox.run(&["verify"]).success().contains("documents and vectors: 3,001"));
    // A merged index does not take over the bytes of its parts: it makes them from the vectors.
    sandbox.run(&["index", "--merge", ".semsearch", "-i", "merged"]).success();
    let names = fs::read_dir(sandbox.path("merged/vectors")).unwrap().map(|name| name.unwrap().path());
    let made: Vec<_> = names.filter(|path| path.extension().is_some_and(|kind| kind == "halves")).collect();
    assert_eq!(made.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>(), [&*first]);
    assert!(sandbox.run(&["verify", "-i", "merged"]).success().contains("documents and vectors: 3,001"));
}

/// The checksum of a manifest is not enough, because whoever passes on an index can compute it.
#[test]
fn a_manifest_that_says_what_cannot_be_is_damaged_whatever_its_checksum() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["codes-without-end", "more-dead-than-vectors", "two-fields-of-one-name", "a-device"] {
        let sandbox = Sandbox::new();
        copy(&root.join("tests/data/index-3"), &sandbox.path("index"));
        let seed = fs::read(root.join("fuzz/seeds/manifest").join(name)).unwrap();
        // A seed is the digit of the version, then the commit.
        let (version, commit) = (u32::from(seed[0] - b'0'), seed[1..].trim_ascii());
        let mut crc = crc32fast::Hasher::new();
        crc.update(&version.to_le_bytes());
        crc.update(commit);
        let start = format!("{{\"format_version\":{version},\"crc32\":{},\"commit\":", crc.finalize());
        sandbox.write("index/manifest.json", [start.as_bytes(), commit, b"}\n"].concat());
        for command in [&["query", "bees", "--mode", "lexical"][..], &["verify"], &["export", "--output", "x.npy"]] {
            let ran = sandbox.run(&[command, &["-i", "index"]].concat());
            assert_eq!(ran.status, Some(2), "{name}: {ran}");
            assert!(ran.stderr.starts_with("error: index"), "{name}: {ran}");
            assert!(!ran.stderr.contains("defect"), "{name}: {ran}");
        }
    }
}

#[test]
fn what_no_reader_would_accept_is_never_committed() {
    let sandbox = Sandbox::new();
    let store = LocalStore::new(sandbox.path("index"));
    let mut impossible = config();
    impossible.chunks.tokens = Some(0);
    let mut writer = store.writer(impossible, WriteOptions::default()).unwrap();
    put(&mut *writer, "a", "a text", Map::new(), &[1.0; 4]);
    let refused = writer.commit().unwrap_err().to_string();
    assert!(refused.contains("number of tokens of a chunk is 0"), "{refused}");
    assert!(matches!(store.snapshot(), Err(StoreError::NoIndex { .. })));
    // The place is free for an index that can be read.
    let mut writer = store.writer(config(), WriteOptions::default()).unwrap();
    put(&mut *writer, "a", "a text", Map::new(), &[1.0; 4]);
    writer.commit().unwrap();
    assert_eq!(store.snapshot().unwrap().facts().documents, 1);
}
