//! Passages with everything that the catalog keeps of them, in the order of their keys, for another index.
//!
//! Words, facts and digests of embedded texts are only in the inverted index, which lists passages by terms. So it is
//! turned round for a portion of the passages at a time.

use std::collections::BTreeMap;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::schema::Field;
use tantivy::{DocAddress, DocId, SegmentReader};

use super::fields::LatestFields;
use super::terms_of::{Run, TermsOf};
use super::{Catalog, damaged, guard};
use crate::source;
use semsearch_store::{ContentDigest, CopiedPassage, StoreError};

/// How much of an inverted index is turned round at a time. All terms of a segment are walked each time, and a term of
/// a passage takes eight bytes of memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portion {
    /// The most words and facts of all passages together, unless one passage alone has more.
    pub(crate) terms: u64,
    /// The most passages.
    pub(crate) passages: usize,
}

impl Default for Portion {
    fn default() -> Self {
        Self { terms: 16 << 20, passages: 1 << 18 }
    }
}

/// Reads all living passages of a catalog.
pub(crate) struct Copies<'a> {
    catalog: &'a Catalog,
    latest: LatestFields,
    /// The numbers of words and of facts of the documents of each segment.
    lengths: Vec<[FieldNormReader; 2]>,
    most: Portion,
    /// The keys of the passages, ascending, and where they are.
    places: Vec<(u64, DocAddress)>,
    /// The next passage.
    next: usize,
    /// The first passage of the portion.
    start: usize,
    portion: Terms,
}

/// The terms of a portion's passages.
#[derive(Default)]
struct Terms {
    passages: usize,
    words: TermsOf,
    facts: TermsOf,
    embedded: TermsOf,
    origins: TermsOf,
}

impl Catalog {
    /// Begins to read all living passages.
    ///
    /// # Errors
    /// The index is of a format without words, or damaged.
    pub(crate) fn copies(&self, most: Portion) -> Result<Copies<'_>, StoreError> {
        let Some(latest) = self.fields.latest else {
            return Err(StoreError::NoWords { dir: self.dir.parent().unwrap_or(&self.dir).into() });
        };
        let lengths = |segment: &SegmentReader| -> tantivy::Result<_> {
            Ok([segment.get_fieldnorms_reader(latest.words)?, segment.get_fieldnorms_reader(latest.facts)?])
        };
        guard(&self.dir, || {
            let lengths = self.searcher.segment_readers().iter().map(lengths).collect::<tantivy::Result<_>>();
            let lengths = lengths.map_err(damaged(&self.dir))?;
            let places = self.places()?;
            Ok(Copies { catalog: self, latest, lengths, most, places, next: 0, start: 0, portion: Terms::default() })
        })
    }

    /// Where the living passages are, by ascending keys.
    fn places(&self) -> Result<Vec<(u64, DocAddress)>, StoreError> {
        let mut places = Vec::with_capacity(self.len() as usize);
        for (ordinal, (segment, columns)) in (0..).zip(self.segments()) {
            for document in segment.doc_ids_alive() {
                let key = columns.key(document).ok_or_else(|| self.without_key())?;
                places.push((key, DocAddress::new(ordinal, document)));
            }
        }
        places.sort_unstable();
        Ok(places)
    }
}

