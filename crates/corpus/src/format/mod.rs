//! The table of input formats.
//!
//! To add a format:
//! 1. Write its reader in a file of its own in this folder: a type that implements [`Reader`].
//! 2. Declare the file below, and add one line to the table.
//! 3. Describe the format in `docs/formats.md`.
//!
//! Everything else follows from the table: the values of `--format` and their help, the guess by extension and by
//! content, which files of a directory are read, and which texts are cut into chunks.

mod code;
mod content;
mod csv;
mod decoding;
mod documents;
#[cfg(feature = "docx")]
mod docx;
mod extracted;
mod html;
mod json;
mod jsonl;
mod lines;
mod markdown;
mod parquet;
#[cfg(feature = "pdf")]
mod pdf;
mod reader;
mod squad;
mod text;
#[cfg(not(all(feature = "docx", feature = "parquet", feature = "pdf")))]
mod without;

use std::path::Path;
use std::str::FromStr;

use encoding_rs::Encoding;

use super::CorpusError;
use super::compression::bare_name;
pub(crate) use content::InputContent;
pub(crate) use decoding::is_utf32;
pub(crate) use reader::Reader;

/// A line of the table.
struct FormatEntry {
    format: Format,
    /// For the help of the command line.
    description: &'static str,
    /// The names that choose the format; the first one is shown. A format without a name is for other modules only.
    names: &'static [&'static str],
    /// Extensions of files, in lower case. If several formats have an extension, the content decides between them.
    extensions: &'static [&'static str],
    /// Whether a file that starts with these bytes has the format.
    starts: fn(&[u8]) -> bool,
    reader: &'static dyn Reader,
}

/// Makes the table, and the type [`Format`] with a value for each line of it.
macro_rules! formats {
    ($($format:ident, $description:literal, $names:expr, $extensions:expr, $starts:expr, $reader:expr;)*) => {
        /// How an input is written.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Format {
            /// By the file's extension, then by its content; JSON Lines from standard input
            #[default]
            Auto,
            $(#[doc = $description] $format,)*
        }

        const TABLE: &[FormatEntry] = &[$(FormatEntry {
            format: Format::$format,
            description: $description,
            names: &$names,
            extensions: &$extensions,
            starts: $starts,
            reader: &$reader,
        }),*];
    };
}

// Format, description, names, extensions, test of the first bytes, reader.
formats! {
    Jsonl, "One JSON object per line", ["jsonl"], ["jsonl", "ndjson"], unknown, jsonl::JsonLinesReader;
    Json, "An array of JSON objects, or one object", ["json"], ["json"], json::starts, json::JsonArrayReader;
    Squad, "SQuAD: each paragraph of an article is a record", ["squad"], ["json"], squad::starts, squad::SquadReader;
    Csv, "A table with commas between the columns", ["csv"], ["csv"], unknown, csv::TableReader::COMMAS;
    Tsv, "A table with tabs between the columns", ["tsv"], ["tsv", "tab"], unknown, csv::TableReader::TABS;
    Parquet, "A Parquet table", ["parquet"], ["parquet", "pq"], parquet::starts, parquet::ParquetReader;
    Text, "One plain text per file", ["text"], ["txt", "text"], unknown, text::TextReader;
    Markdown, "One Markdown text per file", ["markdown"], ["md", "markdown", "mkd"], unknown, markdown::MarkdownReader;
    Code, "One file of source code, cut by its syntax", ["code"], code::EXTENSIONS, unknown, code::CodeReader;
    Html, "One HTML page per file: its main text", ["html"], ["html", "htm", "xhtml"], documents::is_html, documents::HtmlReader;
    Pdf, "One PDF per file: its text", ["pdf"], ["pdf"], documents::is_pdf, documents::PdfReader;
    Docx, "One DOCX document per file: its text", ["docx"], ["docx"], unknown, documents::DocxReader;
    Lines, "One text per line, also an empty one", [], [], unknown, lines::LinesReader;
}

/// The test of a format that cannot be recognized by its first bytes.
fn unknown(_: &[u8]) -> bool {
    false
}

impl Format {
    /// The format of standard input.
    pub(crate) const FALLBACK: Self = Self::Jsonl;

    /// All formats that have a name, [`Format::Auto`] first.
    pub fn named() -> impl Iterator<Item = Self> {
        let formats = TABLE.iter().filter(|entry| !entry.names.is_empty()).map(|entry| entry.format);
        std::iter::once(Self::Auto).chain(formats)
    }

    /// The name that chooses the format. [`Format::Lines`] has none.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Auto => Some("auto"),
            format => format.entry().names.first().copied(),
        }
    }

    /// One line that says what the format is.
    pub fn description(self) -> &'static str {
        match self {
            Self::Auto => "By the file's extension, then by its content",
            format => format.entry().description,
        }
    }

    /// Whether each file is one text, which is cut into chunks unless the user says otherwise.
    pub fn is_prose(self) -> bool {
        self != Self::Auto && self.reader().markup().is_some()
    }

    /// Whether files of the format contain other bytes than text.
    pub(crate) fn is_binary(self) -> bool {
        self.reader().is_binary()
    }

    /// The format that the extension of a file says, in upper or lower case. An extension of compression
    /// after it is ignored. [`Format::Auto`] means that several formats have the extension.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = bare_name(path).extension()?.to_str()?.to_ascii_lowercase();
        let mut formats = TABLE.iter().filter(|entry| entry.extensions.contains(&extension.as_str()));
        let first = formats.next()?;
        Some(if formats.next().is_some() { Self::Auto } else { first.format })
    }

    /// The format that the first bytes of a file show; `None` if they show none.
    pub(crate) fn shown_by(start: &[u8]) -> Option<Self> {
        TABLE.iter().find(|entry| (entry.starts)(start)).map(|entry| entry.format)
    }

    /// The format of a file that starts with these bytes, if its name does not tell. What looks like JSON is JSON, all else
    /// is text. A byte order mark at the start says its encoding.
    pub(crate) fn by_content(start: &[u8]) -> Self {
        let marked =
            Encoding::for_bom(start).map(|(encoding, mark)| encoding.decode_without_bom_handling(&start[mark..]).0);
        let start = marked.as_ref().map_or(start, |text| text.as_bytes());
        let other = || match start.trim_ascii_start().first() {
            None => Self::FALLBACK,
            Some(b'{') if jsonl::starts(start) => Self::Jsonl,
            Some(b'{') => Self::Json,
            Some(_) => Self::Text,
        };
        Self::shown_by(start).unwrap_or_else(other)
    }

    /// The reader of the format. For [`Format::Auto`] it is that of standard input.
    pub(crate) fn reader(self) -> &'static dyn Reader {
        self.entry().reader
    }

    fn entry(self) -> &'static FormatEntry {
        let format = if self == Self::Auto { Self::FALLBACK } else { self };
        TABLE.iter().find(|entry| entry.format == format).expect("each format is a line of the table")
    }
}

impl FromStr for Format {
    type Err = CorpusError;

    fn from_str(name: &str) -> Result<Self, CorpusError> {
        if name == "auto" {
            return Ok(Self::Auto);
        }
        let entry = TABLE.iter().find(|entry| entry.names.contains(&name));
        entry.map(|entry| entry.format).ok_or_else(|| {
            let known: Vec<_> = Self::named().filter_map(Self::name).collect();
            CorpusError::UnknownFormat { name: name.into(), known: known.join(", ") }
        })
    }
}

#[cfg(test)]
mod tests;
