//! Rows of `passages` in the binary form of COPY, and how their parts are read back.
//!
//! Source: PostgreSQL's manual, "COPY", section "Binary Format"; pgvector's `vector_recv`.

use bytes::{BufMut, Bytes, BytesMut};
use semsearch_store::{ChunkPlace, ContentDigest, Source, StoredPassage, digest_of};
use tokio_postgres::Row;

use super::literal::{with_nul, without_nul};
use super::schema::COLUMNS;
use super::sparse::SparseWords;

/// The start of every stream.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The numbers of PostgreSQL's types in arrays.
const BYTEA: i32 = 17;
const INT4: i32 = 23;
const TEXT: i32 = 25;

/// A row of `passages`.
pub(crate) struct PassageRow<'a> {
    pub(crate) key: u64,
    pub(crate) document: u64,
    pub(crate) batch: i64,
    pub(crate) added: i32,
    pub(crate) slot: u16,
    pub(crate) vector: &'a [f32],
    pub(crate) id: &'a str,
    pub(crate) version: ContentDigest,
    pub(crate) title: Option<&'a str>,
    pub(crate) text: &'a str,
    pub(crate) metadata: &'a str,
    pub(crate) chunk: Option<ChunkPlace>,
    pub(crate) source: Option<&'a Source>,
    pub(crate) origin: &'a str,
    pub(crate) embedded: &'a [ContentDigest],
    pub(crate) words: &'a [(String, u32)],
    pub(crate) facts: &'a [Vec<u8>],
}

/// Rows that are about to be copied to a shard.
#[derive(Default)]
pub(crate) struct Rows {
    bytes: BytesMut,
    pub(crate) count: u64,
    /// The words of all rows together.
    pub(crate) words: u64,
    /// The weights of words that are not computed yet, because they depend on the mean length.
    unweighted: Vec<Unweighted>,
}

/// The weights of one row.
struct Unweighted {
    /// Where they begin.
    at: usize,
    class: u32,
    weights: SparseWords,
}

impl Rows {
    /// The size of the rows in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: &PassageRow<'_>) {
        if self.count == 0 {
            self.bytes.put_slice(SIGNATURE);
        }
        self.count += 1;
        let out = &mut self.bytes;
        out.put_i16(COLUMNS.len() as i16);
        let length: u64 = row.words.iter().map(|(_, times)| u64::from(*times)).sum();
        let class = semsearch_words::length_class(length);
        let chunk = row.chunk.and_then(|chunk| serde_json::to_string(&chunk).ok());
        let source = row.source.map(recorded);
        put_i64(out, row.key as i64);
        put_i64(out, row.document as i64);
        put_i64(out, row.batch);
        put_i32(out, row.added);
        put_i32(out, super::state::NEVER);
        put_i32(out, i32::try_from(length).unwrap_or(i32::MAX));
        put_i32(out, i32::try_from(class).unwrap_or(i32::MAX));
        out.put_i32(2);
        out.put_i16(row.slot as i16);
        put_vector(out, row.vector);
        put_text(out, Some(row.id));
        put_bytes(out, &row.version.to_be_bytes());
        let content = content([row.title, Some(row.text), Some(row.metadata), chunk.as_deref(), source.as_deref()]);
        put_bytes(out, &content.to_be_bytes());
        put_i32(out, checksum(row.vector));
        put_text(out, row.title);
        put_text(out, Some(row.text));
        put_text(out, Some(row.metadata));
        put_text(out, chunk.as_deref());
        put_text(out, source.as_deref());
        put_text(out, Some(row.origin));
        let embedded: Vec<[u8; 16]> = row.embedded.iter().map(|digest| digest.to_be_bytes()).collect();
        put_array(out, BYTEA, embedded.iter().map(|digest| &digest[..]));
        put_array(out, TEXT, row.words.iter().map(|(word, _)| word.as_bytes()));
        let counts: Vec<[u8; 4]> = row.words.iter().map(|(_, times)| times.to_be_bytes()).collect();
        put_array(out, INT4, counts.iter().map(|times| &times[..]));
        put_array(out, BYTEA, row.facts.iter().map(Vec::as_slice));
        self.words += length;
        match SparseWords::of(row.words) {
            Some(weights) => {
                let at = weights.put_places(out);
                self.unweighted.push(Unweighted { at, class, weights });
            }
            None => out.put_i32(-1),
        }
    }

    /// The whole stream, with the weights of words where passages have this mean length. Nothing is left behind.
    pub(crate) fn take(&mut self, mean_length: f64) -> Bytes {
        for Unweighted { at, class, weights } in self.unweighted.drain(..) {
            weights.put_weights(&mut self.bytes[at..], class, mean_length);
        }
        self.bytes.put_i16(-1);
        (self.count, self.words) = (0, 0);
        self.bytes.split().freeze()
    }
}

