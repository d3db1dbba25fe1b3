//! Hints: what to type next after a failure of the library.
//!
//! The library says what failed, where and why. The hints name flags, which only the program knows, so they are here: one
//! function for each kind of failure. An error that no function knows has no hint.

use std::io;

use nix::errno::Errno;
use semsearch::error::{BadRecord, Error, FileError};
use semsearch::index::StoreError;

const REBUILD: &str = "build the index anew with `semsearch index --rebuild FILE`";

/// The next command to type, where there is one.
pub(super) fn hint(error: &Error) -> Option<String> {
    let of_file = if let Error::File(error) = error { of_limit(error) } else { None };
    let fixed = of_file
        .or_else(|| of_hub(error))
        .or_else(|| of_model(error))
        .or_else(|| of_machine(error))
        .or_else(|| of_input(error));
    fixed.map(String::from).or_else(|| with_values(error))
}

/// The next command to type after a failure of an index, where there is one.
pub(super) fn of_store(error: &StoreError) -> Option<String> {
    let of_file = if let StoreError::File(error) = error { of_limit(error) } else { None };
    let fixed = of_file.or_else(|| of_directory(error)).or_else(|| of_index(error));
    fixed.map(String::from).or_else(|| match error {
        StoreError::Mismatch { setting, recorded, .. } => Some(format!(
            "leave out --{setting} to use the index's own ({recorded}), or build anew with `semsearch index --rebuild`"
        )),
        _ => None,
    })
}

/// What to type next after a bad record, in a command with the input options of `index` and `embed`.
pub(super) fn of_record(problem: &BadRecord) -> &'static str {
    match problem {
        BadRecord::NoText { .. } => "name the field with `--text-field NAME`",
        BadRecord::TooLong { .. } => "`--long truncate` cuts such texts, a larger `--max-length` keeps them",
        BadRecord::NotAnObject { found: "an array" } => "`--format json` reads an array of records",
        BadRecord::Json { .. } => {
            "a line is one record (`jq -c` makes them so); `--on-error skip` passes bad ones over"
        }
        _ => "`--on-error skip` passes bad records over",
    }
}

/// Too many files are open in the process or the system.
fn of_limit(error: &FileError) -> Option<&'static str> {
    let (FileError::Read { source, .. } | FileError::Write { source, .. }) = error;
    let is_limit = |source: &io::Error| {
        source
            .raw_os_error()
            .is_some_and(|code| [Errno::EMFILE, Errno::ENFILE].map(|errno| errno as i32).contains(&code))
    };
    is_limit(source)
        .then_some("`ulimit -n` says how many files a process may have open, `ulimit -n 4096` allows it more")
}

/// The directory of an index does not exist, holds something else, or was moved away.
fn of_directory(error: &StoreError) -> Option<&'static str> {
    Some(match error {
        StoreError::NoIndex { .. } => "build one with `semsearch index FILE`, or name one with `-i DIR`",
        StoreError::NotAnIndex { .. } => "name another directory with `-i DIR`; nothing in this one was touched",
        StoreError::Foreign { .. } => "move it elsewhere, or name another directory with `-i DIR`",
        StoreError::Displaced { .. } => {
            "run the command again when nobody else changes the directory; documents that were committed are kept"
        }
        StoreError::Unsynced { .. } => {
            "check the disk, then run the command again: what is there is not embedded again"
        }
        StoreError::Locked { .. } => "`--wait SECONDS` waits for it to finish; readers need not wait",
        _ => return None,
    })
}

