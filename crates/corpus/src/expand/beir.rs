//! Directories in the layout of BEIR's data sets: a corpus, queries and judgements.

use std::path::{Path, PathBuf};

/// The corpus of a data set in BEIR's layout, if the directory is one. Its queries are no documents.
pub(super) fn beir_corpus(dir: &Path) -> Option<PathBuf> {
    let corpus = file_of(dir, "corpus.jsonl");
    let beir = corpus.is_file() && (file_of(dir, "queries.jsonl").is_file() || dir.join("qrels").is_dir());
    beir.then_some(corpus)
}

/// The file `name` of a data set, or the same file compressed if only that is there.
pub fn file_of(dir: &Path, name: &str) -> PathBuf {
    let plain = dir.join(name);
    let compressed = ["gz", "zst"].map(|extension| dir.join(format!("{name}.{extension}")));
    compressed.into_iter().find(|path| !plain.exists() && path.is_file()).unwrap_or(plain)
}
