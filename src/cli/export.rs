//! `semsearch export`: what an index holds, for other programs.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use semsearch::engine::EngineError;
use semsearch::error::FileError;
use semsearch::files::{make_directory, write_whole};
use semsearch::index::{self, LocalSnapshot, LocalStore, Snapshot, StoreError};
use semsearch::vector_file::{VectorFormat, VectorWriter};
use serde_json::{Map, Value};

use super::advice::Advice;
use super::options::inspect::ExportOptions;
use super::outcome::Outcome;
use super::settings::Settings;
use super::store::{self, Computing, is_address};

/// How many documents are read from the index at a time.
const AT_ONCE: usize = 1024;

pub(super) fn run(options: &ExportOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    let index = store::open(settings, Computing::default())?.snapshot()?;
    let output = &options.output;
    match VectorFormat::of(output) {
        Some(format) => write_whole(output, |file| vectors(&*index, file, output, format))?,
        None if output.extension().is_some() && !output.is_dir() => {
            let message = format!("{}: neither .npy nor .safetensors, nor a directory", output.display());
            return Err(
                Advice { message, hint: "a directory to be made has a name without an extension".into() }.into()
            );
        }
        None => directory(output, settings)?,
    }
    let (count, dim) = (index.facts().passages, index.facts().config.dim);
    settings.terminal.note(&format!("{}: {count} vectors of {dim}", output.display()));
    Ok(Outcome::Done)
}

fn vectors(index: &dyn Snapshot, file: &File, path: &Path, format: VectorFormat) -> Result<(), EngineError> {
    let file = file.try_clone().map_err(failed(path))?;
    let mut writer = VectorWriter::create(file, path, format, index.facts().config.dim)?;
    let mut failed = None;
    let written = index.vectors(&mut |_, row| {
        writer.write(row).map_err(|error| {
            failed = Some(error);
            StoreError::Unsupported("the vectors cannot be written".into())
        })
    });
    // What the file says is better than what the store makes of it.
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(written.map(|()| writer.finish())??),
    }
}

fn directory(dir: &Path, settings: &Settings) -> anyhow::Result<()> {
    if is_address(&settings.index) {
        let message = format!("{}: FAISS's file is made from a directory", settings.index.display());
        let hint =
            "`semsearch store pull DIR` copies the index into a directory; `--output FILE.npy` takes vectors alone";
        return Err(Advice { message, hint: hint.into() }.into());
    }
    let index = &LocalStore::new(&settings.index).open()?;
    let made = make_directory(dir).map_err(failed(dir))?;
    if fs::read_dir(dir).map_err(failed(dir))?.next().is_some() {
        let message = format!("{}: not empty", dir.display());
        return Err(Advice { message, hint: "name a directory that is not there yet".into() }.into());
    }
    let (faiss, records) = (dir.join("index.faiss"), dir.join("documents.jsonl"));
    // This step comes first, because it may fail for other reasons than the disk.
    let written = write_whole(&faiss, |file| Ok::<_, EngineError>(index::export_faiss(index, file, &faiss)?))
        .and_then(|()| write_whole(&records, |file| documents(index, file, &records)));
    if written.is_err() && made {
        // This removes the directory only if it is empty.
        let _ = fs::remove_dir(dir);
    }
    Ok(written?)
}

fn failed(path: &Path) -> impl Fn(io::Error) -> EngineError + '_ {
    move |source| FileError::Write { path: path.into(), source }.into()
}

fn documents(index: &LocalSnapshot, file: &File, path: &Path) -> Result<(), EngineError> {
    let mut keys = Vec::new();
    index.vectors(&mut |key, _| {
        keys.push(key);
        Ok(())
    })?;
    let mut file = BufWriter::new(file);
    for keys in keys.chunks(AT_ONCE) {
        for document in index.passages(keys)? {
            let mut record = Map::new();
            record.insert("_id".into(), document.id.into());
            record.extend(document.title.map(|title| ("title".into(), Value::from(title))));
            record.insert("text".into(), document.text.into());
            record.extend(document.metadata.into_iter().filter(|(name, _)| !["_id", "text"].contains(&name.as_str())));
            writeln!(file, "{}", Value::Object(record)).map_err(failed(path))?;
        }
    }
    file.flush().map_err(failed(path))
}
