//! The index's format: what earlier releases wrote.

use std::path::Path;

use serde_json::json;

use crate::support::{Sandbox, copy};

/// An index of an earlier format, by its name in `tests/data`.
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
    let sandbox = of_format("index-3");
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
}
