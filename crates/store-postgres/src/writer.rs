//! One writer of an index: alone in a generation that it begins and commits itself, or one of several in a generation that
//! `store begin` opened.

mod known;
mod prune;
mod put;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use semsearch_corpus::Document;
use semsearch_store::{
    Change, ChunkSize, Compared, ContentDigest, CopiedPassage, IndexConfig, Inputs, NewPassage, ServerFailure,
    StoreError, StoreWriter, Version, WriteOptions, Written, content_digest,
};
use tokio_postgres::types::Type;

use super::cluster::Cluster;
use super::generation::{self, Hold};
use super::nearest::VectorIndex;
use super::session::{Session, in_schema};
use super::state::State;
use super::store::PostgresStore;
use super::vacuum;
use known::KnownDocument;
use put::Stream;

/// A long build commits at this interval.
const COMMIT_EVERY: Duration = Duration::from_secs(30);

/// A document of this run.
struct Seen {
    input: u32,
    /// The record's line, from 1; 0 for the input as a whole.
    line: u64,
    version: Version,
    /// Whether it was put.
    put: bool,
}

/// Writes an index. Readers see no change before a commit.
pub(crate) struct PostgresWriter {
    session: Session,
    cluster: Cluster,
    state: State,
    config: IndexConfig,
    options: WriteOptions,
    /// Whether what is there does not count.
    afresh: bool,
    /// The generation that is written, and this writer's batch in it.
    open: Option<(i32, i64)>,
    /// Whether others write the same generation.
    together: bool,
    /// What goes to each shard.
    streams: Vec<Stream>,
    store: PostgresStore,
    /// Numbers of passages that this writer may give.
    numbers: std::ops::Range<u64>,
    /// What is known of documents that come next.
    known: HashMap<String, Option<KnownDocument>>,
    seen: HashMap<ContentDigest, Seen>,
    inputs: Inputs,
    /// Ids that are removed in this generation, each with the number of its removal, and those that were removed by this writer in any.
    removals: Vec<(u64, String)>,
    gone: HashSet<ContentDigest>,
    /// Vectors of this run by the text that was embedded.
    embedded: HashMap<ContentDigest, Vec<f32>>,
    uncommitted: usize,
    since: Instant,
    written: Written,
}

impl PostgresWriter {
    /// Takes the index for writing.
    ///
    /// # Errors
    /// There are no tables; another process writes; the index was made with other settings.
    pub(crate) fn open(store: &PostgresStore, config: IndexConfig, options: WriteOptions) -> Result<Self, StoreError> {
        VectorIndex::of(&config.factory)?;
        let shared = store.shared();
        let schema = &shared.schema;
        let mut session = shared.connect(None)?;
        let together = State::read(&session, schema)?.open.is_some_and(|(_, explicit)| explicit);
        generation::lock(&session, schema, if together { Hold::Together } else { Hold::Alone }, options.wait)?;
        let cluster = Cluster::read(&session, schema)?;
        let mut state = State::read(&session, schema)?;
        let open = state.open;
        if open.is_some_and(|(_, explicit)| explicit) != together {
            let what = "a generation was opened or ended at this moment";
            return Err(store.refused(what, ServerFailure::Other));
        }
        if together && options.rebuild {
            let what = "an open generation cannot be built anew";
            return Err(store.refused(what, ServerFailure::Other));
        }
        if !together {
            generation::clear(&mut session, &cluster)?;
            state = State::read(&session, schema)?;
        }
        session.need(schema, state.settled);
        if let Some(kept) = &state.config {
            match options.rebuild {
                false => kept.check(&config, session.place())?,
                true => check_rebuild(kept, &config, &session)?,
            }
        }
        if !together {
            vacuum::old(&mut session, &cluster, vacuum::KEPT)?;
        }
        let mut writer = Self {
            streams: cluster.shards.iter().map(|_| Stream::default()).collect(),
            store: store.clone(),
            afresh: options.rebuild,
            open: None,
            together,
            numbers: 0..0,
            known: HashMap::new(),
            seen: HashMap::new(),
            inputs: Inputs::default(),
            removals: Vec::new(),
            gone: HashSet::new(),
            embedded: HashMap::new(),
            uncommitted: 0,
            since: Instant::now(),
            written: Written::default(),
            session,
            cluster,
            state,
            config,
            options,
        };
        writer.record_config()?;
        Ok(writer)
    }

    /// Says how the index is made, if nobody has.
    fn record_config(&mut self) -> Result<(), StoreError> {
        if self.state.config.is_some() {
            return Ok(());
        }
        let sql = format!("UPDATE {} SET config = $1 WHERE config IS NULL", in_schema(&self.cluster.schema, "store"));
        let config = serde_json::to_string(&self.config).unwrap_or_default();
        self.session.query("recording the recipe", &sql, &[(&config, Type::TEXT)])?;
        self.state = State::read(&self.session, &self.cluster.schema)?;
        // Another writer of an open generation may have been first.
        self.state.config.as_ref().map_or(Ok(()), |config| config.check(&self.config, self.session.place()))
    }

    /// The generation that is written, and this writer's batch in it.
    fn begun(&mut self) -> Result<(i32, i64), StoreError> {
        if let Some(open) = self.open {
            return Ok(open);
        }
        let schema = &self.cluster.schema;
        let generation = match self.state.open.filter(|_| self.together) {
            Some((generation, _)) => generation,
            None => generation::start(&self.session, schema, false)?,
        };
        let open = (generation, generation::batch(&self.session, schema, generation)?);
        self.open = Some(open);
        Ok(open)
    }

