//! `semsearch get`, `ls` and `remove`: documents out of an index, listed, taken away.

use indicatif::HumanCount;
use semsearch::engine::{EngineError, list_documents, whole_document};
use semsearch::filter::Filter;
use semsearch::index::{LocalStore, Snapshot, Store, WriteOptions};

use super::options::documents::{GetOptions, LsOptions, RemoveOptions, Which};
use super::outcome::Outcome;
use super::output::Here;
use super::searcher::check_filter;
use super::settings::Settings;

pub(super) fn get(options: &GetOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let index = LocalStore::new(&settings.index).open()?;
    let mut out = (options.format.writer)(Here::of_process());
    let mut missing = 0;
    for id in &options.ids {
        match whole_document(&index, id)? {
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
    let index = LocalStore::new(&settings.index).open()?;
    if let Some(filter) = &options.filter {
        check_filter(&index, filter, &settings.terminal)?;
    }
    let mut out = (options.format.writer)(Here::of_process());
    let mut listed = 0_u64;
    list_documents(&index, options.filter.as_ref(), |document| -> anyhow::Result<()> {
        listed += 1;
        Ok(out.write(&document)?)
    })?;
    out.finish()?;
    Ok(if listed == 0 { Outcome::Nothing } else { Outcome::Done })
}

pub(super) fn remove(options: &RemoveOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let store = LocalStore::new(&settings.index);
    let config = store.open()?.facts().config.clone();
    let write = WriteOptions { wait: options.wait, at_once: true, ..WriteOptions::default() };
    let mut writer = store.writer(config, write)?;
    // The writer holds the index now, so that nothing changes between the look and the removal.
    let ids = match &options.which {
        Which::Ids(ids) => ids.clone(),
        Which::Matching(filter) => matching(&store, filter, settings)?,
    };
    let mut removed = 0;
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

/// The ids of all documents that the filter lets pass.
fn matching(store: &LocalStore, filter: &Filter, settings: &Settings) -> Result<Vec<String>, EngineError> {
    let index = store.open()?;
    check_filter(&index, filter, &settings.terminal)?;
    let mut ids = Vec::new();
    list_documents(&index, Some(filter), |document| {
        ids.push(document.id);
        Ok::<_, EngineError>(())
    })?;
    Ok(ids)
}
