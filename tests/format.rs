//! The index's format: what an earlier release of this format wrote, opens.

use std::path::Path;

use crate::support::{Sandbox, copy};

/// Format 2, of five documents in two segments, one of them replaced; the default model, records from standard input.
const FORMAT_2: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/index-2");

#[test]
fn an_index_of_format_2_is_intact_answers_and_grows() {
    let sandbox = Sandbox::new();
    copy(Path::new(FORMAT_2), &sandbox.path(".semsearch"));
    assert!(sandbox.run(&["verify"]).success().contains("documents and vectors: 5"));
    let ask = |query| sandbox.run(&["query", query, "-k", "1", "-f", "jsonl"]).json_lines().remove(0);
    let hit = ask("musical instrument");
    assert_eq!((&hit["id"], &hit["text"]), (&"b".into(), &"The violin has four strings.".into()));
    assert_eq!((&hit["title"], &hit["metadata"]), (&"Violin".into(), &serde_json::json!({"page": 7, "tags": ["x"]})));
    sandbox.pipe(&["index", "-"], "{\"_id\":\"f\",\"text\":\"Glaciers carve valleys.\"}\n").success();
    assert_eq!(ask("ice")["id"], "f");
    assert!(sandbox.run(&["verify"]).success().contains("documents and vectors: 6"));
}
