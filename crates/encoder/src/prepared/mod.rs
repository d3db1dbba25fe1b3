//! A prepared form of a model: what a process would otherwise compute of the model's files before its first vector. These
//! are the weights, packed for the kernels, and the vocabulary's hash table.
//!
//! It is a file in a directory that the caller names, one for each model and format of products. It is mapped, so a process
//! that answers one question reads no more of it than it needs, and two processes share its memory. It may be deleted at any
//! time, and written by several processes at once: it gets its name when it is whole.
//!
//! The stamps of the model's files decide whether it is theirs ([`FileStamp`]): a model that is changed in place, to the last
//! bit, gets another form. Every byte that is used has been checked by a checksum. If a form is missing, stale or damaged,
//! the model is loaded from its own files, and gives the same vectors to the last bit.

mod file;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use semsearch_files::{FileError, FileStamp, Map, make_directory};
use semsearch_kernels::{Format, Isa, PackedView};
use sha2::{Digest, Sha256};

pub(crate) use self::file::NewSection;
pub use self::file::Unprepared;
use self::file::{PreparedFile, PreparedKey};
use crate::backend::{PackedEncoder, Precision};
use crate::embedder::Options;
use crate::error::EncoderError;
use crate::model::{ModelFiles, VOCABULARY_LAYOUT, fingerprint, fingerprinted};

/// The number of this file's layout.
const LAYOUT: u32 = 1;

/// The place of a model's prepared form, and the form if it is there.
#[derive(Debug)]
pub struct PreparedModel {
    path: PathBuf,
    format: Format,
    key: PreparedKey,
    /// The stamps of the model's files, when the form was looked for.
    stamps: Vec<(PathBuf, FileStamp)>,
    file: Result<Arc<PreparedFile>, Unprepared>,
    /// Whether a section could not be used.
    damaged: AtomicBool,
}

impl PreparedModel {
    /// Looks in `directory` for the form of a model that is run with these options on a CPU.
    ///
    /// # Errors
    /// A file of the model cannot be read. A form that is missing or does not fit is no error.
    pub fn find(directory: &Path, model: &ModelFiles, options: &Options) -> Result<Self, EncoderError> {
        let precision = options.precision.unwrap_or(Precision::Bf16);
        let format = PackedEncoder::format(precision, options.isa.unwrap_or_else(Isa::best));
        let stamp = |path: PathBuf| match FileStamp::of(&path) {
            Ok(stamp) => Ok((path, stamp)),
            Err(error) => Err(FileError::read(&path)(error)),
        };
        let stamps = fingerprinted(model)?.into_iter().map(stamp).collect::<Result<Vec<_>, _>>()?;
        let name = match format {
            Format::F32 => "f32",
            Format::Bf16 => "bf16",
            Format::Int8 => "int8",
        };
        let key = PreparedKey {
            layouts: vec![LAYOUT, PackedView::LAYOUT, VOCABULARY_LAYOUT],
            big_endian: cfg!(target_endian = "big"),
            format: name.into(),
            stamps: stamps.iter().map(|(_, stamp)| stamp.numbers()).collect(),
        };
        let of_model = hex::encode(&Sha256::digest(model.dir.as_os_str().as_encoded_bytes())[..16]);
        let path = directory.join(format!("{of_model}.{name}"));
        let file = PreparedFile::find(&path, &key).map(Arc::new);
        Ok(Self { path, format, key, stamps, file, damaged: AtomicBool::new(false) })
    }

    /// The model's [`fingerprint`], which the form has.
    ///
    /// # Errors
    /// There is no form, and a file of the model cannot be read.
    pub fn fingerprint(&self, model: &ModelFiles) -> Result<String, EncoderError> {
        match &self.file {
            Ok(file) => Ok(file.fingerprint().to_owned()),
            Err(_) => fingerprint(model),
        }
    }

    /// The format of the form's weights.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether there is a form, so far as it was looked at.
    pub(crate) fn state(&self) -> Result<(), Unprepared> {
        match &self.file {
            Ok(_) if self.damaged.load(Ordering::Relaxed) => {
                Err(Unprepared::Damaged("a part of it is not what was written".into()))
            }
            Ok(_) => Ok(()),
            Err(unprepared) => Err(unprepared.clone()),
        }
    }

    /// The file of the form.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A section of the form, checked: where its bytes are, and whether its weights are finite.
    pub(crate) fn section(&self, name: &str) -> Option<(&Map, Range<usize>, bool)> {
        let file = self.file.as_ref().ok()?;
        let section = file.section(name)?;
        match file.bytes(section) {
            Some(bytes) => Some((file.map(), bytes, section.finite)),
            None => {
                self.does_not_fit();
                None
            }
        }
    }

    /// Notes that a section cannot be used, so that the form is written again.
    pub(crate) fn does_not_fit(&self) {
        self.damaged.store(true, Ordering::Relaxed);
    }

    /// Checks that the file did not become shorter while it was read.
    ///
    /// # Errors
    /// The file became shorter.
    pub(crate) fn check_whole(&self) -> Result<(), FileError> {
        let Ok(file) = &self.file else { return Ok(()) };
        file.map().check().map_err(FileError::read(&self.path))
    }

    /// Reads and checks the form on another thread, while the caller does something else. A section that is used before its
    /// turn is checked by whoever uses it. Returns whether there is a form.
    pub(crate) fn read_ahead(&self) -> bool {
        let Ok(file) = &self.file else { return false };
        let file = Arc::clone(file);
        thread::spawn(move || file.read());
        true
    }

    /// Writes the form, unless the model's files are so new that a change might go unnoticed. Returns whether it was written.
    ///
    /// # Errors
    /// The file cannot be written, or another program's file is in its place.
    pub(crate) fn write(&self, model: &ModelFiles, sections: &[NewSection]) -> Result<bool, EncoderError> {
        let fingerprint = fingerprint(model)?;
        // What was read since the stamps were taken may be something else than what was there.
        let same = |(path, stamp): &(PathBuf, FileStamp)| FileStamp::of(path).is_ok_and(|now| now == *stamp);
        if !self.stamps.iter().all(|stamped| stamped.1.is_settled() && same(stamped)) {
            return Ok(false);
        }
        let directory = self.path.parent().unwrap_or(Path::new(""));
        make_directory(directory).map_err(FileError::write(directory))?;
        PreparedFile::write(&self.path, self.key.clone(), fingerprint, sections)?;
        Ok(true)
    }
}
