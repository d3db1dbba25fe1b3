//! Documents on their way to the shards: their rows are made, and copied in portions.

use std::borrow::Cow;

use semsearch_corpus::Document;
use semsearch_store::{
    Analysis, Change, ChunkPlace, Compared, ContentDigest, CopiedPassage, NewPassage, Source, StoreError, Version,
    content_digest, digest_of,
};
use tokio_postgres::types::Type;

use super::PostgresWriter;
use crate::generation;
use crate::rows::{PassageRow, Rows};
use crate::session::{Copying, Session, in_schema};
use crate::slot;
use crate::words::kept;

/// The most bytes of rows that wait before they are copied to a shard.
const WAITING: usize = 4 << 20;

/// How many passages' numbers are taken at a time.
const NUMBERS: u64 = 4096;

/// Passages on their way to a shard. Each shard has a connection of its own, so that all of them work at once.
#[derive(Default)]
pub(super) struct Stream {
    rows: Rows,
    session: Option<Session>,
    copying: Option<Copying>,
}

impl Stream {
    /// Waits until everything that was sent is there.
    pub(super) fn wait(&mut self) -> Result<(), StoreError> {
        self.copying.take().map_or(Ok(()), Copying::wait)
    }
}

/// What one passage has that others of its document may not have.
struct RowParts<'a> {
    vector: &'a [f32],
    title: Option<&'a str>,
    text: &'a str,
    metadata: Cow<'a, str>,
    chunk: Option<ChunkPlace>,
    source: Option<Source>,
    origin: &'a str,
    embedded: Vec<ContentDigest>,
    words: Vec<(String, u32)>,
    facts: Vec<Vec<u8>>,
}

