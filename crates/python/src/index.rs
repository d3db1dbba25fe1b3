//! An index that is searched.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use numpy::PyReadonlyArray2;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use semsearch_engine::{EngineError, Hit, Mode, Query, SearchRequest, Searcher, list_documents, whole_document};
use semsearch_filter::Filter;
use semsearch_models::Locations;
use semsearch_store::{Effort, SETTINGS, Snapshot, Store, StoreError, WriteOptions};
use semsearch_store_local::{DIRECTORY, find};

use super::errors::{Raised, bad_value};
use super::json::to_dict;
use super::model::{NativeModel, parsed, places, rows};
use super::store::store_at;
use super::{process, watched};

/// How many fields a message names.
const SOME_FIELDS: usize = 12;

/// The text of a query that is a vector. Nothing reads it.
const NO_TEXT: &str = "a vector";

/// A commit of an index. It is searched by any number of threads.
#[pyclass(frozen, module = "semsearch._semsearch")]
pub(crate) struct NativeIndex {
    store: Arc<dyn Store>,
    places: Locations,
    threads: Option<usize>,
    opened: RwLock<Opened>,
    /// Held while the model is loaded, so that two threads do not load it twice, and others go on.
    loading: Mutex<()>,
}

/// The searcher, and whether it has a model.
#[derive(Clone)]
struct Opened {
    searcher: Searcher,
    has_model: bool,
}

#[pymethods]
impl NativeIndex {
    /// Opens the newest commit of the index at `path`; of the nearest one, if there is no path. Without a model, the one
    /// that the index was built with is loaded when it is needed.
    #[new]
    fn new(
        py: Python<'_>,
        path: Option<PathBuf>,
        model: Option<Bound<'_, NativeModel>>,
        offline: bool,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        let path = match path {
            Some(path) => path,
            None => {
                let here = std::env::current_dir()?;
                find(&here).index.unwrap_or_else(|| DIRECTORY.into())
            }
        };
        let (store, places) = (store_at(&path)?, places(offline)?);
        let model = model.map(|model| model.get().loaded.clone());
        let has_model = model.is_some();
        let searcher = py.detach(|| -> Result<Searcher, Raised> {
            let shared = Arc::clone(&store);
            let snapshot = store.snapshot()?;
            Ok(match model {
                Some(model) => Searcher::new(shared, snapshot, model)?,
                None => Searcher::by_words(shared, snapshot),
            })
        })?;
        let opened = RwLock::new(Opened { searcher, has_model });
        Ok(Self { store, places, threads, opened, loading: Mutex::default() })
    }

