//! Which files a directory stands for.
//!
//! A directory is walked as ripgrep walks it (crate ignore, its own): hidden files, links and what `.gitignore` and `.ignore`
//! name are left out. Of the rest, files of a known format are taken, or those that globs choose. What is in the files is left to
//! the readers; here only their start is looked at, as ripgrep does, to tell text from other data. Nobody named the files of a
//! directory, so one that cannot be used is left out and handed back with the reason.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io::{self, BufReader, Read};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};
use serde_json::{Map, Value};

use super::compression::decompressed;
use super::input::{PARQUET, READER, by_content};
use super::text::plain_path;
use super::{Format, Input};
use crate::CorpusError;
use semsearch_files::FileError;
use semsearch_files::open_regular;

/// How much of a file is looked at.
const START: u64 = 8 * 1024;

/// What inputs stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// Files and standard input: in the order they were named, a directory's files in the order of their paths. A file
    /// that is named too, or lies in two directories, comes once.
    pub inputs: Vec<Input>,
    /// Files in directories that were left out, and directories in them that cannot be read.
    pub skipped: Vec<Skipped>,
    /// The directories walked, absolute and without links. A file below one that is not among the inputs is no longer
    /// in it.
    pub directories: Vec<PathBuf>,
    /// Those of them with nothing to read in them, as they were named.
    pub empty: Vec<Arc<str>>,
}

/// A file that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: Unused,
}

/// Why a file is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unused {
    /// It has a zero byte near its start.
    Binary,
    /// It is empty, or short and all white space.
    Blank,
    /// It is JSON of another kind than records: some program's settings.
    NoRecords,
    /// It cannot be read, and so may still hold what it held.
    Unreadable(String),
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary => f.write_str("binary"),
            Self::Blank => f.write_str("blank"),
            Self::NoRecords => f.write_str("JSON, but no records"),
            Self::Unreadable(why) => write!(f, "cannot read: {why}"),
        }
    }
}

/// Puts in place of every directory in `named` its files; the rest stays as it is.
///
/// `globs` are in the manner of `.gitignore`, from the directory named; one that begins with `!` leaves out what it
/// matches. If any does not, exactly the files so chosen are taken, hidden and ignored ones too, and read as text where
/// their extension says nothing else. Without globs, of a data set in BEIR's layout only the corpus is taken.
///
/// # Errors
/// A directory that was named cannot be read, a glob is none, the process may not open a file more. Of what is no directory
/// nothing is looked at.
pub fn expand(named: &[Input], globs: &[String]) -> Result<Expanded, CorpusError> {
    let mut expanded = Expanded::default();
    let mut taken: HashSet<String> = named.iter().filter_map(Input::path).map(plain_path).collect();
    for input in named {
        match input.path() {
            Some(dir) if dir.is_dir() => expanded.add_directory(dir, globs, &mut taken)?,
            _ => expanded.inputs.push(input.clone()),
        }
    }
    Ok(expanded)
}

impl Expanded {
    fn add_directory(&mut self, dir: &Path, globs: &[String], taken: &mut HashSet<String>) -> Result<(), CorpusError> {
        if let Some(corpus) = beir_corpus(dir).filter(|_| globs.is_empty()) {
            self.inputs.push(Input::File(corpus));
            return Ok(());
        }
        self.directories.push(fs::canonicalize(dir).map_err(CorpusError::read(dir))?);
        let files = self.files(dir, &overrides(dir, globs)?)?;
        let mut empty = true;
        for (path, unused) in looked_at(files)? {
            match unused {
                Some(why) => self.skipped.push(Skipped { path, why }),
                None => {
                    empty = false;
                    if taken.insert(plain_path(&path)) {
                        self.inputs.push(Input::Found(path));
                    }
                }
            }
        }
        if empty {
            self.empty.push(dir.to_string_lossy().into());
        }
        Ok(())
    }

