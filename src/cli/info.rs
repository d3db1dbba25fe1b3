//! `semsearch info`: what an index holds and how it was made.

use std::io::Write;

use indicatif::{HumanBytes, HumanCount};
use semsearch::encoder::{PackedEncoder, Precision};
#[cfg(feature = "postgres")]
use semsearch::index::Store;
use semsearch::index::{IndexConfig, LocalStore, SETTINGS};
use semsearch::kernels::Isa;
use serde_json::{Value, json};

use super::options::inspect::InfoOptions;
use super::outcome::Outcome;
use super::output;
use super::settings::Settings;
#[cfg(feature = "postgres")]
use super::store::{self, Computing};

pub(super) fn run(options: &InfoOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let facts = facts(&Described::of(settings)?, options.isa);
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

/// What is shown of an index beside its settings.
struct Described {
    index: String,
    config: IndexConfig,
    documents: u64,
    vectors: u64,
    /// What the index consists of, and how many there are.
    parts: (&'static str, u64),
    bytes: u64,
    format_version: u64,
    created: String,
    updated: String,
}

impl Described {
    fn of(settings: &Settings) -> anyhow::Result<Self> {
        #[cfg(feature = "postgres")]
        if store::is_address(&settings.index) {
            return Self::of_database(settings);
        }
        let index = LocalStore::new(&settings.index).open()?;
        let manifest = index.manifest().clone();
        Ok(Self {
            index: index.dir().to_string_lossy().into_owned(),
            documents: manifest.documents.count,
            vectors: manifest.vectors(),
            parts: ("segments", manifest.segments.len() as u64),
            bytes: manifest.bytes_named(),
            format_version: manifest.format_version.into(),
            created: manifest.created,
            updated: manifest.updated,
            config: manifest.config,
        })
    }

    #[cfg(feature = "postgres")]
    fn of_database(settings: &Settings) -> anyhow::Result<Self> {
        let store = store::open_postgres(settings, Computing::default())?;
        let snapshot = store.snapshot()?;
        let described = store.describe()?;
        let number = |name: &str| described.get(name).and_then(Value::as_u64).unwrap_or(0);
        let text = |name: &str| described.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self {
            index: text("store"),
            config: snapshot.facts().config.clone(),
            documents: snapshot.facts().documents,
            vectors: snapshot.facts().passages,
            parts: ("partitions", number("partitions")),
            bytes: number("bytes"),
            format_version: number("format_version"),
            created: text("created"),
            updated: text("updated"),
        })
    }
}

/// The name and value of each fact, and the form for people if it differs.
fn facts(described: &Described, isa: Isa) -> Vec<(&'static str, Value, Option<String>)> {
    let Described { index, config, documents, vectors, parts, bytes, format_version, created, updated } = described;
    let (vectors, bytes) = (*vectors, *bytes);
    let count = |number: u64| (json!(number), Some(HumanCount(number).to_string()));
    let plain = |value: Value| (value, None);
    let optional = |value: Value| {
        let none = value.is_null().then(|| "-".into());
        (value, none)
    };
    let precisions: Vec<String> = Precision::ALL
        .into_iter()
        .filter(|&precision| PackedEncoder::has(precision, isa))
        .map(|precision| precision.to_string())
        .collect();
    let mut facts = vec![
        ("index", plain(json!(index))),
        ("documents", count(*documents)),
        ("passages", count(vectors)),
        ("vectors", count(vectors)),
        (parts.0, count(parts.1)),
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
