//! Options of `index`.

use std::path::PathBuf;
use std::time::Duration;

use semsearch::corpus::Input;
use semsearch::index::{FileIds, IndexConfig, IndexSettings, Language, Metric, Prompts, Splitting};
use semsearch::model::ModelConfig;

use super::defaults::Defaults;
use super::encoding::EncodingOptions;
use super::input::InputOptions;
use super::passage::PassageOptions;
use super::recordable::Recordable;
use crate::cli::args::index::IndexArgs;

#[derive(Clone, Debug)]
pub(crate) struct IndexOptions {
    pub(crate) input: InputOptions,
    pub(crate) passages: PassageOptions,
    pub(crate) encoding: EncodingOptions,
    factory: Recordable<String>,
    metric: Recordable<Metric>,
    language: Recordable<Language>,
    query_prompt: Option<String>,
    /// A file of vectors that were computed elsewhere.
    pub(crate) vectors: Option<PathBuf>,
    /// Whether documents are removed that are no longer in the inputs.
    pub(crate) prune: bool,
    /// Whether the inputs are indexes that are added to this one.
    pub(crate) merge: bool,
    pub(crate) rebuild: bool,
    /// Whether the program stays and indexes what changes.
    pub(crate) watch: bool,
    /// How long to wait for another writer.
    pub(crate) wait: Duration,
    /// Documents between two commits, at most.
    pub(crate) commit_every: Option<usize>,
    /// Whether the summary is for a script.
    pub(crate) json: bool,
}

impl IndexOptions {
    pub(crate) fn resolve(args: &IndexArgs, defaults: &Defaults) -> anyhow::Result<Self> {
        let input = InputOptions::resolve(&args.inputs, &args.records, "index")?;
        let encoding = EncodingOptions::resolve(&args.encoding, defaults);
        Ok(Self {
            // With `--prune`, an empty input removes all its documents, so it is no error.
            input: InputOptions { may_be_empty: args.prune, ..input },
            passages: PassageOptions::resolve(&args.records),
            encoding: EncodingOptions { truncate_dim: args.records.truncate_dim, ..encoding },
            factory: Recordable::new(args.factory.clone(), &defaults.factory),
            metric: Recordable::new(args.metric, &defaults.metric),
            language: Recordable::new(args.language, &defaults.language),
            query_prompt: args.query_prompt.clone(),
            vectors: args.vectors.clone(),
            prune: args.prune,
            merge: args.merge,
            rebuild: args.rebuild,
            watch: args.watch,
            wait: args.wait,
            commit_every: args.commit_every,
            json: args.json,
        })
    }

    /// The same, for a run after one that built the index.
    pub(crate) fn again(&self) -> Self {
        Self { rebuild: false, ..self.clone() }
    }

    /// The same with other inputs. A directory among them may be empty by now.
    pub(crate) fn with_inputs(&self, named: Vec<Input>) -> Self {
        Self { input: InputOptions { named, may_be_empty: true, ..self.input.clone() }, ..self.clone() }
    }

    /// The same for an index that is built anew.
    pub(crate) fn afresh(&self) -> Self {
        Self { rebuild: true, ..self.clone() }
    }

    /// The settings of the index itself: those asked for, else those recorded, else the defaults.
    pub(crate) fn settings(&self, recorded: Option<&IndexConfig>, model: &ModelConfig) -> IndexSettings {
        let prompts = recorded.map(|config| &config.prompts);
        let query = self.query_prompt.clone().or(prompts.map(|prompts| prompts.query.clone()));
        let language = self.language.or_recorded(recorded.and_then(|config| config.language));
        let factory = self.factory.or_recorded(recorded.map(|config| config.factory.clone()));
        IndexSettings {
            factory: factory.unwrap_or_else(|| "Flat".into()),
            metric: self.metric.or_recorded(recorded.map(|config| config.metric)).unwrap_or_default(),
            with_title: self.passages.with_title && recorded.is_none_or(|config| config.with_title),
            prompts: Prompts {
                query: query.unwrap_or_else(|| model.prompts.query.clone()),
                document: self.passages.document_prompt(prompts, model),
            },
            language: language.or(Some(Language::default())),
            // An index of an older release stays as it is.
            splitting: recorded.map_or(Splitting::Parts, |config| config.splitting),
            with_context: recorded.map_or(self.passages.with_title, |config| config.with_context),
            file_ids: recorded.map_or(FileIds::FromRoot, |config| config.file_ids),
            chunks: self.passages.chunks(recorded.map(|config| config.chunks)),
        }
    }
}