    /// The files of a directory that are chosen, sorted by path.
    fn files(&mut self, dir: &Path, overrides: &Override) -> Result<Vec<PathBuf>, CorpusError> {
        let by_glob = overrides.num_whitelists() > 0;
        let mut files = Vec::new();
        let walk =
            WalkBuilder::new(dir).overrides(overrides.clone()).filter_entry(|entry| !is_index(entry.path())).build();
        for entry in walk {
            match entry {
                Ok(entry) => {
                    let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
                    if is_file && (by_glob || Format::of(entry.path()).is_some()) {
                        files.push(entry.into_path());
                    }
                }
                Err(error) => self.skip_or_fail(dir, error)?,
            }
        }
        files.sort();
        Ok(files)
    }

    /// Notes what a walk cannot read, unless it is the directory itself, or nothing more can be opened.
    fn skip_or_fail(&mut self, dir: &Path, error: ignore::Error) -> Result<(), CorpusError> {
        match unreadable(dir, error) {
            CorpusError::File(FileError::Read { path, source }) if path != dir && !is_limit(&source) => {
                self.skipped.push(Skipped { path, why: Unused::Unreadable(source.to_string()) });
                Ok(())
            }
            error => Err(error),
        }
    }
}

/// Whether an error is no file's, but of the limits that a process has.
fn is_limit(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let limits = [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM].map(|errno| errno as i32);
    error.raw_os_error().is_some_and(|code| limits.contains(&code))
}

/// The files, each with what is against it; on a thread whose panics are those of an input's reader.
fn looked_at(files: Vec<PathBuf>) -> Result<Vec<(PathBuf, Option<Unused>)>, CorpusError> {
    let look = |path: PathBuf| {
        let unused = panic::catch_unwind(AssertUnwindSafe(|| unused(&path)));
        match unused.unwrap_or_else(|_| Ok(Some(Unused::Unreadable("it is damaged".into())))) {
            Err(source) if is_limit(&source) => Err(CorpusError::File(FileError::Read { path, source })),
            Err(source) => Ok((path, Some(Unused::Unreadable(source.to_string())))),
            Ok(unused) => Ok((path, unused)),
        }
    };
    thread::scope(|scope| {
        let reader = thread::Builder::new().name(READER.into());
        let looking = reader.spawn_scoped(scope, || files.into_iter().map(look).collect());
        looking.expect("the system has another thread").join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    })
}

/// The corpus of a data set in BEIR's layout, if that is what the directory holds: its queries are no documents.
fn beir_corpus(dir: &Path) -> Option<PathBuf> {
    let corpus = file_of(dir, "corpus.jsonl");
    let beir = corpus.is_file() && (file_of(dir, "queries.jsonl").is_file() || dir.join("qrels").is_dir());
    beir.then_some(corpus)
}

/// The file `name` of a data set, or that file compressed, if only that is there.
pub fn file_of(dir: &Path, name: &str) -> PathBuf {
    let plain = dir.join(name);
    let compressed = ["gz", "zst"].map(|extension| dir.join(format!("{name}.{extension}")));
    compressed.into_iter().find(|path| !plain.exists() && path.is_file()).unwrap_or(plain)
}

fn overrides(dir: &Path, globs: &[String]) -> Result<Override, CorpusError> {
    let bad = |glob: &str, error: ignore::Error| CorpusError::Glob { glob: glob.into(), source: error.into() };
    let mut overrides = OverrideBuilder::new(dir);
    for glob in globs {
        overrides.add(glob).map_err(|error| bad(glob, error))?;
    }
    overrides.build().map_err(|error| bad(&globs.join(" "), error))
}

/// Whether a directory is an index of ours, whose files are no documents.
fn is_index(path: &Path) -> bool {
    path.join("manifest.json").is_file() && path.join("catalog").is_dir() && path.join("vectors").is_dir()
}

/// The error of a walk, by the path it names.
fn unreadable(dir: &Path, error: ignore::Error) -> CorpusError {
    let path = path_of(&error).unwrap_or(dir).to_owned();
    let message = error.to_string();
    let source = error.into_io_error().unwrap_or_else(|| io::Error::other(message));
    CorpusError::File(FileError::Read { path, source })
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        _ => None,
    }
}

