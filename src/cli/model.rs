//! `semsearch model`: get, copy, find or check a model.

use std::io::Write;
use std::path::Path;

use semsearch::hub::Hub;
use semsearch::model::{self, Locations, ModelName};

use super::args::{self, ModelAction, ModelArg};
use super::settings::Settings;
use super::{Outcome, output};

pub(super) fn run(args: &args::Model, settings: &Settings) -> anyhow::Result<Outcome> {
    match &args.action {
        ModelAction::Fetch(model) => print(&settings.model(&name(model, settings))?.dir),
        ModelAction::Import { dir, model } => print(&model::import(dir, &name(model, settings), &settings.places)?),
        ModelAction::Path(model) => print(&on_this_machine(model, settings)?.dir),
        ModelAction::Verify(model) => {
            let found = on_this_machine(model, settings)?;
            let checked = model::verify(&found)?;
            let told = if checked.is_empty() { "no digest is known of its files".into() } else { checked.join(", ") };
            settings.terminal.note(&format!("{}: {told}", if checked.is_empty() { "unverified" } else { "intact" }));
            print(&found.dir)
        }
    }
}

fn name(model: &ModelArg, settings: &Settings) -> ModelName {
    match model.id.clone().or_else(|| model.model.clone()) {
        Some(id) => ModelName { id, revision: model.revision.clone() },
        None => settings.usual_model(model.revision.clone()),
    }
}

/// Asking where a model is must not bring it here.
fn on_this_machine(model: &ModelArg, settings: &Settings) -> anyhow::Result<model::ModelFiles> {
    let hub = Hub { offline: true, ..settings.places.hub.clone() };
    let places = Locations { hub, ..settings.places.clone() };
    Ok(model::resolve(&name(model, settings), &places, &settings.terminal.download())?)
}

fn print(dir: &Path) -> anyhow::Result<Outcome> {
    let mut out = output::raw();
    writeln!(out, "{}", dir.display())?;
    out.flush()?;
    Ok(Outcome::Done)
}
