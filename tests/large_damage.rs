//! Damage in an index that is too large to be checked completely when it is opened. No hit may be wrong, and no damaged
//! byte may get a new checksum.
//!
//! The index has 72,000 passages (160 MB), most of them with given vectors. `SEMSEARCH_FAULTS=all` damages it 1,000
//! times instead of a few times, and every fourth damaged index goes through an update, a compaction and an export.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use semsearch::encoder::Vectors;
use semsearch::index::{LocalStore, Snapshot, Store, StoreError, StoredPassage};

use crate::support::{Sandbox, among, copy, open, passages_of};

const PASSAGES: usize = 72_000;
const EMBEDDED: usize = 40;
const CHANGED: usize = 25_000;
const DIM: usize = 384;

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound
    }
}

fn everything() -> bool {
    std::env::var("SEMSEARCH_FAULTS").is_ok_and(|word| word == "all")
}

/// A vector of length 1 that depends only on its number.
fn vector(number: usize) -> Vec<f32> {
    let mut random = Random(number as u64 + 1);
    let row: Vec<f32> = (0..DIM).map(|_| random.below(2001) as f32 / 1000.0 - 1.0).collect();
    let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
    row.into_iter().map(|value| value / length).collect()
}

fn text(number: usize) -> String {
    let words = ["dog", "cat", "walk", "rain", "today", "bread", "yeast", "violin", "glacier", "valley"];
    let word = |at: usize| words[number / at % 10];
    format!("{} {} {} number{number} {}", word(1), word(10), word(100), word(1000))
}

/// Writes the first passages to `NAME.jsonl` and `NAME.npy`. Each text gets one more word.
pub(crate) fn write_given(sandbox: &Sandbox, name: &str, passages: usize, word: &str) {
    let mut npy = std::io::BufWriter::new(fs::File::create(sandbox.path(format!("{name}.npy"))).unwrap());
    let shape = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({passages}, {DIM}), }}");
    let header = format!("{shape:<117}\n");
    npy.write_all(b"\x93NUMPY\x01\x00").unwrap();
    npy.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
    npy.write_all(header.as_bytes()).unwrap();
    let mut lines = String::new();
    for number in 0..passages {
        lines += &format!("{{\"_id\":\"p{number}\",\"text\":\"{}{word}\",\"n\":{number}}}\n", text(number));
        vector(number).iter().for_each(|value| npy.write_all(&value.to_le_bytes()).unwrap());
    }
    npy.flush().unwrap();
    sandbox.write(&format!("{name}.jsonl"), lines);
}

/// The index, built by the real program: first given vectors, then texts that the model embeds.
fn large_index() -> Sandbox {
    let sandbox = Sandbox::new();
    write_given(&sandbox, "given", PASSAGES, "");
    // More than a quarter of a segment, so that it is rewritten.
    write_given(&sandbox, "changed", CHANGED, " changed");
    let embedded = |number: usize| format!("{{\"_id\":\"e{number}\",\"text\":\"embedded {}\"}}\n", text(number));
    sandbox.write("embedded.jsonl", (0..EMBEDDED).map(embedded).collect::<String>());
    sandbox.run(&["index", "given.jsonl", "--vectors", "given.npy"]).success();
    sandbox.run(&["index", "embedded.jsonl"]).success();
    sandbox
}

/// What the undamaged index holds and answers.
struct Truth {
    documents: HashMap<u64, StoredPassage>,
    queries: Vec<Vec<f32>>,
    /// The score of every key, query by query.
    scores: Vec<HashMap<u64, f32>>,
    lexical: HashMap<u64, f32>,
    /// The vectors that the model made, by their texts.
    embedded: HashMap<String, Vec<f32>>,
}

const WORDS: &str = "violin number4711 number31337";

