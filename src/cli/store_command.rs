//! `semsearch store`: an index in PostgreSQL is made, filled, written together, and removed.

use std::io::Write;
use std::time::Instant;

use indicatif::HumanCount;
use semsearch::engine::{IndexCounts, copy_index};
use semsearch::index::{LocalStore, Snapshot, Store, StoreWriter, WriteOptions, Written};
use semsearch::postgres::{CreateOptions, Generation, PostgresStore, create, drop_store};
use serde_json::Value;

use super::advice::Advice;
use super::options::store::{StoreCopy, StoreOptions};
use super::outcome::Outcome;
use super::output;
use super::settings::Settings;
use super::store::{Computing, is_address, open_postgres, shard_servers};

pub(super) fn run(options: &StoreOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    if !is_address(&settings.index) {
        let hint = "name it with `--store postgresql://HOST:PORT/DATABASE` or SEMSEARCH_STORE".into();
        return Err(Advice { message: "no database is named".into(), hint }.into());
    }
    let store = open_postgres(settings, Computing::default())?;
    let (place, terminal) = (settings.index.display(), &settings.terminal);
    match options {
        StoreOptions::Create { servers, partitions } => {
            let servers = shard_servers(servers, settings)?;
            let count = servers.len().max(1);
            create(&store, &CreateOptions { servers, partitions: *partitions })?;
            terminal.note(&format!("{place}: made, {partitions} partitions on {count} {}", servers_of(count)));
        }
        StoreOptions::Begin { wait } => print(&Generation::take(&store, *wait)?.begin()?.to_string())?,
        StoreOptions::Commit { wait } => {
            let Written { commits, documents, passages, .. } = Generation::take(&store, *wait)?.commit()?;
            let (documents, passages) = (HumanCount(documents), HumanCount(passages));
            let done = if commits == 0 { "committed already" } else { "committed" };
            terminal.note(&format!("{place}: {done}, documents: {documents}, passages: {passages}"));
        }
        StoreOptions::Abort { wait } => {
            let generation = Generation::take(&store, *wait)?.abort()?;
            terminal.note(&format!("{place}: generation {generation} is given up"));
        }
        StoreOptions::Info { json } => info(&store, *json)?,
        StoreOptions::Push(copy) => push(&store, copy, settings)?,
        StoreOptions::Pull(copy) => pull(&store, copy, settings)?,
        StoreOptions::Vacuum { wait } => {
            let removed = HumanCount(Generation::take(&store, *wait)?.vacuum()?);
            terminal.note(&format!("{place}: passages of older generations removed: {removed}"));
        }
        StoreOptions::Drop { wait } => {
            drop_store(&store, *wait)?;
            terminal.note(&format!("{place}: dropped"));
        }
    }
    Ok(Outcome::Done)
}

fn servers_of(count: usize) -> &'static str {
    if count == 1 { "server" } else { "servers" }
}

fn print(line: &str) -> anyhow::Result<()> {
    let mut out = output::raw();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn info(store: &PostgresStore, json: bool) -> anyhow::Result<()> {
    let facts = store.describe()?;
    if json {
        return print(&Value::Object(facts).to_string());
    }
    let width = facts.keys().map(String::len).max().unwrap_or(0);
    for (name, value) in facts {
        let shown = match value {
            Value::Null => "-".to_owned(),
            Value::String(text) => text,
            Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
            other => other.to_string(),
        };
        print(&format!("{name:<width$}  {shown}"))?;
    }
    Ok(())
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

/// Copies an index from a directory into the store.
fn push(store: &PostgresStore, StoreCopy { dir, wait }: &StoreCopy, settings: &Settings) -> anyhow::Result<()> {
    let from = LocalStore::new(dir).snapshot()?;
    let write = WriteOptions { wait: *wait, ..WriteOptions::default() };
    let writer = store.writer(from.facts().config.clone(), write)?;
    copied(&*from, writer, &format!("{} into {}", dir.display(), settings.index.display()), settings)
}

/// Copies the store's index into a directory.
fn pull(store: &PostgresStore, StoreCopy { dir, wait }: &StoreCopy, settings: &Settings) -> anyhow::Result<()> {
    let from = store.snapshot()?;
    let write = WriteOptions { wait: *wait, at_once: true, ..WriteOptions::default() };
    let writer = LocalStore::new(dir).writer(from.facts().config.clone(), write)?;
    copied(&*from, writer, &format!("{} into {}", settings.index.display(), dir.display()), settings)
}

/// Copies an index, and tells what was done.
fn copied(from: &dyn Snapshot, writer: Box<dyn StoreWriter>, what: &str, settings: &Settings) -> anyhow::Result<()> {
    let started = Instant::now();
    let bar = settings.terminal.counting("documents", from.facts().documents);
    let (counts, written) = copy_index(from, writer, &mut |documents| bar.inc(documents as u64))?;
    bar.finish_and_clear();
    let IndexCounts { added, updated, unchanged, .. } = counts;
    let passages = HumanCount(written.passages);
    settings.terminal.note(&format!(
        "{what}: documents: {added} added, {updated} updated, {unchanged} unchanged; passages there: {passages}, {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}
