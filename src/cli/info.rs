//! `semsearch info`: what an index holds and how it was made.

use std::io::Write;

use indicatif::{HumanBytes, HumanCount};
use semsearch::encoder::{PackedEncoder, Precision};
use semsearch::index::{LocalSnapshot, LocalStore, Manifest, SETTINGS};
use semsearch::kernels::Isa;
use serde_json::{Value, json};

use super::options::inspect::InfoOptions;
use super::outcome::Outcome;
use super::output;
use super::settings::Settings;

pub(super) fn run(options: &InfoOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let index = LocalStore::new(&settings.index).open()?;
    let facts = facts(&index, options.isa);
    if options.json {
        let mut out = output::json();
        writeln!(out, "{}", Value::Object(facts.into_iter().map(|(name, value, _)| (name.into(), value)).collect()))?;
        out.flush()?;
    } else {
        let mut out = output::raw();
        let width = facts.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        for (name, value, shown) in facts {
            let shown = shown.unwrap_or_else(|| value.as_str().map_or_else(|| value.to_string(), String::from));
            writeln!(out, "{name:<width$}  {shown}")?;
        }
        out.flush()?;
    }
    Ok(Outcome::Done)
}

/// The name and value of each fact, and the form for people if it differs.
fn facts(index: &LocalSnapshot, isa: Isa) -> Vec<(&'static str, Value, Option<String>)> {
    let manifest = index.manifest();
    let Manifest { format_version, config, created, updated, segments, .. } = manifest;
    let count = |number: u64| (json!(number), Some(HumanCount(number).to_string()));
    let plain = |value: Value| (value, None);
    let optional = |value: Value| {
        let none = value.is_null().then(|| "-".into());
        (value, none)
    };
    let bytes = index.manifest().bytes_named();
    let precisions: Vec<String> = Precision::ALL
        .into_iter()
        .filter(|&precision| PackedEncoder::has(precision, isa))
        .map(|precision| precision.to_string())
        .collect();
    let vectors = index.manifest().vectors();
    let mut facts = vec![
        ("index", plain(json!(index.dir().to_string_lossy()))),
        ("documents", count(manifest.documents.count)),
        ("passages", count(vectors)),
        ("vectors", count(vectors)),
        ("segments", count(segments.len() as u64)),
        ("bytes", (json!(bytes), Some(format!("{bytes} ({})", HumanBytes(bytes))))),
        ("model", plain(json!(config.model.id))),
        ("revision", optional(json!(config.model.revision))),
        ("digest", plain(json!(config.model.fingerprint))),
    ];
    for setting in &SETTINGS {
        facts.push((setting.name, optional((setting.value)(config))));
        if setting.name == "precision" {
            let shown = format!("{isa} (this machine: {})", precisions.join(", "));
            facts.push(("instruction_set", (json!(isa.to_string()), Some(shown))));
        }
    }
    facts.extend([
        ("format_version", plain(json!(format_version))),
        ("created", plain(json!(created))),
        ("updated", plain(json!(updated))),
    ]);
    facts.into_iter().map(|(name, (value, shown))| (name, value, shown)).collect()
}
