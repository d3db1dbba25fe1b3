//! Which documents are ranked, and how.

use semsearch::engine::{Mode, SearchRequest};
use semsearch::error::BadFilter;
use semsearch::filter::{self, Filter};
use semsearch::index::Effort;
use semsearch::model::ModelName;

use crate::cli::advice::MarkedAdvice;
use crate::cli::args::query::RankingArgs;
use crate::cli::hint;
use crate::cli::visible::visible;

/// The word for no reranking, where the environment or the config file asks for it.
const NO_RERANKER: &str = "none";

/// Options of every command that ranks documents.
#[derive(Clone, Debug)]
pub(crate) struct RankingOptions {
    /// The search, without its queries.
    pub(crate) request: SearchRequest,
    /// Whether the model is needed even for a lexical search.
    pub(crate) needs_model: bool,
    /// The cross-encoder that orders the hits once more.
    pub(crate) reranker: Option<ModelName>,
    /// Whether answers may be without the servers of a database that cannot be reached.
    pub(crate) partial: bool,
}

impl RankingOptions {
    pub(crate) fn resolve(args: &RankingArgs) -> anyhow::Result<Self> {
        let reranker = args.rerank.as_deref().filter(|id| *id != NO_RERANKER);
        Ok(Self {
            request: SearchRequest {
                mode: args.mode,
                fusion: args.fusion,
                alpha: args.alpha,
                filter: args.filter.as_deref().map(filter).transpose()?,
                effort: Effort { nprobe: args.nprobe, ef_search: args.ef_search },
                rerank: reranker.map(|_| args.rerank_depth),
                ..SearchRequest::default()
            },
            needs_model: false,
            partial: args.partial,
            reranker: reranker.map(|id| ModelName { id: id.into(), revision: None }),
        })
    }

    /// The same without reranking, and whether there would have been some.
    pub(crate) fn unreranked(&self) -> (Self, bool) {
        let request = SearchRequest { rerank: None, ..self.request.clone() };
        (Self { request, reranker: None, ..self.clone() }, self.reranker.is_some())
    }

    pub(crate) fn mode(&self) -> Mode {
        self.request.mode
    }
}

/// Reads a filter's expression. An error shows the expression with a mark below the wrong place.
pub(super) fn filter(expression: &str) -> anyhow::Result<Filter> {
    expression.parse().map_err(|bad: BadFilter| {
        let message = format!("cannot understand the filter: {bad}");
        // The column of the mark is counted in the expression as it is shown, with hidden characters spelled out.
        let before = visible(expression.get(..bad.byte).unwrap_or(expression)).len();
        let marked = filter::caret(&visible(expression), before);
        MarkedAdvice { message, marked, hint: hint::OF_FILTER.into() }.into()
    })
}
