//! Which passages a filter lets pass: ranges of terms in tantivy's sorted dictionaries, as sets of documents.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, InvertedIndexReader, SegmentReader, TERMINATED};

use super::{Catalog, damaged, guard};
use crate::keys::Keys;
use semsearch_filter::{Plan, TermRange};
use semsearch_store::{FieldValue, StoreError, most_frequent};

impl Catalog {
    /// The keys of all living passages that match.
    ///
    /// # Errors
    /// The index is of a format without facts, or damaged.
    pub(crate) fn matching(&self, plan: &Plan) -> Result<Keys, StoreError> {
        guard(&self.dir, || self.keys_passing(plan))
    }

    fn keys_passing(&self, plan: &Plan) -> Result<Keys, StoreError> {
        let mut keys = Vec::new();
        for (segment, columns) in self.segments() {
            let documents = self.passing(segment, plan)?;
            let alive =
                documents.ones().map(|document| document as u32).filter(|&document| !segment.is_deleted(document));
            keys.extend(alive.filter_map(|document| columns.key(document)));
        }
        Ok(Keys::new(keys))
    }

    /// Whether some document has this field, with a value or with null.
    pub(crate) fn has_field(&self, path: &str) -> Result<bool, StoreError> {
        guard(&self.dir, || self.find_field(path))
    }

