//! Digests that tell one version of a document from another.

use semsearch_corpus::Document;
use sha2::{Digest, Sha256};

use super::ChunkSize;

/// The first 128 bits of a SHA-256.
pub type ContentDigest = u128;

/// The digest of these bytes.
pub fn content_digest(bytes: &[u8]) -> ContentDigest {
    let mut first = [0; 16];
    first.copy_from_slice(&Sha256::digest(bytes)[..16]);
    u128::from_be_bytes(first)
}

/// The digest of several parts. Each part follows its length in eight bytes; a missing part is eight bytes of ones.
pub fn digest_of(parts: &[Option<&[u8]>]) -> ContentDigest {
    let mut bytes = Vec::with_capacity(parts.iter().flatten().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend_from_slice(&part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.unwrap_or_default());
    }
    content_digest(&bytes)
}

/// Tells one version of a document from another. It is the digest of the document's title, text and metadata, of the
/// size of its chunks, and of its vector if one was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub ContentDigest);

impl Version {
    /// The version of a document. `chunks` is the size of its chunks if it is cut; `given` is its vector if one was
    /// given.
    pub fn of(document: &Document, chunks: Option<ChunkSize>, given: Option<&[f32]>) -> Self {
        let metadata = serde_json::to_string(&document.metadata).unwrap_or_default();
        let chunks = chunks.map(|ChunkSize { tokens, overlap }| format!("{tokens} {overlap}"));
        let parts = [
            document.title.as_deref().map(str::as_bytes),
            Some(document.text.as_bytes()),
            Some(metadata.as_bytes()),
            chunks.as_deref().map(str::as_bytes),
            given.map(bytemuck::cast_slice::<f32, u8>),
        ];
        Self(digest_of(&parts))
    }
}
