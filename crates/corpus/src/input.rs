//! Where records come from.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CorpusError;
use super::compression::decompressed;
use semsearch_files::{Place, open_regular};

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file that the user named.
    File(PathBuf),
    /// A file that was found in a directory. It is text if its extension says nothing else.
    Found(PathBuf),
    /// A local copy of a file that has another name, such as an address on the Hub.
    Copy {
        /// The name.
        name: Arc<str>,
        /// Where the copy is.
        path: PathBuf,
    },
}

/// The bytes of an input, as they are stored.
pub(crate) type Bytes = Box<dyn Read + Send>;

impl Input {
    /// The name for messages.
    pub fn name(&self) -> Arc<str> {
        match self {
            Self::Stdin => "<stdin>".into(),
            Self::File(path) | Self::Found(path) => path.to_string_lossy().into(),
            Self::Copy { name, .. } => Arc::clone(name),
        }
    }

    /// The file, if the input is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdin => None,
            Self::File(path) | Self::Found(path) | Self::Copy { path, .. } => Some(path),
        }
    }

    /// Its bytes, decompressed if they are compressed (gzip, zstd).
    ///
    /// # Errors
    /// The input cannot be opened, or its first bytes cannot be read.
    pub fn bytes(&self) -> Result<impl BufRead + Send + use<>, CorpusError> {
        let failed = |source| CorpusError::Input { place: Place::whole(&self.name()), source };
        Ok(BufReader::new(decompressed(BufReader::new(self.open()?)).map_err(failed)?.1))
    }

    pub(crate) fn open(&self) -> Result<Bytes, CorpusError> {
        let Some(path) = self.path() else { return Ok(Box::new(io::stdin())) };
        // The user did not name a file that was found. If there is a pipe in its place, reading it could wait for ever.
        let open = if self.is_found() { open_regular } else { |path: &Path| File::open(path) };
        let file = open(path).map_err(CorpusError::read(path))?;
        if file.metadata().map_err(CorpusError::read(path))?.is_dir() {
            return Err(CorpusError::read(path)(io::ErrorKind::IsADirectory.into()));
        }
        Ok(Box::new(file))
    }

    /// Opens the input, so that an input that cannot be opened is an error before any work is done. Only what cannot be
    /// opened a second time stays open, because a process may not have thousands of open files. A file that was found
    /// is not opened: an error of it is reported when its turn comes.
    pub(crate) fn try_open(&self) -> Result<Option<Bytes>, CorpusError> {
        if self.is_found() {
            return Ok(None);
        }
        let bytes = self.open()?;
        Ok(if self.is_regular() { None } else { Some(bytes) })
    }

    pub(crate) fn is_found(&self) -> bool {
        matches!(self, Self::Found(_))
    }

    pub(crate) fn is_regular(&self) -> bool {
        self.path().is_some_and(|path| path.metadata().is_ok_and(|metadata| metadata.is_file()))
    }
}

impl From<PathBuf> for Input {
    /// `-` is standard input.
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path) }
    }
}
