//! An index over time: builds, updates, rebuilds, and readers at the same time.

use std::fs;
use std::time::Duration;

use semsearch::index::{LocalStore, Snapshot, Store, WriteOptions};
use serde_json::Map;

use crate::filters::config;
use crate::support::{PASSAGES, Sandbox, open, put, tiny_model};

fn summary(sandbox: &Sandbox, args: &[&str]) -> serde_json::Value {
    let printed = sandbox.run(&[args, &["--json"]].concat()).success();
    serde_json::from_str(&printed).unwrap()
}

fn records(texts: &[(&str, &str)]) -> String {
    texts.iter().map(|(id, text)| format!("{{\"_id\": \"{id}\", \"text\": \"{text}\"}}\n")).collect()
}

fn first_hit(sandbox: &Sandbox, query: &str) -> String {
    let hits = sandbox.run(&["query", query, "-k", "1", "-f", "jsonl"]).json_lines();
    format!("{}: {}", hits[0]["id"].as_str().unwrap(), hits[0]["text"].as_str().unwrap())
}

#[test]
fn the_same_input_again_changes_nothing() {
    let sandbox = Sandbox::with_index();
    let before = sandbox.index_bytes();
    let again = summary(&sandbox, &["index", PASSAGES]);
    assert_eq!((&again["unchanged"], &again["added"], &again["tokens"]), (&72.into(), &0.into(), &0.into()));
    assert!(sandbox.index_bytes() == before);
}

