//! Where a model is. The places are searched in this order: a directory that was named, semsearch's own cache, the
//! Hugging Face cache, the Hub.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use semsearch_encoder::EncoderError;
use semsearch_encoder::model::{MODULES, ModelConfig, ModelFiles, REQUIRED, SENTENCE_CONFIG};

use super::{Locations, ModelName, download};
use crate::ModelsError;
use semsearch_files::{FileError, RelativePath};
use semsearch_hub::{CachedRevision, DownloadProgress, Hub, RepositoryKind};

/// Finds the model's files. They are downloaded if they are nowhere on this machine and the network may be used.
///
/// # Errors
/// The named directory does not exist or lacks a file; the model is nowhere on this machine and `offline` is set; the
/// download fails or brings wrong bytes.
pub fn resolve(
    name: &ModelName,
    places: &Locations,
    progress: &Arc<dyn DownloadProgress>,
) -> Result<ModelFiles, ModelsError> {
    let path = Path::new(&name.id);
    if path.is_dir() {
        return directory(path);
    }
    if path.is_file() {
        return Err(ModelsError::NotADirectory(name.id.clone()));
    }
    let Some((owner, repository)) = name.hub_parts() else {
        return Err(ModelsError::NoDirectory(name.id.clone()));
    };
    if !is_revision(name.revision()) {
        return Err(ModelsError::NotARevision(name.revision().to_owned()));
    }
    let found = |dir| ModelFiles { dir, id: name.id.clone(), revision: Some(name.revision().to_owned()) };

    let own = own_directory(&places.own, owner, repository, name.revision());
    if missing(&own, |_| true).is_none() {
        return Ok(found(own));
    }
    let mut lacking = REQUIRED[0].to_owned();
    if let Some(snapshot) = CachedRevision::find(&places.hub, RepositoryKind::Model, owner, repository, name.revision())
    {
        match missing(&snapshot.files, |file| snapshot.known_absent(file)) {
            None => return Ok(found(snapshot.files)),
            Some(file) => lacking = file,
        }
    }
    if places.hub.offline {
        let looked = format!("{lacking} (looked in {} and {})", own.display(), places.hub.cache.display());
        return Err(ModelsError::ModelOffline { id: name.id.clone(), missing: looked });
    }
    download::download(name, places, progress).map(found)
}

/// Finds a model that only an index names. An index may come from anybody, so its model is downloaded only if it
/// [is used anyway](is_usual).
///
/// # Errors
/// Those of [`resolve`]; [`ModelsError::ModelOffline`] too if the model is another one and is nowhere on this machine.
pub fn resolve_recorded(
    name: &ModelName,
    usual: &ModelName,
    places: &Locations,
    progress: &Arc<dyn DownloadProgress>,
) -> Result<ModelFiles, ModelsError> {
    if is_usual(name, usual) {
        return resolve(name, places, progress);
    }
    let hub = Hub { offline: true, ..places.hub.clone() };
    resolve(name, &Locations { hub, ..places.clone() }, progress)
}

/// Whether a model is used anyway: it is the `usual` one or the default.
pub fn is_usual(name: &ModelName, usual: &ModelName) -> bool {
    let same = |known: &ModelName| known.id == name.id && known.revision() == name.revision();
    same(usual) || same(&ModelName::default())
}

/// A directory that the user named. If a file is missing there, this is an error, and no other place is searched.
fn directory(path: &Path) -> Result<ModelFiles, ModelsError> {
    let dir = path.canonicalize().map_err(FileError::read(path))?;
    if let Some(file) = REQUIRED.into_iter().find(|file| !dir.join(file).is_file()) {
        return Err(EncoderError::ModelFile { dir, file }.into());
    }
    let id = dir.to_string_lossy().into_owned();
    Ok(ModelFiles { dir, id, revision: None })
}

/// Whether a word can be a branch, tag or commit in git: plain names, none of which begins with a dot.
pub(super) fn is_revision(word: &str) -> bool {
    RelativePath::new(word).is_some() && word.split('/').all(|name| !name.starts_with('.'))
}

/// The directory of a model in semsearch's own cache.
pub(super) fn own_directory(own: &Path, owner: &str, repository: &str, revision: &str) -> PathBuf {
    own.join(format!("{owner}--{repository}")).join(revision.replace('/', "--"))
}

