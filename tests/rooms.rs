//! Rules of the architecture that Cargo cannot check: which code opens files, and where `unsafe` is allowed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every source file of the program and its crates, by its path: `kernels/gemm.rs` for `crates/kernels/src/gemm.rs`.
fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    walk(&root.join("src"), &mut files);
    for member in fs::read_dir(root.join("crates")).unwrap() {
        walk(&member.unwrap().path().join("src"), &mut files);
    }
    let name = |path: &Path| {
        let path = path.strip_prefix(root).unwrap().to_string_lossy();
        path.strip_prefix("crates/")
            .map_or_else(|| path.strip_prefix("src/").unwrap().to_owned(), |path| path.replacen("/src/", "/", 1))
    };
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// The files whose code contains one of `words`, except files whose path begins with one of `allowed`.
fn trespassers(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let code = |line: &str| !line.trim_start().starts_with("//");
    let names =
        |text: &str| text.lines().filter(|line| code(line)).any(|line| words.iter().any(|word| line.contains(word)));
    let outside = |name: &str| !allowed.iter().any(|start| name.starts_with(start));
    sources().into_iter().filter(|(name, text)| outside(name) && names(text)).map(|(name, _)| name).collect()
}

#[test]
fn clap_stays_in_the_arguments() {
    assert_eq!(trespassers(&["clap::", "clap_complete::", "clap_mangen::"], &["cli/args/"]), [""; 0]);
}

/// All code opens, creates, renames, maps and removes files through `files/`. Its functions follow no link that the
/// user did not name, wait for no pipe and replace nothing by accident. This test lists all exceptions.
#[test]
fn files_are_opened_created_and_removed_in_one_room() {
    let words = [
        "File::open",
        "File::create",
        "File::options",
        "OpenOptions",
        "fs::read(",
        "fs::read_to_string",
        "fs::write",
        "fs::rename",
        "fs::remove_",
        "fs::create_dir",
        "fs::copy",
        "fs::hard_link",
        "DirBuilder",
        "symlink(",
        "Mmap",
    ];
    let exceptions = [
        // An input that was named may be a pipe or a device.
        ("corpus/input.rs", "File::open"),
        // The directories of the caches, at the paths that the user's settings name.
        ("hub/cache.rs", "fs::create_dir"),
        ("models/import.rs", "fs::create_dir"),
        // The directory of an export that failed, if it is empty.
        ("cli/export.rs", "fs::remove_"),
        // This call is relative to the descriptor of a directory.
        ("hub/cache.rs", "symlink("),
    ];
    let mut found = Vec::new();
    for (name, text) in sources()
        .into_iter()
        .filter(|(name, _)| !name.starts_with("files/") && !name.ends_with("tests.rs") && !name.contains("/tests/"))
    {
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            found.extend(words.iter().filter(|word| line.contains(**word)).map(|word| (name.clone(), *word)));
        }
    }
    found.sort();
    found.dedup();
    let mut expected: Vec<(String, &str)> = exceptions.map(|(name, word)| (name.to_owned(), word)).to_vec();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn unsafe_code_stands_where_it_is_allowed_and_says_why() {
    let allowed = [
        "python/arrow.rs",
        "encoder/backend/tensor/cuda/",
        "files/map",
        "kernels/",
        "store-local/blas.rs",
        "store-local/vectors/search.rs",
    ];
    assert_eq!(trespassers(&["unsafe ", "unsafe{"], &allowed), [""; 0]);
    let within = |name: &str| allowed.iter().any(|start| name.starts_with(start));
    for (name, text) in sources().into_iter().filter(|(name, _)| within(name)) {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("unsafe {")) {
            let before = &lines[number.saturating_sub(8)..=number];
            assert!(before.iter().any(|line| line.contains("SAFETY")), "{name}:{}: no SAFETY: {line}", number + 1);
        }
    }
}

/// The crates that a package is built with.
fn built_with(package: &str) -> Vec<String> {
    let args =
        ["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", "-p", package];
    let tree = Command::new(env!("CARGO")).args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    tree.lines().filter_map(|line| line.split(' ').next()).map(String::from).collect()
}

/// These crates are for programs that need only an encoder.
#[test]
fn encoder_and_kernels_are_built_without_the_heavy_parts_of_the_others() {
    for package in ["semsearch-encoder", "semsearch-kernels"] {
        let crates = built_with(package);
        assert!(crates.iter().any(|name| name == "gemm"), "{package} has its own dependencies: {crates:?}");
        for heavy in ["faiss", "faiss-sys", "cmake", "tantivy", "clap", "tokio", "reqwest", "candle-transformers"] {
            assert!(!crates.iter().any(|name| name == heavy), "{package} is built with {heavy}");
        }
    }
}
