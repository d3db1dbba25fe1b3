//! Copying an index from one store to another: nothing is embedded, and no text is split into words again.

use semsearch_store::{Change, CopiedPassage, Snapshot, StoreError, StoreWriter, Written};

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
    let mut waiting: Vec<Vec<CopiedPassage>> = Vec::new();
    // Only these vectors are what the model made of the texts, to the last bit.
    let are_exact = from.facts().config.factory == "Flat";
    from.copy(&mut |mut passage| {
        if !are_exact {
            passage.embedded.clear();
        }
        match waiting.last_mut().filter(|document| document[0].first == passage.first) {
            Some(document) => document.push(passage),
            None => {
                if waiting.len() == TOGETHER {
                    put(&mut *writer, &mut waiting, &mut counts)?;
                    done(TOGETHER);
                    writer.checkpoint()?;
                }
                waiting.push(vec![passage]);
            }
        }
        Ok(())
    })?;
    let rest = waiting.len();
    put(&mut *writer, &mut waiting, &mut counts)?;
    done(rest);
    Ok((counts, writer.commit()?))
}

fn put(
    writer: &mut dyn StoreWriter,
    waiting: &mut Vec<Vec<CopiedPassage>>,
    counts: &mut IndexCounts,
) -> Result<(), StoreError> {
    let ids: Vec<&str> = waiting.iter().map(|document| document[0].id.as_str()).collect();
    writer.look_up(&ids)?;
    for document in waiting.drain(..) {
        match writer.put_copied(&document)? {
            Change::Added => counts.added += 1,
            Change::Updated => counts.updated += 1,
            Change::Unchanged => counts.unchanged += 1,
        }
    }
    Ok(())
}
