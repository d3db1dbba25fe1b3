//! `semsearch get`, `ls` and `remove`: documents out of an index, listed, taken away.

use std::collections::HashSet;
use std::path::Path;

use indicatif::HumanCount;
use semsearch::corpus::ReadOptions;
use semsearch::engine::{list_documents, whole_document};
use semsearch::error::StoreError;
use semsearch::filter::Filter;
use semsearch::index::{FileIds, Snapshot, WriteOptions};

use super::advice::Advice;
use super::options::documents::{GetOptions, LsOptions, RemoveOptions, Which};
use super::outcome::Outcome;
use super::output::Here;
use super::searcher::check_filter;
use super::settings::Settings;
use super::store::{self, Computing};

pub(super) fn get(options: &GetOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let index = store::open(settings, Computing::default())?.snapshot()?;
    let mut out = (options.format.writer)(Here::of_process());
    let mut missing = 0;
    for id in &options.ids {
        match whole_document(&*index, &known_id(&*index, id, settings)?)? {
            Some(document) => out.write(&document)?,
            None => {
                missing += 1;
                settings.terminal.warn(&format!("{}: no document {id:?}", settings.index.display()));
            }
        }
    }
    out.finish()?;
    Ok(if missing > 0 { Outcome::Nothing } else { Outcome::Done })
}

pub(super) fn ls(options: &LsOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let index = store::open(settings, Computing::default())?.snapshot()?;
    if let Some(filter) = &options.filter {
        check_filter(&*index, filter, &settings.terminal)?;
    }
    let mut out = (options.format.writer)(Here::of_process());
    let mut listed = 0_u64;
    list_documents(&*index, options.filter.as_ref(), |document| -> anyhow::Result<()> {
        listed += 1;
        Ok(out.write(&document)?)
    })?;
    out.finish()?;
    Ok(if listed == 0 { Outcome::Nothing } else { Outcome::Done })
}

pub(super) fn remove(options: &RemoveOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let store = store::open(settings, Computing::default())?;
    let config = store.snapshot()?.facts().config.clone();
    let write = WriteOptions { wait: options.wait, at_once: true, ..WriteOptions::default() };
    let mut writer = store.writer(config, write)?;
    // The writer holds the index now, so that nothing changes between the look and the removal.
    let index = store.snapshot()?;
    let mut ids: Vec<String> = match &options.which {
        Which::Ids(ids) => ids.iter().map(|id| known_id(&*index, id, settings)).collect::<Result<_, _>>()?,
        Which::Matching(filter) => matching(&*index, filter)?,
    };
    let mut removed = 0;
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    for id in &ids {
        match writer.remove(id)? {
            true => removed += 1,
            false => settings.terminal.warn(&format!("{}: no document {id:?}", settings.index.display())),
        }
    }
    let left = writer.commit()?.documents;
    let number = |count: u64| HumanCount(count);
    settings.terminal.note(&format!(
        "{}: {} removed, {} left",
        settings.index.display(),
        number(removed),
        number(left)
    ));
    Ok(if removed == 0 { Outcome::Nothing } else { Outcome::Done })
}

/// The id of the document that a word stands for: an id, or a path from here as hits show it, with or without its line.
pub(super) fn known_id(index: &dyn Snapshot, word: &str, settings: &Settings) -> Result<String, StoreError> {
    let from_root = index.facts().config.file_ids == FileIds::FromRoot;
    let without_line = word.rsplit_once(':').filter(|(_, line)| line.parse::<u64>().is_ok()).map(|(path, _)| path);
    let reading = ReadOptions { root: from_root.then(|| store::root(&settings.index)), ..ReadOptions::default() };
    let files = [Some(word), without_line].into_iter().flatten().map(|path| reading.file_id(Path::new(path)));
    for id in std::iter::once(word.to_owned()).chain(files) {
        if !index.find(&id)?.is_empty() {
            return Ok(id);
        }
    }
    Ok(word.to_owned())
}

/// The ids of all documents that the filter lets pass.
fn matching(index: &dyn Snapshot, filter: &Filter) -> anyhow::Result<Vec<String>> {
    // With a misspelled field, `not` would let every document pass.
    if let Some(field) = index.unknown_fields(filter)?.first() {
        let message = format!("no document has the field `{field}` of the filter: nothing was removed");
        return Err(
            Advice { message, hint: "`semsearch ls --filter EXPR` shows what a filter lets pass".into() }.into()
        );
    }
    let mut ids = Vec::new();
    list_documents(index, Some(filter), |document| {
        ids.push(document.id);
        Ok::<_, anyhow::Error>(())
    })?;
    Ok(ids)
}
