//! `semsearch index --merge`: indexes that were built apart become one.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::HumanCount;
use semsearch::corpus::Input;
use semsearch::engine::merge_indexes;
use semsearch::index::{self, LocalStore, MergedIndexes, Store, WriteOptions};
use serde_json::json;

use crate::cli::advice::Advice;
use crate::cli::options::index::IndexOptions;
use crate::cli::outcome::Outcome;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::cli::store::{self, Computing, is_address};

/// Copies indexes into a database, in one commit. A document that is already there is an error, as in a directory.
fn into_database(parts: &[PathBuf], options: &IndexOptions, settings: &Settings) -> anyhow::Result<MergedIndexes> {
    let opened = parts.iter().map(|part| LocalStore::new(part).snapshot()).collect::<Result<Vec<_>, _>>()?;
    let first = opened.first().ok_or_else(|| anyhow::anyhow!("no index to merge was named"))?;
    let config = first.facts().config.clone();
    let store = store::open(settings, Computing::default())?;
    let write = WriteOptions { wait: options.wait, at_once: true, ..WriteOptions::default() };
    let is_mixed = opened.iter().any(|part| part.facts().config.precision != config.precision);
    let written = merge_indexes(&opened, parts, store.writer(config, write)?)?;
    Ok(MergedIndexes { indexes: parts.len(), is_mixed, written })
}

pub(super) fn run(options: &IndexOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let parts = options.input.named.iter().map(directory).collect::<anyhow::Result<Vec<_>>>()?;
    let MergedIndexes { indexes, is_mixed, written } = match is_address(&settings.index) {
        true => into_database(&parts, options, settings)?,
        false => index::merge(&settings.index, &parts, options.wait)?,
    };
    let (place, seconds) = (settings.index.display(), started.elapsed().as_secs_f64());
    if is_mixed {
        settings.terminal.warn(&format!("{place}: its vectors were made in different precisions"));
    }
    if options.json {
        let mut out = output::raw();
        let (documents, passages) = (written.documents, written.passages);
        let summary = json!({
            "index": place.to_string(), "documents": documents, "passages": passages, "merged": indexes, "seconds": seconds,
        });
        writeln!(out, "{summary}")?;
        out.flush()?;
        return Ok(Outcome::Done);
    }
    let documents = HumanCount(written.documents);
    settings.terminal.note(&format!("{place}: {indexes} indexes merged in {seconds:.1} s, {documents} documents now"));
    Ok(Outcome::Done)
}

/// The directory of an index that is merged.
fn directory(input: &Input) -> anyhow::Result<PathBuf> {
    match input.path() {
        Some(path) => Ok(Path::new(path).into()),
        None => {
            let hint = "name the directories of indexes, as in `semsearch index --merge part1 part2 -i whole`".into();
            Err(Advice { message: "--merge takes indexes, not standard input".into(), hint }.into())
        }
    }
}
