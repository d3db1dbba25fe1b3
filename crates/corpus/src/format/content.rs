//! The content of one input, in the form that a reader needs.

use std::fs::File;
use std::io::{self, BufRead};
use std::path::Path;
use std::sync::Arc;

use crate::bounded::{self, LARGEST};
use crate::path::plain_path;
use crate::peek::without;
use crate::{BadRecord, CorpusError, Input};
use semsearch_files::{Place, open_regular};

/// What some editors write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The content of one input, decompressed. A reader takes it in one of four ways.
pub(crate) struct InputContent<'a> {
    input: &'a Input,
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
    pub(crate) fn new(input: &'a Input, bytes: Box<dyn BufRead + 'a>, plain: Option<&'a Path>) -> Self {
        Self { input, bytes, plain }
    }

    /// The name of the input, for messages.
    pub(crate) fn name(&self) -> Arc<str> {
        self.input.name()
    }

    /// The path of the input, if it has one: the id of a document that is a whole file.
    pub(crate) fn path(&self) -> Option<String> {
        self.input.path().map(|path| match self.input {
            Input::Copy { name, .. } => name.to_string(),
            _ => plain_path(path),
        })
    }

    /// As a stream of bytes.
    pub(crate) fn bytes(self) -> impl BufRead + use<'a> {
        self.bytes
    }

    /// As a stream of text, without a byte order mark.
    pub(crate) fn text(self) -> impl BufRead + use<'a> {
        without(BYTE_ORDER_MARK, self.bytes)
    }

    /// As the bytes of one text, without a byte order mark.
    ///
    /// # Errors
    /// The input cannot be read, or is larger than a record may be.
    pub(crate) fn whole(self) -> Result<Vec<u8>, CorpusError> {
        let place = Place::whole(&self.name());
        match bounded::all(self.bytes) {
            Ok(Some(mut content)) => {
                if content.starts_with(BYTE_ORDER_MARK) {
                    content.drain(..BYTE_ORDER_MARK.len());
                }
                Ok(content)
            }
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
