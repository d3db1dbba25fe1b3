//! Files and streams in, documents and chunks out.
//!
//! [`expand()`] replaces a directory by its files. [`records()`] reads inputs: the reader of each format pushes
//! [`Record`]s. [`FieldNames`] says which fields of a record are id, title and text, and makes a [`Document`] of it.
//! [`chunks()`] cuts a text that is too long. Readers stream: their memory does not grow with the input, except for a
//! text file, which is one record. What a text means to a model is the work of an embedder, what is kept of a document
//! that of an index.
//!
//! The table of input formats is in `format/mod.rs`, which says how to add one.

mod bad_record;
mod bounded;
mod chunk;
mod code;
mod columns;
mod compression;
mod content_id;
mod document;
mod error;
mod expand;
mod field_names;
mod file_list;
mod format;
mod input;
mod layout;
mod markup;
mod outline;
mod path;
mod peek;
mod preprocessor;
mod read_options;
mod reader_thread;
mod reading;
mod record;
mod record_stream;

pub use bad_record::BadRecord;
pub use chunk::{Chunking, TextChunk, chunks};
pub use code::CodeLanguage;
pub use columns::Columns;
pub use document::Document;
pub use encoding_rs::Encoding;
pub use error::CorpusError;
pub use expand::{Expanded, SkipReason, SkippedFile, expand, file_of};
pub use field_names::FieldNames;
pub use file_list::files_from;
pub use format::Format;
pub use input::Input;
pub use layout::{Layout, LineFinder, Lines};
pub use markup::Markup;
pub use outline::{Heading, Outline, SEPARATOR};
pub use preprocessor::Preprocessor;
pub use read_options::ReadOptions;
pub use reader_thread::READER;
pub use reading::{count, records};
pub use record::Record;
pub use record_stream::RecordStream;
