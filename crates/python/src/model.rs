//! A model that turns texts into vectors.

use std::str::FromStr;
use std::sync::Arc;

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2};
use pyo3::prelude::*;
use semsearch_encoder::EncoderError;
use semsearch_encoder::embedder::{Embedder, Options, PreparedModel};
use semsearch_encoder::encoder::{Device, Precision, Vectors};
use semsearch_encoder::model::{ModelFiles, Pooling};
use semsearch_engine::{LoadedModel, identity_of};
use semsearch_hub::DownloadProgress;
use semsearch_models::{Locations, ModelName, ModelsError, resolve, resolve_recorded};
use semsearch_store::IndexConfig;

use super::errors::{Raised, bad_value};
use super::texts::Texts;
use super::{process, watched};

/// Texts of fewer bytes are embedded without looking for signals meanwhile: they take milliseconds.
const FEW_BYTES: usize = 4 << 10;

/// A loaded model.
#[pyclass(frozen, module = "semsearch._semsearch")]
pub(crate) struct NativeModel {
    pub(crate) loaded: LoadedModel,
    files: ModelFiles,
}

/// Where a model is looked for.
pub(crate) fn places(offline: bool) -> PyResult<Locations> {
    let (places, problem) = Locations::of_environment(offline);
    match problem {
        None => Ok(places),
        Some(problem) => Err(Raised::from(ModelsError::File(problem)).into()),
    }
}

#[pymethods]
impl NativeModel {
    /// Loads a model. What is `None` is the model's own setting.
    #[new]
    #[pyo3(signature = (model, revision, device, precision, pooling, max_length, normalize, truncate_dim, threads, offline))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn new(
        py: Python<'_>,
        model: Option<String>,
        revision: Option<String>,
        device: &str,
        precision: &str,
        pooling: Option<&str>,
        max_length: Option<usize>,
        normalize: Option<bool>,
        truncate_dim: Option<usize>,
        threads: Option<usize>,
        offline: bool,
    ) -> PyResult<Self> {
        let options = Options {
            device: parsed("device", device)?,
            precision: precision_of(precision)?,
            pooling: pooling.map(|word| parsed("pooling", word)).transpose()?,
            max_length,
            normalized: normalize,
            truncate_dim,
            ..Options::default()
        };
        let name =
            ModelName { revision, ..model.map_or_else(ModelName::default, |id| ModelName { id, revision: None }) };
        let places = places(offline)?;
        process::enter(threads)?;
        watched::watched(py, None, |_, _| -> Result<Self, Raised> {
            let files = resolve(&name, &places, &nobody())?;
            Self::load(files, &options, &places)
        })?
        .map_err(PyErr::from)
    }

    /// A row for each of `texts`, each with `prompt` before it. `progress` is called with texts and tokens done.
    fn encode<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        prompt: &str,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let texts = Texts::of(texts)?;
        matrix(py, self.embed(py, &texts.as_strs(), prompt, progress.as_ref())?)
    }

    /// The number of tokens of a text, special tokens included, before it is cut at the maximum length.
    fn count_tokens(&self, text: &str) -> PyResult<usize> {
        let tokenized = self.loaded.embedder.tokenizer().tokenize(&[text]).map_err(Raised::from)?;
        Ok(tokenized.ids.get(0).len() + tokenized.dropped[0])
    }

    /// The model's name.
    #[getter]
    fn id(&self) -> &str {
        &self.files.id
    }

    /// The model's revision on the Hub, if it is from there.
    #[getter]
    fn revision(&self) -> Option<&str> {
        self.files.revision.as_deref()
    }

    /// The directory of the model's files.
    #[getter]
    fn directory(&self) -> &std::path::Path {
        &self.files.dir
    }

    /// Components of a vector.
    #[getter]
    fn dim(&self) -> usize {
        self.loaded.embedder.dim()
    }

    /// Tokens that are kept of a text.
    #[getter]
    fn max_length(&self) -> usize {
        self.loaded.embedder.tokenizer().max_length()
    }

    /// The arithmetic.
    #[getter]
    fn precision(&self) -> String {
        self.loaded.embedder.precision().to_string()
    }

    /// What computes, for a person.
    #[getter]
    fn device(&self) -> String {
        self.loaded.embedder.describe()
    }

    /// How token vectors become a text's vector.
    #[getter]
    fn pooling(&self) -> String {
        self.loaded.embedder.pooling().to_string()
    }

    /// Whether vectors have length 1.
    #[getter]
    fn normalized(&self) -> bool {
        self.loaded.embedder.normalized()
    }

    /// The model's own prompts for queries and for documents.
    #[getter]
    fn prompts(&self) -> (&str, &str) {
        let prompts = &self.loaded.embedder.config().prompts;
        (&prompts.query, &prompts.document)
    }
}

/// Loads a model, and keeps its prepared form for the next process. Where that cannot be kept, loading takes longer, and
/// nothing else changes.
fn load(files: &ModelFiles, options: &Options, places: &Locations) -> Result<LoadedModel, Raised> {
    let prepared = Arc::new(PreparedModel::find(&places.prepared, files, options)?);
    let identity = identity_of(files, &prepared)?;
    let embedder = Embedder::load_prepared(files, options, prepared)?;
    let _ = embedder.prepare();
    Ok(LoadedModel { embedder: Arc::new(embedder), identity })
}

