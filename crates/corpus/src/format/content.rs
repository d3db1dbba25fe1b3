//! The content of one input, in the form that a reader needs.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::string::FromUtf8Error;
use std::sync::Arc;

use encoding_rs::{Encoding, UTF_8};

use super::decoding;
use crate::bounded::{self, LARGEST};
use crate::{BadRecord, CorpusError, Input, ReadOptions};
use semsearch_files::{Place, open_regular};

/// The content of one input, decompressed. A reader takes it in one of four ways.
pub(crate) struct InputContent<'a> {
    input: &'a Input,
    options: &'a ReadOptions,
    bytes: Box<dyn BufRead + 'a>,
    /// The file, if `bytes` are those of a regular file without compression.
    plain: Option<&'a Path>,
}

/// Content that can be read in any order.
#[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "only Parquet is read in this way"))]
pub(crate) enum Seekable {
    /// A file on the disk.
    File(File),
    /// The bytes of a stream.
    Memory(Vec<u8>),
}

impl<'a> InputContent<'a> {
    pub(crate) fn new(
        input: &'a Input,
        options: &'a ReadOptions,
        bytes: Box<dyn BufRead + 'a>,
        plain: Option<&'a Path>,
    ) -> Self {
        Self { input, options, bytes, plain }
    }

    /// The name of the input, for messages.
    pub(crate) fn name(&self) -> Arc<str> {
        self.input.name()
    }

    /// The file, if the input is one.
    pub(crate) fn file(&self) -> Option<&'a Path> {
        self.input.path()
    }

    /// The path of the input, if it has one: the id of a document that is a whole file.
    pub(crate) fn path(&self) -> Option<String> {
        self.input.path().map(|path| match self.input {
            Input::Copy { name, .. } => name.to_string(),
            _ => self.options.file_id(path),
        })
    }

    /// The encoding of text that is not UTF-8, if one was named.
    pub(crate) fn encoding(&self) -> Option<&'static Encoding> {
        self.options.encoding
    }

    /// As a stream of text in UTF-8, without a byte order mark. Bytes that are not UTF-8 come as they are, unless the mark
    /// or the options say what they are.
    pub(crate) fn text(self) -> impl BufRead + use<'a> {
        BufReader::new(decoding::decoded(self.bytes, self.options.encoding))
    }

    /// The same as a second stream, if the input can be opened again.
    pub(crate) fn again(&self) -> Option<impl BufRead + use<>> {
        let regular = self.input.is_regular().then(|| self.input.bytes().ok()).flatten()?;
        Some(BufReader::new(decoding::decoded(regular, self.options.encoding)))
    }

    /// As one text: by its byte order mark, as UTF-8, or else in the encoding of the options ([`decoding`]).
    ///
    /// # Errors
    /// The input cannot be read, is larger than a record may be, or is in another encoding.
    pub(crate) fn whole_text(self) -> Result<String, CorpusError> {
        let (name, named) = (self.name(), self.options.encoding);
        let mut bytes = self.whole()?;
        match decoding::told(&bytes, named) {
            Some((encoding, mark)) if encoding != UTF_8 => {
                let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes[mark..]);
                let wrong = BadRecord::Encoding { encoding: encoding.name() };
                return text.map(Cow::into_owned).ok_or_else(|| CorpusError::record(&Place::whole(&name), wrong));
            }
            Some((_, mark)) => drop(bytes.drain(..mark)),
            None => {}
        }
        let invalid = |error: FromUtf8Error| not_utf8(error.as_bytes(), error.utf8_error().valid_up_to(), &name);
        String::from_utf8(bytes).map_err(invalid)
    }

    /// As the bytes of one text or document.
    ///
    /// # Errors
    /// The input cannot be read, or is larger than a record may be.
    pub(crate) fn whole(self) -> Result<Vec<u8>, CorpusError> {
        let place = Place::whole(&self.name());
        match bounded::all(self.bytes) {
            Ok(Some(content)) => Ok(content),
            Ok(None) => Err(CorpusError::Record { place, problem: BadRecord::TooLarge { max: LARGEST } }),
            Err(source) => Err(CorpusError::Input { place, source }),
        }
    }

    /// With access to every place in it: the file itself, or a stream (which must be short) in memory. `format` is the
    /// name of the format, for messages.
    ///
    /// # Errors
    /// The input cannot be read, or is a stream of too many bytes.
    #[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "only Parquet is read in this way"))]
    pub(crate) fn seekable(self, format: &str) -> Result<Seekable, CorpusError> {
        if let Some(path) = self.plain {
            return open_regular(path).map(Seekable::File).map_err(CorpusError::read(path));
        }
        let place = Place::whole(&self.name());
        let too_long = || {
            let megabytes = LARGEST >> 20;
            io::Error::other(format!("more than {megabytes} MiB of {format} in a stream: decompress it to a file"))
        };
        let all = bounded::all(self.bytes).and_then(|all| all.ok_or_else(too_long));
        all.map(Seekable::Memory).map_err(|source| CorpusError::Input { place, source })
    }
}

/// The error of a text in which no character begins at byte `at`.
fn not_utf8(content: &[u8], at: usize, input: &Arc<str>) -> CorpusError {
    let before = &content[..at];
    let newlines = before.iter().filter(|&&byte| byte == b'\n').count() as u64;
    let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    CorpusError::record(&Place::line(input, newlines + 1), BadRecord::Utf8 { byte: at - line_start + 1 })
}
