use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use semsearch_store::{Among, Change, CopiedPassage, Effort, FieldValue, Snapshot, StoreWriter, WriteOptions};
use tempfile::TempDir;

use self::made::{Made, config};
use crate::catalog::Portion;
use crate::verify::verify;
use crate::{LocalSnapshot, LocalStore, LocalWriter};

mod cases;
mod made;

/// Portions of one passage, of few, and of all.
const PORTIONS: [Portion; 4] = [
    Portion { terms: 0, passages: 1 },
    Portion { terms: 1 << 20, passages: 3 },
    Portion { terms: 60, passages: 100 },
    Portion { terms: 1 << 20, passages: 1 << 20 },
];

/// A directory for indexes, with the inputs of their documents: a file beside the indexes, one elsewhere, and one that
/// is no file.
struct Room {
    here: TempDir,
    inputs: Vec<Arc<str>>,
    /// Holds the other file.
    _there: TempDir,
}

impl Room {
    fn new() -> Self {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = |dir: &TempDir| -> Arc<str> {
            let path = dir.path().join("docs.jsonl");
            fs::write(&path, "").unwrap();
            path.to_str().unwrap().into()
        };
        let inputs = vec![file(&here), file(&there), "<stdin>".into()];
        Self { here, inputs, _there: there }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.here.path().join(name)
    }

    fn made(&self, id: u8, variant: u64) -> Made {
        Made::new(id, variant, &self.inputs)
    }

    /// An index with these documents, by one commit.
    fn index(&self, name: &str, documents: &[Made]) -> LocalSnapshot {
        let mut writer = writer(&self.path(name));
        documents.iter().for_each(|made| assert_eq!(made.put(&mut *writer), Change::Added));
        writer.commit().unwrap();
        opened(&self.path(name))
    }
}

fn writer(dir: &Path) -> Box<dyn StoreWriter> {
    Box::new(LocalWriter::open(dir, config(), WriteOptions::default()).unwrap())
}

fn opened(dir: &Path) -> LocalSnapshot {
    LocalStore::new(dir).open().unwrap()
}

/// The passages of an index, which are the same however it is read.
fn copies(index: &LocalSnapshot) -> Vec<CopiedPassage> {
    let read = |portion| {
        let mut copied = Vec::new();
        let take = &mut |passage| {
            copied.push(passage);
            Ok(())
        };
        match portion {
            Some(portion) => index.copy_in_portions(portion, take),
            None => index.copy(take),
        }
        .unwrap();
        copied
    };
    let all = read(None);
    PORTIONS.into_iter().for_each(|portion| assert_same(&read(Some(portion)), &all));
    all
}

/// Compares passages, and the bits of their vectors.
fn assert_same(found: &[CopiedPassage], expected: &[CopiedPassage]) {
    assert_eq!(found, expected);
    let bits = |passages: &[CopiedPassage]| -> Vec<u32> {
        passages.iter().flat_map(|passage| &passage.vector).map(|number| number.to_bits()).collect()
    };
    assert_eq!(bits(found), bits(expected));
}

/// Puts the documents of `from` into the index at `dir`. Returns how they differed.
fn fill(dir: &Path, from: &LocalSnapshot) -> Vec<Change> {
    let mut writer = writer(dir);
    let mut changes = Vec::new();
    let all = copies(from);
    for document in all.chunk_by(|a, b| a.first == b.first) {
        changes.push(writer.put_copied(document).unwrap());
    }
    writer.commit().unwrap();
    changes
}

/// What an index answers.
#[derive(Debug, PartialEq)]
struct Answers {
    /// For each query, the passages with its words, with the bits of their BM25.
    words: Vec<Vec<(u64, u32)>>,
    /// For each filter, the passages that pass it.
    filters: Vec<Vec<u64>>,
    /// The values of all fields.
    values: Vec<FieldValue>,
}

fn answers(index: &LocalSnapshot) -> Answers {
    let queries = ["the running violin strings", "HTTP server", "half time", "1200", "東京 café", "nothing"];
    let among = Among { k: 1000, filter: None, effort: Effort::default() };
    let words = queries.map(|query| {
        let found = index.words(query).unwrap().best(&among).unwrap();
        found.iter().map(|scored| (scored.key, scored.score.to_bits())).collect()
    });
    let filters = ["year > 1992", "lang = de and not year = 1990", "price < 13", "deep.none exists", "tags = the"];
    let filters = filters.map(|filter| index.keys(Some(&filter.parse().unwrap())).unwrap());
    let fields = index.fields(100).unwrap();
    let values = fields.iter().flat_map(|field| index.values(field, None, 100).unwrap()).collect();
    Answers { words: words.into(), filters: filters.into(), values }
}

/// What is done to an index.
#[derive(Clone, Debug)]
enum Step {
    Put(u8, u64),
    Remove(u8),
    Commit,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..14u8, 0..3u64).prop_map(|(id, variant)| Step::Put(id, variant)),
        1 => (0..14u8).prop_map(Step::Remove),
        2 => Just(Step::Commit),
    ];
    prop::collection::vec(step, 1..60)
}

/// Does the steps. Returns the index, and its documents by the keys of their first passages.
fn run(room: &Room, name: &str, steps: &[Step]) -> (LocalSnapshot, BTreeMap<u64, Made>) {
    let dir = room.path(name);
    let (mut there, mut next_key) = (BTreeMap::<u64, Made>::new(), 0);
    let mut writing = writer(&dir);
    for step in steps {
        match *step {
            Step::Put(id, variant) => {
                let made = room.made(id, variant);
                if made.put(&mut *writing) != Change::Unchanged {
                    there.retain(|_, old| old.document.id != made.document.id);
                    let first = next_key;
                    next_key += made.len();
                    there.insert(first, made);
                }
                continue;
            }
            Step::Remove(id) => {
                // A document that is removed is not put again in the same run.
                writing.commit().unwrap();
                writing = writer(&dir);
                let known = there.len();
                there.retain(|_, old| old.document.id != format!("d{id}"));
                assert_eq!(writing.remove(&format!("d{id}")).unwrap(), there.len() < known);
            }
            Step::Commit => {}
        }
        writing.commit().unwrap();
        writing = writer(&dir);
    }
    writing.commit().unwrap();
    (opened(&dir), there)
}

fn kept(documents: &BTreeMap<u64, Made>) -> Vec<CopiedPassage> {
    documents.iter().flat_map(|(first, made)| made.kept(*first)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_copy_has_what_was_put_and_an_index_of_copies_is_as_if_it_had_been_put_there(steps in steps()) {
        let room = Room::new();
        let (index, there) = run(&room, "changed", &steps);
        assert_same(&copies(&index), &kept(&there));

        let changes = fill(&room.path("copied"), &index);
        prop_assert_eq!(changes, vec![Change::Added; there.len()]);
        let put = room.index("put", &there.into_values().collect::<Vec<_>>());
        let copied = opened(&room.path("copied"));
        // Both have the same documents in the same order, so they have the same keys too.
        assert_same(&copies(&copied), &copies(&put));
        prop_assert_eq!(answers(&copied), answers(&put));
        let counts = |index: &LocalSnapshot| (index.facts().documents, index.facts().passages);
        prop_assert_eq!(counts(&copied), counts(&put));
        prop_assert!(verify(&room.path("copied")).unwrap().faults.is_empty());
    }
}