#[test]
fn a_document_of_the_same_id_is_replaced_and_found_once() {
    let sandbox = Sandbox::new();
    sandbox
        .write("1.jsonl", records(&[("a", "The dog sleeps."), ("b", "Rain is coming."), ("c", "Bread needs yeast.")]));
    sandbox.write("2.jsonl", records(&[("b", "The violin has four strings."), ("d", "Ships float.")]));
    summary(&sandbox, &["index", "1.jsonl"]);
    let second = summary(&sandbox, &["index", "2.jsonl"]);
    assert_eq!((&second["added"], &second["updated"], &second["documents"]), (&1.into(), &1.into(), &4.into()));
    assert_eq!(first_hit(&sandbox, "musical instrument"), "b: The violin has four strings.");
    let all = sandbox.run(&["query", "weather", "-k", "10", "-f", "jsonl"]).json_lines();
    let mut ids: Vec<&str> = all.iter().map(|hit| hit["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["a", "b", "c", "d"]);
    assert!(all.iter().all(|hit| hit["text"] != "Rain is coming."));
}

#[test]
fn a_document_is_removed_and_put_again_in_one_commit() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path("index");
    let vector = [1.0, 0.0, 0.0, 0.0];
    let options = || WriteOptions { wait: Duration::from_secs(20), ..WriteOptions::default() };
    let mut writer = LocalStore::new(&dir).writer(config(), options()).unwrap();
    put(&mut *writer, "a", "a dog", Map::new(), &vector);
    put(&mut *writer, "b", "a cat", Map::new(), &vector);
    writer.commit().unwrap();
    let mut writer = LocalStore::new(&dir).writer(config(), options()).unwrap();
    assert!(writer.remove("a").unwrap() && !writer.remove("a").unwrap());
    put(&mut *writer, "a", "a dog", Map::new(), &vector);
    assert_eq!(writer.commit().unwrap().documents, 2);
    assert_eq!(open(&dir).unwrap().find("a").unwrap().len(), 1);
    assert!(LocalStore::new(&dir).verify().unwrap().faults.is_empty());
}

#[test]
fn many_updates_leave_few_files_and_every_document() {
    let sandbox = Sandbox::new();
    for round in 0..12 {
        let own = format!("own{round}");
        let text = format!("Round {round} of the race.");
        sandbox.write("in.jsonl", records(&[(own.as_str(), "A page of its own."), ("shared", text.as_str())]));
        summary(&sandbox, &["index", "in.jsonl"]);
    }
    // Each segment has two files.
    assert!(fs::read_dir(sandbox.path(".semsearch/vectors")).unwrap().count() <= 16);
    let hits = sandbox.run(&["query", "race", "-k", "100", "-f", "jsonl"]).json_lines();
    assert_eq!(hits.len(), 13);
    assert_eq!(hits[0]["text"], "Round 11 of the race.");
}

#[test]
fn a_rebuild_starts_afresh_with_other_settings() {
    let sandbox = Sandbox::with_index();
    sandbox.write("in.jsonl", records(&[("a", "The dog sleeps.")]));
    let rebuilt = summary(&sandbox, &["index", "in.jsonl", "--rebuild", "--metric", "l2"]);
    assert_eq!((&rebuilt["documents"], &rebuilt["metric"]), (&1.into(), &"l2".into()));
    let hits = sandbox.run(&["query", "sleeping dog", "-f", "jsonl"]).json_lines();
    assert_eq!((hits.len(), &hits[0]["id"]), (1, &"a".into()));
    assert_eq!(fs::read_dir(sandbox.path(".semsearch/vectors")).unwrap().count(), 2);
}

#[test]
fn a_failed_rebuild_leaves_the_index_as_it_was() {
    let sandbox = Sandbox::with_index();
    sandbox.write("in.jsonl", "{\"text\": \"one\"}\nnonsense\n");
    assert_eq!(sandbox.run(&["index", "in.jsonl", "--rebuild"]).status, Some(2));
    assert_eq!(sandbox.run(&["query", "show", "-k", "100", "-f", "jsonl"]).json_lines().len(), 72);
}

#[test]
fn a_full_disk_leaves_the_index_as_it_was() {
    let sandbox = Sandbox::with_index();
    let before = sandbox.index_bytes();
    let new: String = (0..60).map(|n| format!("{{\"_id\": \"new{n}\", \"text\": \"Page {n}.\"}}\n")).collect();
    sandbox.write("in.jsonl", new);
    let full = sandbox.command_on_full_disk(&["index", "in.jsonl"], 32 << 10).output().unwrap();
    let ran = sandbox.ran(&full);
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(ran.stderr.contains("cannot write") && ran.stderr.contains("File too large"), "{ran}");
    assert!(sandbox.index_bytes() == before, "the index was touched");
    assert_eq!(summary(&sandbox, &["index", "in.jsonl"])["added"], 60);
}

#[test]
fn other_factories_find_the_same_answer() {
    // With one list, IVF is exact for any number of probes.
    for factory in ["HNSW16", "SQfp16", "IVF1,Flat"] {
        let sandbox = Sandbox::new();
        summary(&sandbox, &["index", PASSAGES, "--factory", factory]);
        assert!(
            first_hit(&sandbox, "Who headlined the halftime show for Super Bowl 50?").contains("Coldplay"),
            "{factory}"
        );
    }
}

#[test]
fn a_record_without_an_id_is_the_same_document_the_next_time() {
    let sandbox = Sandbox::new();
    // The same record twice in one input is also one document, because the id is computed from the content.
    sandbox.write("in.jsonl", "{\"text\": \"one\"}\n{\"text\": \"two\"}\n{\"text\": \"one\"}\n");
    let first = summary(&sandbox, &["index", "in.jsonl"]);
    assert_eq!((&first["added"], &first["unchanged"]), (&2.into(), &1.into()));
    let second = summary(&sandbox, &["index", "in.jsonl"]);
    assert_eq!((&second["added"], &second["unchanged"]), (&0.into(), &3.into()));
}

#[test]
fn readers_during_updates_see_one_commit_or_the_next() {
    let sandbox = Sandbox::new();
    let texts = |round: usize| {
        (0..4).map(|n| format!("{{\"_id\": \"{n}\", \"text\": \"version {round}\"}}\n")).collect::<String>()
    };
    crate::support::tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("in.jsonl", texts(0));
    sandbox.run(&["index", "in.jsonl", "--model", "tiny"]).success();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 1..=100 {
                sandbox.write("in.jsonl", texts(round));
                sandbox.run(&["index", "in.jsonl", "--model", "tiny"]).success();
            }
        });
        let mut reads = 0;
        while !writer.is_finished() || reads == 0 {
            let hits = sandbox.run(&["query", "version", "-k", "10", "-f", "jsonl"]).json_lines();
            let texts: std::collections::HashSet<&str> = hits.iter().map(|hit| hit["text"].as_str().unwrap()).collect();
            assert_eq!((hits.len(), texts.len()), (4, 1), "{hits:?}");
            reads += 1;
        }
    });
    assert_eq!(first_hit(&sandbox, "version").split(": ").nth(1), Some("version 100"));
}

