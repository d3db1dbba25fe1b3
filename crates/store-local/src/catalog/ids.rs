//! Whether catalogs have documents of the same id.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::Arc;

use tantivy::InvertedIndexReader;
use tantivy::schema::Term;
use tantivy::termdict::TermStreamer;

use super::{Catalog, damaged, guard};
use crate::source;
use semsearch_store::StoreError;

/// The first id that living documents of two of these catalogs have, with the positions of both catalogs.
///
/// The ids of a segment are a sorted list in its files. All lists are read side by side, so the memory that this takes does
/// not depend on how many ids there are.
///
/// # Errors
/// A catalog is damaged.
pub(crate) fn shared_id(catalogs: &[&Catalog]) -> Result<Option<(String, usize, usize)>, StoreError> {
    let Some(first) = catalogs.first() else { return Ok(None) };
    guard(&first.dir, || find(catalogs))
}

fn find(catalogs: &[&Catalog]) -> Result<Option<(String, usize, usize)>, StoreError> {
    let mut lists: Vec<(usize, Arc<InvertedIndexReader>)> = Vec::new();
    for (position, catalog) in catalogs.iter().enumerate() {
        for segment in catalog.searcher.segment_readers() {
            lists.push((position, segment.inverted_index(catalog.fields.id).map_err(damaged(&catalog.dir))?));
        }
    }
    let mut streams: Vec<TermStreamer<'_>> = Vec::with_capacity(lists.len());
    for (position, list) in &lists {
        let catalog = catalogs[*position];
        streams.push(list.terms().stream().map_err(|error| damaged(&catalog.dir)(error.into()))?);
    }
    // The next id of each list, the smallest first.
    let mut next = BinaryHeap::new();
    let mut advance = |next: &mut BinaryHeap<Reverse<(Vec<u8>, usize)>>, list: usize| {
        if streams[list].advance() {
            next.push(Reverse((streams[list].key().to_vec(), list)));
        }
    };
    (0..lists.len()).for_each(|list| advance(&mut next, list));
    let mut last: Option<(Vec<u8>, usize)> = None;
    while let Some(Reverse((id, list))) = next.pop() {
        advance(&mut next, list);
        let catalog = lists[list].0;
        match &last {
            Some((known, other)) if *known == id => {
                if *other != catalog && is_alive(catalogs[*other], &id)? && is_alive(catalogs[catalog], &id)? {
                    return Ok(Some((String::from_utf8_lossy(&id).into_owned(), *other, catalog)));
                }
                // Only a living document counts.
                if !is_alive(catalogs[*other], &id)? {
                    last = Some((id, catalog));
                }
            }
            _ => last = Some((id, catalog)),
        }
    }
    Ok(None)
}

/// Whether a document of this id is there and was not removed.
fn is_alive(catalog: &Catalog, id: &[u8]) -> Result<bool, StoreError> {
    let term = Term::from_field_text(catalog.fields.id, &String::from_utf8_lossy(id));
    Ok(catalog.find(&term)?.is_some())
}

impl Catalog {
    /// Whether places in it are relative to the directory that holds it.
    ///
    /// # Errors
    /// It is damaged.
    pub(crate) fn has_relative_places(&self) -> Result<bool, StoreError> {
        let begins = |list: &InvertedIndexReader| -> std::io::Result<bool> {
            let mut terms = list.terms().range().ge(source::BELOW).into_stream()?;
            Ok(terms.advance() && terms.key().starts_with(source::BELOW.as_bytes()))
        };
        guard(&self.dir, || {
            for segment in self.searcher.segment_readers() {
                let list = segment.inverted_index(self.fields.origin).map_err(damaged(&self.dir))?;
                if begins(&list).map_err(|error| damaged(&self.dir)(error.into()))? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// The directory that holds the index, to which places are relative.
    pub(crate) fn holder(&self) -> &Path {
        &self.holder
    }
}
