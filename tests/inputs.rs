//! Inputs of other forms: tables, compressed files, texts of several fields.

use serde_json::{Value, json};

use crate::support::{Sandbox, tiny_model};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox
}

fn hits(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    sandbox.run(&[&["query", "dog", "-f", "jsonl", "--mode", "lexical"], args].concat()).json_lines()
}

#[test]
fn tables_are_records_with_numbers_to_filter_by() {
    let sandbox = sandbox();
    let rows = [
        ["id", "title", "body", "year", "code"],
        ["7", "A", "dog, walk", "1990", "007"],
        ["8", "B", "dog", "2001", "1.0"],
    ];
    let quoted = |rows: &[[&str; 5]], delimiter: &str| -> String {
        rows.iter().map(|row| row.map(|cell| format!("\"{cell}\"")).join(delimiter) + "\n").collect()
    };
    for (file, delimiter) in [("in.csv", ","), ("in.tsv", "\t")] {
        sandbox.write(file, quoted(&rows, delimiter));
        sandbox.run(&["index", file, "--model", "tiny", "-i", file.trim_start_matches("in.")]).success();
        let index = file.trim_start_matches("in.");
        let found = hits(&sandbox, &["-i", index, "--filter", "year < 2000"]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (&found[0]["id"], &found[0]["title"], &found[0]["text"]),
            (&json!("7"), &json!("A"), &json!("dog, walk"))
        );
        assert_eq!(found[0]["metadata"], json!({"year": 1990, "code": "007"}));
    }
    let bad = sandbox.pipe(&["index", "-", "--format", "csv", "--model", "tiny", "-i", "bad"], "text,n\ndog,1\ncat\n");
    insta::assert_snapshot!(format!("{:?} {}", bad.status, bad.stderr), @r"
    Some(2) error: <stdin>:3: the row's cells are 1, the first row has 2
    hint: `--on-error skip` passes bad records over
    ");
}

#[test]
fn the_text_of_several_fields_is_joined() {
    let sandbox = sandbox();
    sandbox.write("in.jsonl", "{\"_id\":\"1\",\"q\":\"dog?\",\"a\":\"cat.\",\"n\":1}\n{\"_id\":\"2\",\"a\":\"dog\"}\n");
    sandbox.run(&["index", "in.jsonl", "--model", "tiny", "--text-field", "q", "--text-field", "a"]).success();
    let found = hits(&sandbox, &["-k", "2"]);
    let text = |id: &str| found.iter().find(|hit| hit["id"] == id).unwrap()["text"].clone();
    assert_eq!((text("1"), text("2")), (json!("dog?\n\ncat."), json!("dog")));
    let none =
        sandbox.run(&["index", "in.jsonl", "--model", "tiny", "--text-field", "x", "--text-field", "y", "-i", "other"]);
    assert!(none.stderr.contains("in.jsonl:1: no text: none of the fields x, y is present"), "{none}");
}

#[test]
fn compressed_inputs_are_read_as_what_they_hold_and_cut_ones_change_nothing() {
    use std::io::Write;
    let sandbox = sandbox();
    let records: String =
        (0..2000).map(|number| format!("{{\"_id\":\"{number}\",\"text\":\"dog {number}\"}}\n")).collect();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(records.as_bytes()).unwrap();
    let gzip = encoder.finish().unwrap();
    let zstd = zstd::encode_all(records.as_bytes(), 3).unwrap();
    sandbox.write("dir/a.jsonl.gz", &gzip);
    sandbox.write("a.jsonl.zst", &zstd);
    sandbox.write("unnamed", &zstd);
    for input in ["dir", "a.jsonl.zst", "unnamed"] {
        let said = sandbox.run(&["index", input, "--model", "tiny", "--rebuild", "--json"]).json_lines().remove(0);
        assert_eq!(said["documents"], 2000, "{input}");
    }
    let piped = sandbox.pipe(&["index", "-", "--model", "tiny", "--json"], &gzip).json_lines().remove(0);
    assert_eq!((&piped["unchanged"], &piped["documents"]), (&json!(2000), &json!(2000)));

    let before = sandbox.index_bytes();
    for (name, whole) in [("cut.jsonl.gz", &gzip), ("cut.jsonl.zst", &zstd)] {
        sandbox.write(name, &whole[..whole.len() - 9]);
        let ran = sandbox.run(&["index", name, "--model", "tiny", "--prune"]);
        assert_eq!(ran.status, Some(2), "{ran}");
        assert!(ran.stderr.starts_with(&format!("error: {name}:")) && ran.stderr.contains("cannot read"), "{ran}");
    }
    assert_eq!(sandbox.index_bytes(), before);
}
