//! The next command to type after a failure of the library, in the words of this command line.
//!
//! The library says what failed, where and why. Only the program knows its flags, so the hints are here: one function for
//! each kind of failure. An error that no function knows has no hint.

use nix::errno::Errno;
use semsearch::engine::EngineError;
use semsearch::error::{BadRecord, CorpusError, EncoderError, FileError, HubError, ModelsError, VectorFileError};
use semsearch::index::{ServerFailure, StoreError};

use super::store::is_address;

const REBUILD: &str = "build the index anew with `semsearch index --rebuild FILE`";
const NOT_BUILT_IN: &str = "the released program has it, as has `cargo install` with the default features";

/// What to type next after a filter that cannot be understood.
pub(super) const OF_FILTER: &str =
    "quote strings of more than a word, as in `author.name = \"Jane Doe\" and year >= 2000`";

/// The next command to type after one cause of a failure, where there is one. Each crate of the library has its own type of
/// error, so each type is tried.
pub(super) fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    (cause.downcast_ref().and_then(of_engine))
        .or_else(|| cause.downcast_ref().and_then(of_corpus))
        .or_else(|| cause.downcast_ref().and_then(of_encoder))
        .or_else(|| cause.downcast_ref().and_then(of_hub))
        .or_else(|| cause.downcast_ref().and_then(of_models))
        .or_else(|| cause.downcast_ref().and_then(of_vector_file))
        .or_else(|| cause.downcast_ref().and_then(of_store))
        .or_else(|| cause.downcast_ref().and_then(of_file))
}

/// Indexing or searching failed.
fn of_engine(error: &EngineError) -> Option<String> {
    match error {
        EngineError::File(error) => of_file(error),
        EngineError::Corpus(error) => of_corpus(error),
        EngineError::Encoder(error) => of_encoder(error),
        EngineError::VectorFile(error) => of_vector_file(error),
        EngineError::Store(error) => of_store(error),
        EngineError::GivenDim { .. } => {
            Some("with `--model`, name the model that made these vectors; it also embeds queries".into())
        }
        EngineError::GivenCount { .. } => Some("row i is the vector of record i; nothing was committed".into()),
        _ => None,
    }
}

/// The inputs cannot be read, or not in the way that was asked for.
fn of_corpus(error: &CorpusError) -> Option<String> {
    let fixed = match error {
        CorpusError::File(error) => return of_file(error),
        CorpusError::NoFiles { .. } => {
            "hidden, ignored and binary files are left out; `--glob PATTERN` chooses among them"
        }
        CorpusError::Chunking { .. } => "name a larger `--chunk-tokens` or a smaller `--chunk-overlap`",
        CorpusError::Format { .. } => "name the format with `--format`",
        CorpusError::NotBuiltIn { .. } => NOT_BUILT_IN,
        _ => return None,
    };
    Some(fixed.into())
}

/// A file of vectors does not contain what is needed.
fn of_vector_file(error: &VectorFileError) -> Option<String> {
    let fixed = match error {
        VectorFileError::File(error) => return of_file(error),
        VectorFileError::NoMatrix { .. } => {
            "`numpy.save(FILE, vectors.astype(\"float32\"))` writes what is needed: float32, a row a record"
        }
        VectorFileError::NotFinite { .. } => "vectors must be finite numbers",
        VectorFileError::NotNormalized { .. } => {
            "divide each row by its length, or build the index with `--no-normalize`"
        }
        _ => return None,
    };
    Some(fixed.into())
}

/// An index cannot be read or written.
fn of_store(error: &StoreError) -> Option<String> {
    let fixed = match error {
        StoreError::File(error) => return of_file(error),
        StoreError::SharedId { second, .. } => {
            let second = second.display();
            return Some(format!("`semsearch remove ID -i {second}` takes it out of one of them"));
        }
        StoreError::Mismatch { setting, recorded, .. } => {
            return Some(format!(
                "leave out --{setting} to use the index's own ({recorded}), or build anew with `semsearch index --rebuild`"
            ));
        }
        StoreError::Server { failure, what, .. } => return of_server(*failure, what),
        error => of_directory(error).or_else(|| of_index(error)),
    };
    fixed.map(String::from)
}

/// A server that keeps an index failed.
fn of_server(failure: ServerFailure, what: &str) -> Option<String> {
    let of_shard = what.contains(" on shard ");
    let fixed = match failure {
        ServerFailure::Unreachable if of_shard => {
            "check that the server runs and accepts connections (`pg_isready -h HOST -p PORT`); `query --partial` answers \
             without a shard"
        }
        ServerFailure::Unreachable => {
            "check that the server runs and accepts connections (`pg_isready -h HOST -p PORT`)"
        }
        ServerFailure::Login => {
            "the user and the database are in the address, passwords in PGPASSWORD, ~/.pgpass or a service file"
        }
        ServerFailure::Encryption => {
            "in the address, `?sslmode=require` asks for TLS, `sslmode=verify-full&sslrootcert=FILE` also checks the \
             server, `sslmode=disable` does without"
        }
        ServerFailure::Privileges => {
            "docs/postgres.md lists what a reader, a writer and an owner may do, as GRANT statements"
        }
        ServerFailure::Full => "free space on that server and run the same command again: what was committed is whole",
        ServerFailure::Extension => {
            "a superuser runs `CREATE EXTENSION vector` there, for `--servers` also `postgres_fdw` and `dblink`; `ALTER \
             EXTENSION vector UPDATE` after a new package"
        }
        ServerFailure::Slow if of_shard => "`query --partial` answers without that shard",
        ServerFailure::Slow => "run the command again; the table pg_stat_activity shows what the server does",
        ServerFailure::ReadOnly => "only the primary can be written; name it in the address",
        ServerFailure::Outdated => "run the command again: it reads the newest generation",
        _ if what.contains("a store here already") => {
            "`semsearch store info` shows it, `semsearch store drop` removes it"
        }
        _ if what.contains("database of the coordinator itself") => {
            "leave out --servers to keep everything in this database, or name another database, as in HOST:PORT/DATABASE"
        }
        _ if what.contains("no generation is open") => "`semsearch store begin` opens one",
        _ if what.contains("is open already") => "`semsearch store commit` or `semsearch store abort` ends it",
        _ if what.contains("is not empty, and not a store") => {
            "`?schema=NAME` in the address puts the store into another schema"
        }
        _ => return None,
    };
    Some(fixed.into())
}

