//! The terms of each of some passages: an inverted index, turned round.
//!
//! An inverted index lists the documents of each term. To find all terms of a document, one walks all terms, so this is
//! done for many documents at once.

use std::io;

use tantivy::postings::Postings;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, InvertedIndexReader, TERMINATED};

/// Documents that are at most this far apart are read in one run.
const GAP: DocId = 64;

/// Documents of a segment that are near each other, with their numbers among the passages whose terms are wanted.
pub(super) struct Run {
    first: DocId,
    /// The numbers of this document and of those after it; `None` for a document that is not wanted.
    numbers: Vec<Option<u32>>,
}

impl Run {
    /// The runs of these documents, which come with their numbers.
    pub(super) fn all(mut documents: Vec<(DocId, u32)>) -> Vec<Self> {
        documents.sort_unstable();
        let run = |near: &[(DocId, u32)]| {
            let mut run = Self { first: near[0].0, numbers: Vec::new() };
            for &(document, number) in near {
                run.numbers.resize((document - run.first) as usize, None);
                run.numbers.push(Some(number));
            }
            run
        };
        documents.dedup_by_key(|(document, _)| *document);
        documents.chunk_by(|a, b| b.0 - a.0 <= GAP).map(run).collect()
    }

    fn end(&self) -> DocId {
        self.first + self.numbers.len() as DocId
    }
}

/// The terms of some passages, by the passages' numbers.
#[derive(Default)]
pub(super) struct TermsOf {
    /// The terms, one after the other.
    bytes: Vec<u8>,
    /// Where each term ends in `bytes`.
    ends: Vec<usize>,
    /// For each passage the positions of its terms in `ends`, and how often it has each.
    passages: Vec<Vec<(u32, u32)>>,
    /// How many terms of passages can still be added.
    room: u64,
}

impl TermsOf {
    /// No terms of this many passages, with room for this many.
    pub(super) fn none(passages: usize, room: u64) -> Self {
        Self { passages: vec![Vec::new(); passages], room, ..Self::default() }
    }

    /// Adds the terms of those documents of a segment that the `runs` hold.
    ///
    /// # Errors
    /// The lists cannot be read, or are longer than the room.
    pub(super) fn add(&mut self, lists: &InvertedIndexReader, runs: &[Run]) -> io::Result<()> {
        let mut terms = lists.terms().stream()?;
        while terms.advance() {
            let listed = lists.read_postings_from_terminfo(terms.value(), IndexRecordOption::WithFreqs)?;
            let before = self.room;
            self.add_term(listed, runs)?;
            if self.room < before {
                self.bytes.extend_from_slice(terms.key());
                self.ends.push(self.bytes.len());
            }
        }
        Ok(())
    }

    /// Adds the next term to the passages that have it.
    fn add_term(&mut self, mut listed: impl Postings, mut runs: &[Run]) -> io::Result<()> {
        let term = self.ends.len() as u32;
        let mut document = listed.doc();
        while document != TERMINATED {
            runs = &runs[runs.partition_point(|run| run.end() <= document)..];
            let Some(run) = runs.first() else { break };
            if document < run.first {
                document = listed.seek(run.first);
            }
            let at = document.checked_sub(run.first).ok_or_else(|| impossible("a list that does not ascend"))?;
            // The document may be in a later run.
            let Some(number) = run.numbers.get(at as usize) else { continue };
            if let Some(number) = number {
                let room = self.room.checked_sub(1);
                self.room = room.ok_or_else(|| impossible("documents with more terms than they say"))?;
                self.passages[*number as usize].push((term, listed.term_freq()));
            }
            document = listed.advance();
        }
        Ok(())
    }

    /// The terms of a passage, in the order of their bytes, and how often it has each.
    pub(super) fn of(&self, passage: usize) -> impl Iterator<Item = (&[u8], u32)> {
        self.passages[passage].iter().map(|&(term, count)| {
            let start = (term as usize).checked_sub(1).map_or(0, |before| self.ends[before]);
            (&self.bytes[start..self.ends[term as usize]], count)
        })
    }
}

fn impossible(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tantivy::schema::{IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
    use tantivy::{Index, IndexWriter, TantivyDocument};

    use super::*;

    /// The terms of each of `wanted` documents, in an index of these documents' words.
    fn turned_round(documents: &[Vec<u8>], wanted: &[u32], room: u64) -> io::Result<Vec<Vec<(String, u32)>>> {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqs);
        let words = schema.add_text_field("words", TextOptions::default().set_indexing_options(indexing));
        let index = Index::create_in_ram(schema.build());
        let mut writer: IndexWriter = index.writer_with_num_threads(1, 15 << 20).unwrap();
        for document in documents {
            let mut new = TantivyDocument::default();
            new.add_text(words, document.iter().map(|word| format!("w{word} ")).collect::<String>());
            writer.add_document(new).unwrap();
        }
        writer.commit().unwrap();
        let searcher = index.reader().unwrap().searcher();
        let lists = searcher.segment_reader(0).inverted_index(words).unwrap();
        let mut terms = TermsOf::none(wanted.len(), room);
        terms.add(&lists, &Run::all(wanted.iter().copied().zip(0..).collect()))?;
        let term = |(term, count): (&[u8], u32)| (String::from_utf8(term.into()).unwrap(), count);
        Ok((0..wanted.len()).map(|number| terms.of(number).map(term).collect()).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn documents_get_back_the_words_that_were_listed(
            // Some words are in hundreds of documents, whose lists have several blocks.
            documents in prop::collection::vec(prop::collection::vec(prop_oneof![0..4u8, 4..200u8], 0..8), 1..700),
            wanted in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let mut wanted: Vec<u32> = wanted.iter().map(|at| at.index(documents.len()) as u32).collect();
            let mut known = std::collections::HashSet::new();
            wanted.retain(|document| known.insert(*document));
            let counted = |&document: &u32| {
                let mut counts = std::collections::BTreeMap::new();
                let words = documents[document as usize].iter().map(|word| format!("w{word}"));
                words.for_each(|word| *counts.entry(word).or_insert(0) += 1);
                counts.into_iter().collect::<Vec<_>>()
            };
            let expected: Vec<_> = wanted.iter().map(counted).collect();
            let room = expected.iter().map(|words| words.len() as u64).sum::<u64>();
            prop_assert_eq!(turned_round(&documents, &wanted, room).unwrap(), expected);
            if let Some(less) = room.checked_sub(1) {
                prop_assert!(turned_round(&documents, &wanted, less).is_err());
            }
        }
    }
}