/// The first file that `dir` lacks. A file that says how the model is run may be absent only if `known_absent`: pooling
/// or maximum length must not depend on which files another program left in a cache.
fn missing(dir: &Path, known_absent: impl Fn(&str) -> bool) -> Option<String> {
    let lacks = |file: &str| !dir.join(file).is_file();
    if let Some(file) = REQUIRED.into_iter().find(|file| lacks(file)) {
        return Some(file.into());
    }
    if lacks(MODULES) {
        return [MODULES, SENTENCE_CONFIG].into_iter().find(|file| lacks(file) && !known_absent(file)).map(Into::into);
    }
    // Whoever fetched modules.json also fetched the files that it names, unless the download was interrupted.
    let of_modules = ModelConfig::module_files(dir).unwrap_or_default();
    let mut files = of_modules.iter().map(|file| file.as_str());
    files.find(|file| lacks(file) && !known_absent(file)).map(Into::into)
}

#[cfg(test)]
mod tests {
    use semsearch_hub::Hub;

    use super::*;

    struct Silent;
    impl DownloadProgress for Silent {
        fn progress(&self, _: &str, _: u64, _: u64) {}
    }

    fn silent() -> Arc<dyn DownloadProgress> {
        Arc::new(Silent)
    }

    fn offline(root: &Path) -> Locations {
        Locations {
            own: root.join("own"),
            prepared: root.join("prepared"),
            hub: Hub {
                cache: root.join("hub"),
                endpoint: "http://127.0.0.1:9".into(),
                offline: true,
                token: None,
                proxies: Default::default(),
            },
        }
    }

    fn put(dir: &Path, files: &[&str]) {
        for file in files {
            let path = dir.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "[]").unwrap();
        }
    }

    fn name(id: &str) -> ModelName {
        ModelName { id: id.into(), revision: None }
    }

    #[test]
    fn our_cache_comes_before_the_hugging_face_cache() {
        let root = tempfile::tempdir().unwrap();
        let places = offline(root.path());
        let snapshot = root.path().join("hub/models--a--b/snapshots/main");
        put(&snapshot, &[&REQUIRED[..], &[MODULES]].concat());
        assert_eq!(resolve(&name("a/b"), &places, &silent()).unwrap().dir, snapshot);
        let own = root.path().join("own/a--b/main");
        put(&own, &REQUIRED);
        assert_eq!(resolve(&name("a/b"), &places, &silent()).unwrap().dir, own);
    }

    #[test]
    fn a_branch_is_followed_to_its_commit() {
        let root = tempfile::tempdir().unwrap();
        let repository = root.path().join("hub/models--a--b");
        std::fs::create_dir_all(repository.join("refs")).unwrap();
        std::fs::write(repository.join("refs/main"), "abc\n").unwrap();
        put(&repository.join("snapshots/abc"), &[&REQUIRED[..], &[MODULES]].concat());
        let found = resolve(&name("a/b"), &offline(root.path()), &silent()).unwrap();
        assert!(found.dir.ends_with("snapshots/abc"));
    }

    #[test]
    fn a_snapshot_of_unknown_pooling_is_complete_only_where_the_hub_said_so() {
        let root = tempfile::tempdir().unwrap();
        let repository = root.path().join("hub/models--a--b");
        put(&repository.join("snapshots/main"), &REQUIRED);
        let message = resolve(&name("a/b"), &offline(root.path()), &silent()).unwrap_err().to_string();
        assert!(message.contains("modules.json (looked in"), "{message}");
        put(&repository.join(".no_exist/main"), &[MODULES, SENTENCE_CONFIG]);
        assert!(resolve(&name("a/b"), &offline(root.path()), &silent()).is_ok());
    }

    #[test]
    fn a_directory_named_is_never_replaced_by_the_hub() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), &[semsearch_encoder::model::CONFIG]);
        let named = name(root.path().to_str().unwrap());
        let error = resolve(&named, &offline(root.path()), &silent()).unwrap_err();
        assert!(error.to_string().ends_with("the model has no tokenizer.json"), "{error}");
    }

    #[test]
    fn a_name_that_is_no_directory_says_what_it_is() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), &["a/config.json"]);
        let said = |id: &str| resolve(&name(id), &offline(root.path()), &silent()).unwrap_err().to_string();
        let file = root.path().join("a/config.json");
        let file = file.to_str().unwrap();
        assert_eq!(said(file), format!("{file}: a file, expected a directory with the files of a model"));
        assert_eq!(said("nothere"), "nothere: no such directory");
    }

    #[test]
    fn a_revision_is_no_way_out_of_the_cache() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), &REQUIRED);
        put(&root.path().join("own/a--b"), &REQUIRED);
        for bad in ["..", ".", "", "/", "a/../..", ".lock", "a/.hidden", "a\nb"] {
            let named = ModelName { id: "a/b".into(), revision: Some(bad.into()) };
            let error = resolve(&named, &offline(root.path()), &silent()).unwrap_err();
            assert!(error.to_string().ends_with("is not a valid revision of a model"), "{error}");
        }
    }
}
