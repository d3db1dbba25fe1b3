//! Data sets by their address, `hf://datasets/OWNER/NAME[@REVISION][/PATH]`, as in Python's `fsspec`.
//!
//! A path names a file or a directory of the repository. If it names a directory, or there is no path, the files of a
//! split are recognized by their names, as the Hub names them: `plain_text/validation-00000-of-00001.parquet`,
//! `data/train.jsonl`, `test/0.csv`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::{CachedRevision, DEFAULT_BRANCH, DownloadProgress, Hub, Repository, RepositoryKind, parts};
use crate::HubError;
use semsearch_files::{FileError, RelativePath};

/// The beginning of an address.
pub const SCHEME: &str = "hf://";

const DATA_SETS: &str = "hf://datasets/";

/// The revision in which the Hub keeps the Parquet files that it made of data sets, and its short name.
const CONVERTED: (&str, &str) = ("~parquet", "refs/convert/parquet");

/// The usual names of splits.
const SPLITS: [&str; 6] = ["train", "validation", "valid", "val", "dev", "test"];

/// How many files a message names where there is a choice.
const NAMED: usize = 8;

/// A data set, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSet {
    /// `OWNER/NAME`.
    pub id: String,
    /// A commit, tag or branch; `~parquet` stands for `refs/convert/parquet`.
    pub revision: String,
    /// A file or directory in the repository.
    pub path: Option<String>,
}

impl FromStr for DataSet {
    type Err = HubError;

    fn from_str(address: &str) -> Result<Self, HubError> {
        let bad = |what: &str| HubError::DataSet {
            address: address.into(),
            what: what.into(),
            hint: "an address is hf://datasets/OWNER/NAME, perhaps with @REVISION and then /PATH".into(),
        };
        let rest = address.strip_prefix(DATA_SETS).ok_or_else(|| bad("not an address of a data set"))?;
        let mut words = rest.splitn(3, '/');
        let (owner, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (name, revision) = name.split_once('@').unwrap_or((name, DEFAULT_BRANCH));
        let id = format!("{owner}/{name}");
        if parts(&id).is_none() || revision.is_empty() {
            return Err(bad("not an address of a data set"));
        }
        let path = words.next().map(|path| path.trim_matches('/')).filter(|path| !path.is_empty());
        if path.is_some_and(|path| RelativePath::new(path).is_none()) {
            return Err(bad("its path is not valid"));
        }
        let revision = if revision == CONVERTED.0 { CONVERTED.1 } else { revision };
        // A slash within a revision is written %2F, as in the Hub's own addresses.
        let revision = revision.replace("%2F", "/");
        if RelativePath::new(&revision).is_none() {
            return Err(bad("its revision is not valid"));
        }
        Ok(Self { id, revision, path: path.map(String::from) })
    }
}

impl DataSet {
    /// The address of one of its files, whatever the revision.
    fn address(&self, file: &str) -> Arc<str> {
        format!("{DATA_SETS}{}/{file}", self.id).into()
    }

    /// The error for a choice that cannot be made.
    fn wrong(&self, what: String, hint: String) -> HubError {
        HubError::DataSet { address: format!("{DATA_SETS}{}", self.id), what, hint }
    }

    /// Fetches its files, and downloads those that are not in the cache: the file that its path names, or the files of
    /// `split`. `is_data` tells by a file's name whether it holds records.
    ///
    /// Returns each file's address, which stays the same when the revision moves, and its path.
    ///
    /// # Errors
    /// There is no such data set, path or split, or more than one may be meant; the download fails.
    pub fn fetch(
        &self,
        split: Option<&str>,
        hub: &Hub,
        is_data: impl Fn(&Path) -> bool,
        progress: &Arc<dyn DownloadProgress>,
    ) -> Result<Vec<(Arc<str>, PathBuf)>, HubError> {
        let files = Files::of(self, hub, progress)?;
        if let Some(path) = &self.path
            && let Some(found) = files.get(path)?
        {
            return Ok(vec![(self.address(path), found)]);
        }
        let chosen = self.choose(files.list()?, split, is_data)?;
        let get = |path: String| {
            let found = files.get(&path)?;
            let missing = || self.wrong(format!("{path} is not on this machine"), "leave out --offline".into());
            Ok((self.address(&path), found.ok_or_else(missing)?))
        };
        chosen.into_iter().map(get).collect()
    }