#[test]
fn a_second_writer_is_told_of_the_first() {
    let sandbox = Sandbox::with_index();
    let lock = fs::File::options().write(true).open(sandbox.path(".semsearch/lock")).unwrap();
    lock.lock().unwrap();
    let ran = sandbox.run(&["index", PASSAGES, "--rebuild"]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.starts_with("error: .semsearch: another process is writing this index (process "), "{ran}");
    drop(lock);
    sandbox.run(&["index", PASSAGES, "--rebuild"]).success();
}

#[test]
fn squad_is_read_from_a_pipe_when_named() {
    let sandbox = Sandbox::new();
    let squad =
        r#"{"data": [{"title": "Bees", "paragraphs": [{"context": "Bees dance.", "qas": [{"question": "Who?"}]}]}]}"#;
    let printed = sandbox.pipe(&["index", "-", "--format", "squad"], squad);
    printed.success();
    let hit = &sandbox.run(&["query", "bees", "-f", "jsonl"]).json_lines()[0];
    assert_eq!(hit["metadata"], serde_json::json!({"title": "Bees", "questions": 1}));
}

#[test]
fn an_index_keeps_the_precision_it_was_built_in() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", "{\"_id\": \"a\", \"text\": \"bread rises\"}\n");
    sandbox.write("b.jsonl", "{\"_id\": \"b\", \"text\": \"rain falls\"}\n");
    sandbox.run(&["index", "a.jsonl", "--precision", "auto"]).success();
    let precision = || {
        let info = sandbox.run(&["info", "--json"]).success();
        serde_json::from_str::<serde_json::Value>(&info).unwrap()["precision"].as_str().unwrap().to_owned()
    };
    let built = precision();
    let ran = sandbox.run(&["index", "b.jsonl", "--isa", "scalar"]);
    assert_eq!((ran.status, precision()), (Some(0), built.clone()), "{ran}");
    if built != "f32" {
        assert!(
            ran.stderr.contains(&format!("was built in {built}: what is new is embedded in f32 beside it")),
            "{ran}"
        );
    }
}

#[test]
fn what_left_an_input_leaves_the_index_with_prune_and_not_without() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", records(&[("1", "The dog sleeps."), ("2", "Rain is coming."), ("3", "Bread rises.")]));
    sandbox.write("b.jsonl", records(&[("4", "Ships float.")]));
    summary(&sandbox, &["index", "a.jsonl", "b.jsonl"]);
    sandbox.write("a.jsonl", records(&[("1", "The dog sleeps."), ("3", "Bread rises slowly.")]));
    let kept = summary(&sandbox, &["index", "a.jsonl"]);
    assert_eq!((&kept["removed"], &kept["updated"], &kept["documents"]), (&0.into(), &1.into(), &4.into()));
    // The same file by another path, from another directory.
    fs::create_dir(sandbox.path("sub")).unwrap();
    let mut again = sandbox.command(&["index", "../a.jsonl", "--prune", "--json"]);
    let ran = sandbox.ran(&again.current_dir(sandbox.path("sub")).output().unwrap());
    let pruned: serde_json::Value = serde_json::from_str(&ran.success()).unwrap();
    assert_eq!((&pruned["removed"], &pruned["unchanged"], &pruned["documents"]), (&1.into(), &2.into(), &3.into()));
    let all = sandbox.run(&["query", "weather", "-k", "9", "-f", "jsonl"]).json_lines();
    let mut ids: Vec<&str> = all.iter().map(|hit| hit["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["1", "3", "4"]);
    sandbox.run(&["verify"]).success();
}

#[test]
fn the_last_document_of_an_input_leaves_with_it() {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    let index = |input: &str, more: &[&str]| sandbox.run(&[&["index", input, "--model", "tiny"], more].concat());
    sandbox.write("a.jsonl", "{\"text\": \"a\"}\n");
    sandbox.write("docs/b.md", "bees\n");
    index("a.jsonl", &[]).success();
    index("docs", &[]).success();
    sandbox.write("a.jsonl", "");
    fs::remove_file(sandbox.path("docs/b.md")).unwrap();
    // Without `--prune`, an empty input is probably a mistake.
    assert_eq!((index("a.jsonl", &[]).status, index("docs", &[]).status), (Some(2), Some(2)));
    for input in ["a.jsonl", "docs"] {
        let said = index(input, &["--prune", "--json"]).success();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&said).unwrap()["removed"], 1, "{input}");
    }
    let info = sandbox.run(&["info", "--json"]).success();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&info).unwrap()["documents"], 0);
    // An empty stream means that the program before it in the pipe has failed.
    sandbox.pipe(&["index", "-", "--model", "tiny"], "{\"text\": \"s\"}\n").success();
    assert_eq!(sandbox.pipe(&["index", "-", "--model", "tiny", "--prune"], "").status, Some(2));
    let info = sandbox.run(&["info", "--json"]).success();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&info).unwrap()["documents"], 1);
    // A missing file is an error even with `--prune`, because its disk may just not be mounted.
    fs::remove_file(sandbox.path("a.jsonl")).unwrap();
    assert_eq!(index("a.jsonl", &["--prune"]).status, Some(2));
}

