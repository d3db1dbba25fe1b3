//! Finds the model that a command needs, loads it, and says what was chosen.

use std::sync::Arc;

use semsearch::cross_encoder::CrossEncoder;
use semsearch::embedder::{Embedder, Options, PreparedModel};
use semsearch::encoder::Precision;
use semsearch::error::{EncoderError, ModelsError};
use semsearch::hub::Hub;
use semsearch::index::{IndexConfig, ModelIdentity};
use semsearch::model::{self, Locations, ModelFiles, ModelName};

use super::advice::Advice;
use super::options::encoding::EncodingOptions;
use super::settings::Settings;
use super::terminal::Terminal;

/// Loads the model asked for, else the one that the index recorded. A model that differs from the index's is an error.
pub(super) fn load(
    settings: &Settings,
    encoding: &EncodingOptions,
    recorded: Option<&IndexConfig>,
) -> anyhow::Result<(ModelIdentity, Embedder)> {
    settings.limit_threads();
    let name = encoding.model_name(recorded);
    let model = match (&encoding.model, recorded) {
        (None, Some(_)) => find_recorded(settings, &name, &encoding.usual_model)?,
        _ => find(settings, &name)?,
    };
    let options = encoding.embedder_options(recorded);
    let prepared = Arc::new(PreparedModel::find(&settings.places.prepared, &model, &options)?);
    let identity = semsearch::engine::identity_of(&model, &prepared)?;
    if let Some(config) = recorded {
        config.check_model(&identity, &settings.index)?;
    }
    let embedder = Embedder::load_prepared(&model, &options, prepared)?;
    let terminal = &settings.terminal;
    if embedder.config().classifies {
        let id = &model.id;
        terminal
            .warn(&format!("{id} was trained to judge texts, not to make vectors: a cross-encoder is for --rerank"));
    } else if !embedder.config().has_modules && encoding.pooling.asked.is_none() && recorded.is_none() {
        let (id, pooling) = (&model.id, embedder.pooling());
        terminal.warn(&format!("{id} does not say how it pools: taking {pooling} (--pooling names another)"));
    }
    tell_of_gpu(terminal, &embedder);
    check_precision(terminal, encoding, options.precision, &embedder)?;
    terminal.detail(&format!("model {} in {}", model.id, model.dir.display()));
    terminal.detail(&described(&embedder));
    Ok((identity, embedder))
}

/// Keeps the prepared form of a model for the next process, if there is none that fits. A machine on which it cannot be
/// kept does without: that is no reason for a warning at every start.
pub(super) fn keep_prepared(embedder: &Embedder, terminal: &Terminal) {
    match embedder.prepare() {
        Ok(None) => {}
        Ok(Some((path, why))) => {
            terminal.detail(&format!("prepared form of the model written: {} ({why})", path.display()))
        }
        Err(error) => {
            let error = anyhow::Error::from(error);
            terminal.detail(&format!("no prepared form of the model is kept: {error:#}"));
        }
    }
}

/// Loads the cross-encoder of this name. It computes on the device and in the precision of the index's model.
pub(super) fn load_reranker(
    settings: &Settings,
    encoding: &EncodingOptions,
    name: &ModelName,
    recorded: &IndexConfig,
) -> anyhow::Result<CrossEncoder> {
    let model = find(settings, name)?;
    let options = Options { max_length: None, ..encoding.embedder_options(Some(recorded)) };
    let reranker = CrossEncoder::load(&model, &options)?;
    let (on, precision, tokens) = (reranker.describe(), reranker.precision(), reranker.max_length());
    settings.terminal.detail(&format!("reranker {} in {}", model.id, model.dir.display()));
    settings.terminal.detail(&format!("reranker on {on}, {precision}, at most {tokens} tokens"));
    Ok(reranker)
}

/// Finds a model, downloading it if need be.
pub(super) fn find(settings: &Settings, name: &ModelName) -> anyhow::Result<ModelFiles> {
    Ok(model::resolve(name, &settings.places, &settings.terminal.download())?)
}

/// Finds a model on this machine.
pub(super) fn find_here(settings: &Settings, name: &ModelName) -> Result<ModelFiles, ModelsError> {
    let hub = Hub { offline: true, ..settings.places.hub.clone() };
    let here = Locations { hub, ..settings.places.clone() };
    model::resolve(name, &here, &settings.terminal.download())
}

/// Finds a model that only an index names. It is downloaded only if it is one that is used anyway.
fn find_recorded(settings: &Settings, name: &ModelName, usual: &ModelName) -> anyhow::Result<ModelFiles> {
    let found = model::resolve_recorded(name, usual, &settings.places, &settings.terminal.download());
    found.map_err(|error| match error {
        ModelsError::ModelOffline { .. } if model::is_usual(name, usual) => error.into(),
        ModelsError::ModelOffline { id, missing } => {
            let index = settings.index.display();
            let message = format!("{index}: its model {id} is not on this machine: no {missing}");
            let revision = name.revision.as_ref().map(|word| format!(" --revision {}", quoted(word)));
            let fetch = format!("`semsearch model fetch {id}{}`", revision.unwrap_or_default());
            let hint = format!("{fetch} downloads it, if you trust where the index comes from");
            Advice { message, hint }.into()
        }
        error => error.into(),
    })
}

/// Says why no GPU is used, if one was looked for. It is a warning if the machine has a GPU that cannot be used.
fn tell_of_gpu(terminal: &Terminal, embedder: &Embedder) {
    let Some(error) = embedder.no_gpu() else { return };
    let why = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    let message = format!("{error}{why}: computing on the CPU");
    match error {
        EncoderError::Device { missing: true, .. } => terminal.detail(&message),
        _ => terminal.warn(&message),
    }
}

/// Warns if the encoder does not compute in the precision `wanted`. To ask for f16 without a GPU is an error. (An index
/// that recorded f16 can be searched on a CPU.)
fn check_precision(
    terminal: &Terminal,
    encoding: &EncodingOptions,
    wanted: Option<Precision>,
    embedder: &Embedder,
) -> anyhow::Result<()> {
    let (asked, used) = (encoding.precision.asked, embedder.precision());
    if asked.and_then(|choice| choice.named()) == Some(Precision::F16) && used != Precision::F16 {
        let why = embedder.no_gpu().map(|error| format!(", and {error}")).unwrap_or_default();
        let message = format!("precision f16 is for GPUs{why}: use `--precision bf16` or `f32`");
        return Err(anyhow::Error::msg(message));
    }
    if let Some(wanted) = wanted.filter(|&wanted| wanted != used) {
        let message = format!("no {wanted} products on {}: computing in {used}", embedder.describe());
        // A precision that only the index recorded may have been chosen on another machine. A better one gives good
        // answers too, so this needs no warning.
        match asked {
            Some(_) => terminal.warn(&message),
            None => terminal.detail(&message),
        }
    }
    Ok(())
}

fn described(embedder: &Embedder) -> String {
    format!(
        "encoder on {}, {}, pooling {}, at most {} tokens, {}",
        embedder.describe(),
        embedder.precision(),
        embedder.pooling(),
        embedder.tokenizer().max_length(),
        if embedder.normalized() { "normalized" } else { "not normalized" }
    )
}

/// Quotes a text so that a shell reads it as one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