/// What to type next after a bad record of a command with the options of `index` and `embed`.
pub(super) fn of_record(problem: &BadRecord) -> &'static str {
    match problem {
        BadRecord::NoText { .. } => "name the field with `--text-field NAME`",
        BadRecord::Utf8 { .. } | BadRecord::CellUtf8 { .. } => {
            "`--encoding NAME` says how the text is encoded; `--on-error skip` passes bad records over"
        }
        BadRecord::TooLong { .. } => "`--long truncate` cuts such texts, a larger `--max-length` keeps them",
        BadRecord::NotAnObject { found: "an array" } => "`--format json` reads an array of records",
        BadRecord::Json { .. } => {
            "a line is one record (`jq -c` makes them so); `--on-error skip` passes bad ones over"
        }
        _ => "`--on-error skip` passes bad records over",
    }
}

/// The process or the system has too many open files.
fn of_file(error: &FileError) -> Option<String> {
    let (FileError::Read { source, .. } | FileError::Write { source, .. }) = error;
    let limits = [Errno::EMFILE, Errno::ENFILE].map(|errno| errno as i32);
    let is_limit = source.raw_os_error().is_some_and(|code| limits.contains(&code));
    is_limit
        .then(|| "`ulimit -n` says how many files a process may have open, `ulimit -n 4096` allows it more".to_owned())
}

/// The directory of an index is not there, is something else, or was taken away.
fn of_directory(error: &StoreError) -> Option<&'static str> {
    Some(match error {
        StoreError::NoIndex { dir } if is_address(dir) => {
            "`semsearch store create` makes a store there, `semsearch index FILE` fills it; `?schema=NAME` names another"
        }
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

/// An index has another format, is damaged, or cannot be built so.
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
        StoreError::TooLong { .. } => "divide all vectors by one number, so that the longest is short enough",
        _ => return None,
    })
}

/// The Hub did not send a file, or sent another one.
fn of_hub(error: &HubError) -> Option<String> {
    let fixed = match error {
        HubError::File(error) => return of_file(error),
        HubError::DataSet { hint, .. } => hint,
        HubError::Download { kind: "data set", .. } => {
            "check the network and HF_ENDPOINT; --offline takes what is in the cache"
        }
        HubError::NotOnHub { kind: "data set", .. } => "check the address; one that is not public needs HF_TOKEN",
        HubError::Download { .. } => {
            "check the network and HF_ENDPOINT, or bring the files with `semsearch model import DIR`"
        }
        HubError::NotOnHub { .. } => {
            "check the id and --revision; a model needs config.json, tokenizer.json and model.safetensors"
        }
        HubError::Digest { .. } => "`semsearch model fetch` brings it anew; for another model name it with `--model`",
        HubError::NotBuiltIn { .. } => NOT_BUILT_IN,
        _ => return None,
    };
    Some(fixed.into())
}

/// The model cannot be found.
fn of_models(error: &ModelsError) -> Option<String> {
    match error {
        ModelsError::File(error) => of_file(error),
        ModelsError::Encoder(error) => of_encoder(error),
        ModelsError::Hub(error) => of_hub(error),
        ModelsError::NotADirectory(_) | ModelsError::NoDirectory(_) => {
            let files = "config.json, tokenizer.json and model.safetensors";
            Some(format!("a model is a Hub id, as OWNER/NAME, or a directory with {files}"))
        }
        ModelsError::ModelOffline { id, .. } => Some(format!(
            "`semsearch model fetch {id}` downloads it (without --offline), `semsearch model import DIR {id}` copies it from \
             a directory that holds its files"
        )),
        _ => None,
    }
}

/// The model's files are incomplete, or the machine cannot run it as was asked.
fn of_encoder(error: &EncoderError) -> Option<String> {
    let fixed = match error {
        EncoderError::File(error) => return of_file(error),
        EncoderError::ModelFile { .. } => "a model directory holds config.json, tokenizer.json and model.safetensors",
        EncoderError::Device { missing: true, .. } => "`--device cpu`, and `auto` here, compute without a GPU",
        EncoderError::Device { .. } | EncoderError::DeviceMemory { .. } => {
            "`nvidia-smi` shows the driver, the GPUs and who has their memory; `--device cpu` does without"
        }
        _ => return None,
    };
    Some(fixed.into())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn too_many_open_files_have_a_hint_and_other_failures_none() {
        let failed = |errno: Errno| {
            let source = io::Error::from_raw_os_error(errno as i32);
            of_file(&FileError::Read { path: "x".into(), source })
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
