//! Reads and writes the file of a commit.

use std::io;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::CATALOG;
use super::files;
use super::manifest::Manifest;
use super::sound;
use semsearch_files::FileError;
use semsearch_files::{Dir, read_bounded};
use semsearch_store::StoreError;

/// The newest format that this release reads. It writes it only where the one before does not suffice.
pub const FORMAT_VERSION: u32 = 5;

/// The format that is written where it suffices, so that the release before can read the index too.
pub(super) const USUAL_FORMAT: u32 = 4;

/// The oldest format that this release reads. It can be searched, but has neither words nor facts, and cannot be added
/// to.
const OLDEST_READ: u32 = 2;

/// The oldest format that can be added to. Adding to it changes it to the newest format.
pub(super) const OLDEST_WRITTEN: u32 = 3;

/// The manifest's name.
pub(super) const FILE: &str = "manifest.json";

/// The file in which format 1 kept its commit, below `catalog/`.
const FORMAT_1: &str = "meta.json";

/// A limit for the manifest's length in bytes. Every commit is shorter.
const MOST_BYTES: u64 = 256 << 20;

/// Texts that every manifest holds, even one of a newer format or one with a changed byte.
const MARKS: [&str; 4] = ["\"format_version\":", "\"crc32\":", "\"commit\":", "\"recipe\":"];

/// The outermost level of the file, which no format changes.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    format_version: u32,
    /// The CRC-32 of the version, as four bytes with the smallest first, and of the commit's bytes.
    crc32: u32,
    #[serde(borrow)]
    commit: &'a RawValue,
}

impl Envelope<'_> {
    fn checksum(&self) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&self.format_version.to_le_bytes());
        crc.update(self.commit.get().as_bytes());
        crc.finalize()
    }
}

