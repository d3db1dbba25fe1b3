//! `semsearch model`: get, copy, find or check a model.

use std::io::Write;
use std::path::Path;

use semsearch::model;

use super::model_loader::{find, find_here};
use super::options::model::ModelOptions;
use super::outcome::Outcome;
use super::output;
use super::settings::Settings;

pub(super) fn run(options: &ModelOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    match options {
        ModelOptions::Fetch(name) => print(&find(settings, name)?.dir),
        ModelOptions::Import { dir, name } => print(&model::import(dir, name, &settings.places)?),
        // `model path` must not download the model.
        ModelOptions::Path(name) => print(&find_here(settings, name)?.dir),
        ModelOptions::Verify(name) => {
            let found = find_here(settings, name)?;
            let checked = model::verify(&found)?;
            let told = if checked.is_empty() { "no digest is known of its files".into() } else { checked.join(", ") };
            settings.terminal.note(&format!("{}: {told}", if checked.is_empty() { "unverified" } else { "intact" }));
            print(&found.dir)
        }
    }
}

fn print(dir: &Path) -> anyhow::Result<Outcome> {
    let mut out = output::raw();
    writeln!(out, "{}", dir.display())?;
    out.flush()?;
    Ok(Outcome::Done)
}
