//! `semsearch index --merge`: indexes that were built apart become one.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::HumanCount;
use semsearch::corpus::Input;
use semsearch::index::{self, MergedIndexes};
use serde_json::json;

use crate::cli::advice::Advice;
use crate::cli::options::index::IndexOptions;
use crate::cli::outcome::Outcome;
use crate::cli::output;
use crate::cli::settings::Settings;

pub(super) fn run(options: &IndexOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let parts = options.input.named.iter().map(directory).collect::<anyhow::Result<Vec<_>>>()?;
    let MergedIndexes { indexes, is_mixed, written } = index::merge(&settings.index, &parts, options.wait)?;
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
