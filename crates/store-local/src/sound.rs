//! Whether a manifest's values are possible. Its checksum does not prove it: anyone who passes an index on can compute
//! one.

use std::collections::HashSet;

use super::files::StoredFile;
use super::manifest::Manifest;
use super::segment::Segment;
use super::vectors::MAX_FACTORY;
use semsearch_files::is_plain;
use semsearch_store::IndexConfig;

/// Keys and numbers of files must not be larger than this, so that counting can go on from them.
pub(super) const MAX_NUMBER: u64 = 1 << 60;

/// The largest number of tokens in a text that is accepted.
const MAX_TOKENS: usize = 1 << 24;

/// The largest dimension that is accepted.
const MAX_DIM: usize = 1 << 16;

/// The longest prompt or name that is accepted, in bytes.
const MAX_WORDS: usize = 1 << 16;

/// Checks all values. The error says in words which value is impossible.
pub(super) fn check(manifest: &Manifest) -> Result<(), String> {
    config(&manifest.config)?;
    files(manifest)?;
    if manifest.next_key > MAX_NUMBER || manifest.next_file > MAX_NUMBER {
        return Err("the number of its next vector or file is too large".into());
    }
    manifest.segments.iter().try_for_each(|part| segment(part, manifest.next_key))?;
    if manifest.documents.shifts.values().any(|&shift| shift > manifest.next_key) {
        return Err("the keys of a segment of its documents are too large".into());
    }
    let vectors = manifest.segments.iter().try_fold(0_u64, |sum, segment| sum.checked_add(segment.vectors));
    if vectors.is_none_or(|vectors| vectors > manifest.next_key) {
        return Err("it has more vectors than keys".into());
    }
    let passages = manifest.documents.passages.unwrap_or(manifest.documents.count);
    if passages < manifest.documents.count || passages > manifest.next_key {
        return Err(format!("{} documents cannot have {passages} passages", manifest.documents.count));
    }
    Ok(())
}

fn config(config: &IndexConfig) -> Result<(), String> {
    let within = |what: &str, number: usize, most: usize| match number {
        0 => Err(format!("its {what} is 0")),
        number if number > most => Err(format!("its {what} is {number}, more than {most}")),
        _ => Ok(()),
    };
    within("dimension", config.dim, MAX_DIM)?;
    within("max-length", config.max_length, MAX_TOKENS)?;
    within("factory's length", config.factory.len(), MAX_FACTORY)?;
    within("number of tokens of a chunk", config.chunks.tokens.unwrap_or(1), MAX_TOKENS)?;
    within("overlap of chunks", config.chunks.overlap.unwrap_or(0).max(1), MAX_TOKENS)?;
    within("model's name", config.model.id.len(), MAX_WORDS)?;
    [&config.prompts.query, &config.prompts.document]
        .into_iter()
        .try_for_each(|prompt| within("prompt's length", prompt.len().max(1), MAX_WORDS))
}

fn files(manifest: &Manifest) -> Result<(), String> {
    plain_and_once(manifest.vector_files())?;
    plain_and_once(manifest.documents.files.iter())?;
    if manifest.files().try_fold(0_u64, |sum, file| sum.checked_add(file.bytes)).is_none() {
        return Err("its files are too large".into());
    }
    Ok(())
}

/// Checks that each name is that of a file in one directory, and that no name occurs twice.
fn plain_and_once<'a>(files: impl Iterator<Item = &'a StoredFile>) -> Result<(), String> {
    let mut names = HashSet::new();
    for StoredFile { name, .. } in files {
        if !is_plain(name) {
            return Err(format!("{name:?} is not a valid name of a file"));
        }
        if !names.insert(name) {
            return Err(format!("it names {name} twice"));
        }
    }
    Ok(())
}

fn segment(segment: &Segment, next_key: u64) -> Result<(), String> {
    let &Segment { first_key, last_key, vectors, .. } = segment;
    let name = &segment.file.name;
    if vectors == 0 || first_key > last_key || last_key >= next_key || vectors - 1 > last_key - first_key {
        return Err(format!("{name} cannot have {vectors} vectors of the keys {first_key} to {last_key}"));
    }
    let own = first_key..=last_key;
    let dead = &segment.dead;
    if !dead.is_sorted_by(|a, b| a < b) || !dead.iter().all(|key| own.contains(key)) || dead.len() as u64 > vectors {
        return Err(format!("the removed vectors of {name} are not in order"));
    }
    let end = segment.codes.as_ref().map_or(Some(0), |codes| codes.start.checked_add(codes.bytes));
    if end.is_none_or(|end| end > segment.file.bytes) {
        return Err(format!("the codes of {name} end after the end of the file"));
    }
    Ok(())
}
