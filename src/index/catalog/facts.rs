//! Which passages a filter lets pass: ranges of terms in tantivy's sorted dictionaries, as sets of documents.

use std::ops::Bound;

use fixedbitset::FixedBitSet;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, SegmentReader, TERMINATED};

use super::{Catalog, damaged};
use crate::error::{Error, Result};
use crate::filter::{Plan, TermRange};
use crate::index::keys::Keys;

impl Catalog {
    /// The keys of all living passages that match.
    ///
    /// # Errors
    /// The index is of a format without facts, or damaged.
    pub(in crate::index) fn matching(&self, plan: &Plan) -> Result<Keys> {
        let mut keys = Vec::new();
        for (segment, columns) in self.segments() {
            let documents = self.passing(segment, plan)?;
            let alive =
                documents.ones().map(|document| document as u32).filter(|&document| !segment.is_deleted(document));
            keys.extend(alive.filter_map(|document| columns.key.first(document)));
        }
        Ok(Keys::new(keys))
    }

    /// The documents of a segment that match, deleted ones among them.
    fn passing(&self, segment: &SegmentReader, plan: &Plan) -> Result<FixedBitSet> {
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
                Ok::<_, Error>(both)
            })?,
            Plan::Or(plans) => plans.iter().try_fold(FixedBitSet::with_capacity(count), |mut any, plan| {
                any.union_with(&self.passing(segment, plan)?);
                Ok::<_, Error>(any)
            })?,
            Plan::Not(plan) => {
                let mut others = self.passing(segment, plan)?;
                others.toggle_range(..);
                others
            }
        })
    }

    /// The documents that are listed under a term of this range.
    fn listed(&self, segment: &SegmentReader, (low, high): &TermRange) -> Result<FixedBitSet> {
        let Some(latest) = self.fields.latest else {
            return Err(Error::NoWords { dir: self.dir.parent().unwrap_or(&self.dir).into() });
        };
        let mut found = FixedBitSet::with_capacity(segment.max_doc() as usize);
        let failed = damaged(&self.dir);
        let broken = |error: std::io::Error| failed(error.into());
        let index = segment.inverted_index(latest.facts).map_err(&failed)?;
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
