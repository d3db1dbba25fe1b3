//! What is in force: arguments, environment and what an index recorded, resolved once.
//!
//! Precedence: argument, environment (clap reads both), the index's own, config file, default.

use std::env;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use semsearch::embedder::{Embedder, Options};
use semsearch::encoder::Precision;
use semsearch::error::Error;
use semsearch::files::{open_regular, read_bounded};
use semsearch::hub::{Hub, Token};
use semsearch::index::{self, ModelIdentity, Recipe};
use semsearch::model::{self, Locations, ModelFiles, ModelName};

use super::args::{Action, Args, Color, Encoding, Recorded};
use super::config::Config;
use super::report::Advice;
use super::terminal::Terminal;

/// The Hub, where `HF_ENDPOINT` names no other.
const HUB: &str = "https://huggingface.co";

/// Bytes of a file that holds a token, at most.
const TOKEN: u64 = 64 << 10;

/// Everything that commands share.
#[derive(Clone)]
pub(super) struct Settings {
    /// The index's directory, whether or not it is there.
    pub(super) index: PathBuf,
    /// Whether it was named.
    pub(super) index_named: bool,
    /// Where models are.
    pub(super) places: Locations,
    /// The config file's word where neither arguments, nor environment, nor an index say anything.
    pub(super) config: Recorded,
    /// What is said to the person.
    pub(super) terminal: Terminal,
    /// As many as there are cores, if `None`.
    threads: Option<usize>,
}

impl Settings {
    /// Resolves the common options.
    pub(super) fn resolve(Args { common, command }: &Args, config: &Config) -> anyhow::Result<Self> {
        let choice = match common.color {
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
            Color::Auto => anstream::ColorChoice::Auto,
        };
        choice.write_global();
        let terminal = Terminal::new(common.quiet, common.verbose);
        let offline = common.offline || env::var("HF_HUB_OFFLINE").is_ok_and(|word| is_true(&word));
        Ok(Self {
            config: config.recorded.clone(),
            index_named: common.index.is_some(),
            index: match &common.index {
                Some(dir) => dir.clone(),
                None if has_index(command) => usual_index(&terminal)?,
                None => index::DIRECTORY.into(),
            },
            places: Locations {
                own: own_cache(),
                hub: Hub {
                    cache: hub_cache(),
                    endpoint: env::var("HF_ENDPOINT").ok().filter(|url| !url.is_empty()).unwrap_or_else(|| HUB.into()),
                    token: if offline { None } else { token(&terminal) },
                    offline,
                },
            },
            terminal,
            threads: common.threads,
        })
    }

    /// The same for another index.
    pub(super) fn with_index(&self, index: PathBuf) -> Self {
        Self { index, ..self.clone() }
    }

    /// Sizes the pools of threads, before any starts.
    pub(super) fn limit_threads(&self) {
        if let Some(threads) = self.threads {
            // The pools of the encoder and of FAISS, before either starts; of their own accord they have a thread a core,
            // and start when there is work for several. The pool may exist in a process that runs two commands; then it
            // has the size of the first.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
            index::set_threads(threads);
        }
    }

