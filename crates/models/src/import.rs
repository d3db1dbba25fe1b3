//! Copies a model's files from a directory into semsearch's own cache.
//!
//! All changes in the cache are made relative to the descriptor of the model's directory: no link is followed, and only
//! files that an import made are removed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use semsearch_encoder::EncoderError;
use semsearch_encoder::model::{ModelConfig, OPTIONAL, REQUIRED};

use super::{Locations, ModelName, digest, resolve};
use crate::ModelsError;
use semsearch_files::{Dir, FileError, RelativePath, open_regular, unique};

/// The beginnings of the names of two directories that an import uses: the new model, and the old one that it removes.
/// Enough random digits follow that nobody else has chosen the same name.
const ARRIVING: &str = ".arriving-";
const LEAVING: &str = ".leaving-";

/// Copies the model in `from` into the cache as `name`, and replaces the model that is there. Returns the model's
/// directory in the cache.
///
/// The files are copied to a directory beside their place, which is then renamed, so the cache never holds half a
/// model. The next import removes what a killed import left. The default model's files are checked against their pinned
/// digests first.
///
/// # Errors
/// A file is missing, unreadable, or has another digest than the pinned one; the cache cannot be written, or the
/// model's directory there holds other files.
pub fn import(from: &Path, name: &ModelName, places: &Locations) -> Result<PathBuf, ModelsError> {
    let Some((owner, repository)) = name.hub_parts() else {
        return Err(ModelsError::NotAnId(name.id.clone()));
    };
    if !resolve::is_revision(name.revision()) {
        return Err(ModelsError::NotARevision(name.revision().to_owned()));
    }
    let files = files(from)?;
    if name.is_pinned() {
        digest::check_pinned(from)?;
    }

    let to = resolve::own_directory(&places.own, owner, repository, name.revision());
    let parent = to.parent().unwrap_or(&places.own);
    fs::create_dir_all(parent).map_err(FileError::write(parent))?;
    let failed = |error| FileError::write(&to)(error);
    let dir = Dir::open(parent).map_err(failed)?;
    let _lock = lock(&dir).map_err(FileError::write(&parent.join(".lock")))?;
    sweep(&dir).map_err(failed)?;
    let place = to.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some(file) = foreign(&dir, place).map_err(failed)? {
        let what = format!("{} is not a file of a model: nothing is replaced", to.join(file).display());
        return Err(failed(io::Error::new(io::ErrorKind::DirectoryNotEmpty, what)).into());
    }
    let arriving = format!("{ARRIVING}{}", unique());
    let arrived = dir.make_directory(&arriving).and_then(|_| dir.subdirectory(&arriving)).map_err(failed);
    arrived.and_then(|arrived| files.iter().try_for_each(|file| copy(from, &arrived, file)))?;
    replace(&dir, &arriving, place).map_err(failed)?;
    Ok(to)
}

/// The files of a model that semsearch reads, as paths relative to the directory.
fn files(dir: &Path) -> Result<Vec<RelativePath>, ModelsError> {
    if !dir.is_dir() {
        let kind = if dir.exists() { io::ErrorKind::NotADirectory } else { io::ErrorKind::NotFound };
        return Err(ModelsError::File(FileError::Read { path: dir.into(), source: kind.into() }));
    }
    if let Some(file) = REQUIRED.into_iter().find(|file| !dir.join(file).is_file()) {
        return Err(EncoderError::ModelFile { dir: dir.into(), file }.into());
    }
    let known = REQUIRED.into_iter().chain(OPTIONAL).filter_map(RelativePath::new);
    let of_modules = ModelConfig::module_files(dir)?;
    let mut files: Vec<RelativePath> = known.chain(of_modules).filter(|file| dir.join(file).is_file()).collect();
    files.dedup();
    Ok(files)
}

/// The lock that is held while the cache changes. The system releases it when the process ends, however it ends.
fn lock(dir: &Dir) -> io::Result<File> {
    let file = dir.open_or_create(".lock")?;
    file.lock()?;
    Ok(file)
}

/// Removes what killed imports left behind.
fn sweep(dir: &Dir) -> io::Result<()> {
    for entry in dir.entries()? {
        let name = entry.to_str().unwrap_or_default();
        let digits = name.strip_prefix(ARRIVING).or_else(|| name.strip_prefix(LEAVING));
        if digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            remove(dir, name)?;
        }
    }
    Ok(())
}

/// A file in the directory `place` that no import wrote; `None` if there is no such file, if `place` does not exist, or
/// if it is a link, which is removed as a link. An import writes the files of a model, and those that its `modules.json`
/// names.
fn foreign(dir: &Dir, place: &str) -> io::Result<Option<PathBuf>> {
    let of_modules = ModelConfig::module_files(&dir.path().join(place)).unwrap_or_default();
    let is_ours = |path: &Path| match path.to_str() {
        Some(file) => {
            let of_module = of_modules.iter().any(|own| own.as_str() == file);
            REQUIRED.contains(&file) || OPTIONAL.contains(&file) || of_module
        }
        None => false,
    };
    let mut files = Vec::new();
    if let Ok(there) = dir.subdirectory(place) {
        walk(&there, Path::new(""), &mut files)?;
    }
    Ok(files.into_iter().find(|file| !is_ours(file)))
}

/// Collects the files below a directory, as paths relative to it.
fn walk(dir: &Dir, above: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in dir.entries()? {
        let path = above.join(&entry);
        match entry.to_str().map(|name| dir.subdirectory(name)) {
            Some(Ok(inner)) => walk(&inner, &path, files)?,
            _ => files.push(path),
        }
    }
    Ok(())
}

/// Renames the new directory to its place, and removes what was there.
fn replace(dir: &Dir, arriving: &str, place: &str) -> io::Result<()> {
    dir.subdirectory(arriving)?.sync()?;
    let leaving = format!("{LEAVING}{}", unique());
    let replaced = dir.identity_of(place)?.is_some();
    if replaced {
        dir.rename(place, &leaving)?;
    }
    dir.rename(arriving, place)?;
    dir.sync()?;
    if replaced { remove(dir, &leaving) } else { Ok(()) }
}

/// Removes an entry. A directory is removed with everything in it; of a link, only the link is removed.
fn remove(dir: &Dir, name: &str) -> io::Result<()> {
    let Ok(inner) = dir.subdirectory(name) else { return dir.remove(name) };
    for entry in inner.entries()? {
        let entry = entry.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        remove(&inner, entry)?;
    }
    dir.remove_directory(name)
}

/// Copies only the bytes: if the source is a link or read-only, the copy is not.
fn copy(from: &Path, to: &Dir, file: &RelativePath) -> Result<(), FileError> {
    let source = from.join(file);
    let mut source = open_regular(&source).map_err(FileError::read(&source))?;
    let mut copied = || -> io::Result<()> {
        let mut names: Vec<&str> = file.as_str().split('/').collect();
        let name = names.pop().unwrap_or_default();
        let mut target = match names.split_first() {
            None => to.create(name)?,
            Some((first, rest)) => {
                let first = enter(to, first)?;
                rest.iter().try_fold(first, |dir, name| enter(&dir, name))?.create(name)?
            }
        };
        io::copy(&mut source, &mut target)?;
        target.sync_all()
    };
    copied().map_err(FileError::write(&to.path().join(file)))
}

/// Opens the directory of this name, and makes it if it does not exist.
fn enter(dir: &Dir, name: &str) -> io::Result<Dir> {
    dir.make_directory(name)?;
    dir.subdirectory(name)
}
