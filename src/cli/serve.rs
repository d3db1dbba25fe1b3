//! `semsearch serve` and `semsearch mcp`: a model and indexes stay open, for people, programs and agents.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;

use semsearch::engine::{LoadedModel, Searcher};
use semsearch_server::{Failure, Loaded, NamedIndex};

use super::model_loader;
use super::options::encoding::EncodingOptions;
use super::options::serve::{ServeOptions, ServedIndex};
use super::outcome::Outcome;
use super::settings::Settings;
use super::store::{self, Computing};
use super::terminal::Terminal;

/// `semsearch serve`.
pub(super) fn serve(options: ServeOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let ServeOptions { server, indexes, encoding, open } = options;
    let (settings, terminal) = (settings.clone(), settings.terminal.clone());
    let listening = move |address: SocketAddr| {
        let page = format!("http://{address}/");
        // The log goes on if nobody reads the address.
        let _ = writeln!(stdout(), "{page}").and_then(|()| stdout().flush());
        if open {
            open_page(&page, &terminal);
        }
    };
    ended(semsearch_server::serve(server, listening, move || load(&indexes, &encoding, &settings)))
}

/// `semsearch mcp`.
pub(super) fn agents(options: ServeOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let ServeOptions { server, indexes, encoding, .. } = options;
    let settings = settings.clone();
    ended(semsearch_server::serve_agents(server, move || load(&indexes, &encoding, &settings)))
}

fn ended(outcome: Result<(), Failure<anyhow::Error>>) -> anyhow::Result<Outcome> {
    match outcome {
        Ok(()) => Ok(Outcome::Done),
        // With its own causes and hints.
        Err(Failure::Load(error)) => Err(error),
        Err(Failure::Server(error)) => Err(error.into()),
    }
}

/// Opens the indexes with the model that the first was built with.
fn load(indexes: &[ServedIndex], encoding: &EncodingOptions, settings: &Settings) -> anyhow::Result<Loaded> {
    let mut model: Option<LoadedModel> = None;
    let mut named = Vec::new();
    for ServedIndex { name, dir } in indexes {
        let settings = settings.with_index(dir.clone());
        let store = store::open(&settings, Computing { isa: encoding.isa, ..Computing::default() })?;
        let snapshot = store.snapshot()?;
        let loaded = match model.take() {
            Some(model) => model,
            None => {
                let (identity, embedder) = model_loader::load(&settings, encoding, Some(&snapshot.facts().config))?;
                // The first batch reads the weights, and tells how fast the encoder is.
                embedder.embed(&["What is the first question that anybody asks?"; 8])?;
                model_loader::keep_prepared(&embedder, &settings.terminal);
                LoadedModel { embedder: Arc::new(embedder), identity }
            }
        };
        named.push(NamedIndex { name: name.clone(), searcher: Searcher::new(store, snapshot, loaded.clone())? });
        model = Some(loaded);
    }
    let LoadedModel { embedder, identity } = model.ok_or_else(|| anyhow::anyhow!("no index is named"))?;
    Ok(Loaded { embedder, identity, indexes: named })
}

/// Opens the page in the person's browser.
fn open_page(page: &str, terminal: &Terminal) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet =
        || Command::new(opener).arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if let Err(error) = quiet() {
        terminal.warn(&format!("the browser cannot be opened: {opener}: {error}: open {page} yourself"));
    }
}