    fn find_field(&self, path: &str) -> Result<bool, StoreError> {
        let start = semsearch_filter::start_of_field(path);
        for (segment, _) in self.segments() {
            let facts = self.facts(segment)?;
            let found = facts.terms().range().ge(&start).into_stream();
            let mut found = found.map_err(|error| damaged(&self.dir)(error.into()))?;
            if found.advance() && found.key().starts_with(&start) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The fields that documents have, shortest names first. The list has at most `max` fields, so that a damaged or
    /// strange index gives no endless list.
    pub(crate) fn fields(&self, max: usize) -> Result<Vec<String>, StoreError> {
        guard(&self.dir, || self.find_fields(max))
    }

    fn find_fields(&self, max: usize) -> Result<Vec<String>, StoreError> {
        let mut fields = BTreeSet::new();
        for (segment, _) in self.segments() {
            let facts = self.facts(segment)?;
            let mut next = Vec::new();
            for _ in 0..max {
                let found = facts.terms().range().ge(&next).into_stream();
                let mut found = found.map_err(|error| damaged(&self.dir)(error.into()))?;
                if !found.advance() {
                    break;
                }
                let Some(field) = semsearch_filter::field_of(found.key()) else { break };
                fields.insert((field.len(), field.to_owned()));
                // This is after all terms of the field: no kind is 255.
                next = semsearch_filter::start_of_field(field);
                next.push(u8::MAX);
            }
        }
        Ok(fields.into_iter().map(|(_, field)| field).take(max).collect())
    }

    /// The values of a field and how many documents have each, those of most documents first, at most `max`. Of
    /// passages, only those of `allowed` count.
    ///
    /// # Errors
    /// The index is of a format without facts, or damaged.
    pub(crate) fn values(
        &self,
        field: &str,
        allowed: Option<&Keys>,
        max: usize,
    ) -> Result<Vec<FieldValue>, StoreError> {
        guard(&self.dir, || self.find_values(field, allowed, max))
    }

    fn find_values(&self, field: &str, allowed: Option<&Keys>, max: usize) -> Result<Vec<FieldValue>, StoreError> {
        let start = semsearch_filter::start_of_field(field);
        // By the end of a term, which is a kind and a value.
        let mut documents: HashMap<Vec<u8>, Vec<u64>> = HashMap::new();
        for (segment, columns) in self.segments() {
            let facts = self.facts(segment)?;
            let broken = |error: std::io::Error| damaged(&self.dir)(error.into());
            let mut terms = facts.terms().range().ge(&start).into_stream().map_err(broken)?;
            while terms.advance() && terms.key().starts_with(&start) {
                if semsearch_filter::value_of(terms.key(), &start).is_none() {
                    continue;
                }
                let listed = facts.read_postings_from_terminfo(terms.value(), IndexRecordOption::Basic);
                let mut listed = listed.map_err(broken)?;
                let mut found = Vec::new();
                while listed.doc() != TERMINATED {
                    let document = listed.doc();
                    let key = columns.key(document).filter(|_| !segment.is_deleted(document));
                    if key.is_some_and(|key| allowed.is_none_or(|allowed| allowed.contains(key))) {
                        found.extend(columns.document(document));
                    }
                    listed.advance();
                }
                if !found.is_empty() {
                    documents.entry(terms.key()[start.len()..].to_vec()).or_default().extend(found);
                }
            }
        }
        let counted = documents.into_iter().map(|(end, keys)| ([&start[..], &end].concat(), distinct(keys)));
        Ok(most_frequent(counted, &start, max))
    }

    /// The number of documents that have a passage under one of `keys`.
    ///
    /// # Errors
    /// The index is damaged.
    pub(crate) fn count_documents(&self, keys: &Keys) -> Result<u64, StoreError> {
        guard(&self.dir, || {
            let mut documents = Vec::new();
            for (segment, columns) in self.segments() {
                for document in segment.doc_ids_alive() {
                    if columns.key(document).is_some_and(|key| keys.contains(key)) {
                        documents.extend(columns.document(document));
                    }
                }
            }
            Ok(distinct(documents))
        })
    }

    fn facts(&self, segment: &SegmentReader) -> Result<Arc<InvertedIndexReader>, StoreError> {
        let Some(latest) = self.fields.latest else {
            return Err(StoreError::NoWords { dir: self.dir.parent().unwrap_or(&self.dir).into() });
        };
        segment.inverted_index(latest.facts).map_err(damaged(&self.dir))
    }

    /// The documents of a segment that match, including deleted ones.
    fn passing(&self, segment: &SegmentReader, plan: &Plan) -> Result<FixedBitSet, StoreError> {
        let count = segment.max_doc() as usize;
        let all = || {
            let mut all = FixedBitSet::with_capacity(count);
            all.insert_range(..);
            all
        };
        Ok(match plan {
            Plan::All => all(),
            Plan::None => FixedBitSet::with_capacity(count),
            Plan::Terms(range) => self.listed(segment, range)?,
            Plan::And(plans) => plans.iter().try_fold(all(), |mut both, plan| {
                both.intersect_with(&self.passing(segment, plan)?);
                Ok::<_, StoreError>(both)
            })?,
            Plan::Or(plans) => plans.iter().try_fold(FixedBitSet::with_capacity(count), |mut any, plan| {
                any.union_with(&self.passing(segment, plan)?);
                Ok::<_, StoreError>(any)
            })?,
            Plan::Not(plan) => {
                let mut others = self.passing(segment, plan)?;
                others.toggle_range(..);
                others
            }
        })
    }

    /// The documents that are listed under a term of this range.
    fn listed(&self, segment: &SegmentReader, (low, high): &TermRange) -> Result<FixedBitSet, StoreError> {
        let index = self.facts(segment)?;
        let mut found = FixedBitSet::with_capacity(segment.max_doc() as usize);
        let failed = damaged(&self.dir);
        let broken = |error: std::io::Error| failed(error.into());
        let mut range = index.terms().range();
        range = match low {
            Bound::Included(term) => range.ge(term),
            Bound::Excluded(term) => range.gt(term),
            Bound::Unbounded => range,
        };
        range = match high {
            Bound::Included(term) => range.le(term),
            Bound::Excluded(term) => range.lt(term),
            Bound::Unbounded => range,
        };
        let mut terms = range.into_stream().map_err(broken)?;
        while terms.advance() {
            let listed = index.read_postings_from_terminfo(terms.value(), IndexRecordOption::Basic);
            let mut listed = listed.map_err(broken)?;
            while listed.doc() != TERMINATED {
                found.insert(listed.doc() as usize);
                listed.advance();
            }
        }
        Ok(found)
    }
}

fn distinct(mut keys: Vec<u64>) -> u64 {
    keys.sort_unstable();
    keys.dedup();
    keys.len() as u64
}
