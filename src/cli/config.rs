//! `semsearch config`: every setting in force, and where its value comes from.

use std::io::Write;

use semsearch::index::{IndexConfig, SETTINGS};

use super::options::config::{ConfigOptions, SetBy, SettingOptions};
use super::outcome::Outcome;
use super::output;
use super::settings::Settings;
use super::store;

/// Values are padded to this many columns, at most.
const WIDEST: usize = 60;

pub(super) fn run(options: &ConfigOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let recorded = store::recorded(settings).ok().flatten();
    let rows: Vec<(&str, SetBy)> = options
        .settings
        .iter()
        .map(|setting| (setting.name.as_str(), in_force(setting, recorded.as_ref(), settings)))
        .collect();
    let names = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let values = rows.iter().map(|(_, set)| set.value.chars().count()).max().unwrap_or(0).min(WIDEST);
    let mut out = output::raw();
    for (name, SetBy { value, source }) in &rows {
        writeln!(out, "{name:<names$}  {value:<values$}  {source}")?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// The value of a setting, and what sets it: the first of environment, index, config file and default.
fn in_force(setting: &SettingOptions, recorded: Option<&IndexConfig>, settings: &Settings) -> SetBy {
    let index = || settings.index.display().to_string();
    let of_index = || {
        let value = of_index(&setting.name, recorded?)?;
        Some(SetBy { value, source: index() })
    };
    let set = setting.environment.clone().or_else(of_index).or_else(|| setting.file.clone());
    set.unwrap_or_else(|| {
        let value = if setting.name == "index" { index() } else { setting.default.clone() };
        SetBy { value, source: "default".into() }
    })
}

/// What the index recorded of a setting.
fn of_index(name: &str, recorded: &IndexConfig) -> Option<String> {
    match name {
        "model" => Some(recorded.model.id.clone()),
        "revision" => recorded.model.revision.clone(),
        _ => SETTINGS.iter().find(|setting| setting.option == name).and_then(|setting| (setting.typed)(recorded)),
    }
}
