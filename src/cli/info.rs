//! `semsearch info`: what an index holds and how it was made.

use std::io::Write;

use indicatif::{HumanBytes, HumanCount};
use semsearch::encoder::{PackedEncoder, Precision};
use semsearch::index::{Index, Manifest};
use semsearch::kernels::Isa;
use serde_json::{Value, json};

use super::options::inspect::InfoOptions;
use super::outcome::Outcome;
use super::output;
use super::settings::Settings;

pub(super) fn run(options: &InfoOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let index = Index::open(&settings.index)?;
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
fn facts(index: &Index, isa: Isa) -> Vec<(&'static str, Value, Option<String>)> {
    let Manifest { format_version, recipe, created, updated, segments, .. } = index.manifest();
    let count = |number: u64| (json!(number), Some(HumanCount(number).to_string()));
    let plain = |value: Value| (value, None);
    let bytes = index.manifest().bytes_named();
    let precisions: Vec<String> = Precision::ALL
        .into_iter()
        .filter(|&precision| PackedEncoder::has(precision, isa))
        .map(|precision| precision.to_string())
        .collect();
    let vectors = index.manifest().vectors();
    let facts = [
        ("index", plain(json!(index.dir().to_string_lossy()))),
        ("documents", count(index.documents())),
        ("passages", count(vectors)),
        ("vectors", count(vectors)),
        ("segments", count(segments.len() as u64)),
        ("bytes", (json!(bytes), Some(format!("{bytes} ({})", HumanBytes(bytes))))),
        ("model", plain(json!(recipe.model.id))),
        ("revision", (json!(recipe.model.revision), Some(recipe.model.revision.clone().unwrap_or_else(|| "-".into())))),
        ("digest", plain(json!(recipe.model.fingerprint))),
        ("pooling", plain(json!(recipe.pooling))),
        ("normalized", plain(json!(recipe.normalized))),
        ("max_length", plain(json!(recipe.max_length))),
        ("precision", plain(json!(recipe.precision))),
        ("instruction_set", (json!(isa.to_string()), Some(format!("{isa} (this machine: {})", precisions.join(", "))))),
        ("dim", plain(json!(recipe.dim))),
        ("factory", plain(json!(recipe.factory))),
        ("truncated", plain(json!(recipe.truncated))),
        ("metric", plain(json!(recipe.metric))),
        ("title_embedded", plain(json!(recipe.with_title))),
        ("language", (json!(recipe.language), recipe.language.is_none().then(|| "-".into()))),
        ("cutting", plain(json!(recipe.cutting))),
        ("query_prompt", plain(json!(recipe.prompts.query))),
        ("document_prompt", plain(json!(recipe.prompts.document))),
        ("format_version", plain(json!(format_version))),
        ("created", plain(json!(created))),
        ("updated", plain(json!(updated))),
    ];
    facts.into_iter().map(|(name, (value, shown))| (name, value, shown)).collect()
}
