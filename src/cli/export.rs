//! `semsearch export`: what an index holds, for other programs.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use semsearch::error::Error;
use semsearch::index::{self, Index};
use semsearch::vector_file::{VectorFormat, VectorWriter};
use serde_json::{Map, Value};

use super::records::write_beside;
use super::report::Advice;
use super::settings::Settings;
use super::{Outcome, args};

/// Documents read from the index at a time.
const AT_ONCE: usize = 1024;

pub(super) fn run(args: &args::Export, settings: &Settings) -> anyhow::Result<Outcome> {
    let index = Index::open(&settings.index)?;
    let output = &args.output;
    match VectorFormat::of(output) {
        Some(format) => write_beside(output, |beside| vectors(&index, beside, format))?,
        None if output.extension().is_some() && !output.is_dir() => {
            let message = format!("{}: neither .npy nor .safetensors, nor a directory", output.display());
            return Err(
                Advice { message, hint: "a directory to be made has a name without an extension".into() }.into()
            );
        }
        None => directory(&index, output)?,
    }
    let (count, dim) = (index.manifest().vectors(), index.manifest().recipe.dim);
    settings.terminal.note(&format!("{}: {count} vectors of {dim}", output.display()));
    Ok(Outcome::Done)
}

fn vectors(index: &Index, path: &Path, format: VectorFormat) -> anyhow::Result<()> {
    let mut writer = VectorWriter::create(path, format, index.manifest().recipe.dim)?;
    index.vectors(|_, row| writer.write(row))?;
    Ok(writer.finish()?)
}

fn directory(index: &Index, dir: &Path) -> anyhow::Result<()> {
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("{}: not empty", dir.display());
        return Err(Advice { message, hint: "name a directory that is not there yet".into() }.into());
    }
    fs::create_dir_all(dir).map_err(|source| Error::Write { path: dir.into(), source })?;
    write_beside(&dir.join("documents.jsonl"), |beside| documents(index, beside))?;
    write_beside(&dir.join("index.faiss"), |beside| Ok(index::export_faiss(index, beside)?))
}

fn documents(index: &Index, path: &Path) -> anyhow::Result<()> {
    let mut keys = Vec::new();
    index.vectors(|key, _| {
        keys.push(key);
        Ok(())
    })?;
    let failed = |source| Error::Write { path: path.into(), source };
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    for keys in keys.chunks(AT_ONCE) {
        let mut documents = index.documents_of(keys.iter().copied())?;
        for document in keys.iter().filter_map(|key| documents.remove(key)) {
            let mut record = Map::new();
            record.insert("_id".into(), document.id.into());
            record.extend(document.title.map(|title| ("title".into(), Value::from(title))));
            record.insert("text".into(), document.text.into());
            record.extend(document.metadata.into_iter().filter(|(name, _)| !["_id", "text"].contains(&name.as_str())));
            writeln!(file, "{}", Value::Object(record)).map_err(failed)?;
        }
    }
    Ok(file.flush().map_err(failed)?)
}