impl PostgresWriter {
    /// Puts a document with its passages.
    pub(super) fn put_document(
        &mut self,
        document: &Document,
        compared: Compared,
        passages: &[NewPassage<'_>],
    ) -> Result<(), StoreError> {
        if compared.change == Change::Unchanged {
            return Ok(());
        }
        let origin = self.inputs.origin(&document.place.input);
        let analysis = self.config.analysis();
        let parts: Vec<RowParts<'_>> =
            passages.iter().map(|passage| row_parts(document, passage, &origin, analysis)).collect();
        for passage in passages {
            if let Some(text) = passage.embedded {
                self.embedded.insert(content_digest(text.as_bytes()), passage.vector.to_vec());
            }
        }
        self.put_rows(&document.id, compared.version, &parts)?;
        if let Some(seen) = self.seen.get_mut(&content_digest(document.id.as_bytes())) {
            seen.put = true;
        }
        Ok(())
    }

    /// Puts a document of another index with its passages, as they are.
    pub(super) fn put_copies(&mut self, passages: &[CopiedPassage]) -> Result<Change, StoreError> {
        let Some(first) = passages.first() else { return Ok(Change::Unchanged) };
        let known = self.known_document(&first.id)?;
        let change = match known {
            Some(known) if known.version == first.version => return Ok(Change::Unchanged),
            Some(_) => Change::Updated,
            None => Change::Added,
        };
        let parts = |passage: &CopiedPassage| -> Vec<(String, u32)> {
            passage.words.iter().map(|(word, times)| (kept(word.clone()), *times)).collect()
        };
        let rows: Vec<RowParts<'_>> = passages
            .iter()
            .map(|passage| RowParts {
                vector: &passage.vector,
                title: passage.title.as_deref(),
                text: &passage.text,
                metadata: passage.metadata.as_str().into(),
                chunk: passage.chunk,
                source: passage.source.clone(),
                origin: &passage.origin,
                embedded: passage.embedded.clone(),
                words: parts(passage),
                facts: passage.facts.clone(),
            })
            .collect();
        self.put_rows(&first.id, first.version, &rows)?;
        Ok(change)
    }

    /// The numbers of the next passages, so many.
    pub(super) fn take_numbers(&mut self, count: u64) -> Result<u64, StoreError> {
        if self.numbers.end - self.numbers.start < count {
            let taken = count.max(NUMBERS);
            let store = in_schema(&self.cluster.schema, "store");
            let sql = format!("UPDATE {store} SET next_passage = next_passage + $1 RETURNING next_passage");
            let row = self.session.one("taking numbers", &sql, &[(&(taken as i64), Type::INT8)])?;
            let end = row.get::<_, i64>(0) as u64;
            self.numbers = end - taken..end;
        }
        let first = self.numbers.start;
        self.numbers.start += count;
        Ok(first)
    }

    /// Puts the passages of one document.
    fn put_rows(&mut self, id: &str, version: Version, passages: &[RowParts<'_>]) -> Result<(), StoreError> {
        let (added, batch) = self.begun()?;
        let slot = slot::of_id(id, self.cluster.partitions());
        let first = self.take_numbers(passages.len() as u64)?;
        let shard = self.cluster.shard_of(slot);
        for (number, passage) in (first..).zip(passages) {
            self.streams[shard].rows.push(&PassageRow {
                key: slot::key(number, slot),
                document: slot::key(first, slot),
                batch,
                added,
                slot,
                vector: passage.vector,
                id,
                version: version.0,
                title: passage.title,
                text: passage.text,
                metadata: &passage.metadata,
                chunk: passage.chunk,
                source: passage.source.as_ref(),
                origin: passage.origin,
                embedded: &passage.embedded,
                words: &passage.words,
                facts: &passage.facts,
            });
        }
        self.gone.remove(&content_digest(id.as_bytes()));
        self.uncommitted += 1;
        if self.streams[shard].rows.len() >= WAITING {
            self.flush_shard(shard)?;
        }
        Ok(())
    }

    /// The mean length of passages by which words are weighted: that of the first passages that this store gets.
    fn mean_length(&mut self) -> Result<f64, StoreError> {
        if let Some(mean_length) = self.state.mean_length {
            return Ok(mean_length);
        }
        let (passages, words) =
            self.streams.iter().fold((0, 0), |(p, w), stream| (p + stream.rows.count, w + stream.rows.words));
        let own = (words as f64 / passages.max(1) as f64).max(1.0);
        let store = in_schema(&self.cluster.schema, "store");
        let sql = format!("UPDATE {store} SET mean_length = coalesce(mean_length, $1) RETURNING mean_length");
        let mean_length = self.session.one("recording the mean length", &sql, &[(&own, Type::FLOAT8)])?.get(0);
        self.state.mean_length = Some(mean_length);
        Ok(mean_length)
    }

    pub(super) fn flush_shard(&mut self, shard: usize) -> Result<(), StoreError> {
        if self.streams[shard].rows.count == 0 {
            return Ok(());
        }
        let mean_length = self.mean_length()?;
        let table = self.cluster.copied_into(&self.cluster.shards[shard]);
        let what = format!("copying passages{}", self.cluster.shards[shard].told());
        let stream = &mut self.streams[shard];
        let rows = stream.rows.take(mean_length);
        stream.wait()?;
        let session = match stream.session.take() {
            Some(session) => session,
            None => {
                let mut session = self.store.shared().connect(None)?;
                generation::lock_copies(&session, &self.cluster.schema)?;
                // A copy waits for a server without a limit. So whether it accepts connections is found out before.
                session.connect(&self.cluster.shards[shard])?;
                session
            }
        };
        stream.copying = Some(session.copy(what, &table, rows));
        stream.session = Some(session);
        Ok(())
    }

    /// Copies everything that waits.
    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        (0..self.streams.len()).try_for_each(|shard| self.flush_shard(shard))?;
        self.streams.iter_mut().try_for_each(Stream::wait)?;
        self.flush_removals()?;
        self.embedded.clear();
        Ok(())
    }
}

/// The digest of a text without its file's name. It differs from that of the same text as a whole.
fn nameless_digest(text: &str) -> ContentDigest {
    digest_of(&[Some(b"nameless"), Some(text.as_bytes())])
}

/// A passage as a row has it.
fn row_parts<'a>(
    document: &'a Document,
    passage: &NewPassage<'a>,
    origin: &'a str,
    analysis: Option<Analysis>,
) -> RowParts<'a> {
    let &NewPassage { text, chunk, metadata, embedded, nameless, vector, about, line } = passage;
    let facts = match document.is_row {
        true => semsearch_filter::terms_of_row(metadata),
        false => semsearch_filter::terms(metadata),
    };
    let texts = document.title.as_deref().into_iter().chain([about, text]);
    let words = analysis.map(|analysis| semsearch_words::counted_words(analysis, texts)).unwrap_or_default();
    let digests = [embedded.map(|text| content_digest(text.as_bytes())), nameless.map(nameless_digest)];
    RowParts {
        vector,
        title: document.title.as_deref(),
        text,
        metadata: serde_json::to_string(metadata).unwrap_or_default().into(),
        chunk,
        source: Some(Source { path: origin.into(), line }),
        origin,
        embedded: digests.into_iter().flatten().collect(),
        words: words.into_iter().map(|(word, times)| (kept(word), times)).collect(),
        facts,
    }
}
