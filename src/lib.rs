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
//! A session in code, all of it real, with the model in a directory:
//!
//! ```no_run
//! use semsearch::corpus::{self, Fields, Format, Input};
//! use semsearch::embedder::{Embedder, Options};
//! use semsearch::index::{Index, IndexWriter, ModelIdentity, Passage, Recipe, Store, WriteOptions};
//! use semsearch::model::ModelFiles;
//! use semsearch::passage::Cutter;
//! use semsearch::search::{Query, Searcher, Wanted};
//!
//! # fn main() -> semsearch::error::Result<()> {
//! let model = ModelFiles { dir: "all-MiniLM-L6-v2".into(), id: "all-MiniLM-L6-v2".into(), revision: None };
//! let embedder = Embedder::load(&model, &Options::default())?;
//! let recipe = Recipe::new(ModelIdentity::of(&model)?, &embedder, Store::default());
//!
//! let cutter = Cutter { tokenizer: embedder.tokenizer(), with_title: true, prompt: "" };
//! let mut writer = IndexWriter::open("index".as_ref(), recipe.clone(), WriteOptions::default())?;
//! for record in corpus::records(&[Input::File("corpus.jsonl".into())], Format::Auto)? {
//!     let document = Fields::default().document(record?)?;
//!     let compared = writer.compare(&document, None, None)?;
//!     let pieces = cutter.pieces(&document, None)?;
//!     let embedded = embedder.embed(&[&pieces[0].to_embed])?;
//!     writer.put(&document, compared, &[Passage::of(&pieces[0], embedded.vectors.row(0))])?;
//!     writer.checkpoint()?;
//! }
//! writer.commit()?;
//!
//! let mut searcher = Searcher::new(Index::open("index".as_ref())?, embedder, &recipe)?;
//! let query = Query { id: "1".into(), text: "Who headlined the halftime show?".into() };
//! let wanted = Wanted { top_k: 3, ..Wanted::default() };
//! for hit in &searcher.search(&[query], wanted, &mut ())?.hits[0] {
//!     println!("{:.4} {}", hit.score, hit.document.text);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here prints, exits, or reads the environment; that is the command line's part.

pub mod corpus;
pub mod embedder;
pub mod encoder;
pub mod error;
pub mod eval;
pub mod filter;
pub mod hub;
pub mod index;
#[allow(unsafe_code)]
pub mod kernels;
pub mod model;
pub mod passage;
pub mod plot;
pub mod search;
pub mod vector_file;
