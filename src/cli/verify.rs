//! `semsearch verify`: checks that the index is as it was committed.

use std::io::Write;

use indicatif::{HumanBytes, HumanCount};

use super::advice::Advice;
use super::outcome::Outcome;
use super::output;
use super::report;
use super::settings::Settings;
use super::store::{self, Computing, is_address};

pub(super) fn run(settings: &Settings) -> anyhow::Result<Outcome> {
    let found = store::open(settings, Computing::default())?.verify()?;
    let dir = settings.index.display();
    if found.faults.is_empty() {
        let (bytes, documents, vectors) =
            (HumanBytes(found.bytes), HumanCount(found.documents), HumanCount(found.vectors));
        let counted = match found.documents == found.vectors {
            true => format!("documents and vectors: {documents}"),
            false => format!("documents: {documents}, vectors: {vectors}"),
        };
        let mut out = output::raw();
        let parts = if is_address(&settings.index) { "partitions" } else { "files" };
        writeln!(out, "{dir}: intact: {} {parts}, {bytes}, {counted}", found.parts)?;
        out.flush()?;
        return Ok(Outcome::Done);
    }
    for fault in &found.faults {
        report::fault(fault);
    }
    let message = format!("{dir}: faults found: {}", found.faults.len());
    Err(Advice { message, hint: "`semsearch index --rebuild FILE` builds the index anew".into() }.into())
}