#[test]
fn nothing_is_pruned_where_records_could_not_be_read() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", records(&[("1", "The dog sleeps."), ("2", "Rain is coming.")]));
    summary(&sandbox, &["index", "a.jsonl"]);
    sandbox.write("a.jsonl", "{\"_id\": \"1\", \"text\": \"The dog sleeps.\"}\n{\"_id\": \"2\", \"text\": 7}\n");
    let ran = sandbox.run(&["index", "a.jsonl", "--prune", "--on-error", "skip"]);
    assert!(ran.stderr.contains("nothing pruned of 1 input whose records could not all be read"), "{ran}");
    assert_eq!(sandbox.run(&["query", "rain", "-f", "jsonl"]).json_lines().len(), 2);
}

#[test]
fn a_text_is_embedded_once_whatever_ids_and_metadata_it_has() {
    let sandbox = Sandbox::new();
    sandbox.write("one.jsonl", records(&[("a", "The dog sleeps.")]));
    let tokens = |summary: &serde_json::Value| summary["tokens"].as_u64().unwrap();
    let one = tokens(&summary(&sandbox, &["index", "one.jsonl", "-i", "one"]));
    sandbox.write("in.jsonl", records(&[("a", "The dog sleeps."), ("b", "The dog sleeps."), ("c", "The dog sleeps.")]));
    assert_eq!(tokens(&summary(&sandbox, &["index", "in.jsonl"])), one, "in one run");
    let often = ["index", "in.jsonl", "-i", "often", "--commit-every", "1"];
    assert_eq!(tokens(&summary(&sandbox, &often)), one, "in one run, in windows of one document");
    sandbox.write(
        "more.jsonl",
        "{\"_id\":\"a\",\"text\":\"The dog sleeps.\",\"tag\":1}\n{\"_id\":\"d\",\"text\":\"The dog sleeps.\"}\n",
    );
    let more = summary(&sandbox, &["index", "more.jsonl"]);
    assert_eq!((tokens(&more), &more["updated"], &more["added"]), (0, &1.into(), &1.into()), "in a later run");
    let hits = sandbox.run(&["query", "dog", "-f", "jsonl"]).json_lines();
    assert_eq!(hits.len(), 4);
    assert!(hits.iter().all(|hit| hit["score"] == hits[0]["score"]));
}

#[test]
fn an_id_that_two_inputs_share_is_an_update() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", records(&[("x", "The dog sleeps."), ("y", "Rain is coming.")]));
    sandbox.write("b.jsonl", records(&[("x", "The violin has four strings."), ("y", "Rain is coming.")]));
    for (options, index) in [(&[][..], "at-end"), (&["--commit-every", "1"], "often")] {
        let done = summary(&sandbox, &[&["index", "a.jsonl", "b.jsonl", "-i", index], options].concat());
        let numbers = ["added", "updated", "unchanged", "documents"].map(|name| done[name].as_u64().unwrap());
        assert_eq!(numbers, [2, 1, 1, 2], "{index}");
        let hits = sandbox.run(&["query", "musical instrument", "-f", "jsonl", "-i", index]).json_lines();
        assert_eq!((hits.len(), hits[0]["text"].as_str()), (2, Some("The violin has four strings.")), "{index}");
        sandbox.run(&["verify", "-i", index]).success();
    }
}

