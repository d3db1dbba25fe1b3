//! Options of `query`.

use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};

use semsearch::engine::{Mode, SearchRequest};

use super::defaults::Defaults;
use super::encoding::EncodingOptions;
use super::ranking::RankingOptions;
use crate::cli::args::query::{HighlightArg, QueryArgs};
use crate::cli::output::{Highlight, HitOutput, PATHS};

#[derive(Clone, Debug)]
pub(crate) struct QueryOptions {
    pub(crate) queries: QuerySource,
    /// What hits are to resemble, instead of answering queries.
    pub(crate) like: Option<LikeSource>,
    pub(crate) ranking: RankingOptions,
    pub(crate) encoding: EncodingOptions,
    /// What writes the hits.
    pub(crate) output: HitOutput,
    pub(crate) highlight: Highlight,
    /// Whether the sentence that answers is looked for, to be marked or to be shown. This needs the model.
    pub(crate) finds_sentences: bool,
    /// Whether text shows whole passages.
    pub(crate) full: bool,
    /// Whether JSON has the dense and the lexical score of each hit.
    pub(crate) explain: bool,
    /// The name that a TREC run has in its last column.
    pub(crate) run_name: String,
}

/// Where queries come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum QuerySource {
    /// Words of the command line, each a query.
    Texts(Vec<String>),
    File(PathBuf),
    Stdin,
    /// A person at a terminal, who is asked for one query after the other.
    Prompt,
}

/// What hits are to resemble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LikeSource {
    /// A document of the index, by its id.
    Document(String),
    /// A file.
    File(PathBuf),
}

impl QueryOptions {
    pub(crate) fn resolve(args: &QueryArgs, defaults: &Defaults) -> anyhow::Result<Self> {
        let ranking = RankingOptions::resolve(&args.ranking)?;
        let (k, min_score, chunks) = (args.top_k, args.min_score, args.chunks);
        let unique = args.unique;
        let request = SearchRequest { k, min_score, chunks, unique, ..ranking.request.clone() };
        let highlight = highlight(args.highlight);
        let output = if args.files_with_matches { PATHS } else { args.format.writer };
        let like = args.like.clone().map(LikeSource::Document);
        let like = like.or(args.like_file.clone().map(LikeSource::File));
        let is_text = output.marks && like.is_none();
        let marks_sentences = is_text && highlight == Highlight::Sentence;
        let needs_model = marks_sentences || like.is_some();
        // A snippet is around the sentence that answers, if the model is loaded anyway.
        let finds_sentences = marks_sentences || is_text && !args.full && request.mode != Mode::Lexical;
        Ok(Self {
            queries: source(args),
            like,
            ranking: RankingOptions { request, needs_model, ..ranking },
            encoding: EncodingOptions::resolve(&args.encoding, defaults),
            output,
            finds_sentences,
            highlight,
            full: args.full,
            explain: args.explain,
            run_name: args.run_name.clone(),
        })
    }
}

fn highlight(word: Option<HighlightArg>) -> Highlight {
    match word {
        None | Some(HighlightArg::Words) => Highlight::Words,
        Some(HighlightArg::Sentence) => Highlight::Sentence,
        Some(HighlightArg::None) => Highlight::None,
    }
}

fn source(args: &QueryArgs) -> QuerySource {
    match &args.queries {
        Some(path) if path != Path::new("-") => QuerySource::File(path.clone()),
        Some(_) => QuerySource::Stdin,
        None if args.texts.is_empty() && stdin().is_terminal() => QuerySource::Prompt,
        None if args.texts.is_empty() || args.texts == ["-"] => QuerySource::Stdin,
        None => QuerySource::Texts(args.texts.clone()),
    }
}
