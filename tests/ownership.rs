//! The program changes only what it made: directories that are no index, links inside an index, and failed builds.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::support::{Ran, Sandbox, tiny_model};

/// A file, directory or link below a directory.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Directory,
    File(Vec<u8>),
    Link(PathBuf),
}

/// Everything in a directory. Links are not followed.
fn tree(dir: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.symlink_metadata().unwrap();
            let entry = if kind.is_symlink() {
                Entry::Link(fs::read_link(&path).unwrap())
            } else if kind.is_dir() {
                open.push(path.clone());
                Entry::Directory
            } else {
                Entry::File(fs::read(&path).unwrap())
            };
            found.insert(path, entry);
        }
    }
    found
}

/// A sandbox with a small model, an input, and an input whose second line is no record.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    tiny_model(&sandbox.path("tiny"), 1);
    sandbox.write("in.jsonl", "{\"_id\":\"1\",\"text\":\"dog\"}\n{\"_id\":\"2\",\"text\":\"cat walk\"}\n");
    sandbox.write("bad.jsonl", "{\"_id\":\"1\",\"text\":\"dog\"}\nnonsense\n");
    sandbox
}

fn index(sandbox: &Sandbox, input: &str, dir: &str, more: &[&str]) -> Ran {
    sandbox.run(&[&["index", input, "-i", dir, "--model", "tiny"], more].concat())
}

#[test]
fn a_directory_that_is_no_index_is_refused_and_nothing_in_it_changes() {
    let manifest = r#"{"manifest_version":3,"name":"an extension of a browser"}"#;
    let layouts: [&[(&str, Option<&str>)]; 12] = [
        &[("vectors/font.svg", Some("mine")), ("catalog/2024.pdf", Some("mine"))],
        &[("vectors", None)],
        &[("catalog/meta.json", Some("{}"))],
        &[("catalog/0123456789abcdef0123456789abcdef.store", Some("mine"))],
        &[("vectors/000001-0123456789abcdef.faiss", Some("mine"))],
        &[("lock", Some("the key is below the mat"))],
        &[("lock", Some("4711"))],
        &[("lock", Some(""))],
        &[("manifest.json", Some(manifest))],
        &[("manifest.json", Some("")), ("vectors/a", Some("mine"))],
        &[
            ("manifest.json", Some(manifest)),
            ("lock", Some("")),
            ("vectors/a", Some("mine")),
            ("catalog/a", Some("mine")),
        ],
        &[(".gitignore", Some("target\n"))],
    ];
    for layout in layouts {
        let sandbox = sandbox();
        for (path, content) in layout {
            match content {
                Some(content) => drop(sandbox.write(&format!("data/{path}"), content)),
                None => fs::create_dir_all(sandbox.path("data").join(path)).unwrap(),
            }
        }
        let before = tree(&sandbox.path("data"));
        let runs =
            [("in.jsonl", &[][..]), ("in.jsonl", &["--rebuild"]), ("bad.jsonl", &[]), ("bad.jsonl", &["--rebuild"])];
        for (input, more) in runs {
            let ran = index(&sandbox, input, "data", more);
            assert_eq!(ran.status, Some(2), "{layout:?} {more:?}: {ran}");
            assert_eq!(tree(&sandbox.path("data")), before, "{layout:?} {more:?}: {ran}");
        }
    }
}

#[test]
fn links_inside_an_index_are_not_followed_when_it_is_written() {
    for name in ["lock", "manifest.json", "vectors", "catalog", ".gitignore", "manifest.tmp"] {
        let sandbox = sandbox();
        index(&sandbox, "in.jsonl", "ix", &[]).success();
        sandbox.write("theirs/file", "4711");
        sandbox.write("theirs/directory/000001-0123456789abcdef.faiss", "theirs");
        let before = tree(&sandbox.path("theirs"));
        let (link, is_directory) = (sandbox.path("ix").join(name), ["vectors", "catalog"].contains(&name));
        if is_directory {
            fs::remove_dir_all(&link).unwrap();
        } else if link.exists() {
            fs::remove_file(&link).unwrap();
        }
        symlink(sandbox.path("theirs").join(if is_directory { "directory" } else { "file" }), &link).unwrap();
        sandbox.write("more.jsonl", "{\"_id\":\"3\",\"text\":\"rain\"}\n");
        for more in [&[][..], &["--rebuild"]] {
            let ran = index(&sandbox, "more.jsonl", "ix", more);
            assert_eq!(tree(&sandbox.path("theirs")), before, "{name} {more:?}: {ran}");
            // A build ignores names that are no file of an index.
            let harmless = [".gitignore", "manifest.tmp"].contains(&name);
            assert_eq!(ran.status, Some(if harmless { 0 } else { 2 }), "{name} {more:?}: {ran}");
        }
    }
}

#[test]
fn the_directory_named_may_be_a_link_itself() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path("far")).unwrap();
    symlink("far", sandbox.path("ix")).unwrap();
    index(&sandbox, "in.jsonl", "ix", &[]).success();
    assert!(sandbox.path("ix").is_symlink() && sandbox.path("far/manifest.json").exists());
    assert!(sandbox.run(&["verify", "-i", "ix"]).success().contains("documents and vectors: 2"));
}

#[test]
fn a_link_that_leads_nowhere_is_refused_at_once() {
    let sandbox = sandbox();
    symlink("nowhere", sandbox.path("link")).unwrap();
    for dir in ["link", "link/a"] {
        let ran = index(&sandbox, "in.jsonl", dir, &[]);
        assert!(ran.status == Some(2) && ran.stderr.contains("a symbolic link that leads nowhere"), "{ran}");
    }
    assert!(!sandbox.path("nowhere").exists());
}