/// An index has another format, is damaged, or cannot be built with these settings.
fn of_index(error: &StoreError) -> Option<&'static str> {
    Some(match error {
        StoreError::OlderFormat { found: 1, .. } => {
            "remove the directory, or name another with `-i DIR`, and build the index anew"
        }
        StoreError::NewerFormat { .. } => {
            "update semsearch, or build the index anew with `semsearch index --rebuild FILE`"
        }
        StoreError::OlderFormat { .. } | StoreError::ReadOnlyFormat { .. } | StoreError::NoWords { .. } => REBUILD,
        StoreError::Damaged { .. } => {
            "`semsearch verify` names every fault; `semsearch index --rebuild FILE` builds the index anew"
        }
        StoreError::Training { .. } => {
            "index more texts at once, or name a `--factory` with fewer clusters; `Flat` needs no training"
        }
        _ => return None,
    })
}

/// The Hub did not send a file, or does not have it.
fn of_hub(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Download { kind: "data set", .. } => {
            "check the network and HF_ENDPOINT; --offline takes what is in the cache"
        }
        Error::NotOnHub { kind: "data set", .. } => "check the address; one that is not public needs HF_TOKEN",
        Error::Download { .. } => {
            "check the network and HF_ENDPOINT, or bring the files with `semsearch model import DIR`"
        }
        Error::NotOnHub { .. } => {
            "check the id and --revision; a model needs config.json, tokenizer.json and model.safetensors"
        }
        _ => return None,
    })
}

/// A file of the model is missing or has other content than expected.
fn of_model(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::ModelDigest { .. } => "`semsearch model fetch` brings it anew; for another model name it with `--model`",
        Error::ModelFile { .. } => "a model directory holds config.json, tokenizer.json and model.safetensors",
        _ => return None,
    })
}

/// The machine has no such device, or this build of the program does not support it.
fn of_machine(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Device { missing: true, .. } => "`--device cpu`, and `auto` here, compute without a GPU",
        Error::Device { .. } | Error::DeviceMemory { .. } => {
            "`nvidia-smi` shows the driver, the GPUs and who has their memory; `--device cpu` does without"
        }
        Error::NotBuiltIn { .. } => "the released program has it, as has `cargo install` with the default features",
        _ => return None,
    })
}

/// The input, or an option about it, cannot be used.
fn of_input(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::NoFiles { .. } => {
            "files are chosen by extension, hidden and ignored ones left out; `--glob PATTERN` chooses others"
        }
        Error::Chunking { .. } => "name a larger `--chunk-tokens` or a smaller `--chunk-overlap`",
        Error::Filter(_) => "quote strings of more than a word, as in `author.name = \"Jane Doe\" and year >= 2000`",
        Error::Format { .. } => "name the format with `--format`",
        _ => return None,
    })
}

/// Hints that repeat a value of the error.
fn with_values(error: &Error) -> Option<String> {
    Some(match error {
        Error::ModelOffline { id, .. } => format!(
            "`semsearch model fetch {id}` downloads it (without --offline), `semsearch model import DIR` copies it from \
             a directory that holds its files"
        ),
        Error::DataSet { hint, .. } => hint.clone(),
        Error::GivenVectors { hint, .. } => (*hint).into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_open_files_have_a_hint_and_other_failures_none() {
        let failed = |errno: Errno| {
            let source = io::Error::from_raw_os_error(errno as i32);
            hint(&Error::File(FileError::Read { path: "x".into(), source }))
        };
        assert!(failed(Errno::EMFILE).unwrap().contains("ulimit -n"));
        assert_eq!(failed(Errno::EACCES), None);
    }

    #[test]
    fn an_index_of_format_1_cannot_be_rebuilt_in_its_place() {
        let of = |found| of_store(&StoreError::OlderFormat { dir: "x".into(), found, supported: 4 }).unwrap();
        assert!(of(1).contains("-i DIR"));
        assert_eq!(of(2), REBUILD);
    }

    #[test]
    fn a_setting_that_differs_is_named_by_its_flag() {
        let error = StoreError::Mismatch {
            dir: "x".into(),
            setting: "factory",
            recorded: "Flat".into(),
            asked: "HNSW32".into(),
        };
        assert_eq!(
            of_store(&error).unwrap(),
            "leave out --factory to use the index's own (Flat), or build anew with `semsearch index --rebuild`"
        );
    }
}