/// A commit as the bytes of its file.
fn sealed(commit: Option<&Manifest>) -> serde_json::Result<Vec<u8>> {
    let format_version = commit.map_or(USUAL_FORMAT, Manifest::needed_format);
    let commit = serde_json::value::to_raw_value(&commit)?;
    let mut envelope = Envelope { format_version, crc32: 0, commit: &commit };
    envelope.crc32 = envelope.checksum();
    let mut bytes = serde_json::to_vec(&envelope)?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl Manifest {
    /// The path of the manifest in the index at `dir`.
    pub(super) fn path(dir: &Path) -> PathBuf {
        dir.join(FILE)
    }

    /// The file's bytes, which change with each commit; `None` if there is no such file.
    pub(super) fn bytes(root: &Dir) -> Result<Option<Vec<u8>>, StoreError> {
        let path = Self::path(root.path());
        match root.read(FILE).and_then(|file| read_bounded(file, MOST_BYTES)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let format_1 = root.subdirectory(CATALOG).and_then(|catalog| catalog.identity_of(FORMAT_1));
                match format_1 {
                    Ok(Some(_)) => {
                        let dir = root.path().into();
                        Err(StoreError::OlderFormat { dir, found: 1, supported: FORMAT_VERSION })
                    }
                    _ => Ok(None),
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
                Err(StoreError::damaged(&path, error.to_string()))
            }
            Err(error) => Err(StoreError::read(&path)(error)),
        }
    }

    /// Whether these bytes are a manifest of ours, even a damaged one or one of a newer release.
    pub(super) fn is_ours(bytes: &[u8]) -> bool {
        MARKS.iter().filter(|mark| bytes.contains_str(mark)).count() >= 3
    }

    /// The latest commit of the index in `root`; `None` if nothing was ever committed.
    ///
    /// # Errors
    /// Those of [`Manifest::parse`], and [`StoreError::NotAnIndex`] if the file is not a manifest of ours.
    pub(super) fn read(root: &Dir) -> Result<Option<Self>, StoreError> {
        match Self::bytes(root)? {
            Some(bytes) if Self::is_ours(&bytes) => Self::parse(&bytes, root.path()),
            Some(_) => Err(StoreError::NotAnIndex { dir: root.path().into() }),
            None => Ok(None),
        }
    }

    /// Parses the file's bytes; `None` if nothing was committed yet.
    ///
    /// # Errors
    /// [`StoreError::NewerFormat`] or [`StoreError::Damaged`].
    pub(super) fn parse(bytes: &[u8], dir: &Path) -> Result<Option<Self>, StoreError> {
        let damaged = |source: serde_json::Error| StoreError::Damaged {
            path: Self::path(dir),
            what: "it cannot be read".into(),
            source: Some(source.into()),
        };
        let envelope: Envelope = serde_json::from_slice(bytes).map_err(damaged)?;
        files::expect(&Self::path(dir), envelope.checksum(), envelope.crc32)?;
        // The version is checked before the commit is parsed: a newer format need not have these fields.
        match envelope.format_version {
            found @ OLDEST_READ..=FORMAT_VERSION => {
                let commit: Option<Self> = serde_json::from_str(envelope.commit.get()).map_err(damaged)?;
                let Some(commit) = commit else { return Ok(None) };
                let commit = Self { format_version: found, ..commit };
                match sound::check(&commit) {
                    Ok(()) => Ok(Some(commit)),
                    Err(what) => Err(StoreError::damaged(&Self::path(dir), what)),
                }
            }
            found => Err(StoreError::NewerFormat { dir: dir.into(), found, supported: FORMAT_VERSION }),
        }
    }

    /// The file's bytes for a commit; for `None`, those of an index in which nothing was committed yet.
    pub(super) fn bytes_of(commit: Option<&Self>, dir: &Path) -> Result<Vec<u8>, StoreError> {
        sealed(commit)
            .map_err(|source| StoreError::File(FileError::Write { path: Self::path(dir), source: source.into() }))
    }
}

/// Whether the bytes of a manifest that cannot be parsed contain this file's name.
pub(super) fn mentions(bytes: &[u8], name: &str) -> bool {
    bytes.contains_str(format!("\"{name}\""))
}

#[cfg(test)]
mod tests {
    use semsearch_encoder::encoder::Precision;
    use semsearch_encoder::model::Pooling;
    use semsearch_store::{ChunkPolicy, IndexConfig, Language, Metric, ModelIdentity, Prompts, Splitting};

    use std::collections::BTreeMap;

    use super::*;
    use crate::files::StoredFile;
    use crate::manifest::Documents;
    use crate::segment::{Codes, Segment, Sums};

    fn config() -> IndexConfig {
        IndexConfig {
            model: ModelIdentity { id: "a/b".into(), revision: None, fingerprint: "00".into() },
            pooling: Pooling::Mean,
            normalized: true,
            max_length: 256,
            precision: Precision::F32,
            dim: 384,
            with_title: true,
            with_context: true,
            file_ids: Default::default(),
            metric: Metric::Ip,
            factory: "Flat".into(),
            prompts: Prompts::default(),
            truncated: false,
            language: Some(Language::default()),
            splitting: Splitting::default(),
            chunks: ChunkPolicy::default(),
        }
    }

    fn commit() -> Manifest {
        let file = |name: &str| StoredFile { name: name.into(), bytes: 1 << 40, crc32: u32::MAX };
        Manifest {
            format_version: USUAL_FORMAT,
            config: config(),
            segments: vec![Segment {
                file: file("000001.faiss"),
                codes: Some(Codes {
                    start: 82,
                    bytes: 1536,
                    rest_crc32: 7,
                    sums: Some(Sums { file: file("000001.sums"), part: 8192 }),
                }),
                halves: Some(file("000001.halves")),
                vectors: 3,
                first_key: 0,
                last_key: 2,
                dead: vec![1],
            }],
            trained: None,
            documents: Documents {
                count: 1,
                passages: Some(2),
                files: vec![file("a.store")],
                meta: serde_json::json!({"b": 1, "a": [2]}),
                shifts: BTreeMap::new(),
            },
            next_key: 3,
            next_file: 2,
            created: "2026-01-01T00:00:00Z".into(),
            updated: "2026-01-01T00:00:00Z".into(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_every_changed_byte_is_seen() {
        let temporary = tempfile::tempdir().unwrap();
        let (dir, root) = (temporary.path(), Dir::open(temporary.path()).unwrap());
        assert!(Manifest::read(&root).unwrap().is_none());
        let bytes = Manifest::bytes_of(Some(&commit()), dir).unwrap();
        std::fs::write(Manifest::path(dir), &bytes).unwrap();
        assert_eq!(Manifest::read(&root).unwrap(), Some(commit()));
        assert_eq!((commit().vectors(), commit().bytes_named()), (2, 4 << 40));

        for at in 0..bytes.len() {
            let whole_or_damaged = |bytes: &[u8]| match Manifest::parse(bytes, dir) {
                Ok(read) => assert_eq!(read, Some(commit()), "byte {at}"),
                Err(StoreError::Damaged { path, .. }) => assert_eq!(path, Manifest::path(dir)),
                Err(other) => panic!("byte {at}: {other}"),
            };
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(Manifest::is_ours(&changed), "byte {at}");
                whole_or_damaged(&changed);
            }
            whole_or_damaged(&bytes[..at]);
        }
    }

    #[test]
    fn only_what_the_format_before_cannot_express_is_in_the_newest() {
        let version = |commit: &Manifest| {
            let bytes = Manifest::bytes_of(Some(commit), Path::new("ix")).unwrap();
            Manifest::parse(&bytes, Path::new("ix")).unwrap().map(|read| read.format_version)
        };
        let mut merged = commit();
        assert_eq!(version(&merged), Some(USUAL_FORMAT));
        merged.documents.shifts.insert("0123456789abcdef0123456789abcdef".into(), 3);
        assert_eq!(version(&merged), Some(FORMAT_VERSION));
        merged.documents.shifts.insert("1123456789abcdef0123456789abcdef".into(), 4);
        let bytes = Manifest::bytes_of(Some(&merged), Path::new("ix")).unwrap();
        assert!(Manifest::parse(&bytes, Path::new("ix")).unwrap_err().to_string().contains("too large"));
    }

    #[test]
    fn a_newer_format_is_refused_before_its_fields_are_read() {
        let commit = RawValue::from_string(r#"{"vectors": "elsewhere"}"#.into()).unwrap();
        let mut newer = Envelope { format_version: FORMAT_VERSION + 1, crc32: 0, commit: &commit };
        newer.crc32 = newer.checksum();
        let error = Manifest::parse(&serde_json::to_vec(&newer).unwrap(), Path::new("ix")).unwrap_err();
        assert_eq!(error.to_string(), "ix: index format 6, this release reads 5");
    }

    #[test]
    fn a_beginning_is_ours_and_holds_no_commit() {
        let bytes = Manifest::bytes_of(None, Path::new("ix")).unwrap();
        assert!(Manifest::is_ours(&bytes));
        assert_eq!(Manifest::parse(&bytes, Path::new("ix")).unwrap(), None);
    }

    #[test]
    fn another_programs_manifest_is_not_ours() {
        let extension = br#"{"manifest_version": 3, "name": "x", "version": "1", "commit": "abc", "crc32": 7}"#;
        let others: [&[u8]; 4] = [extension, b"", b"{}", br#"{"format_version":1,"files":[]}"#];
        for bytes in others {
            assert!(!Manifest::is_ours(bytes));
        }
    }

    #[test]
    fn format_1_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("catalog")).unwrap();
        std::fs::write(dir.path().join("catalog/meta.json"), "{}").unwrap();
        let error = Manifest::read(&Dir::open(dir.path()).unwrap()).unwrap_err();
        assert!(error.to_string().ends_with("index format 1, this release reads 5"), "{error}");
        assert!(matches!(error, StoreError::OlderFormat { found: 1, .. }));
    }
}