#[test]
fn a_foreign_manifest_is_not_called_a_damaged_index_where_it_would_be_written() {
    let sandbox = sandbox();
    sandbox.write("data/manifest.json", r#"{"name":"webapp"}"#);
    for more in [&[][..], &["--rebuild"]] {
        let ran = index(&sandbox, "in.jsonl", "data", more);
        assert!(ran.stderr.starts_with("error: data: not an index, and not empty"), "{ran}");
    }
}

#[test]
fn a_failed_first_build_leaves_what_was_there_and_nothing_else() {
    let sandbox = sandbox();
    fs::create_dir_all(sandbox.path("there/empty")).unwrap();
    let before = tree(&sandbox.path(""));
    for dir in ["new", "a/b/c", "there/a/b", "there/empty", "there/empty/a"] {
        for wrong in [&["--model", "tiny"][..], &["--model", "tiny", "--factory", "IVF9000,Flat"]] {
            let input = if wrong.len() == 2 { "bad.jsonl" } else { "in.jsonl" };
            let ran = sandbox.run(&[&["index", input, "-i", dir], wrong].concat());
            assert_eq!(ran.status, Some(2), "{dir}: {ran}");
            assert_eq!(tree(&sandbox.path("")), before, "{dir} {wrong:?}: {ran}");
        }
    }
}

#[test]
fn a_beginning_that_was_left_is_no_index_and_the_next_build_goes_on_with_it() {
    let sandbox = sandbox();
    let begun = "{\"format_version\":4,\"crc32\":3857183424,\"commit\":null}\n";
    for lock in [None, Some("semsearch 4711      \n"), Some("")] {
        let _ = fs::remove_dir_all(sandbox.path("ix"));
        sandbox.write("ix/manifest.json", begun);
        if let Some(lock) = lock {
            sandbox.write("ix/lock", lock);
        }
        sandbox.write("ix/vectors/000001-0123456789abcdef.faiss", "of a writer that was killed");
        let asked = sandbox.run(&["query", "dog", "-i", "ix", "--model", "tiny"]);
        assert!(asked.status == Some(2) && asked.stderr.contains("no index here"), "{asked}");
        index(&sandbox, "in.jsonl", "ix", &[]).success();
        assert!(sandbox.run(&["verify", "-i", "ix"]).success().contains("intact"));
        assert!(!sandbox.path("ix/vectors/000001-0123456789abcdef.faiss").exists());
    }
    // What a writer leaves if it is killed between its first two steps, or while it undoes its beginning.
    for (name, content) in
        [("new-0123456789abcdef.tmp", begun), ("lock", "semsearch 4711      \n"), (".gitignore", "*\n")]
    {
        fs::remove_dir_all(sandbox.path("ix")).unwrap();
        sandbox.write(&format!("ix/{name}"), content);
        index(&sandbox, "in.jsonl", "ix", &[]).success();
    }
}

#[test]
fn files_that_no_manifest_named_stay_in_an_index() {
    let sandbox = sandbox();
    index(&sandbox, "in.jsonl", "ix", &[]).success();
    let theirs =
        ["ix/notes.txt", "ix/vectors/notes.txt", "ix/vectors/000007.faiss", "ix/catalog/2024.pdf", "ix/vectors/a/b"];
    theirs.iter().for_each(|path| drop(sandbox.write(path, "mine")));
    sandbox.write("more.jsonl", "{\"_id\":\"3\",\"text\":\"rain\"}\n");
    index(&sandbox, "more.jsonl", "ix", &[]).success();
    index(&sandbox, "more.jsonl", "ix", &["--rebuild"]).success();
    assert!(theirs.iter().all(|path| fs::read(sandbox.path(path)).unwrap() == b"mine"));
}

#[test]
fn a_rebuild_touches_nothing_before_its_commit_whatever_the_manifest_says() {
    for damage in ["newer", "damaged"] {
        let sandbox = sandbox();
        index(&sandbox, "in.jsonl", "ix", &[]).success();
        let manifest = sandbox.path("ix/manifest.json");
        let text = fs::read_to_string(&manifest).unwrap();
        let commit = text.split_once("\"commit\":").unwrap().1.trim_end().strip_suffix('}').unwrap();
        let mut crc = crc32fast::Hasher::new();
        crc.update(&9_u32.to_le_bytes());
        crc.update(commit.as_bytes());
        fs::write(
            &manifest,
            match damage {
                "newer" => format!("{{\"format_version\":9,\"crc32\":{},\"commit\":{commit}}}\n", crc.finalize()),
                _ => text.replacen("\"next_key\":2", "\"next_key\":7", 1),
            },
        )
        .unwrap();
        let before = tree(&sandbox.path("ix"));
        assert_eq!(index(&sandbox, "in.jsonl", "ix", &[]).status, Some(2));
        assert_eq!(index(&sandbox, "bad.jsonl", "ix", &["--rebuild"]).status, Some(2));
        let content = |tree: BTreeMap<PathBuf, Entry>| -> BTreeMap<PathBuf, Entry> {
            tree.into_iter().filter(|(path, _)| !path.ends_with("lock")).collect()
        };
        assert_eq!(content(tree(&sandbox.path("ix"))), content(before), "{damage}");
        index(&sandbox, "in.jsonl", "ix", &["--rebuild"]).success();
        assert!(sandbox.run(&["verify", "-i", "ix"]).success().contains("documents and vectors: 2"));
        // The files that the unreadable manifest named are removed.
        assert_eq!(fs::read_dir(sandbox.path("ix/vectors")).unwrap().count(), 2, "{damage}");
    }
}