    /// Loads the model that the arguments name, or else the one that the index recorded; if that was another, says so.
    pub(super) fn embedder(
        &self,
        encoding: &Encoding,
        recorded: Option<&Recipe>,
        truncate_dim: Option<usize>,
    ) -> anyhow::Result<(ModelIdentity, Embedder)> {
        self.limit_threads();
        let name = match (&encoding.model, recorded) {
            (Some(id), _) => ModelName { id: id.clone(), revision: encoding.revision.clone() },
            (None, Some(recipe)) => ModelName {
                id: recipe.model.id.clone(),
                revision: encoding.revision.clone().or_else(|| recipe.model.revision.clone()),
            },
            (None, None) => self.usual_model(encoding.revision.clone()),
        };
        let model = match (&encoding.model, recorded) {
            (None, Some(_)) => self.model_of_index(&name)?,
            _ => self.model(&name)?,
        };
        let identity = ModelIdentity::of(&model)?;
        if let Some(recipe) = recorded {
            recipe.check_model(&identity, &self.index)?;
        }
        let options = Options {
            device: encoding.device,
            precision: match encoding.precision {
                Some(word) => word.precision(),
                None => match (recorded, self.config.precision) {
                    (Some(recipe), _) => Some(recipe.precision),
                    (None, Some(word)) => word.precision(),
                    (None, None) => Some(Precision::F32),
                },
            },
            pooling: (encoding.pooling.map(Into::into))
                .or(recorded.map(|recipe| recipe.pooling))
                .or(self.config.pooling.map(Into::into)),
            max_length: encoding.max_length.or(recorded.map(|recipe| recipe.max_length)).or(self.config.max_length),
            normalized: if encoding.no_normalize { Some(false) } else { recorded.map(|recipe| recipe.normalized) },
            truncate_dim: truncate_dim.or(recorded.filter(|recipe| recipe.truncated).map(|recipe| recipe.dim)),
            encoder: encoding.encoder.map(Into::into),
            isa: encoding.isa,
            batch_tokens: None,
        };
        let embedder = Embedder::load(&model, &options)?;
        if !embedder.config().has_modules && encoding.pooling.is_none() && recorded.is_none() {
            let (id, pooling) = (&model.id, embedder.pooling());
            self.terminal.warn(&format!("{id} does not say how it pools: taking {pooling} (--pooling names another)"));
        }
        if let Some(error) = embedder.no_gpu() {
            let why = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
            let message = format!("{error}{why}: computing on the CPU");
            match error {
                Error::Device { missing: true, .. } => self.terminal.detail(&message),
                _ => self.terminal.warn(&message),
            }
        }
        // An index that was built on a GPU is asked on a CPU as well: only who says f16 now means a GPU.
        let asked = encoding.precision.and_then(|word| word.precision());
        if asked == Some(Precision::F16) && embedder.precision() != Precision::F16 {
            let why = embedder.no_gpu().map(|error| format!(", and {error}")).unwrap_or_default();
            let message = format!("precision f16 is for GPUs{why}: use `--precision bf16` or `f32`");
            return Err(Error::Unsupported(message).into());
        }
        if let Some(wanted) = options.precision.filter(|&wanted| wanted != embedder.precision()) {
            let (used, on) = (embedder.precision(), embedder.describe());
            let message = format!("no {wanted} products on {on}: computing in {used}");
            // What only the index recorded was asked for on another machine, perhaps; a better precision answers as well.
            match encoding.precision {
                Some(_) => self.terminal.warn(&message),
                None => self.terminal.detail(&message),
            }
        }
        self.terminal.detail(&format!("model {} in {}", model.id, model.dir.display()));
        self.terminal.detail(&format!(
            "encoder on {}, {}, pooling {}, at most {} tokens, {}",
            embedder.describe(),
            embedder.precision(),
            embedder.pooling(),
            embedder.tokenizer().max_length(),
            if embedder.normalized() { "normalized" } else { "not normalized" }
        ));
        Ok((identity, embedder))
    }

    /// The model where none is named.
    pub(super) fn usual_model(&self, revision: Option<String>) -> ModelName {
        match &self.config.model {
            Some(id) => ModelName { id: id.clone(), revision: revision.or_else(|| self.config.revision.clone()) },
            None => ModelName { revision, ..ModelName::default() },
        }
    }

