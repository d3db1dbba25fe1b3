//! An index together with its model, shared by all threads that search.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use semsearch_encoder::cross_encoder::CrossEncoder;
use semsearch_encoder::embedder::{Embedded, Embedder, Progress};
use semsearch_encoder::encoder::Vectors;
use semsearch_store::{IndexConfig, Metric, ModelIdentity, Snapshot, Store};

use super::pinned::{PinnedSearcher, texts};
use super::ranking::Ranking;
use super::rerank::{candidates, reranked};
use super::{EngineError, Hit, Mode, SearchRequest, SearchResults};

/// What needs the model, for messages.
const BY_MEANING: &str = "a search by meaning";

/// A loaded model, and its identity.
#[derive(Clone)]
pub struct LoadedModel {
    /// The embedder, which turns texts into vectors.
    pub embedder: Arc<Embedder>,
    /// The identity of the model.
    pub identity: ModelIdentity,
}

/// Answers requests over an index.
///
/// It is cheap to clone: clones share the model and the commit. Any number of threads may search at once. Each request
/// sees one commit from beginning to end, whatever is committed or reloaded meanwhile.
#[derive(Clone)]
pub struct Searcher {
    shared: Arc<Shared>,
    /// The model that orders hits once more, if a request asks for it.
    reranker: Option<Arc<CrossEncoder>>,
    /// Texts that were embedded before the commit was open, and their vectors.
    ahead: Option<Arc<(Vec<String>, Embedded)>>,
}

struct Shared {
    store: Arc<dyn Store>,
    model: Option<LoadedModel>,
    newest: RwLock<Arc<dyn Snapshot>>,
    /// Held while a commit is opened. Otherwise, of two reloads at once, the one with the earlier commit could end
    /// last.
    reloading: Mutex<()>,
}

impl Searcher {
    /// Combines a store, one of its commits and a model.
    ///
    /// # Errors
    /// [`StoreError::Mismatch`](semsearch_store::StoreError::Mismatch) if the index was built with another model, or
    /// with other settings of the model.
    pub fn new(store: Arc<dyn Store>, snapshot: Arc<dyn Snapshot>, model: LoadedModel) -> Result<Self, EngineError> {
        check(&*store, &*snapshot, &model)?;
        Ok(Self::of(store, snapshot, Some(model)))
    }

    /// A searcher that searches only by words and needs no model.
    pub fn by_words(store: Arc<dyn Store>, snapshot: Arc<dyn Snapshot>) -> Self {
        Self::of(store, snapshot, None)
    }

    fn of(store: Arc<dyn Store>, snapshot: Arc<dyn Snapshot>, model: Option<LoadedModel>) -> Self {
        let shared = Shared { store, model, newest: RwLock::new(snapshot), reloading: Mutex::default() };
        Self { shared: Arc::new(shared), reranker: None, ahead: None }
    }

    /// The same searcher with a model that orders hits once more ([`SearchRequest::rerank`]).
    pub fn with_reranker(self, reranker: Arc<CrossEncoder>) -> Self {
        Self { reranker: Some(reranker), ..self }
    }

    /// The same searcher with what its model made of these texts, which are [`prompted`](super::prompted) queries. A request for
    /// exactly these queries does not embed them again.
    pub fn with_embedded(self, texts: Vec<String>, embedded: Embedded) -> Self {
        Self { ahead: Some(Arc::new((texts, embedded))), ..self }
    }

