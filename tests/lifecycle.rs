//! An index over time: builds, updates, rebuilds, and readers meanwhile.

use std::fs;

use crate::support::{PASSAGES, Sandbox};

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
fn many_updates_leave_few_files_and_every_document() {
    let sandbox = Sandbox::new();
    for round in 0..12 {
        let own = format!("own{round}");
        let text = format!("Round {round} of the race.");
        sandbox.write("in.jsonl", records(&[(own.as_str(), "A page of its own."), ("shared", text.as_str())]));
        summary(&sandbox, &["index", "in.jsonl"]);
    }
    assert!(fs::read_dir(sandbox.path(".semsearch/vectors")).unwrap().count() <= 8);
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
    assert_eq!(fs::read_dir(sandbox.path(".semsearch/vectors")).unwrap().count(), 1);
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
    // One list makes IVF exact, whatever it probes.
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
    // Twice in one input, too: the content is the id.
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
    sandbox.write("in.jsonl", texts(0));
    sandbox.run(&["index", "in.jsonl"]).success();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 1..6 {
                sandbox.write("in.jsonl", texts(round));
                sandbox.run(&["index", "in.jsonl"]).success();
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
    assert_eq!(first_hit(&sandbox, "version").split(": ").nth(1), Some("version 5"));
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
