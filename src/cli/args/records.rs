//! Options of what is read.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{ValueEnum, ValueHint};
use semsearch::corpus::{FieldNames, Format};

use super::value::{encoding, positive, whole};
use semsearch::corpus::Encoding;

/// Options of every command that reads records.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Input options")]
pub(crate) struct RecordsArgs {
    /// Input format
    #[arg(long, value_name = "FORMAT", default_value = "auto", value_parser = format_parser())]
    pub(crate) format: Format,
    /// Encoding of text that is not UTF-8, such as latin1; a byte order mark decides by itself [default: utf-8]
    #[arg(hide_short_help = true, long, value_name = "NAME", value_parser = encoding)]
    pub(crate) encoding: Option<&'static Encoding>,
    /// Field of the id [default: first of _id, id, docid]
    #[arg(hide_short_help = true, long, value_name = "NAME")]
    pub(crate) id_field: Option<String>,
    /// Field of the text; several are joined [default: the first of text, contents, content and seven others]
    #[arg(long, value_name = "NAME")]
    pub(crate) text_field: Vec<String>,
    /// Field of the title [default: title]
    #[arg(hide_short_help = true, long, value_name = "NAME")]
    pub(crate) title_field: Option<String>,
    /// Do not embed the title before the text
    #[arg(hide_short_help = true, long)]
    pub(crate) no_title: bool,
    /// Texts longer than the maximum length: cut them off, cut them into chunks, or stop [default: truncate for records,
    /// chunk for files of text]
    #[arg(long, value_name = "HOW")]
    pub(crate) long: Option<LongArg>,
    /// Tokens of a chunk at most, special tokens and title included [default: the maximum length]
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = positive)]
    pub(crate) chunk_tokens: Option<usize>,
    /// Tokens that a chunk shares with the one before it, at most [default: 32, or a quarter of a small chunk]
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = whole)]
    pub(crate) chunk_overlap: Option<usize>,
    /// Text put before each document when it is embedded [default: the model's own]
    #[arg(hide_short_help = true, long, value_name = "TEXT")]
    pub(crate) document_prompt: Option<String>,
    /// Keep only the first N components of each vector, for models trained for that [default: all]
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = positive)]
    pub(crate) truncate_dim: Option<usize>,
    /// Which files of a directory to read, as in .gitignore; ! leaves files out
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(crate) glob: Vec<String>,
    /// Take what COMMAND prints for the path of a file as its text, as in ripgrep
    #[arg(hide_short_help = true, long, value_name = "COMMAND", value_hint = ValueHint::CommandName)]
    pub(crate) pre: Option<PathBuf>,
    /// Which files --pre is for, as in .gitignore [default: all]
    #[arg(hide_short_help = true, long, value_name = "PATTERN", requires = "pre", allow_hyphen_values = true)]
    pub(crate) pre_glob: Vec<String>,
    /// A list of inputs, one a line or separated by NUL, or - for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files_from: Option<PathBuf>,
    /// Which part of a data set on the Hub, as in hf://datasets/rajpurkar/squad --split validation
    #[arg(hide_short_help = true, long, value_name = "NAME")]
    pub(crate) split: Option<String>,
    /// A bad record: stop and name it, or count it and go on
    #[arg(long, value_name = "HOW", default_value = "fail")]
    pub(crate) on_error: OnErrorArg,
    /// Read only the first N records
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = whole)]
    pub(crate) limit: Option<usize>,
}

impl RecordsArgs {
    /// The fields to look in.
    pub(crate) fn fields(&self) -> FieldNames {
        FieldNames { id: self.id_field.clone(), text: self.text_field.clone(), title: self.title_field.clone() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LongArg {
    /// Embed as many tokens as the model takes
    Truncate,
    /// Split the text at sentences or Markdown sections; each chunk gets a vector
    Chunk,
    /// A text that is too long is a bad record
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnErrorArg {
    /// Stop and name it
    Fail,
    /// Count it and go on
    Skip,
}

/// Understands the names in the library's table of formats, and lists them in the help.
fn format_parser() -> impl TypedValueParser<Value = Format> {
    let values = Format::named().filter_map(|format| {
        let value = PossibleValue::new(format.name()?);
        Some(value.help(format.description()))
    });
    PossibleValuesParser::new(values).try_map(|name| name.parse::<Format>())
}