/// Whether a file is of no use, by the start of what it holds. A compressed file is binary unless its name tells the
/// format.
fn unused(path: &Path) -> io::Result<Option<Unused>> {
    let (compression, bytes) = decompressed(BufReader::new(open_regular(path)?))?;
    if compression.is_some() && Format::of(path).is_none() {
        return Ok(Some(Unused::Binary));
    }
    let mut start = Vec::new();
    match bytes.take(START).read_to_end(&mut start) {
        Ok(_) => Ok(why_not_text(path, &start)),
        // Damaged: the reader says where.
        Err(_) if compression.is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

fn why_not_text(path: &Path, start: &[u8]) -> Option<Unused> {
    if start.starts_with(PARQUET) {
        return None;
    }
    if start.contains(&0) {
        return Some(Unused::Binary);
    }
    if (start.len() as u64) < START && start.trim_ascii().is_empty() {
        return Some(Unused::Blank);
    }
    (Format::of(path) == Some(Format::Auto) && no_records(start)).then_some(Unused::NoRecords)
}

/// Whether JSON that starts so is neither an array, nor SQuAD, nor an object a line.
fn no_records(start: &[u8]) -> bool {
    let mut lines = start.trim_ascii_start().splitn(2, |&byte| byte == b'\n');
    let first = lines.next().unwrap_or_default();
    // A line that is longer than what was looked at may be a record.
    let whole = lines.next().is_some() || (start.len() as u64) < START;
    by_content(start) == Format::Jsonl && whole && serde_json::from_slice::<Map<String, Value>>(first).is_err()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::compression::tests::{gzip, zstd};

    #[test]
    fn a_walk_passes_over_json_that_is_no_records() {
        let dir = directory(&[
            ("array.json", "[\n{\"text\": \"a\"}]"),
            ("lines.json", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n"),
            ("package.json", "{\n  \"name\": \"x\"\n}\n"),
            ("index/manifest.json", "{\"format_version\":3}\n"),
            ("index/catalog/a.json", "[]"),
            ("index/vectors/1.faiss", ""),
        ]);
        let found = expand_one(&dir, &[]).unwrap();
        let taken = found.inputs.iter().filter_map(Input::path).map(Path::to_owned);
        assert_eq!(names(&dir, taken), ["array.json", "lines.json"]);
        assert_eq!(found.skipped, [Skipped { path: dir.path().join("package.json"), why: Unused::NoRecords }]);
    }

    fn directory(files: &[(&str, &str)]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        dir
    }

    fn expand_one(dir: &TempDir, globs: &[&str]) -> Result<Expanded, CorpusError> {
        let globs: Vec<_> = globs.iter().map(|glob| glob.to_string()).collect();
        expand(&[Input::File(dir.path().into())], &globs)
    }

    fn names(dir: &TempDir, paths: impl IntoIterator<Item = PathBuf>) -> Vec<String> {
        paths.into_iter().map(|path| plain_path(path.strip_prefix(dir.path()).unwrap())).collect()
    }

    fn found(dir: &TempDir, globs: &[&str]) -> Vec<String> {
        let inputs = expand_one(dir, globs).unwrap().inputs;
        names(dir, inputs.into_iter().map(|input| input.path().unwrap().to_owned()))
    }

    #[test]
    fn files_of_known_formats_are_taken_in_the_order_of_their_paths() {
        let dir = directory(&[("b.md", "b"), ("a/z.TXT", "z"), ("a/y.jsonl", "{}"), ("a.b/x.md", "x"), ("c.rs", "c")]);
        assert_eq!(found(&dir, &[]), ["a/y.jsonl", "a/z.TXT", "a.b/x.md", "b.md"]);
    }

    #[test]
    fn hidden_and_ignored_files_are_left_out() {
        let dir = directory(&[
            (".hidden/a.md", "a"),
            (".b.md", "b"),
            (".ignore", "build/\n*.txt\n"),
            ("build/c.md", "c"),
            ("d.txt", "d"),
            ("e.md", "e"),
        ]);
        assert_eq!(found(&dir, &[]), ["e.md"]);
    }

    #[test]
    fn a_gitignore_counts_in_a_repository_only() {
        let dir = directory(&[(".gitignore", "a.md\n"), ("a.md", "a"), ("b.md", "b")]);
        assert_eq!(found(&dir, &[]), ["a.md", "b.md"]);
        fs::create_dir(dir.path().join(".git")).unwrap();
        assert_eq!(found(&dir, &[]), ["b.md"]);
    }

    #[test]
    fn globs_choose_files_of_any_kind_and_leave_out_others() {
        let dir = directory(&[("a.md", "a"), ("b.rs", "b"), ("c/d.rs", "d"), ("c/e.md", "e")]);
        assert_eq!(found(&dir, &["*.rs"]), ["b.rs", "c/d.rs"]);
        assert_eq!(found(&dir, &["*.rs", "!c/"]), ["b.rs"]);
        assert_eq!(found(&dir, &["!c/"]), ["a.md"]);
        assert_eq!(found(&dir, &["/c/*"]), ["c/d.rs", "c/e.md"]);
    }

    #[test]
    fn a_glob_that_is_none_is_named() {
        let message = expand_one(&directory(&[("a.md", "a")]), &["*.md", "a[b"]).unwrap_err().to_string();
        assert_eq!(message, r#"glob "a[b""#);
    }

    #[test]
    fn binary_and_blank_files_are_handed_back_with_the_reason() {
        let dir = directory(&[("a.md", "a"), ("b.txt", "b\0"), ("c.jsonl", ""), ("d.txt", " \n")]);
        let expanded = expand_one(&dir, &[]).unwrap();
        assert_eq!(expanded.inputs.len(), 1);
        let reasons: Vec<_> = expanded.skipped.iter().map(|skipped| skipped.why.to_string()).collect();
        assert_eq!(reasons, ["binary", "blank", "blank"]);
        let paths = expanded.skipped.into_iter().map(|skipped| skipped.path);
        assert_eq!(names(&dir, paths), ["b.txt", "c.jsonl", "d.txt"]);
    }

    #[test]
    fn compressed_files_are_looked_at_for_what_they_hold_if_their_name_tells_the_format() {
        let dir = directory(&[]);
        let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        let cut = gzip(&b"{\"text\": \"cut\"}\n".repeat(99));
        write("a.parquet", b"PAR1\0\0");
        write("a.jsonl.gz", &gzip(b"{\"text\": \"a\"}\n"));
        write("b.CSV.ZST", &zstd(b"text\nb\n"));
        write("c.txt", &zstd(b"text"));
        write("cut.jsonl.gz", &cut[..cut.len() / 2]);
        write("blank.md.gz", &gzip(b" \n"));
        write("settings.json.zst", &zstd(b"{\n\"x\": 1}\n"));
        write("zeros.txt.gz", &gzip(b"a\0b"));
        write("archive.tar.gz", &gzip(b"tar"));
        assert_eq!(found(&dir, &[]), ["a.jsonl.gz", "a.parquet", "b.CSV.ZST", "c.txt", "cut.jsonl.gz"]);
        let skipped = expand_one(&dir, &["*"]).unwrap().skipped;
        let reasons: Vec<_> = skipped.iter().map(|skipped| skipped.why.to_string()).collect();
        assert_eq!(reasons, ["binary", "blank", "JSON, but no records", "binary"]);
    }

    #[test]
    fn what_cannot_be_read_in_a_directory_is_handed_back_and_the_directory_itself_is_an_error() {
        let denied = |path: &str| ignore::Error::WithPath {
            path: path.into(),
            err: Box::new(ignore::Error::Io(io::ErrorKind::PermissionDenied.into())),
        };
        let mut expanded = Expanded::default();
        expanded.skip_or_fail("docs".as_ref(), denied("docs/secret")).unwrap();
        let [Skipped { path, why: Unused::Unreadable(_) }] = &expanded.skipped[..] else { panic!("{expanded:?}") };
        assert_eq!(path, Path::new("docs/secret"));
        assert!(expanded.skip_or_fail("docs".as_ref(), denied("docs")).is_err());
        let limit = ignore::Error::Io(io::Error::from_raw_os_error(nix::errno::Errno::EMFILE as i32));
        let limit = ignore::Error::WithPath { path: "docs/a".into(), err: Box::new(limit) };
        let error = expanded.skip_or_fail("docs".as_ref(), limit).unwrap_err();
        let code = match &error {
            CorpusError::File(FileError::Read { source, .. }) => source.raw_os_error(),
            _ => None,
        };
        assert_eq!(code, Some(nix::errno::Errno::EMFILE as i32), "{error}");
    }

    #[test]
    fn a_directory_with_nothing_to_read_is_told() {
        let dir = directory(&[("a.rs", "a"), ("b.md", "")]);
        let expanded = expand_one(&dir, &[]).unwrap();
        assert_eq!(expanded.empty, [Arc::from(dir.path().to_str().unwrap())]);
        assert_eq!(expanded.inputs, []);
    }

    #[test]
    fn of_a_beir_data_set_the_corpus_is_taken() {
        let dir = directory(&[("corpus.jsonl", "{}"), ("queries.jsonl", "{}"), ("README.md", "r")]);
        assert_eq!(found(&dir, &[]), ["corpus.jsonl"]);
        assert_eq!(found(&dir, &["*.jsonl"]), ["corpus.jsonl", "queries.jsonl"]);
        let judged = directory(&[("corpus.jsonl", "{}"), ("qrels/test.tsv", "q"), ("README.md", "r")]);
        assert_eq!(found(&judged, &[]), ["corpus.jsonl"]);
        let packed = directory(&[("corpus.jsonl.gz", "{}"), ("queries.jsonl.zst", "{}"), ("README.md", "r")]);
        assert_eq!(found(&packed, &[]), ["corpus.jsonl.gz"]);
        let lone = directory(&[("corpus.jsonl", "{}"), ("README.md", "r")]);
        assert_eq!(found(&lone, &[]), ["README.md", "corpus.jsonl"]);
    }

    #[test]
    fn a_file_that_is_named_and_found_comes_once_and_named_ones_are_not_looked_at() {
        let dir = directory(&[("a.md", "a"), ("c/b.md", "b")]);
        let file = |name: &str| Input::File(dir.path().join(name));
        let inputs = [file(""), file("c"), file("c/../a.md"), file("a.md"), Input::Stdin, file("missing")];
        let expanded = expand(&inputs, &[]).unwrap();
        let found = Input::Found(dir.path().join("c/b.md"));
        assert_eq!(expanded.inputs, [found, file("c/../a.md"), file("a.md"), Input::Stdin, file("missing")]);
    }

    #[test]
    fn directories_walked_are_named_without_links() {
        let dir = directory(&[("real/a.md", "a")]);
        let link = dir.path().join("link");
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path().join("real"), &link).unwrap();
        let expanded = expand(&[Input::File(link.clone())], &[]).unwrap();
        assert_eq!(expanded.directories, [fs::canonicalize(dir.path()).unwrap().join("real")]);
        assert_eq!(expanded.inputs, [Input::Found(link.join("a.md"))]);
        assert_eq!(found(&dir, &[]), ["real/a.md"], "links in a directory are not followed");
    }

    #[test]
    fn an_error_of_a_walk_names_its_path() {
        let io = ignore::Error::Io(std::io::ErrorKind::PermissionDenied.into());
        let at = ignore::Error::WithPath { path: "docs/secret".into(), err: Box::new(io) };
        let error = unreadable("docs".as_ref(), ignore::Error::WithDepth { depth: 1, err: Box::new(at) });
        assert_eq!(error.to_string(), "docs/secret: cannot read");
    }
}
