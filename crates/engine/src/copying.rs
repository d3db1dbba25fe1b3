//! Copying an index from one store to another: nothing is embedded, and no text is split into words again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use semsearch_store::{
    Change, ContentDigest, CopiedPassage, Snapshot, StoreError, StoreWriter, Written, content_digest,
};

use super::{EngineError, IndexCounts};

/// How many documents are looked up together in the index that gets them.
const TOGETHER: usize = 256;

/// Puts all documents of `from` into the index of `writer` and commits. Documents that are there unchanged are not put
/// again. `done` is told how many documents are done.
///
/// # Errors
/// `from` is damaged or gives no vectors back, or writing fails.
pub fn copy_index(
    from: &dyn Snapshot,
    mut writer: Box<dyn StoreWriter>,
    done: &mut dyn FnMut(usize),
) -> Result<(IndexCounts, Written), EngineError> {
    let mut counts = IndexCounts::default();
    each_group(from, &mut |group| {
        for change in put(&mut *writer, group)? {
            match change {
                Change::Added => counts.added += 1,
                Change::Updated => counts.updated += 1,
                Change::Unchanged => counts.unchanged += 1,
            }
        }
        done(group.len());
        writer.checkpoint()
    })?;
    Ok((counts, writer.commit()?))
}

/// Puts all documents of several indexes into the index of `writer`, in one commit. `places` are the indexes' directories,
/// for messages.
///
/// # Errors
/// [`StoreError::SharedId`] if a document is already there; those of [`copy_index`]; the indexes were built with different
/// settings.
pub fn merge_indexes(
    parts: &[Arc<dyn Snapshot>],
    places: &[PathBuf],
    mut writer: Box<dyn StoreWriter>,
) -> Result<Written, EngineError> {
    let config = parts.first().map(|part| part.facts().config.clone());
    for (part, place) in parts.iter().zip(places) {
        config.as_ref().map_or(Ok(()), |config| config.check(&part.facts().config, place))?;
    }
    let mut seen: HashMap<ContentDigest, usize> = HashMap::new();
    for (number, part) in parts.iter().enumerate() {
        each_group(&**part, &mut |group| {
            let changes = put(&mut *writer, group)?;
            for (document, change) in group.iter().zip(changes) {
                let id = &document[0].id;
                let first = seen.insert(content_digest(id.as_bytes()), number);
                let there = first.map(|first| places[first].clone());
                let there = there.or_else(|| (change != Change::Added).then(|| PathBuf::from("the database")));
                if let Some(first) = there {
                    return Err(StoreError::SharedId { id: id.clone(), first, second: places[number].clone() });
                }
            }
            Ok(())
        })?;
    }
    Ok(writer.commit()?)
}

/// The passages of a document.
type CopiedDocument = Vec<CopiedPassage>;

/// Calls `each` with some documents at a time.
fn each_group(
    from: &dyn Snapshot,
    each: &mut dyn FnMut(&[CopiedDocument]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    // Only these vectors are what the model made of the texts, to the last bit.
    let are_exact = from.facts().config.factory == "Flat";
    let mut waiting: Vec<CopiedDocument> = Vec::new();
    from.copy(&mut |mut passage| {
        if !are_exact {
            passage.embedded.clear();
        }
        match waiting.last_mut().filter(|document| document[0].first == passage.first) {
            Some(document) => document.push(passage),
            None => {
                if waiting.len() == TOGETHER {
                    each(&std::mem::take(&mut waiting))?;
                }
                waiting.push(vec![passage]);
            }
        }
        Ok(())
    })?;
    if waiting.is_empty() { Ok(()) } else { each(&waiting) }
}

/// Puts documents, and returns how each differs from what was there.
fn put(writer: &mut dyn StoreWriter, documents: &[CopiedDocument]) -> Result<Vec<Change>, StoreError> {
    let ids: Vec<&str> = documents.iter().map(|document| document[0].id.as_str()).collect();
    writer.look_up(&ids)?;
    documents.iter().map(|document| writer.put_copied(document)).collect()
}
