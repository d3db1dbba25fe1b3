//! Which files replace a directory.

use tempfile::TempDir;

use super::walk::{Walked, unreadable};
use super::*;
use crate::compression::tests::{gzip, zstd};
use crate::path::plain_path;
use semsearch_files::FileError;
use std::io;

#[test]
fn a_walk_takes_text_of_every_kind_but_not_an_index() {
    let dir = directory(&[
        ("array.json", "[\n{\"text\": \"a\"}]"),
        ("package.json", "{\n  \"name\": \"x\"\n}\n"),
        ("Makefile", "all:\n"),
        ("a.rst", "a"),
        ("utf16.txt", "\u{feff}a"),
        ("index/manifest.json", "{\"format_version\":3}\n"),
        ("index/catalog/a.json", "[]"),
        ("index/vectors/1.faiss", ""),
    ]);
    fs::write(dir.path().join("utf16.txt"), b"\xff\xfea\0").unwrap();
    let found = expand_one(&dir, &[]).unwrap();
    let taken = found.inputs.iter().filter_map(Input::path).map(Path::to_owned);
    assert_eq!(names(&dir, taken), ["Makefile", "a.rst", "array.json", "package.json", "utf16.txt"]);
    assert_eq!(found.skipped, []);
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
    expand(&[Input::File(dir.path().into())], &globs, &ReadOptions::default())
}

fn names(dir: &TempDir, paths: impl IntoIterator<Item = PathBuf>) -> Vec<String> {
    paths.into_iter().map(|path| plain_path(path.strip_prefix(dir.path()).unwrap())).collect()
}

fn found(dir: &TempDir, globs: &[&str]) -> Vec<String> {
    let inputs = expand_one(dir, globs).unwrap().inputs;
    names(dir, inputs.into_iter().map(|input| input.path().unwrap().to_owned()))
}

#[test]
fn files_are_taken_in_the_order_of_their_paths() {
    let dir = directory(&[("b.md", "b"), ("a/z.TXT", "z"), ("a/y.jsonl", "{}"), ("a.b/x.md", "x"), ("c.rs", "c")]);
    assert_eq!(found(&dir, &[]), ["a/y.jsonl", "a/z.TXT", "a.b/x.md", "b.md", "c.rs"]);
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

#[cfg(unix)]
#[test]
fn names_that_differ_in_bytes_that_are_not_utf8_are_told() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let dir = directory(&[("a.md", "a")]);
    for name in [&b"b\xe9.md"[..], b"b\xea.md"] {
        fs::write(dir.path().join(OsStr::from_bytes(name)), "b").unwrap();
    }
    let twice = [Input::File(dir.path().into()), Input::File(dir.path().into())];
    let found = expand(&twice, &[], &ReadOptions::default()).unwrap();
    assert_eq!(found.inputs.len(), 2);
    let skipped = |file: &SkippedFile| (file.path.file_name().unwrap().as_bytes().to_vec(), file.why.clone());
    let expected = (b"b\xea.md".to_vec(), SkipReason::SameName);
    assert_eq!(found.skipped.iter().map(skipped).collect::<Vec<_>>(), [expected.clone(), expected]);
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
    assert_eq!(found(&dir, &["!c/"]), ["a.md", "b.rs"]);
    assert_eq!(found(&dir, &["/c/*"]), ["c/d.rs", "c/e.md"]);
}

#[test]
fn a_glob_that_is_none_is_named() {
    let message = expand_one(&directory(&[("a.md", "a")]), &["*.md", "a[b"]).unwrap_err().to_string();
    assert_eq!(message, r#"cannot understand the glob "a[b""#);
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
    assert_eq!(
        found(&dir, &[]),
        ["a.jsonl.gz", "a.parquet", "b.CSV.ZST", "c.txt", "cut.jsonl.gz", "settings.json.zst"]
    );
    let skipped = expand_one(&dir, &["*"]).unwrap().skipped;
    let reasons: Vec<_> = skipped.iter().map(|skipped| skipped.why.to_string()).collect();
    assert_eq!(reasons, ["binary", "blank", "binary"]);
}

#[test]
fn what_cannot_be_read_in_a_directory_is_handed_back_and_the_directory_itself_is_an_error() {
    let denied = |path: &str| ignore::Error::WithPath {
        path: path.into(),
        err: Box::new(ignore::Error::Io(io::ErrorKind::PermissionDenied.into())),
    };
    let mut walked = Walked::default();
    walked.skip_or_fail("docs".as_ref(), denied("docs/secret")).unwrap();
    let [SkippedFile { path, why: SkipReason::Unreadable(_) }] = &walked.skipped[..] else { panic!("{walked:?}") };
    assert_eq!(path, Path::new("docs/secret"));
    assert!(walked.skip_or_fail("docs".as_ref(), denied("docs")).is_err());
    let limit = ignore::Error::Io(io::Error::from_raw_os_error(nix::errno::Errno::EMFILE as i32));
    let limit = ignore::Error::WithPath { path: "docs/a".into(), err: Box::new(limit) };
    let error = walked.skip_or_fail("docs".as_ref(), limit).unwrap_err();
    let code = match &error {
        CorpusError::File(FileError::Read { source, .. }) => source.raw_os_error(),
        _ => None,
    };
    assert_eq!(code, Some(nix::errno::Errno::EMFILE as i32), "{error}");
}

#[test]
fn a_directory_with_nothing_to_read_is_told() {
    let dir = directory(&[("a.bin", "a\0"), ("b.md", "")]);
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
    let expanded = expand(&inputs, &[], &ReadOptions::default()).unwrap();
    let found = Input::Found(dir.path().join("c/b.md"));
    assert_eq!(expanded.inputs, [found, file("c/../a.md"), file("a.md"), Input::Stdin, file("missing")]);
}

#[test]
fn directories_walked_are_named_without_links() {
    let dir = directory(&[("real/a.md", "a")]);
    let link = dir.path().join("link");
    #[cfg(unix)]
    std::os::unix::fs::symlink(dir.path().join("real"), &link).unwrap();
    let expanded = expand(&[Input::File(link.clone())], &[], &ReadOptions::default()).unwrap();
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
