//! Files that are damaged or cut while others read them. A reader returns correct hits or an error about damage, and
//! keeps running.
//!
//! A few rounds by default, 1,000 with `SEMSEARCH_FAULTS=all`.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use semsearch::encoder::Vectors;
use semsearch::index::{LocalSnapshot, Snapshot, StoreError, StoredPassage};

use crate::support::{Sandbox, among, open, passages_of, tiny_model};

const DOCUMENTS: usize = 3000;
const DIM: usize = 8;

fn everything() -> bool {
    std::env::var("SEMSEARCH_FAULTS").is_ok_and(|word| word == "all")
}

/// Texts whose vectors the small model makes different.
fn text(number: usize) -> String {
    let words = ["dog", "cat", "walk", "rain", "today", "a", "b", "c"];
    (0..5).map(|at| words[number >> (3 * at) & 7]).collect::<Vec<_>>().join(" ") + &format!(" number{number}")
}

fn index_of_many() -> Sandbox {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    let line = |number: usize| format!("{{\"_id\":\"d{number}\",\"text\":\"{}\"}}\n", text(number));
    sandbox.write("in.jsonl", (0..DOCUMENTS).map(line).collect::<String>());
    sandbox.run(&["index", "in.jsonl", "--model", "tiny"]).success();
    sandbox
}

/// The answers of the undamaged index.
struct Truth {
    query: Vec<f32>,
    scores: HashMap<u64, f32>,
    documents: HashMap<u64, StoredPassage>,
}

impl Truth {
    fn of(dir: &Path) -> Self {
        let index = open(dir).unwrap();
        let mut rows = Vec::new();
        index
            .vectors(&mut |key, row| {
                rows.push((key, row.to_vec()));
                Ok(())
            })
            .unwrap();
        let query = rows[1234].1.clone();
        let keys: Vec<u64> = rows.iter().map(|(key, _)| *key).collect();
        let scores = keys.iter().copied().zip(index.scores(&query, &keys).unwrap()).collect();
        Self { query, scores, documents: passages_of(&index, keys).unwrap() }
    }

    /// Searches an index that may have been opened before or after the damage.
    fn ask(&self, index: &LocalSnapshot) -> Result<(), StoreError> {
        let found = index.nearest(&Vectors::new(self.query.clone(), DIM), &among(10, None))?.remove(0);
        let documents = passages_of(index, found.iter().map(|near| near.key))?;
        for near in &found {
            assert!((near.score - self.scores[&near.key]).abs() <= 1e-4 * near.score.abs(), "{near:?}");
            assert_eq!(documents[&near.key], self.documents[&near.key]);
        }
        Ok(())
    }

    fn check(&self, outcome: Result<(), StoreError>, what: &str) -> bool {
        match outcome {
            Ok(()) => true,
            Err(StoreError::Damaged { .. }) => false,
            Err(other) => panic!("{what}: {other}"),
        }
    }
}

fn files(dir: &Path, kinds: &[&str]) -> Vec<PathBuf> {
    let all = ["vectors", "catalog"].into_iter().flat_map(|part| fs::read_dir(dir.join(part)).unwrap());
    let paths = all.map(|entry| entry.unwrap().path());
    paths.filter(|path| kinds.contains(&path.extension().unwrap().to_str().unwrap())).collect()
}

#[test]
fn an_index_whose_files_are_cut_after_it_was_opened_gives_true_hits_or_an_error() {
    let sandbox = index_of_many();
    let dir = sandbox.path(".semsearch");
    let truth = Truth::of(&dir);
    let mut noticed = 0;
    for path in files(&dir, &["faiss", "sums", "store", "term", "idx", "fast", "fieldnorm"]) {
        let bytes = fs::read(&path).unwrap();
        for part in [0, 1, 2, 3] {
            let index = open(&dir).unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_len((bytes.len() * part / 4) as u64).unwrap();
            let what = format!("{} cut to {part} quarters", path.display());
            noticed += usize::from(!truth.check(truth.ask(&index), &what));
            assert!(!truth.check(open(&dir).map(drop), &what), "{what}");
            file.write_all_at(&bytes, 0).unwrap();
        }
    }
    assert!(noticed > 4, "{noticed}");
    assert!(truth.check(truth.ask(&open(&dir).unwrap()), "whole again"));
}

