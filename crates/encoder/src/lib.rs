//! Sentence embeddings: a model's files and texts in, one vector for each text out.
//!
//! A sentence embedding is a vector that stands for a text's meaning: the more two texts mean the same, the larger the cosine
//! of the angle between their vectors. This crate computes such vectors with models in the format of
//! [sentence-transformers](https://sbert.net), such as
//! [all-MiniLM-L6-v2](https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2).
//!
//! ```
//! use semsearch_encoder::embedder::{Embedder, Options};
//! use semsearch_encoder::model::ModelFiles;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # /*
//! // A directory with config.json, tokenizer.json and model.safetensors.
//! let model = ModelFiles::at("all-MiniLM-L6-v2");
//! # */
//! # let cache = std::env::home_dir().unwrap_or_default().join(".cache");
//! # let cache = std::env::var_os("XDG_CACHE_HOME").map_or(cache, Into::into);
//! # let [own, prepared, cache] = ["semsearch/models", "semsearch/prepared", "huggingface/hub"].map(|dir| cache.join(dir));
//! # let (endpoint, proxies) = (String::new(), semsearch_hub::Proxies::default());
//! # let hub = semsearch_hub::Hub { cache, endpoint, offline: true, token: None, proxies };
//! # let progress: std::sync::Arc<dyn semsearch_hub::DownloadProgress> = std::sync::Arc::new(());
//! # let places = semsearch_models::Locations { own, prepared, hub };
//! # let model: ModelFiles = semsearch_models::resolve(&semsearch_models::ModelName::default(), &places, &progress)?;
//! let embedder = Embedder::load(&model, &Options::default())?;
//! let embedded = embedder.embed(&["I took my dog for a walk", "I took my cat for a walk"])?;
//!
//! // These vectors have length 1, so the sum of products is the cosine.
//! let (dog, cat) = (embedded.vectors.row(0), embedded.vectors.row(1));
//! let cosine: f32 = dog.iter().zip(cat).map(|(a, b)| a * b).sum();
//! assert!((cosine - 0.8291).abs() < 1e-4);
//! # Ok(())
//! # }
//! ```
//!
//! # What it does for you
//!
//! - *The model's own settings.* Pooling, normalization, maximum length and prompts are read from the model's files
//!   ([`model::ModelConfig`]). [`Options`](embedder::Options) overrides them one by one.
//! - *Any number of texts.* [`Embedder::embed`](embedder::Embedder::embed) divides them into batches of texts with similar
//!   lengths, tokenizes some texts while it encodes others, and returns the vectors in the order of the texts.
//! - *Speed on a CPU.* The packed backend computes in f32, bf16 or int8, with kernels for AVX2 and AVX-512, and pads nothing.
//! - *The same bits.* With the packed backend, a text always has the same vector, whatever texts are embedded with it and
//!   whatever other threads do.
//! - *Plain failures.* A damaged file, a weight that is not a number, a model of an unknown kind: each is an
//!   [`EncoderError`] that names the file and the fault. The crate prints nothing and never exits.
//!
//! # Threads
//!
//! An [`Embedder`](embedder::Embedder) is `Send` and `Sync`: load one, put it into an `Arc`, and let every thread embed with
//! it. Calls share rayon's global pool of threads. A call with many texts gives way to the others after a few groups of
//! texts, so a question does not wait until a large batch is encoded.
//!
//! # GPUs
//!
//! With the feature `cuda`, which needs NVIDIA's toolkit to build, [`Device::Auto`](backend::Device) takes the first GPU
//! that answers, and the CPU if there is none. [`Embedder::no_gpu`](embedder::Embedder::no_gpu) then says why. The
//! libraries of CUDA are loaded when a GPU is asked for, so the same program runs where there is none.
//!
//! # How it is built
//!
//! | module | what goes in | what comes out |
//! | --- | --- | --- |
//! | [`model`] | a model's files | its settings; texts as token ids |
//! | [`architecture`] | `config.json` | a description of the network's layers |
//! | [`backend`] | that description, the weights, token ids | vectors |
//! | [`embedder`] | texts | vectors, by way of the others |
//! | [`cross_encoder`] | pairs of a query and a passage | a score for each, by way of the others |
//!
//! A new family of models is a file in [`architecture`]; both backends run what it describes. The kernels are a crate of
//! their own, [`semsearch_kernels`].

pub mod architecture;
pub mod backend;
pub mod cross_encoder;
pub mod embedder;
mod error;
mod json;
pub mod model;
mod pooling;
mod prepared;
mod turns;
mod vectors;

#[doc(hidden)]
pub use backend as encoder;
pub use error::EncoderError;
