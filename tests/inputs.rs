//! Inputs of other forms: tables, compressed files, texts of several fields.

use std::fs;

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
    Some(2) error: <stdin>:3: the number of cells is 1, the first row has 2
    hint: `--on-error skip` passes bad records over
    ");
}

#[test]
fn a_named_field_that_no_record_has_is_told_and_one_that_some_have_is_not() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("in.jsonl", "{\"summary\":\"a dog\",\"text\":\"a cat\",\"at\":{\"x\":\"b\"}}\n{\"text\":\"rain\"}\n");
    sandbox.write("in.csv", "text,note\na walk,\n");
    let told = |args: &[&str]| {
        let ran = sandbox.run(&[&["index", "in.jsonl", "in.csv", "--model", "tiny", "--rebuild"], args].concat());
        let lines = ran.stderr.lines().filter(|line| line.contains("no record that was read has"));
        lines.map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(told(&["--text-field", "sumary", "--title-field", "zzz"]), @r"
    warning: no record that was read has the field `sumary` of --text-field (`summary` is like it)
    warning: no record that was read has the field `zzz` of --title-field
    ");
    assert_eq!(told(&["--text-field", "summary", "--text-field", "at.x", "--title-field", "note"]), "");
    let embedded = sandbox.run(&["embed", "in.jsonl", "--model", "tiny", "--text-field", "sumary", "-o", "v.jsonl"]);
    assert!(embedded.stderr.contains("`summary` is like it"), "{embedded}");
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
    assert!(none.stderr.contains("in.jsonl:1: no text: none of the fields x, y, text, "), "{none}");
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

/// The summary of `index` with these arguments, and its standard error.
fn summary(sandbox: &Sandbox, args: &[&str]) -> (Value, String) {
    let ran = sandbox.run(&[&["index", "--model", "tiny", "--json"], args].concat());
    let said = ran.stderr.clone();
    (ran.json_lines().remove(0), said)
}

/// A directory with two good files and one of each kind that cannot be used.
fn mixed_directory(sandbox: &Sandbox) {
    let files: [(&str, &[u8]); 12] = [
        ("good.txt", b"dog walk"),
        ("good.jsonl", b"{\"_id\":\"g\",\"text\":\"dog\"}\n"),
        ("latin.txt", b"caf\xe9 dog"),
        ("no_text.jsonl", b"{\"titel\":\"dog\"}\n{\"titel\":\"cat\"}\n"),
        ("numbers.csv", b"a,b\n1,2\n3,4\n"),
        ("one_bad.jsonl", b"{\"_id\":\"1\",\"text\":\"rain\"}\nnonsense\n{\"_id\":\"2\",\"text\":\" \"}\n"),
        ("broken.json", b"[{\"_id\":\"b\",\"text\":\"dog\"}, {"),
        ("cut.parquet", b"PAR1 and no more"),
        ("empty.jsonl", b""),
        ("header.csv", b"id,text\n"),
        ("binary.md", b"a\0b"),
        ("settings.json", b"{\n\"x\": 1\n}\n"),
    ];
    files.iter().for_each(|(name, bytes)| drop(sandbox.write(&format!("dir/{name}"), bytes)));
    let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[7; 40]].concat();
    sandbox.write("dir/damaged.jsonl.gz", gzip);
}

#[test]
fn a_directory_is_indexed_whatever_lies_in_it_and_what_was_skipped_is_told() {
    let sandbox = sandbox();
    mixed_directory(&sandbox);
    let (found, said) = summary(&sandbox, &["dir"]);
    assert_eq!((&found["documents"], &found["skipped"]), (&json!(4), &json!(12)), "{said}");
    insta::assert_snapshot!(said, @r"
    13 files: 4 indexed, 1 binary, 1 blank, 2 damaged, 4 without text, 1 not UTF-8 (-v lists them)
    warning: records skipped: 2 bad, 1 blank (-v names them)
    ");
    let (_, named) = summary(&sandbox, &["dir", "-v", "--rebuild"]);
    for name in
        ["latin.txt:1", "no_text.jsonl:1", "numbers.csv:2", "one_bad.jsonl:2", "one_bad.jsonl:3", "broken.json:1"]
    {
        assert!(named.contains(&format!("skipped dir/{name}: ")), "{name}: {named}");
    }
    for name in ["cut.parquet", "damaged.jsonl.gz", "empty.jsonl", "header.csv", "binary.md", "settings.json"] {
        assert!(
            named.contains(&format!("skipped dir/{name}: ")) || named.contains(&format!("skipped dir/{name}:1: ")),
            "{name}: {named}"
        );
    }
    assert_eq!(summary(&sandbox, &["dir", "-q", "--rebuild"]).1, "");
    // A file that is named must be usable.
    for name in [
        "latin.txt",
        "no_text.jsonl",
        "numbers.csv",
        "one_bad.jsonl",
        "broken.json",
        "cut.parquet",
        "damaged.jsonl.gz",
        "empty.jsonl",
        "header.csv",
    ] {
        let ran = sandbox.run(&["index", &format!("dir/{name}"), "--model", "tiny", "-i", "other"]);
        assert_eq!(ran.status, Some(2), "{name}: {ran}");
        sandbox.write("list", format!("dir/{name}\n"));
        let listed = sandbox.run(&["index", "--files-from", "list", "--model", "tiny", "-i", "other"]);
        assert_eq!(listed.status, Some(2), "{name}: {listed}");
    }
    let embedded = sandbox.run(&["embed", "dir", "--model", "tiny", "-q"]).json_lines();
    // The blank text counts too, because each record has its own row.
    assert_eq!(embedded.len(), 5);
}

#[test]
fn what_cannot_be_read_now_is_not_pruned() {
    let sandbox = sandbox();
    for name in ["a.jsonl", "b.jsonl", "c.jsonl", "d.jsonl"] {
        sandbox.write(&format!("dir/{name}"), format!("{{\"_id\":\"{name}\",\"text\":\"dog\"}}\n"));
    }
    summary(&sandbox, &["dir"]);
    // One file is damaged, one loses its text field, and one is removed.
    sandbox.write("dir/a.jsonl", "nonsense\n");
    sandbox.write("dir/b.jsonl", "{\"_id\":\"b.jsonl\",\"titel\":\"dog\"}\n");
    std::fs::remove_file(sandbox.path("dir/c.jsonl")).unwrap();
    let (found, said) = summary(&sandbox, &["dir", "--prune"]);
    assert_eq!((&found["documents"], &found["removed"]), (&json!(3), &json!(1)), "{said}");
    // If only a part of a file can be read, it is not known which documents are missing.
    sandbox.write("dir/d.jsonl", "{\"_id\":\"other\",\"text\":\"cat\"}\nnonsense\n");
    let (found, said) = summary(&sandbox, &["dir", "--prune"]);
    assert_eq!((&found["documents"], &found["removed"]), (&json!(4), &json!(0)), "{said}");
    assert!(said.contains("nothing pruned of 1 input whose records could not all be read"), "{said}");
    assert!(said.contains("the index keeps what it had of 2 files that could not be read"), "{said}");
    // The other files are pruned.
    std::fs::write(sandbox.path("dir/e.jsonl"), "{\"_id\":\"e\",\"text\":\"dog\"}\n").unwrap();
    summary(&sandbox, &["dir"]);
    std::fs::remove_file(sandbox.path("dir/e.jsonl")).unwrap();
    let (found, said) = summary(&sandbox, &["dir", "--prune"]);
    assert_eq!((&found["documents"], &found["removed"]), (&json!(4), &json!(1)), "{said}");
}

#[test]
fn blank_texts_are_skipped_in_every_format() {
    let sandbox = sandbox();
    let squad = r#"{"data":[{"title":"T","paragraphs":[{"context":" "},{"context":"dog"}]}]}"#;
    for (name, content) in [
        ("a.jsonl", "{\"text\":\"dog\"}\n{\"text\":\" \\n\\t\"}\n{\"title\":\"T\",\"text\":\"\"}\n"),
        ("b.json", "[{\"text\":\"dog\"},{\"text\":\"\u{3000}\"}]"),
        ("c.csv", "text,x\ndog,1\n,2\n  ,3\n"),
        ("d.json", squad),
    ] {
        sandbox.write(name, content);
        let (found, said) = summary(&sandbox, &[name, "-i", name.split('.').next().unwrap()]);
        assert_eq!(found["documents"], 1, "{name}: {said}");
        assert!(said.starts_with("records skipped: ") && said.contains(" blank (-v names them)\n"), "{name}: {said}");
    }
    sandbox.write("e.txt", " \n");
    let (found, _) = summary(&sandbox, &["e.txt", "a.jsonl", "-i", "e"]);
    assert_eq!((&found["documents"], &found["skipped"]), (&json!(1), &json!(3)));
    // Row i of the vectors belongs to record i, whatever its text is.
    sandbox.run(&["embed", "a.jsonl", "--model", "tiny", "-o", "a.npy"]).success();
    let (found, _) = summary(&sandbox, &["a.jsonl", "--vectors", "a.npy", "-i", "v"]);
    assert_eq!((&found["documents"], &found["skipped"]), (&json!(1), &json!(2)));
}

#[test]
fn cells_that_are_decimal_numbers_compare_as_numbers_and_stay_as_they_are_written() {
    let sandbox = sandbox();
    sandbox.write("in.csv", "id,text,price\n001,dog a,12.50\n002,dog b,100.00\n003,dog c,1e3\n004,dog d,-0.5\n005,dog e,.5\n006,dog f,007\n");
    sandbox.write("in.jsonl", "{\"id\":\"json\",\"text\":\"dog g\",\"price\":\"12.50\"}\n");
    summary(&sandbox, &["in.csv", "in.jsonl"]);
    let ids = |filter: &str| {
        let found = hits(&sandbox, &["-k", "9", "--filter", filter]);
        let mut ids: Vec<String> = found.iter().map(|hit| hit["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids.join(" ")
    };
    assert_eq!(ids("price >= 12"), "001 002 003");
    assert_eq!(ids("price = 12.5"), "001");
    assert_eq!(ids("price in 100..1000"), "002 003");
    assert_eq!(ids("price < 1"), "004 005");
    // As strings they are compared as they are written, and hits return them in this form.
    assert_eq!(ids("price = \"12.50\""), "001 json");
    assert_eq!(ids("price = \"007\""), "006");
    let found = hits(&sandbox, &["-k", "9", "--filter", "price = 100"]);
    assert_eq!(found[0]["metadata"], json!({"price": "100.00"}));
}

#[test]
fn what_may_not_be_read_in_a_directory_is_skipped_and_what_came_from_it_stays() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;

    let sandbox = sandbox();
    for name in ["open.txt", "closed.txt", "closed/a.txt", "open/b.txt"] {
        sandbox.write(&format!("dir/{name}"), format!("dog {name}"));
    }
    fs::create_dir(sandbox.path("ix")).unwrap();
    let set = |name: &str, mode| fs::set_permissions(sandbox.path(name), Permissions::from_mode(mode)).unwrap();
    ["", "tiny", "tiny/1_Pooling"].iter().for_each(|name| set(name, 0o755));
    set("ix", 0o777);
    // Root may read anything, so root runs the command as another user.
    let is_root = fs::metadata(sandbox.path("")).unwrap().uid() == 0;
    let as_other = |args: &[&str]| {
        let mut command =
            sandbox.command(&[&["index", "dir", "--model", "tiny", "-i", "ix/a", "--json"], args].concat());
        if is_root {
            command.uid(65534).gid(65534);
        }
        command.output().map(|output| sandbox.ran(&output))
    };
    let Ok(first) = as_other(&[]) else {
        eprintln!("skipped: another user than root cannot reach the program here");
        return;
    };
    assert_eq!(first.json_lines()[0]["documents"], 4);
    ["dir/closed.txt", "dir/closed"].iter().for_each(|name| set(name, 0));
    let second = as_other(&["--prune"]).unwrap();
    set("dir/closed", 0o755);
    assert!(second.stderr.contains("4 files: 2 indexed, 2 unreadable (-v lists them)"), "{second}");
    let found = second.json_lines().remove(0);
    assert_eq!((&found["documents"], &found["skipped"], &found["removed"]), (&json!(4), &json!(2), &json!(0)));
}

#[test]
fn vectors_come_back_from_the_records_that_embed_wrote() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    let record = |n: usize| format!("{{\"_id\":\"d{n}\",\"text\":\"dog cat {n}\",\"year\":{}}}\n", 1990 + n);
    sandbox.write("in.jsonl", (0..9).map(record).collect::<String>());
    sandbox.run(&["index", "in.jsonl", "--model", "tiny", "-i", "computed"]).success();
    sandbox.run(&["embed", "in.jsonl", "--model", "tiny", "--output", "e.jsonl"]).success();
    let embedded = fs::read_to_string(sandbox.path("e.jsonl")).unwrap();
    let lines: Vec<&str> = embedded.lines().collect();
    sandbox.write("parts/part-0.jsonl", lines[..4].join("\n"));
    sandbox.write("parts/part-1.jsonl", lines[4..].join("\n"));
    let vectors = |index: &str| {
        sandbox.run(&["export", "-i", index, "--output", "out.npy"]).success();
        fs::read(sandbox.path("out.npy")).unwrap()
    };
    let mut inputs = vec!["e.jsonl", "parts"];
    if cfg!(feature = "parquet") {
        sandbox.run(&["embed", "in.jsonl", "--model", "tiny", "--output", "e.parquet"]).success();
        inputs.push("e.parquet");
    }
    for input in inputs {
        let index = format!("of-{input}");
        sandbox.run(&["index", input, "--vectors", input, "--model", "tiny", "-i", &index]).success();
        assert!(vectors(&index) == vectors("computed"), "{input}");
        let hit = &sandbox.run(&["query", "dog", "-k", "1", "-i", &index, "-f", "jsonl"]).json_lines()[0];
        assert!(hit["metadata"].get("embedding").is_none(), "{hit}");
    }
    let again = ["index", "in.jsonl", "--vectors", "parts", "--model", "tiny", "-i", "others"];
    sandbox.run(&again).success();
    assert!(vectors("others") == vectors("computed"));

    sandbox.write("bad.jsonl", format!("{}\n{{\"_id\":\"x\",\"text\":\"no vector\"}}\n", lines[0]));
    sandbox.write("short.jsonl", format!("{}\n{{\"_id\":\"x\",\"text\":\"a\",\"embedding\":[1.0]}}\n", lines[0]));
    for (vectors, expected) in [
        ("bad.jsonl", "bad.jsonl:2: no list of numbers in the field `embedding`"),
        ("short.jsonl", "short.jsonl: row 1 (from 0) has 1 components, the first has 8"),
        ("in.jsonl", "in.jsonl:1: no list of numbers in the field `embedding`"),
        ("parts/part-0.jsonl", "part-0.jsonl: 4 rows, but there are more records"),
    ] {
        let refused = sandbox.run(&["index", "in.jsonl", "--vectors", vectors, "--model", "tiny", "-i", "none"]);
        assert!(refused.status == Some(2) && refused.stderr.contains(expected), "{expected}: {refused}");
    }
}