#[test]
fn given_vectors_are_the_index_s_and_go_out_as_they_came() {
    let sandbox = Sandbox::new();
    for file in ["v.npy", "v.safetensors"] {
        sandbox.run(&["embed", PASSAGES, "--output", file]).success();
        let index = format!("{file}.index");
        let built = summary(&sandbox, &["index", PASSAGES, "--vectors", file, "-i", &index]);
        assert_eq!((&built["added"], &built["tokens"]), (&72.into(), &0.into()));
        assert_eq!(summary(&sandbox, &["index", PASSAGES, "--vectors", file, "-i", &index])["unchanged"], 72);
        sandbox.run(&["export", "-i", &index, "--output", &format!("out.{file}")]).success();
        let bytes = |name: &str| fs::read(sandbox.path(name)).unwrap();
        assert!(bytes(&format!("out.{file}")) == bytes(file), "{file}");
        let ask = |index: &str| sandbox.run(&["query", "a rock band", "-f", "jsonl", "-i", index]).success();
        assert_eq!(ask(&index), {
            summary(&sandbox, &["index", PASSAGES, "-i", "computed"]);
            ask("computed")
        });
    }
    // With other vectors, the same documents have another version.
    sandbox.write("one.jsonl", records(&[("a", "The dog sleeps.")]));
    let vector = |first: f32| {
        let mut row = vec![0_f32; 384];
        (row[0], row[1]) = (first, (1.0 - first * first).sqrt());
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 384), }\n";
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
        bytes.extend_from_slice(header.as_bytes());
        row.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        sandbox.write("one.npy", bytes);
    };
    vector(1.0);
    assert_eq!(summary(&sandbox, &["index", "one.jsonl", "--vectors", "one.npy", "-i", "one"])["added"], 1);
    vector(0.5);
    assert_eq!(summary(&sandbox, &["index", "one.jsonl", "--vectors", "one.npy", "-i", "one"])["updated"], 1);
    assert_eq!(summary(&sandbox, &["index", "one.jsonl", "-i", "one"])["updated"], 1);
}

