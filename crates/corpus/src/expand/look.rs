//! Looks at the start of each file, to leave out those that cannot be used.

use std::io::{self, BufReader, Read};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{Map, Value};

use super::skip::{SkipReason, is_limit};
use crate::compression::decompressed;
use crate::reader_thread::READER;
use crate::{CorpusError, Format};
use semsearch_files::{FileError, open_regular};

/// How many bytes of a file are looked at.
const START: u64 = 8 * 1024;

/// The files, each with the reason to leave it out if there is one. The work is done on a thread whose panics are
/// errors of an input.
pub(super) fn look_at(files: Vec<PathBuf>) -> Result<Vec<(PathBuf, Option<SkipReason>)>, CorpusError> {
    let look = |path: PathBuf| {
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
    if Format::shown_by(start).is_some_and(Format::is_binary) {
        return None;
    }
    if start.contains(&0) {
        return Some(SkipReason::Binary);
    }
    if (start.len() as u64) < START && start.trim_ascii().is_empty() {
        return Some(SkipReason::Blank);
    }
    (Format::of(path) == Some(Format::Auto) && has_no_records(start)).then_some(SkipReason::NoRecords)
}

/// Whether JSON that starts with these bytes is neither an array, nor SQuAD, nor one object per line.
fn has_no_records(start: &[u8]) -> bool {
    let mut lines = start.trim_ascii_start().splitn(2, |&byte| byte == b'\n');
    let first = lines.next().unwrap_or_default();
    // If the first line is longer than what was read of it, it may be a record.
    let whole = lines.next().is_some() || (start.len() as u64) < START;
    Format::shown_by(start).is_none() && whole && serde_json::from_slice::<Map<String, Value>>(first).is_err()
}
