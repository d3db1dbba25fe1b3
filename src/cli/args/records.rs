//! Options of what is read.

use std::path::PathBuf;

use clap::{ValueEnum, ValueHint};
use semsearch::corpus;

use super::{positive, whole};

/// Options of every command that reads records.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Input options")]
pub(in crate::cli) struct Records {
    /// Input format
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    pub(in crate::cli) format: FormatArg,
    /// Field of the id [default: first of _id, id, docid]
    #[arg(hide_short_help = true, long, value_name = "NAME")]
    pub(in crate::cli) id_field: Option<String>,
    /// Field of the text; several are joined [default: first of text, contents, content, context, passage, body]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) text_field: Vec<String>,
    /// Field of the title [default: title]
    #[arg(hide_short_help = true, long, value_name = "NAME")]
    pub(in crate::cli) title_field: Option<String>,
    /// Do not embed the title before the text
    #[arg(hide_short_help = true, long)]
    pub(in crate::cli) no_title: bool,
    /// Texts longer than the maximum length: cut them off, cut them into chunks, or stop [default: truncate for records,
    /// chunk for text and Markdown]
    #[arg(long, value_name = "HOW")]
    pub(in crate::cli) long: Option<Long>,
    /// Tokens of a chunk, specials and title included [default: the maximum length]
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = positive)]
    pub(in crate::cli) chunk_tokens: Option<usize>,
    /// Tokens that a chunk shares with the one before it, at most [default: 32, or a quarter of a small chunk]
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = whole)]
    pub(in crate::cli) chunk_overlap: Option<usize>,
    /// Put before texts when they are embedded [default: the model's own]
    #[arg(hide_short_help = true, long, value_name = "TEXT")]
    pub(in crate::cli) document_prompt: Option<String>,
    /// Keep the first N components of a vector, for models trained so [default: all]
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = positive)]
    pub(in crate::cli) truncate_dim: Option<usize>,
    /// Which files of a directory, as in .gitignore; ! in front leaves out
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(in crate::cli) glob: Vec<String>,
    /// A list of inputs, one a line or separated by NUL, or - for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) files_from: Option<PathBuf>,
    /// Which part of a data set on the Hub, as in hf://datasets/rajpurkar/squad --split validation
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) split: Option<String>,
    /// A bad record: stop and name it, or count it and go on
    #[arg(long, value_name = "HOW", default_value = "fail")]
    pub(in crate::cli) on_error: OnError,
    /// First N records only
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = whole)]
    pub(in crate::cli) limit: Option<usize>,
}

impl Records {
    /// The fields to look in.
    pub(in crate::cli) fn fields(&self) -> corpus::Fields {
        corpus::Fields { id: self.id_field.clone(), text: self.text_field.clone(), title: self.title_field.clone() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Long {
    /// The model sees as much as it takes
    Truncate,
    /// Pieces at sentence or Markdown borders, each with a vector
    Chunk,
    /// A text that is too long is a bad record
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum OnError {
    /// Stop and name it
    Fail,
    /// Count it and go on
    Skip,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum FormatArg {
    /// By the file's extension, then by its content
    Auto,
    /// An object a line
    Jsonl,
    /// An array of objects
    Json,
    /// SQuAD's articles, a record for each of their paragraphs
    Squad,
    /// A table, its columns separated by commas
    Csv,
    /// A table, its columns separated by tabs
    Tsv,
    /// A Parquet table
    Parquet,
    /// Plain text, a file a document
    Text,
    /// Markdown, a file a document
    Markdown,
}

impl From<FormatArg> for corpus::Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Auto => Self::Auto,
            FormatArg::Jsonl => Self::Jsonl,
            FormatArg::Json => Self::Json,
            FormatArg::Squad => Self::Squad,
            FormatArg::Csv => Self::Csv,
            FormatArg::Tsv => Self::Tsv,
            FormatArg::Parquet => Self::Parquet,
            FormatArg::Text => Self::Text,
            FormatArg::Markdown => Self::Markdown,
        }
    }
}