impl Copies<'_> {
    /// The key of the next passage; `None` after the last one.
    pub(crate) fn next_key(&self) -> Option<u64> {
        self.places.get(self.next).map(|(key, _)| *key)
    }

    /// Gets ready for [`Copies::take`]. Returns whether it read the terms of a new portion. They mean nothing if a file
    /// was changed meanwhile.
    ///
    /// # Errors
    /// The index is damaged.
    pub(crate) fn prepare(&mut self) -> Result<bool, StoreError> {
        if self.next < self.start + self.portion.passages || self.next == self.places.len() {
            return Ok(false);
        }
        self.start = self.next;
        // The old portion is not in memory while the next one is read.
        self.portion = Terms::default();
        self.portion = guard(&self.catalog.dir, || self.turned_round())?;
        Ok(true)
    }

    /// The terms of the passages that come next.
    fn turned_round(&self) -> Result<Terms, StoreError> {
        let (passages, length) = self.length_of_portion();
        // A length that is recorded is rounded down, but not to its half. A passage has at most two digests.
        let none = || TermsOf::none(passages, 2 * length);
        let (words, facts, embedded, origins) = (none(), none(), none(), none());
        let mut terms = Terms { passages, words, facts, embedded, origins };
        let mut by_segment: BTreeMap<u32, Vec<(DocId, u32)>> = BTreeMap::new();
        for (number, (_, address)) in (0..).zip(&self.places[self.start..][..passages]) {
            by_segment.entry(address.segment_ord).or_default().push((address.doc_id, number));
        }
        for (segment, documents) in by_segment {
            let segment = self.catalog.searcher.segment_reader(segment);
            let runs = Run::all(documents);
            let failed = damaged(&self.catalog.dir);
            for (field, terms) in self.lists(&mut terms) {
                let lists = segment.inverted_index(field).map_err(&failed)?;
                terms.add(&lists, &runs).map_err(|error| failed(error.into()))?;
            }
        }
        Ok(terms)
    }

    /// The fields whose terms are wanted.
    fn lists<'b>(&self, terms: &'b mut Terms) -> [(Field, &'b mut TermsOf); 4] {
        let fields = &self.catalog.fields;
        [
            (self.latest.words, &mut terms.words),
            (self.latest.facts, &mut terms.facts),
            (fields.embedded, &mut terms.embedded),
            (fields.origin, &mut terms.origins),
        ]
    }

    /// The number of passages in the next portion, and its length: the number of their words and facts, and one more
    /// for each passage.
    fn length_of_portion(&self) -> (usize, u64) {
        let mut length = 0;
        let mut passages = 0;
        for (_, address) in self.places[self.start..].iter().take(self.most.passages) {
            let lengths = &self.lengths[address.segment_ord as usize];
            let own = lengths.iter().map(|length| u64::from(length.fieldnorm(address.doc_id))).sum::<u64>() + 1;
            if passages > 0 && length + own > self.most.terms {
                break;
            }
            (passages, length) = (passages + 1, length + own);
        }
        (passages, length)
    }

    /// The next passage, without its vector; `None` after the last one.
    ///
    /// # Errors
    /// The index is damaged.
    pub(crate) fn take(&mut self) -> Result<Option<CopiedPassage>, StoreError> {
        let Some(&(key, address)) = self.places.get(self.next) else { return Ok(None) };
        let number = self.next - self.start;
        let copied = guard(&self.catalog.dir, || self.copied(key, address, number))?;
        self.next += 1;
        copied.map(Some).ok_or_else(|| self.catalog.changed(key))
    }

    fn copied(&self, key: u64, address: DocAddress, number: usize) -> Result<Option<CopiedPassage>, StoreError> {
        let columns = self.catalog.columns(address);
        let facts = columns.document(address.doc_id).zip(columns.version(address.doc_id));
        let Some(((first, version), texts)) = facts.zip(self.catalog.read_texts(address)?) else { return Ok(None) };
        let terms = &self.portion;
        let words = terms.words.of(number).map(|(word, count)| Some((String::from_utf8(word.into()).ok()?, count)));
        let embedded =
            terms.embedded.of(number).map(|(digest, _)| Some(ContentDigest::from_be_bytes(digest.try_into().ok()?)));
        let origin = terms.origins.of(number).next().and_then(|(origin, _)| std::str::from_utf8(origin).ok());
        let (Some(words), Some(embedded), Some(origin), Some(_)) =
            (words.collect(), embedded.collect(), origin, texts.fields())
        else {
            return Ok(None);
        };
        Ok(Some(CopiedPassage {
            key,
            first,
            id: texts.id,
            title: texts.title,
            text: texts.text,
            metadata: texts.metadata,
            chunk: texts.chunk,
            source: texts.source,
            origin: source::origin(origin, &self.catalog.holder),
            version,
            embedded,
            words,
            facts: terms.facts.of(number).map(|(fact, _)| fact.to_vec()).collect(),
            vector: Vec::new(),
        }))
    }
}