#[test]
fn vectors_that_do_not_go_with_the_records_are_refused_and_nothing_is_committed() {
    let sandbox = Sandbox::with_index();
    let before = sandbox.index_bytes();
    sandbox.write("two.jsonl", records(&[("p", "The dog sleeps."), ("q", "Rain is coming.")]));
    sandbox.write("three.jsonl", records(&[("p", "The dog sleeps."), ("q", "Rain."), ("r", "Snow.")]));
    sandbox.run(&["embed", "two.jsonl", "--output", "two.npy"]).success();
    sandbox.run(&["embed", "two.jsonl", "--output", "long.npy", "--no-normalize"]).success();
    crate::support::tiny_model(&sandbox.path("tiny"), 1);
    let refused = |args: &[&str]| {
        let ran = sandbox.run(args);
        assert_eq!(ran.status, Some(2), "{ran}");
        assert!(sandbox.index_bytes() == before, "the index was touched");
        ran.stderr
    };
    insta::assert_snapshot!(refused(&["index", "three.jsonl", "--vectors", "two.npy"]), @r"
    error: two.npy: 2 rows, but there are more records
    hint: row i is the vector of record i; nothing was committed
    ");
    sandbox.write("one.jsonl", records(&[("p", "The dog sleeps.")]));
    insta::assert_snapshot!(refused(&["index", "one.jsonl", "--vectors", "two.npy"]), @r"
    error: two.npy: 2 rows, but there are fewer records
    hint: row i is the vector of record i; nothing was committed
    ");
    let said = refused(&["index", "two.jsonl", "--vectors", "long.npy"]);
    assert!(
        said.starts_with("error: long.npy: row 0 (from 0) has length ") && said.contains("--no-normalize"),
        "{said}"
    );
    insta::assert_snapshot!(refused(&["index", "two.jsonl", "--vectors", "two.npy", "--model", "tiny", "--rebuild"]), @r"
    error: two.npy: its rows have 384 components, the model [DIR]/tiny makes 8
    hint: with `--model`, name the model that made these vectors; it also embeds queries
    ");
}

#[test]
fn an_export_to_a_directory_has_documents_and_an_index_of_the_same_order() {
    let sandbox = Sandbox::with_index();
    sandbox.run(&["export", "--output", "out"]).success();
    let documents = fs::read_to_string(sandbox.path("out/documents.jsonl")).unwrap();
    assert_eq!(documents.lines().count(), 72);
    // The exported file is an input with the same documents.
    assert_eq!(summary(&sandbox, &["index", "out/documents.jsonl"])["unchanged"], 72);
    let faiss = fs::read(sandbox.path("out/index.faiss")).unwrap();
    assert_eq!((&faiss[..4], faiss.len()), (&b"IxFI"[..], 37 + 8 + 72 * 384 * 4));
    let again = sandbox.run(&["export", "--output", "out"]);
    assert!(again.status == Some(2) && again.stderr.contains("not empty"), "{again}");
}

#[test]
fn a_writer_waits_for_another_if_it_is_told_to() {
    let sandbox = Sandbox::with_index();
    let lock = fs::File::options().write(true).open(sandbox.path(".semsearch/lock")).unwrap();
    lock.lock().unwrap();
    let refused = sandbox.run(&["index", PASSAGES, "--wait", "0.1"]);
    assert_eq!(refused.status, Some(2), "{refused}");
    let mut waiting = sandbox.command(&["index", PASSAGES, "--wait", "60"]).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(waiting.try_wait().unwrap().is_none(), "it did not wait");
    drop(lock);
    assert!(waiting.wait().unwrap().success());
}

#[test]
fn verify_names_every_fault() {
    let sandbox = Sandbox::with_index();
    assert!(sandbox.run(&["verify"]).success().contains("intact"), "an index that was just built");
    let files = sandbox.index_bytes();
    let store = &files.iter().find(|(path, _)| path.extension().is_some_and(|end| end == "store")).unwrap().0;
    let vectors = &files.iter().find(|(path, _)| path.extension().is_some_and(|end| end == "faiss")).unwrap().0;
    for path in [store, vectors] {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    let ran = sandbox.run(&["verify"]);
    assert_eq!(ran.status, Some(2), "{ran}");
    let name = |path: &std::path::Path| path.file_name().unwrap().to_string_lossy().into_owned();
    assert!(ran.stderr.contains(&name(store)) && ran.stderr.contains(&name(vectors)), "{ran}");
    assert!(ran.stderr.contains("error: .semsearch: faults found: 2"), "{ran}");
}

#[test]
fn too_few_documents_to_train_a_factory_on_is_an_error_with_a_way_out() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["index", PASSAGES, "--factory", "IVF1024,Flat"]);
    assert_eq!(ran.status, Some(2), "{ran}");
    assert!(ran.stderr.starts_with("error: .semsearch: cannot train IVF1024,Flat on 72 vectors: "), "{ran}");
    assert!(ran.stderr.contains("hint: index more texts at once"), "{ran}");
    assert!(!sandbox.path(".semsearch").exists());
}

#[test]
fn a_trained_factory_grows_by_little_and_is_searched_as_asked() {
    let sandbox = Sandbox::new();
    summary(&sandbox, &["index", PASSAGES, "--factory", "IVF4,Flat"]);
    sandbox.write("more.jsonl", records(&[("new", "The violin has four strings.")]));
    assert_eq!(summary(&sandbox, &["index", "more.jsonl"])["added"], 1);
    let hits = sandbox.run(&["query", "musical instrument", "-k", "73", "--nprobe", "4", "-f", "jsonl"]).json_lines();
    assert_eq!((hits.len(), hits[0]["id"].as_str()), (73, Some("new")));
    let refused = sandbox.run(&["query", "x", "--ef-search", "4"]);
    assert!(refused.stderr.contains("ef-search is for HNSW factories, this index is IVF4,Flat"), "{refused}");
    sandbox.run(&["verify"]).success();
}