    /// Seals the batch and, if this writer is alone, commits the generation.
    fn commit_now(&mut self) -> Result<(), StoreError> {
        self.flush()?;
        if let Some((generation, batch)) = self.open {
            generation::seal(&self.session, &self.cluster.schema, batch)?;
            self.written.awaits_commit = self.together;
            if !self.together {
                let done = generation::commit(&mut self.session, &self.cluster, &self.config, generation, self.afresh)?;
                self.written = Written { commits: self.written.commits + 1, ..done };
                self.afresh = false;
            }
            self.open = None;
            self.state = State::read(&self.session, &self.cluster.schema)?;
            self.session.need(&self.cluster.schema, self.state.settled);
        }
        self.known.clear();
        (self.uncommitted, self.since) = (0, Instant::now());
        Ok(())
    }

    fn told(&self) -> Written {
        let counts = self.state.counts;
        Written { documents: counts.documents as u64, passages: counts.passages as u64, ..self.written }
    }
}

/// What a store cannot change while it is built anew, because its tables are made for it.
fn check_rebuild(kept: &IndexConfig, asked: &IndexConfig, session: &Session) -> Result<(), StoreError> {
    let shown = |config: &IndexConfig| (config.dim, config.metric, config.factory.clone());
    if shown(kept) == shown(asked) || VectorIndex::of(&kept.factory)? == VectorIndex::None {
        return Ok(());
    }
    let what = "its index of vectors is made for other vectors; `store drop` and `store create` make it anew";
    Err(super::failure::refused(session.place(), what, ServerFailure::Other))
}

impl StoreWriter for PostgresWriter {
    fn look_up(&mut self, ids: &[&str]) -> Result<(), StoreError> {
        self.learn(ids)
    }

    fn compare(
        &mut self,
        document: &Document,
        chunks: Option<ChunkSize>,
        given: Option<&[f32]>,
    ) -> Result<Compared, StoreError> {
        let version = Version::of(document, chunks, given);
        let input = self.inputs.number(&document.place.input);
        let line = document.place.line.unwrap_or(0);
        let id = content_digest(document.id.as_bytes());
        let of_this_run = self.seen.get(&id).map(|seen| (seen.input, seen.line, seen.version));
        let known = match of_this_run {
            Some((there, at, _)) if there == input && document.own_id => {
                let first = self.inputs.place(there, at);
                return Err(StoreError::RepeatedId { place: document.place.clone(), id: document.id.clone(), first });
            }
            Some((.., version)) => Some(version),
            None => self.known_here(document)?,
        };
        let put = self.seen.get(&id).is_some_and(|seen| seen.put);
        self.seen.insert(id, Seen { input, line, version, put });
        let change = match known {
            Some(there) if there == version => Change::Unchanged,
            Some(_) => Change::Updated,
            None => Change::Added,
        };
        Ok(Compared { replaces: of_this_run.is_some() && change == Change::Updated, change, version })
    }

    fn vector_of(&mut self, text: &str) -> Result<Option<Vec<f32>>, StoreError> {
        Ok(self.embedded.get(&content_digest(text.as_bytes())).cloned())
    }

    fn renamed_vector(&mut self, _nameless: &str) -> Result<Option<Vec<f32>>, StoreError> {
        Ok(None)
    }

    fn put(&mut self, document: &Document, compared: Compared, passages: &[NewPassage<'_>]) -> Result<(), StoreError> {
        self.put_document(document, compared, passages)
    }

    fn put_copied(&mut self, passages: &[CopiedPassage]) -> Result<Change, StoreError> {
        self.put_copies(passages)
    }

    fn note_empty(&mut self, input: &Arc<str>) {
        self.inputs.number(input);
    }

    fn remove(&mut self, id: &str) -> Result<bool, StoreError> {
        self.remove_document(id)
    }

    fn prune(
        &mut self,
        places: &[PathBuf],
        gone: &dyn Fn(&Path) -> bool,
        spared: &dyn Fn(&Path) -> bool,
    ) -> Result<usize, StoreError> {
        self.remove_absent(places, gone, spared)
    }

    fn gone(&mut self, places: &[PathBuf], gone: &dyn Fn(&Path) -> bool) -> Result<usize, StoreError> {
        let of_this_run: HashSet<String> = self.inputs.origins().collect();
        Ok(self.gone_origins(places, gone)?.iter().filter(|origin| !of_this_run.contains(*origin)).count())
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        let due =
            self.since.elapsed() >= COMMIT_EVERY || self.options.commit_every.is_some_and(|n| self.uncommitted >= n);
        // A rebuild is seen as a whole or not at all.
        if due && self.open.is_some() && !self.options.at_once && !self.afresh && !self.together {
            self.commit_now()?;
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<Written, StoreError> {
        if self.afresh {
            self.begun()?;
        }
        self.commit_now()?;
        Ok(self.told())
    }

    fn commit_untidied(self: Box<Self>) -> Result<Written, StoreError> {
        self.commit()
    }

    fn abandon(self: Box<Self>) -> Written {
        self.told()
    }
}

impl Drop for PostgresWriter {
    /// Gives up what was put and not committed. If that fails, the next writer does it.
    fn drop(&mut self) {
        for stream in &mut self.streams {
            let _ = stream.wait();
        }
        if let Some((generation, _)) = self.open.take().filter(|_| !self.together) {
            let _ = generation::give_up(&mut self.session, &self.cluster, generation);
        }
        let _ = generation::unlock(&self.session);
    }
}