    /// Chooses the files, in the order of their names.
    fn choose(
        &self,
        mut all: Vec<String>,
        split: Option<&str>,
        is_data: impl Fn(&Path) -> bool,
    ) -> Result<Vec<String>, HubError> {
        all.retain(|file| is_data(Path::new(file)));
        all.sort();
        if let Some(dir) = &self.path {
            all.retain(|file| file.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/')));
            if all.is_empty() {
                return Err(self.wrong(format!("no records in {dir}"), "name one of its files, or no path".into()));
            }
        }
        let parquet = |file: &String| file.ends_with(".parquet");
        if all.iter().any(parquet) {
            all.retain(parquet);
        }
        let splits: BTreeSet<&str> =
            all.iter().flat_map(|file| SPLITS.into_iter().filter(|name| has(file, name))).collect();
        let splits = splits.into_iter().collect::<Vec<_>>();
        let chosen: Vec<String> = match split {
            Some(split) => all.iter().filter(|file| has(file, split)).cloned().collect(),
            None if splits.len() > 1 => {
                let hint = format!("name one, as in `--split {}`", splits[splits.len() - 1]);
                return Err(self.wrong(format!("it has the splits {}", splits.join(", ")), hint));
            }
            None => all.clone(),
        };
        if chosen.is_empty() {
            let what = split.map_or("no records in it".into(), |split| format!("no split {split:?} in it"));
            let hint = match (all.is_empty(), splits.is_empty()) {
                (true, _) => "the Hub has many data sets as Parquet at OWNER/NAME@~parquet".into(),
                (false, false) => format!("there are {}", splits.join(", ")),
                (false, true) => format!("it has {}", some(&all)),
            };
            return Err(self.wrong(what, hint));
        }
        let directories: BTreeSet<&str> = chosen.iter().map(|file| configuration(file)).collect();
        if directories.len() > 1 {
            let directories: Vec<String> = directories.into_iter().map(String::from).collect();
            let hint = format!("name one, as in {DATA_SETS}{}/{}", self.id, directories[0]);
            return Err(self.wrong(format!("it consists of several data sets: {}", some(&directories)), hint));
        }
        Ok(chosen)
    }
}

/// Some of many names, for a message.
fn some(names: &[String]) -> String {
    let more = if names.len() > NAMED { ", …" } else { "" };
    names[..names.len().min(NAMED)].join(", ") + more
}

/// Whether a word of a file's path is `split`.
fn has(file: &str, split: &str) -> bool {
    file.split(['/', '-', '.', '_']).any(|word| word == split) || file.split(['/', '.']).any(|word| word == split)
}

/// What a file's directory says besides the split: the name of one of the repository's data sets.
fn configuration(file: &str) -> &str {
    let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
    match directory.rsplit_once('/') {
        Some((parent, last)) if SPLITS.contains(&last) => parent,
        None if SPLITS.contains(&directory) => "",
        _ => directory,
    }
}

/// The place from which a data set's files come.
enum Files<'a> {
    Hub(Box<Repository<'a>>),
    Cache(PathBuf),
}

impl<'a> Files<'a> {
    fn of(data_set: &'a DataSet, hub: &'a Hub, progress: &'a Arc<dyn DownloadProgress>) -> Result<Self, HubError> {
        if !hub.offline {
            let DataSet { id, revision, .. } = data_set;
            return Repository::connect(hub, RepositoryKind::DataSet, id, revision, progress)
                .map(Box::new)
                .map(Self::Hub);
        }
        let (owner, name) = parts(&data_set.id).unwrap_or_default();
        let snapshot = CachedRevision::find(hub, RepositoryKind::DataSet, owner, name, &data_set.revision);
        let missing = || {
            let hint = "without --offline it is downloaded, and found there from then on".into();
            data_set.wrong(format!("it is not in {}", hub.cache.display()), hint)
        };
        snapshot.map(|snapshot| Self::Cache(snapshot.files)).ok_or_else(missing)
    }

    fn get(&self, path: &str) -> Result<Option<PathBuf>, HubError> {
        match self {
            Self::Hub(repository) => repository.fetch_if_there(path),
            Self::Cache(dir) => Ok(Some(dir.join(path)).filter(|path| path.is_file())),
        }
    }