fn put_i64(out: &mut BytesMut, value: i64) {
    out.put_i32(8);
    out.put_i64(value);
}

fn put_i32(out: &mut BytesMut, value: i32) {
    out.put_i32(4);
    out.put_i32(value);
}

fn put_bytes(out: &mut BytesMut, value: &[u8]) {
    out.put_i32(value.len() as i32);
    out.put_slice(value);
}

fn put_text(out: &mut BytesMut, value: Option<&str>) {
    match value {
        Some(value) => put_bytes(out, without_nul(value).as_bytes()),
        None => out.put_i32(-1),
    }
}

fn put_vector(out: &mut BytesMut, vector: &[f32]) {
    out.put_i32(4 + 4 * vector.len() as i32);
    out.put_i16(vector.len() as i16);
    out.put_i16(0);
    vector.iter().for_each(|component| out.put_f32(*component));
}

fn put_array<'a>(out: &mut BytesMut, kind: i32, values: impl ExactSizeIterator<Item = &'a [u8]>) {
    let at = out.len();
    out.put_i32(0);
    let count = values.len() as i32;
    out.put_i32(i32::from(count > 0));
    out.put_i32(0);
    out.put_i32(kind);
    if count > 0 {
        out.put_i32(count);
        out.put_i32(1);
    }
    values.for_each(|value| put_bytes(out, value));
    let length = (out.len() - at - 4) as i32;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

/// A vector as `vector_send` gives it.
pub(crate) fn vector(sent: &[u8]) -> Option<Vec<f32>> {
    let (head, components) = sent.split_first_chunk::<4>()?;
    let (components, rest) = components.as_chunks::<4>();
    let dim = usize::from(u16::from_be_bytes([head[0], head[1]]));
    (rest.is_empty() && components.len() == dim)
        .then(|| components.iter().map(|component| f32::from_be_bytes(*component)).collect())
}

/// The checksum of a vector.
pub(crate) fn checksum(vector: &[f32]) -> i32 {
    semsearch_store::content_digest(bytemuck::cast_slice(vector)) as i32
}

/// The digest of what a hit shows.
fn content(parts: [Option<&str>; 5]) -> ContentDigest {
    digest_of(&parts.map(|part| part.map(str::as_bytes)))
}

/// A digest as it is stored.
pub(crate) fn digest(stored: &[u8]) -> Option<ContentDigest> {
    Some(u128::from_be_bytes(stored.try_into().ok()?))
}

fn recorded(source: &Source) -> String {
    serde_json::json!({ "path": source.path, "line": source.line }).to_string()
}

fn source(recorded: &str) -> Option<Source> {
    let value: serde_json::Value = serde_json::from_str(recorded).ok()?;
    Some(Source { path: value.get("path")?.as_str()?.into(), line: value.get("line").and_then(|line| line.as_u64()) })
}

/// The columns of what a hit shows, for an answer of a shard.
pub(crate) const SHOWN: &str = "key, document, id, content, title, text, metadata, chunk, source";

/// The same with their types.
pub(crate) const SHOWN_TYPES: &str = "key bigint, document bigint, id text, content bytea, title text, text text, \
                                      metadata text, chunk text, source text";

/// A passage of a row of [`SHOWN`], if it is as it was put, and its metadata as they are stored.
pub(crate) fn shown(row: &Row) -> Option<(StoredPassage, String)> {
    let text = |column| row.get::<_, Option<&str>>(column).map(with_nul);
    let [title, body, metadata, chunk, place] = [4, 5, 6, 7, 8].map(text);
    let parts = [&title, &body, &metadata, &chunk, &place].map(|part| part.as_deref());
    if content(parts) != digest(row.get(3))? {
        return None;
    }
    let stored = metadata?;
    let passage = StoredPassage {
        id: with_nul(row.get(2)),
        title,
        text: body?,
        metadata: serde_json::from_str(&stored).ok()?,
        chunk: chunk.map(|chunk| serde_json::from_str(&chunk)).transpose().ok()?,
        source: place.as_deref().and_then(source),
    };
    Some((passage, stored))
}