    /// The commit that the next request searches.
    pub fn snapshot(&self) -> Arc<dyn Snapshot> {
        Arc::clone(&self.shared.newest.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens the newest commit of the store, for this searcher and all its clones. Returns whether it is another commit
    /// than before. The model stays the same.
    ///
    /// # Errors
    /// The commit cannot be opened, or was made with another model. The searcher then keeps the commit that it had.
    pub fn reload(&self) -> Result<bool, EngineError> {
        let _reloading = self.shared.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.snapshot().facts().commit.clone();
        if self.shared.store.commit()? == known {
            return Ok(false);
        }
        let newest = self.shared.store.snapshot()?;
        if newest.facts().commit == known {
            return Ok(false);
        }
        if let Some(model) = &self.shared.model {
            check(&*self.shared.store, &*newest, model)?;
        }
        *self.shared.newest.write().unwrap_or_else(PoisonError::into_inner) = newest;
        Ok(true)
    }

    /// How the scores of this request's hits compare. Only for distances, a smaller score is better.
    pub fn metric(&self, request: &SearchRequest) -> Metric {
        let by_vectors = request.mode == Mode::Dense && request.rerank.is_none();
        if by_vectors { self.snapshot().facts().config.metric } else { Metric::Ip }
    }

    /// Answers the queries of a request together.
    ///
    /// # Errors
    /// A query is empty, encoding fails, a mode needs vectors and this is a searcher by words, or the index is damaged.
    pub fn search(&self, request: &SearchRequest, progress: &mut dyn Progress) -> Result<SearchResults, EngineError> {
        let Some(depth) = request.rerank else { return self.search_once(request, progress) };
        let none = || EngineError::Unsupported("reranking needs a cross-encoder".into());
        let reranker = self.reranker.as_ref().ok_or_else(none)?;
        let found = self.search_once(&candidates(request, depth), progress)?;
        let (hits, cut_pairs) = reranked(reranker, request, found.hits)?;
        Ok(SearchResults { hits, cut_pairs, ..found })
    }

    /// The newest commit, for one request whose queries are embedded by the caller.
    pub fn pinned(&self) -> PinnedSearcher {
        PinnedSearcher::new(self.snapshot())
    }

    /// Answers the queries without reranking.
    fn search_once(&self, request: &SearchRequest, progress: &mut dyn Progress) -> Result<SearchResults, EngineError> {
        let pinned = self.pinned();
        let prompted = pinned.to_embed(request)?;
        let commit = pinned.snapshot().facts().commit.clone();
        // A request that cannot be answered is refused before it is embedded.
        pinned.check(request)?;
        let (vectors, dropped) = if request.mode == Mode::Lexical {
            progress.done(request.queries.len(), 0);
            (Vectors::zeros(0, 1), vec![0; request.queries.len()])
        } else {
            let embedded = self.embedded(&prompted, progress)?;
            (embedded.vectors, embedded.tokenized.dropped)
        };
        let hits = pinned.hits(request, &vectors)?;
        Ok(SearchResults { hits, dropped, cut_pairs: 0, commit })
    }

    /// What the model makes of these texts.
    fn embedded(&self, texts: &[String], progress: &mut dyn Progress) -> Result<Embedded, EngineError> {
        if let Some((_, embedded)) = self.ahead.as_deref().filter(|(ahead, _)| ahead == texts) {
            progress.done(texts.len(), embedded.tokenized.ids.tokens());
            return Ok(embedded.clone());
        }
        Ok(self.embedder(BY_MEANING)?.embed_reporting(texts, progress)?)
    }

    /// Answers a request in hybrid mode for each weight of the dense side, whatever mode the request names. Returns the
    /// hits by weight, then by query.
    ///
    /// # Errors
    /// Those of [`Searcher::search`].
    pub fn sweep(
        &self,
        request: &SearchRequest,
        alphas: &[f32],
        progress: &mut dyn Progress,
    ) -> Result<Vec<Vec<Vec<Hit>>>, EngineError> {
        let request = SearchRequest { mode: Mode::Hybrid, ..request.clone() };
        let pinned = self.pinned();
        let prompted = pinned.to_embed(&request)?;
        let vectors = self.embedder(BY_MEANING)?.embed_reporting(&prompted, progress)?.vectors;
        Ranking::new(&**pinned.snapshot(), &request)?.sweep(&texts(&request.queries)?, &vectors, alphas)
    }

    /// The model, if the searcher has one.
    pub fn model(&self) -> Option<&LoadedModel> {
        self.shared.model.as_ref()
    }

    /// The embedder, which turns texts into vectors.
    pub(super) fn embedder(&self, what_for: &str) -> Result<&Embedder, EngineError> {
        let model = self.shared.model.as_ref();
        let none = || EngineError::Unsupported(format!("{what_for} needs the index's model"));
        model.map(|model| &*model.embedder).ok_or_else(none)
    }
}

/// Checks that the model makes vectors like those of this commit.
fn check(store: &dyn Store, snapshot: &dyn Snapshot, model: &LoadedModel) -> Result<(), EngineError> {
    let recorded = &snapshot.facts().config;
    let asked = IndexConfig::new(model.identity.clone(), &model.embedder, recorded.settings());
    Ok(recorded.check(&asked, store.place())?)
}