impl Truth {
    fn of(dir: &Path) -> Self {
        let index = open(dir).unwrap();
        let (mut keys, mut made) = (Vec::new(), Vec::new());
        index
            .vectors(&mut |key, row| {
                keys.push(key);
                if keys.len() > PASSAGES {
                    made.push((key, row.to_vec()));
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(keys.len(), PASSAGES + EMBEDDED);
        let queries: Vec<Vec<f32>> = [7, 31_337, 71_999].map(vector).to_vec();
        let scores =
            queries.iter().map(|query| keys.iter().copied().zip(index.scores(query, &keys).unwrap()).collect());
        let scores = scores.collect();
        let lexical = keys.iter().copied().zip(index.words(WORDS).unwrap().scores(&keys).unwrap()).collect();
        let documents = passages_of(&index, keys.iter().copied()).unwrap();
        let embedded = made.into_iter().map(|(key, row)| (documents[&key].text.clone(), row)).collect();
        Self { documents, queries, scores, lexical, embedded }
    }

    /// Searches the index. Every hit must be correct, and an error must report damage. Returns whether there was an
    /// error.
    fn check(&self, dir: &Path, damage: &str) -> bool {
        let ask = || -> Result<(), StoreError> {
            let index = open(dir)?;
            for (query, scores) in self.queries.iter().zip(&self.scores) {
                let found = index.nearest(&Vectors::new(query.clone(), DIM), &among(10, None))?.remove(0);
                let documents = passages_of(&index, found.iter().map(|near| near.key))?;
                for near in &found {
                    let expected = scores.get(&near.key).unwrap_or_else(|| panic!("{damage}: no key {}", near.key));
                    // FAISS and our own scan add in different orders.
                    assert!((near.score - expected).abs() < 1e-5, "{damage}: {near:?}, it is {expected}");
                    assert_eq!(documents[&near.key], self.documents[&near.key], "{damage}");
                }
            }
            let found = index.words(WORDS)?.best(&among(10, None))?;
            let documents = passages_of(&index, found.iter().map(|near| near.key))?;
            for near in &found {
                assert!((near.score - self.lexical[&near.key]).abs() < 1e-4, "{damage}: {near:?}");
                assert_eq!(documents[&near.key], self.documents[&near.key], "{damage}");
            }
            Ok(())
        };
        is_damage(ask(), damage)
    }
}

fn is_damage(outcome: Result<(), StoreError>, damage: &str) -> bool {
    match outcome {
        Ok(()) => false,
        Err(StoreError::Damaged { .. }) => true,
        Err(other) => panic!("{damage}: {other}"),
    }
}

/// Changed bytes of a file, with the original bytes to restore them.
struct Damage {
    path: PathBuf,
    at: u64,
    before: Vec<u8>,
}

impl Damage {
    /// Changes some bytes of a file: one, several, or a page. Often they belong to a vector or a text that is a hit.
    fn random(files: &[PathBuf], random: &mut Random) -> Self {
        let path = files[random.below(files.len())].clone();
        let file = fs::File::options().read(true).write(true).open(&path).unwrap();
        let length = file.metadata().unwrap().len() as usize;
        let count = [1, 1, 2, 4, 16, 300, 4096][random.below(7)].min(length);
        let mut at = random.below(length - count + 1);
        if path.extension().is_some_and(|kind| kind == "faiss") && random.below(2) == 0 {
            // The row of a hit, if that hit is in this segment.
            let row = 82 + [7, 31_337, 71_999][random.below(3)] * DIM * 4 + random.below(DIM) * 4;
            at = if row + count <= length { row } else { at };
        }
        let mut before = vec![0; count];
        file.read_exact_at(&mut before, at as u64).unwrap();
        let how = random.below(3);
        let change = |&byte: &u8| match how {
            0 => byte ^ (1 << random.below(8)),
            1 => random.next() as u8,
            _ => !byte,
        };
        let changed: Vec<u8> = before.iter().map(change).collect();
        file.write_all_at(&changed, at as u64).unwrap();
        Self { path, at: at as u64, before }
    }

    fn undo(self) {
        fs::File::options().write(true).open(&self.path).unwrap().write_all_at(&self.before, self.at).unwrap();
    }
}

/// Runs every command that rewrites the damaged index. Each is refused, or the result is correct.
fn try_to_launder(sandbox: &Sandbox, truth: &Truth, damage: &str) {
    let ix = sandbox.path("laundered");
    let _ = fs::remove_dir_all(&ix);
    copy(&sandbox.path(".semsearch"), &ix);
    // The same texts with other ids, so that their vectors are used again; small commits, so that segments are merged;
    // and many documents replaced, so that large ones are rewritten.
    let again = |number: usize| format!("{{\"_id\":\"again{number}\",\"text\":\"embedded {}\"}}\n", text(number));
    sandbox.write("again.jsonl", (0..EMBEDDED).map(again).collect::<String>());
    for update in [&["again.jsonl", "--commit-every", "4"][..], &["changed.jsonl", "--vectors", "changed.npy"]] {
        let ran = sandbox.run(&[&["index", "-i", "laundered"], update].concat());
        assert!([Some(0), Some(2)].contains(&ran.status) && !ran.stderr.contains("defect"), "{damage}: {ran}");
    }
    let _ = fs::remove_file(sandbox.path("out.npy"));
    let export = sandbox.run(&["export", "-i", "laundered", "--output", "out.npy"]);
    assert!([Some(0), Some(2)].contains(&export.status) && !export.stderr.contains("defect"), "{damage}: {export}");
    assert!(export.status == Some(0) || !sandbox.path("out.npy").exists(), "{damage}");
    // If `verify` reports an intact index, its content must be correct to the last byte.
    let intact = LocalStore::new(&ix).verify().is_ok_and(|verified| verified.faults.is_empty());
    if intact {
        check_content(&ix, truth, damage);
    }
}

/// Checks every document and every vector.
fn check_content(ix: &Path, truth: &Truth, damage: &str) {
    let index = open(ix).unwrap();
    let mut rows = Vec::new();
    index
        .vectors(&mut |key, row| {
            rows.push((key, row.to_vec()));
            Ok(())
        })
        .unwrap();
    let documents = passages_of(&index, rows.iter().map(|(key, _)| *key)).unwrap();
    for (key, row) in &rows {
        let document = &documents[key];
        if let Some(before) = truth.documents.get(key) {
            assert_eq!(document, before, "{damage}: key {key}");
        }
        match document.id.strip_prefix('p').map(|number| number.parse().unwrap()) {
            Some(number) => {
                assert_eq!(row, &vector(number), "{damage}: key {key}");
                assert!(document.text.starts_with(&text(number)), "{damage}: key {key}");
            }
            None => assert_eq!(row, &truth.embedded[&document.text], "{damage}: key {key}"),
        }
    }
}

#[test]
fn no_damage_in_a_large_index_gives_a_wrong_hit_or_is_given_a_new_checksum() {
    let sandbox = large_index();
    let dir = sandbox.path(".semsearch");
    let truth = Truth::of(&dir);
    let files: Vec<PathBuf> = sandbox.index_bytes().into_iter().map(|(path, _)| path).collect();
    let bytes: u64 = files.iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(bytes > 100 << 20, "{bytes}");
    let mut random = Random(1);
    let (mut noticed, damages) = (0, if everything() { 1000 } else { 60 });
    for number in 0..damages {
        let damage = Damage::random(&files, &mut random);
        let what =
            format!("damage {number}: {} bytes of {} at {}", damage.before.len(), damage.path.display(), damage.at);
        noticed += usize::from(truth.check(&dir, &what));
        if number % if everything() { 4 } else { 20 } == 0 {
            try_to_launder(&sandbox, &truth, &what);
        }
        damage.undo();
    }
    eprintln!("{noticed} of {damages} damages noticed by a search");
    assert!(!truth.check(&dir, "nothing damaged"));
    assert!(noticed > damages / 3, "{noticed}");
}