impl NativeModel {
    fn load(files: ModelFiles, options: &Options, places: &Locations) -> Result<Self, Raised> {
        let loaded = load(&files, options, places)?;
        let embedder = &*loaded.embedder;
        if embedder.pooling() == Pooling::None {
            return Err(EncoderError::Unsupported("pooling \"none\" gives no vector for a text".into()).into());
        }
        if let Some(error) = embedder.no_gpu().filter(|_| options.device != Device::Auto) {
            return Err(Raised::new("ModelError", error.to_string(), None));
        }
        if let Some(wanted) = options.precision.filter(|&wanted| wanted != embedder.precision()) {
            let message = format!("no {wanted} products on {}", embedder.describe());
            return Err(Raised::new("ModelError", message, Some("`precision=\"auto\"` takes what the machine has")));
        }
        Ok(Self { loaded, files })
    }

    /// The model that an index recorded, with the settings that it recorded.
    pub(crate) fn recorded(config: &IndexConfig, places: &Locations) -> Result<LoadedModel, Raised> {
        let name = ModelName { id: config.model.id.clone(), revision: config.model.revision.clone() };
        let files = resolve_recorded(&name, &ModelName::default(), places, &nobody())?;
        let options = Options {
            precision: Some(config.precision),
            pooling: Some(config.pooling),
            max_length: Some(config.max_length),
            normalized: Some(config.normalized),
            truncate_dim: config.truncated.then_some(config.dim),
            ..Options::default()
        };
        // An index can be searched on a machine that lacks the precision in which it was built.
        load(&files, &options, places)
    }

    /// The vectors of texts, each with `prompt` before it.
    fn embed(&self, py: Python<'_>, texts: &[&str], prompt: &str, progress: Option<&Py<PyAny>>) -> PyResult<Vectors> {
        process::enter(None)?;
        let embedder = &*self.loaded.embedder;
        if texts.is_empty() {
            return Ok(Vectors::zeros(0, embedder.dim()));
        }
        let embedded = if prompt.is_empty() {
            embed(py, embedder, texts, progress)?
        } else {
            let prompted: Vec<String> = texts.iter().map(|text| format!("{prompt}{text}")).collect();
            embed(py, embedder, &prompted, progress)?
        };
        Ok(embedded.map_err(Raised::from)?)
    }
}

fn embed(
    py: Python<'_>,
    embedder: &Embedder,
    texts: &[impl AsRef<str> + Sync],
    progress: Option<&Py<PyAny>>,
) -> PyResult<Result<Vectors, EncoderError>> {
    let bytes = texts.iter().map(|text| text.as_ref().len()).sum::<usize>();
    if bytes < FEW_BYTES && progress.is_none() {
        return Ok(py.detach(|| Ok(embedder.embed(texts)?.vectors)));
    }
    watched::watched(py, progress, |stop, counting| {
        let (embedded, _) = embedder.embed_until(texts, counting, stop)?;
        Ok(embedded.vectors)
    })
}

/// A downloader's progress that nobody watches.
fn nobody() -> Arc<dyn DownloadProgress> {
    Arc::new(())
}

/// A precision by its name; `None` for the best one that gives the same answers.
fn precision_of(word: &str) -> PyResult<Option<Precision>> {
    if word == "auto" {
        return Ok(None);
    }
    let known = Precision::ALL.into_iter().find(|known| known.to_string() == word);
    known.map(Some).ok_or_else(|| bad_value(format!("no precision {word:?}: expected auto, f32, f16, bf16 or int8")))
}

/// A word as one of the values of a setting.
///
/// # Errors
/// `ValueError`: it is none of them.
pub(crate) fn parsed<T: FromStr<Err: ToString>>(setting: &str, word: &str) -> PyResult<T> {
    word.parse().map_err(|error: T::Err| bad_value(format!("{setting}: {}", error.to_string())))
}

/// An array of numpy with these vectors, which are not copied.
pub(crate) fn matrix<'py>(py: Python<'py>, vectors: Vectors) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let shape = [vectors.len(), vectors.dim()];
    PyArray1::from_vec(py, vectors.into_data()).reshape(shape)
}

/// The rows of an array of numpy.
///
/// # Errors
/// `ValueError`: a component is not a finite number, or rows are not contiguous.
pub(crate) fn rows(array: &PyReadonlyArray2<'_, f32>, dim: usize) -> PyResult<Vectors> {
    let data = array.as_slice()?.to_vec();
    let (rows, components) = array.as_array().dim();
    if components != dim {
        return Err(bad_value(format!("vectors of {components} components, the index has {dim}")));
    }
    if let Some(at) = data.iter().position(|value| !value.is_finite()) {
        return Err(bad_value(format!("vector {} of {rows} has a component that is not a finite number", at / dim)));
    }
    Ok(Vectors::new(data, dim))
}
