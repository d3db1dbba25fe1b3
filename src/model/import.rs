//! Copies a model's files from a directory into semsearch's own cache.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Locations, ModelConfig, ModelName, REQUIRED, digest, resolve};
use crate::error::{Error, Result};

/// Copies the model in `from` into the cache as `name`, replacing what is there. Gives the cache's directory.
///
/// The files are copied beside their place and renamed, so a cache never holds half a model; what a killed import left
/// is removed by the next. The default model's files are checked against their pinned digests first.
///
/// # Errors
/// A file is missing, unreadable, or has another digest than the pinned one; the cache cannot be written.
pub fn import(from: &Path, name: &ModelName, places: &Locations) -> Result<PathBuf> {
    let Some((owner, repository)) = name.hub_parts() else {
        return Err(Error::Unsupported(format!("{:?} is not a Hub id: expected OWNER/NAME", name.id)));
    };
    let files = files(from)?;
    if name.is_pinned() {
        digest::check_pinned(from)?;
    }

    let to = resolve::own_directory(&places.own, owner, repository, name.revision());
    let parent = to.parent().unwrap_or(&places.own);
    fs::create_dir_all(parent).map_err(Error::write(parent))?;
    let _lock = lock(parent)?;
    let (arriving, leaving) = (parent.join(".arriving"), parent.join(".leaving"));
    for stale in [&arriving, &leaving] {
        remove(stale)?;
    }
    for file in files {
        copy(&from.join(&file), &arriving.join(&file))?;
    }
    if to.exists() {
        fs::rename(&to, &leaving).map_err(Error::write(&to))?;
    }
    fs::rename(&arriving, &to).map_err(Error::write(&to))?;
    remove(&leaving)?;
    Ok(to)
}

/// The files of a model that semsearch reads, by their paths below the directory.
fn files(dir: &Path) -> Result<Vec<String>> {
    if !dir.is_dir() {
        let kind = if dir.exists() { ErrorKind::NotADirectory } else { ErrorKind::NotFound };
        return Err(Error::Read { path: dir.into(), source: kind.into() });
    }
    if let Some(file) = REQUIRED.into_iter().find(|file| !dir.join(file).is_file()) {
        return Err(Error::ModelFile { dir: dir.into(), file });
    }
    let there = |file: &String| dir.join(file).is_file();
    let optional = resolve::optional().into_iter().map(String::from).chain(ModelConfig::pooling_file(dir)?);
    Ok(REQUIRED.into_iter().map(String::from).chain(optional.filter(there)).collect())
}

/// Held while the cache changes; the system lets go of it when the process ends, however it ends.
fn lock(dir: &Path) -> Result<File> {
    let path = dir.join(".lock");
    let file = File::create(&path).map_err(Error::write(&path))?;
    file.lock().map_err(Error::write(&path))?;
    Ok(file)
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::write(dir)(error)),
        _ => Ok(()),
    }
}

/// Copies the bytes, and them only: a source that is a link or read-only must not make the cache so.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(Error::write(parent))?;
    }
    let mut source = File::open(from).map_err(Error::read(from))?;
    let mut target = File::create(to).map_err(Error::write(to))?;
    std::io::copy(&mut source, &mut target).map_err(Error::write(to))?;
    target.sync_all().map_err(Error::write(to))
}
