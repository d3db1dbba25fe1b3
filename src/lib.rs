//! Semantic search: texts are turned into vectors by a BERT model, kept in an index, and found by meaning.
//!
//! This is the library behind the command `semsearch`. In the order of the data's way:
//!
//! | module | what goes in | what comes out |
//! | --- | --- | --- |
//! | [`corpus`] | files and streams | [`Document`](corpus::Document)s |
//! | [`hub`] | a name on the Hugging Face Hub | its files |
//! | [`model`] | a name | the model's files, and texts as token ids |
//! | [`passage`] | documents | what of them gets a vector |
//! | [`encoder`] | token ids | vectors |
//! | [`embedder`] | texts | vectors, by way of model and encoder |
//! | [`index`] | documents and vectors | a directory, changed in atomic commits |
//! | [`filter`] | an expression | which metadata it lets pass |
//! | [`search`] | queries | [`Hit`](search::Hit)s |
//! | [`eval`] | runs and judgements | how good the hits are |
//! | [`plot`] | curves, similarities | pictures |
//! | [`vector_file`] | vectors of other programs, and for them | npy, safetensors |
//!
//! A session in code, with the model that `semsearch model fetch` brings:
//!
//! ```
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use semsearch::corpus::{self, Fields, Format, Input};
//! use semsearch::embedder::{Embedder, Options};
//! use semsearch::hub::{DownloadProgress, Hub};
//! use semsearch::index::{Index, IndexWriter, ModelIdentity, Recipe, Store, WriteOptions};
//! use semsearch::model::{self, Locations, ModelName};
//! use semsearch::passage::Cutter;
//! use semsearch::search::{Query, Searcher, Wanted};
//!
//! # fn main() -> semsearch::error::Result<()> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let index = directory.path();
//! # std::env::set_current_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
//! // A model: in one of the two caches, or else from the Hub.
//! let cache = std::env::home_dir().unwrap_or_default().join(".cache");
//! # let cache = std::env::var_os("XDG_CACHE_HOME").map_or(cache, Into::into);
//! let endpoint = "https://huggingface.co".into();
//! let hub = Hub { cache: cache.join("huggingface/hub"), endpoint, offline: false, token: None };
//! let places = Locations { own: cache.join("semsearch/models"), hub };
//! let progress: Arc<dyn DownloadProgress> = Arc::new(());
//! let model = model::resolve(&ModelName::default(), &places, &progress)?;
//! let embedder = Embedder::load(&model, &Options::default())?;
//!
//! // An index: records, cut into pieces, each with its vector, in one commit.
//! # /*
//! let index = Path::new("index");
//! # */
//! let recipe = Recipe::new(ModelIdentity::of(&model)?, &embedder, Store::default());
//! let cutter = Cutter { tokenizer: embedder.tokenizer(), with_title: true, prompt: "" };
//! let mut writer = IndexWriter::open(index, recipe.clone(), WriteOptions::default())?;
//! for record in corpus::records(&[Input::File("examples/passages.jsonl".into())], Format::Auto)? {
//!     let document = Fields::default().document(record?)?;
//!     let compared = writer.compare(&document, None, None)?;
//!     let pieces = cutter.pieces(&document, None)?;
//!     let embedded = embedder.embed(&[&pieces[0].to_embed])?;
//!     writer.put(&document, compared, &[pieces[0].with(embedded.vectors.row(0))])?;
//!     writer.checkpoint()?;
//! }
//! writer.commit()?;
//!
//! // A question.
//! let mut searcher = Searcher::new(Index::open(index)?, embedder, &recipe)?;
//! let query = Query { id: "1".into(), text: "Who headlined the halftime show for Super Bowl 50?".into() };
//! let wanted = Wanted { top_k: 3, ..Wanted::default() };
//! let answers = searcher.search(&[query], wanted, &mut ())?;
//! assert_eq!(answers.hits[0][0].document.id, "super-bowl-50-halftime");
//! # Ok(())
//! # }
//! ```
//!
//! Versions are semantic: what is public here changes incompatibly in a minor version before 1.0, and then in a major one,
//! and CHANGELOG.md says so. Types of other crates are public in two places: `serde_json`'s values, which metadata are made
//! of, and those behind [`error::Cause`].
//!
//! Nothing here prints, exits, or reads the environment; that is the command line's part.

pub use semsearch_corpus as corpus;
pub use semsearch_encoder::{embedder, encoder};
pub use semsearch_engine as search;
pub use semsearch_engine::passage;
pub use semsearch_error as error;
pub use semsearch_eval as eval;
pub use semsearch_eval::plot;
pub use semsearch_files as files;
pub use semsearch_filter as filter;
pub use semsearch_hub as hub;
pub use semsearch_kernels as kernels;
pub mod model {
    //! Models: where they are, and what their files say.
    pub use semsearch_encoder::model::*;
    pub use semsearch_models::*;
}
pub use semsearch_store_local as index;
pub use semsearch_vector_file as vector_file;