    /// Finds a model that an index names, and nobody else. An index may come from anybody, so it is not downloaded without
    /// being asked for, unless it is the one that is used anyway.
    fn model_of_index(&self, name: &ModelName) -> anyhow::Result<ModelFiles> {
        let usual = self.usual_model(None);
        let at = |name: &ModelName| match &name.revision {
            Some(revision) => revision.clone(),
            None if name.id == model::DEFAULT_MODEL => model::DEFAULT_REVISION.into(),
            None => "main".into(),
        };
        let default = ModelName::default();
        if [usual, default].iter().any(|known| known.id == name.id && at(known) == at(name)) {
            return self.model(name);
        }
        let here = Locations { hub: Hub { offline: true, ..self.places.hub.clone() }, ..self.places.clone() };
        model::resolve(name, &here, &self.terminal.download()).map_err(|error| match error {
            Error::ModelOffline { id, missing } => {
                let message = format!("{}: its model {id} is not on this machine: no {missing}", self.index.display());
                let revision = name.revision.as_ref().map(|word| format!(" --revision {}", quoted(word)));
                let fetch = format!("`semsearch model fetch {id}{}`", revision.unwrap_or_default());
                let hint = format!("{fetch} downloads it, if you trust where the index comes from");
                Advice { message, hint }.into()
            }
            error => error.into(),
        })
    }

    /// Finds a model, downloading it if need be.
    pub(super) fn model(&self, name: &ModelName) -> anyhow::Result<ModelFiles> {
        let progress = self.terminal.download();
        let found = model::resolve(name, &self.places, &progress)?;
        Ok(found)
    }
}

/// Whether a command has to do with an index, which may be one that nobody named.
fn has_index(command: &Action) -> bool {
    !matches!(
        command,
        Action::Embed(_) | Action::Sim(_) | Action::Model(_) | Action::Completions { .. } | Action::Man { .. }
    )
}

/// `.semsearch` in the working directory or the nearest parent that has one; else in the working directory.
fn usual_index(terminal: &Terminal) -> anyhow::Result<PathBuf> {
    let here = env::current_dir().context("cannot tell the working directory")?;
    let found = index::find(&here);
    let own = here.join(index::DIRECTORY);
    let advice = |dir: &Path| format!("`-i {}` uses it all the same", dir.display());
    if found.index.is_none() && found.passed_over.contains(&own) {
        let message = format!("{}: this index belongs to another user", own.display());
        return Err(Advice { message, hint: advice(Path::new(index::DIRECTORY)) }.into());
    }
    for dir in &found.passed_over {
        terminal.warn(&format!("{} belongs to another user and is passed over ({})", dir.display(), advice(dir)));
    }
    let found = found.index.filter(|found| *found != own);
    Ok(found.unwrap_or_else(|| index::DIRECTORY.into()))
}

/// `$XDG_CACHE_HOME/semsearch/models`, or the same below `~/.cache`.
fn own_cache() -> PathBuf {
    cache().join("semsearch").join("models")
}

/// A variable that names a path.
pub(super) fn set(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from)
}

fn cache() -> PathBuf {
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(|| env::temp_dir().join("cache"))
}

/// The Hugging Face cache, where Python's huggingface_hub has it.
fn hub_cache() -> PathBuf {
    set("HF_HUB_CACHE").or_else(|| set("HUGGINGFACE_HUB_CACHE")).unwrap_or_else(|| hub_home().join("hub"))
}

fn hub_home() -> PathBuf {
    set("HF_HOME").unwrap_or_else(|| cache().join("huggingface"))
}

/// The token for the Hub, where Python's huggingface_hub has it: `HF_TOKEN`, or a file that `hf auth login` wrote.
fn token(terminal: &Terminal) -> Option<Token> {
    if set("HF_HUB_DISABLE_IMPLICIT_TOKEN").is_some() {
        return None;
    }
    if let Some(word) = env::var("HF_TOKEN").ok().filter(|word| !word.is_empty()) {
        return Some(Token(word));
    }
    let path = set("HF_TOKEN_PATH").unwrap_or_else(|| hub_home().join("token"));
    let read = open_regular(&path).and_then(|file| read_bounded(file, TOKEN));
    let word = match read {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            terminal.warn(&format!("{}: no token for the Hub from there: {error}", path.display()));
            return None;
        }
    };
    Some(Token(word)).filter(|token| !token.0.is_empty())
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// The words that huggingface_hub takes for yes.
fn is_true(word: &str) -> bool {
    ["1", "on", "yes", "true"].contains(&word.to_ascii_lowercase().as_str())
}