    /// The hits of each query: of a text, or of the row of `vectors` with its number. A hit is a tuple.
    #[pyo3(signature = (queries, vectors, mode, k, offset, filter, min_score, fusion, alpha, chunks, unique, nprobe, ef_search))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn search<'py>(
        &self,
        py: Python<'py>,
        queries: Vec<String>,
        vectors: Option<PyReadonlyArray2<'py, f32>>,
        mode: &str,
        k: usize,
        offset: usize,
        filter: Option<&str>,
        min_score: Option<f32>,
        fusion: Option<&str>,
        alpha: Option<f32>,
        chunks: bool,
        unique: bool,
        nprobe: Option<usize>,
        ef_search: Option<usize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let mode: Mode = parsed("mode", mode)?;
        if alpha.is_some_and(|alpha| !(0.0..=1.0).contains(&alpha)) {
            return Err(bad_value("alpha: a weight from 0 to 1"));
        }
        if k == 0 {
            return Err(bad_value("k: at least 1"));
        }
        let count = vectors.as_ref().map_or(queries.len(), |vectors| vectors.as_array().nrows());
        let text = |at: usize| queries.get(at).cloned().unwrap_or_else(|| NO_TEXT.into());
        let request = SearchRequest {
            queries: (0..count).map(|at| Query { id: (at + 1).to_string(), text: text(at) }).collect(),
            mode,
            k,
            offset,
            filter: filter.map(parsed_filter).transpose()?,
            min_score,
            fusion: fusion.map(|word| parsed("fusion", word)).transpose()?,
            alpha,
            effort: Effort { nprobe, ef_search },
            chunks,
            unique,
            rerank: None,
        };
        process::enter(self.threads)?;
        let needs_model = vectors.is_none() && mode != Mode::Lexical;
        let vectors = match vectors {
            Some(vectors) => Some(rows(&vectors, self.snapshot().facts().config.dim)?),
            None => None,
        };
        let hits = watched::watched(py, None, |_, progress| -> Result<Vec<Vec<Hit>>, Raised> {
            let searcher = self.searcher(needs_model)?;
            Ok(match vectors {
                Some(vectors) => searcher.pinned().hits(&request, &vectors)?,
                None => searcher.search(&request, progress)?.hits,
            })
        })??;
        let of_query = |hits: Vec<Hit>| -> PyResult<Bound<'py, PyList>> {
            PyList::new(py, hits.iter().map(|hit| shown(py, hit)).collect::<PyResult<Vec<_>>>()?)
        };
        PyList::new(py, hits.into_iter().map(of_query).collect::<PyResult<Vec<_>>>()?)
    }

    /// The fields of a filter that no document has, and some fields that documents have.
    fn unknown_fields(&self, py: Python<'_>, filter: &str) -> PyResult<(Vec<String>, Vec<String>)> {
        let filter = parsed_filter(filter)?;
        let snapshot = self.snapshot();
        let look = || -> Result<_, StoreError> {
            let unknown: Vec<String> = snapshot.unknown_fields(&filter)?.into_iter().map(String::from).collect();
            let known = if unknown.is_empty() { Vec::new() } else { snapshot.fields(SOME_FIELDS)? };
            Ok((unknown, known))
        };
        Ok(py.detach(look).map_err(Raised::from)?)
    }

    /// The document with this id, as a dict; `None` if there is none.
    fn get<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Option<Bound<'py, PyDict>>> {
        let snapshot = self.snapshot();
        let found = py.detach(|| whole_document(&*snapshot, id)).map_err(Raised::from)?;
        let Some(document) = found else { return Ok(None) };
        let dict = PyDict::new(py);
        dict.set_item("id", document.id)?;
        if let Some(title) = document.title {
            dict.set_item("title", title)?;
        }
        dict.set_item("text", document.text)?;
        dict.set_item("metadata", to_dict(py, &document.metadata)?)?;
        dict.set_item("passages", document.passages)?;
        if let Some(source) = document.source {
            dict.set_item("source", (source.path, source.line))?;
        }
        Ok(Some(dict))
    }

    /// The ids of the documents that `filter` lets pass, in the order in which they were indexed.
    fn ids(&self, py: Python<'_>, filter: Option<&str>) -> PyResult<Vec<String>> {
        let filter = filter.map(parsed_filter).transpose()?;
        let snapshot = self.snapshot();
        let list = || -> Result<Vec<String>, EngineError> {
            let mut ids = Vec::new();
            list_documents(&*snapshot, filter.as_ref(), |document| {
                ids.push(document.id);
                Ok::<_, EngineError>(())
            })?;
            Ok(ids)
        };
        Ok(py.detach(list).map_err(Raised::from)?)
    }

    /// Removes the documents with these ids in one commit. Returns how many there were.
    fn remove(&self, py: Python<'_>, ids: Vec<String>, wait: f64) -> PyResult<usize> {
        let wait = super::writer::seconds(wait)?;
        let config = self.snapshot().facts().config.clone();
        let remove = || -> Result<usize, StoreError> {
            let dir = self.store.place();
            self.store.recorded()?.ok_or_else(|| StoreError::NoIndex { dir: dir.into() })?;
            let options = WriteOptions { at_once: true, wait, ..WriteOptions::default() };
            let mut writer = self.store.writer(config, options)?;
            let mut removed = 0;
            for id in &ids {
                removed += usize::from(writer.remove(id)?);
            }
            writer.commit()?;
            Ok(removed)
        };
        let removed = py.detach(remove).map_err(Raised::from)?;
        self.reload(py)?;
        Ok(removed)
    }

    /// Takes the newest commit. Returns whether it is another one than before.
    fn reload(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(py.detach(|| self.searcher(false)?.reload().map_err(Raised::from))?)
    }

    /// What the commit records about itself.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let snapshot = self.snapshot();
        let facts = snapshot.facts();
        let dict = PyDict::new(py);
        dict.set_item("index", self.store.place())?;
        dict.set_item("documents", facts.documents)?;
        dict.set_item("passages", facts.passages)?;
        dict.set_item("model", &facts.config.model.id)?;
        dict.set_item("revision", &facts.config.model.revision)?;
        dict.set_item("commit", &facts.commit)?;
        let settings =
            SETTINGS.iter().map(|setting| (setting.name.to_owned(), (setting.value)(&facts.config))).collect();
        dict.update(to_dict(py, &settings)?.as_mapping())?;
        Ok(dict)
    }

    /// The index's directory, or its address. A path of Python's would make one slash of the two in an address.
    #[getter]
    fn path(&self) -> &OsStr {
        self.store.place().as_os_str()
    }

    /// Documents in the commit.
    #[getter]
    fn documents(&self) -> u64 {
        self.snapshot().facts().documents
    }
}

impl NativeIndex {
    fn snapshot(&self) -> Arc<dyn Snapshot> {
        self.opened().searcher.snapshot()
    }

    fn opened(&self) -> Opened {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The searcher. If it needs a model and has none, the index's own is loaded.
    fn searcher(&self, needs_model: bool) -> Result<Searcher, Raised> {
        let is_enough = |opened: &Opened| opened.has_model || !needs_model;
        let opened = self.opened();
        if is_enough(&opened) {
            return Ok(opened.searcher);
        }
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have loaded it meanwhile.
        let opened = self.opened();
        if is_enough(&opened) {
            return Ok(opened.searcher);
        }
        let snapshot = opened.searcher.snapshot();
        let model = NativeModel::recorded(&snapshot.facts().config, &self.places)?;
        let searcher = Searcher::new(Arc::clone(&self.store), snapshot, model)?;
        let opened = Opened { searcher: searcher.clone(), has_model: true };
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = opened;
        Ok(searcher)
    }
}

/// A filter's expression.
fn parsed_filter(text: &str) -> PyResult<Filter> {
    let parsed: Result<Filter, semsearch_filter::BadFilter> = text.parse();
    Ok(parsed.map_err(|error| {
        let hint = "quote strings of more than a word, as in `author = \"Jane Doe\" and year >= 2000`";
        Raised::new("FilterError", format!("{error}\n{}", semsearch_filter::caret(text, error.byte)), Some(hint))
    })?)
}

/// A hit as a tuple: rank, score, id, title, text, metadata, source, chunk, scores.
fn shown<'py>(py: Python<'py>, hit: &Hit) -> PyResult<Bound<'py, PyAny>> {
    let document = &hit.document;
    let source = document.source.as_ref().map(|source| (source.path.as_str(), source.line));
    let chunk = document.chunk.map(|chunk| (chunk.index, chunk.start, chunk.end));
    let metadata = to_dict(py, &document.metadata)?;
    let scores = (hit.scores.dense, hit.scores.lexical);
    let title = document.title.as_deref();
    let tuple =
        (hit.rank, hit.score, document.id.as_str(), title, document.text.as_str(), metadata, source, chunk, scores);
    Ok(tuple.into_pyobject(py)?.into_any())
}
