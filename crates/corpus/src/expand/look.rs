//! Looks at the start of each file, to leave out those that cannot be used.

use std::io::{self, BufReader, Read};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::thread;

use encoding_rs::{Encoding, UTF_8};

use super::skip::{SkipReason, is_limit};
use crate::compression::decompressed;
use crate::reader_thread::READER;
use crate::{CorpusError, Format, ReadOptions};
use semsearch_files::{FileError, open_regular};

/// How many bytes of a file are looked at.
const START: u64 = 8 * 1024;

/// The files, each with the reason to leave it out if there is one. The work is done on a thread whose panics are
/// errors of an input.
pub(super) fn look_at(
    files: Vec<PathBuf>,
    options: &ReadOptions,
) -> Result<Vec<(PathBuf, Option<SkipReason>)>, CorpusError> {
    let look = |path: PathBuf| {
        if options.preprocessor_of(&path).is_some() {
            return Ok((path, None));
        }
        let reason = panic::catch_unwind(AssertUnwindSafe(|| reason_to_skip(&path)));
        match reason.unwrap_or_else(|_| Ok(Some(SkipReason::Unreadable("it is damaged".into())))) {
            Err(source) if is_limit(&source) => Err(CorpusError::File(FileError::Read { path, source })),
            Err(source) => Ok((path, Some(SkipReason::Unreadable(source.to_string())))),
            Ok(reason) => Ok((path, reason)),
        }
    };
    thread::scope(|scope| {
        let reader = thread::Builder::new().name(READER.into());
        let looking = reader.spawn_scoped(scope, || files.into_iter().map(look).collect());
        looking.expect("the system has another thread").join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    })
}

/// Why a file cannot be used, by the start of its content. A compressed file is binary unless its name says its format.
fn reason_to_skip(path: &Path) -> io::Result<Option<SkipReason>> {
    let (compression, bytes) = decompressed(BufReader::new(open_regular(path)?))?;
    if compression.is_some() && Format::of(path).is_none() {
        return Ok(Some(SkipReason::Binary));
    }
    let mut start = Vec::new();
    match bytes.take(START).read_to_end(&mut start) {
        Ok(_) => Ok(reason_in(path, &start)),
        // The file is damaged. Its reader says where.
        Err(_) if compression.is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

fn reason_in(path: &Path, start: &[u8]) -> Option<SkipReason> {
    if Format::shown_by(start).or(Format::of(path)).is_some_and(Format::is_binary) {
        return None;
    }
    let is_utf16 = Encoding::for_bom(start).is_some_and(|(encoding, _)| encoding != UTF_8);
    if start.contains(&0) && !is_utf16 {
        return Some(SkipReason::Binary);
    }
    ((start.len() as u64) < START && start.trim_ascii().is_empty()).then_some(SkipReason::Blank)
}