#[test]
fn a_vector_that_changes_after_the_index_was_opened_is_no_hit() {
    let sandbox = index_of_many();
    let dir = sandbox.path(".semsearch");
    let truth = Truth::of(&dir);
    let path = files(&dir, &["faiss"]).remove(0);
    let bytes = fs::read(&path).unwrap();
    for number in [0, 1234, 2999] {
        let file = fs::File::options().write(true).open(&path).unwrap();
        let row = 82 + number * DIM * 4;
        let index = open(&dir).unwrap();
        file.write_all_at(&[0x7f, 0x7f].repeat(DIM * 2), row as u64).unwrap();
        assert!(!truth.check(truth.ask(&index), "changed"), "row {number}");
        file.write_all_at(&bytes[row..][..DIM * 4], row as u64).unwrap();
        // Whoever opened the index before does not know what was read meanwhile.
        assert!(!truth.check(truth.ask(&index), "changed meanwhile"));
        assert!(truth.check(truth.ask(&open(&dir).unwrap()), "as it was"));
    }
}

#[test]
fn a_file_that_changed_and_is_as_before_is_damage_for_whoever_opened_it_before() {
    let sandbox = index_of_many();
    let dir = sandbox.path(".semsearch");
    let truth = Truth::of(&dir);
    for path in files(&dir, &["faiss", "sums", "store", "term", "idx", "fast", "fieldnorm"]) {
        let bytes = fs::read(&path).unwrap();
        let index = open(&dir).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.write_all_at(&[!bytes[0]], 0).unwrap();
        file.write_all_at(&bytes[..1], 0).unwrap();
        assert!(!truth.check(truth.ask(&index), "changed"), "{}", path.display());
        assert!(truth.check(truth.ask(&open(&dir).unwrap()), "opened anew"));
    }
}

/// Sets a flag when it goes, also by a panic.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn programs_that_ask_while_files_are_damaged_and_cut_answer_truly_or_say_so() {
    let sandbox = index_of_many();
    let dir = sandbox.path(".semsearch");
    let ask = |k: &str| sandbox.run(&["query", &text(1234), "-k", k, "-f", "jsonl", "--model", "tiny"]);
    let (expected, near) = (ask("3").success(), hits(&ask("100").success()));
    let paths = files(&dir, &["faiss", "sums", "store", "term", "idx", "fast", "fieldnorm"]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut state = 1_u64;
            while !done.load(Ordering::Relaxed) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let path = &paths[(state >> 33) as usize % paths.len()];
                let bytes = fs::read(path).unwrap();
                let at = (state >> 20) as usize % bytes.len();
                let file = fs::File::options().write(true).open(path).unwrap();
                match state >> 60 & 1 {
                    0 => file.set_len(at as u64).unwrap(),
                    _ => file.write_all_at(&[!bytes[at]], at as u64).unwrap(),
                }
                thread::sleep(Duration::from_millis(3));
                file.write_all_at(&bytes, 0).unwrap();
                thread::sleep(Duration::from_millis(3));
            }
        });
        // A question that fails ends the other thread too.
        let _done = SetOnDrop(&done);
        let mut refused = 0;
        for round in 0..if everything() { 1000 } else { 60 } {
            let ran = ask("3");
            match ran.status {
                Some(0) => {
                    // Later hits may move up, because a search may miss a damaged vector.
                    let far = ran.stdout.lines().find(|hit| !near.contains(&without_rank(hit)));
                    assert_eq!(far, None, "{round}: {ran}\n{near:?}");
                }
                Some(2) => {
                    assert!(ran.stderr.contains("damaged index") && !ran.stderr.contains("defect"), "{round}: {ran}");
                    refused += 1;
                }
                _ => panic!("{round}: {ran}"),
            }
        }
        eprintln!("{refused} questions met damage");
    });
    assert_eq!(ask("3").success(), expected);
}

/// A hit without its rank.
fn without_rank(hit: &str) -> (String, String) {
    let hit: serde_json::Value = serde_json::from_str(hit).unwrap();
    (hit["id"].to_string(), format!("{:.4} {}", hit["score"].as_f64().unwrap(), hit["text"]))
}

fn hits(printed: &str) -> Vec<(String, String)> {
    printed.lines().map(without_rank).collect()
}