    fn list(&self) -> Result<Vec<String>, HubError> {
        match self {
            Self::Hub(repository) => repository.files(),
            Self::Cache(dir) => {
                let mut files = Vec::new();
                walk(dir, "", &mut files).map_err(FileError::read(dir))?;
                Ok(files)
            }
        }
    }
}

/// Collects the files below `dir`, as paths relative to it. In the cache, files are links. A link to a directory is not
/// followed.
fn walk(dir: &Path, above: &str, files: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let name = if above.is_empty() { name } else { format!("{above}/{name}") };
        match entry.file_type()?.is_dir() {
            true => walk(&path, &name, files)?,
            false if path.is_file() => files.push(name),
            false => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(address: &str) -> (String, String, Option<String>) {
        let DataSet { id, revision, path } = address.parse().unwrap();
        (id, revision, path)
    }

    #[test]
    fn an_address_has_an_owner_a_name_perhaps_a_revision_and_a_path() {
        let some = |path: &str| Some(path.to_owned());
        let squad = || "rajpurkar/squad".to_owned();
        assert_eq!(parsed("hf://datasets/rajpurkar/squad"), (squad(), "main".into(), None));
        assert_eq!(parsed("hf://datasets/rajpurkar/squad/"), (squad(), "main".into(), None));
        assert_eq!(parsed("hf://datasets/rajpurkar/squad@v1/a/b.csv"), (squad(), "v1".into(), some("a/b.csv")));
        let converted = (squad(), "refs/convert/parquet".into(), some("a"));
        assert_eq!(parsed("hf://datasets/rajpurkar/squad@~parquet/a/"), converted);
        assert_eq!(parsed("hf://datasets/rajpurkar/squad@refs%2Fconvert%2Fparquet/a"), converted);
        for bad in [
            "hf://models/a/b",
            "hf://datasets/a",
            "hf://datasets/a/@x",
            "hf://datasets/../b",
            "hf://datasets/a/b/../c",
            "hf://datasets/a/b@../c",
            "hf://datasets/a/b@..%2F../c",
            "hf://datasets/a/b/c//d",
            "hf://datasets/a/b/c\\d",
        ] {
            assert!(bad.parse::<DataSet>().is_err(), "{bad}");
        }
    }

    fn chosen(files: &[&str], path: Option<&str>, split: Option<&str>) -> Result<Vec<String>, String> {
        let data_set = DataSet { id: "a/b".into(), revision: "main".into(), path: path.map(Into::into) };
        let is_data = |path: &Path| path.extension().is_some_and(|extension| extension != "md");
        let all = files.iter().map(|file| file.to_string()).collect();
        data_set.choose(all, split, is_data).map_err(|error| match &error {
            HubError::DataSet { hint, .. } => format!("{error}; {hint}"),
            _ => error.to_string(),
        })
    }

    const SQUAD: [&str; 4] = [
        "README.md",
        "plain_text/validation-00000-of-00001.parquet",
        "plain_text/train-00001-of-00002.parquet",
        "plain_text/train-00000-of-00002.parquet",
    ];

    #[test]
    fn a_split_is_told_by_the_names_of_its_files() {
        assert_eq!(chosen(&SQUAD, None, Some("validation")).unwrap(), [SQUAD[1]]);
        assert_eq!(chosen(&SQUAD, None, Some("train")).unwrap(), [SQUAD[3], SQUAD[2]]);
        assert_eq!(chosen(&SQUAD, Some("plain_text"), Some("train")).unwrap(), [SQUAD[3], SQUAD[2]]);
        assert_eq!(chosen(&["train/0.csv", "test/0.csv"], None, Some("test")).unwrap(), ["test/0.csv"]);
        assert_eq!(chosen(&["my_train.jsonl", "README.md"], None, None).unwrap(), ["my_train.jsonl"]);
    }

    #[test]
    fn parquet_comes_before_the_same_in_another_format() {
        assert_eq!(chosen(&["a.csv", "a.parquet"], None, None).unwrap(), ["a.parquet"]);
    }

    #[test]
    fn where_more_than_one_may_be_meant_the_choice_is_shown() {
        insta::assert_snapshot!(chosen(&SQUAD, None, None).unwrap_err(), @"hf://datasets/a/b: it has the splits train, validation; name one, as in `--split validation`");
        insta::assert_snapshot!(chosen(&SQUAD, None, Some("test")).unwrap_err(), @r#"hf://datasets/a/b: no split "test" in it; there are train, validation"#);
        insta::assert_snapshot!(chosen(&["README.md"], None, None).unwrap_err(), @"hf://datasets/a/b: no records in it; the Hub has many data sets as Parquet at OWNER/NAME@~parquet");
        insta::assert_snapshot!(chosen(&["de/test.csv", "en/test.csv"], None, Some("test")).unwrap_err(), @"hf://datasets/a/b: it consists of several data sets: de, en; name one, as in hf://datasets/a/b/de");
        insta::assert_snapshot!(chosen(&["de/test.csv"], Some("en"), None).unwrap_err(), @"hf://datasets/a/b: no records in en; name one of its files, or no path");
    }
}
