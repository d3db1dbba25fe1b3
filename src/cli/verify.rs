//! `semsearch verify`: is the index as it was committed?

use std::io::Write;

use indicatif::{HumanBytes, HumanCount};
use semsearch::index;

use super::report::{self, Advice};
use super::settings::Settings;
use super::{Outcome, output};

pub(super) fn run(settings: &Settings) -> anyhow::Result<Outcome> {
    let found = index::verify(&settings.index)?;
    let dir = settings.index.display();
    if found.faults.is_empty() {
        let (bytes, documents, vectors) =
            (HumanBytes(found.bytes), HumanCount(found.documents), HumanCount(found.vectors));
        let counted = match found.documents == found.vectors {
            true => format!("documents and vectors: {documents}"),
            false => format!("documents: {documents}, vectors: {vectors}"),
        };
        let mut out = output::raw();
        writeln!(out, "{dir}: intact: {} files, {bytes}, {counted}", found.files)?;
        out.flush()?;
        return Ok(Outcome::Done);
    }
    for fault in &found.faults {
        report::fault(fault);
    }
    let message = format!("{dir}: faults found: {}", found.faults.len());
    Err(Advice { message, hint: "`semsearch index --rebuild FILE` builds the index anew".into() }.into())
}
