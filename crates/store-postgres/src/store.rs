//! A database as a store.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use semsearch_kernels::Isa;
use semsearch_postgres_address::Login;
use semsearch_store::{
    Facts, IndexConfig, ServerFailure, Snapshot, Store, StoreError, StoreWriter, Verified, WriteOptions,
};

use super::cluster::{Cluster, Shard};
use serde_json::{Map, Value, json};

use super::failure::{refused, unconnected};
use super::io::Io;
use super::literal;
use super::nearest::Parts;
use super::reading::Reading;
use super::session::{SEARCHING, Session};
use super::snapshot::PostgresSnapshot;
use super::state::{FORMAT, State};
use super::writer::PostgresWriter;

/// How a store is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Answer without the shards that cannot be asked ([`Snapshot::left_out`]).
    pub partial: bool,
    /// How long a shard may take for an answer to a search.
    pub patience: Duration,
    /// The instruction set that compares vectors.
    pub isa: Isa,
}

impl Default for StoreOptions {
    /// All shards must answer, within half a minute.
    fn default() -> Self {
        Self { partial: false, patience: Duration::from_secs(30), isa: Isa::best() }
    }
}

/// An index in a database.
#[derive(Clone)]
pub struct PostgresStore {
    shared: Arc<Shared>,
}

/// What a store and its snapshots share.
pub(crate) struct Shared {
    pub(crate) login: Login,
    /// The address without secrets, for messages.
    pub(crate) place: PathBuf,
    pub(crate) schema: String,
    pub(crate) options: StoreOptions,
    io: Io,
    idle: Mutex<Vec<Session>>,
}

/// A session that goes back to its store.
pub(crate) struct Lease<'a> {
    shared: &'a Shared,
    session: Option<Session>,
}

impl Shared {
    pub(crate) fn new(login: Login, options: StoreOptions) -> Result<Self, StoreError> {
        let address = login.address();
        let (place, schema) = (PathBuf::from(address.to_string()), address.schema().to_owned());
        Ok(Self { login, place, schema, options, io: Io::start()?, idle: Mutex::default() })
    }

    /// A session that nobody else uses.
    pub(crate) fn session(&self) -> Result<Lease<'_>, StoreError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(session) = idle() {
            if session.is_open() {
                return Ok(Lease { shared: self, session: Some(session) });
            }
        }
        Ok(Lease { shared: self, session: Some(self.connect(Some(self.options.patience))?) })
    }

    /// A new session for searches, where a shard may take this long for an answer, or else for writing.
    pub(crate) fn connect(&self, patience: Option<Duration>) -> Result<Session, StoreError> {
        let connected = self.io.wait(self.login.connect());
        let (client, connection) = connected.map_err(unconnected(&self.place))?;
        // How a connection ends, whoever uses it is told.
        self.io.spawn(async {
            let _ = connection.await;
        });
        let session = Session::new(self.io.clone(), client, self.login.tls_connector(), &self.place, patience);
        // Statements are texts that are used once. Results must not depend on settings of a role or database.
        let settings = "SET extra_float_digits = 3; SET standard_conforming_strings = on; SET DateStyle = 'ISO'; \
                        SET client_min_messages = warning";
        session.run("connecting", settings)?;
        if patience.is_some() {
            session.run("connecting", SEARCHING)?;
        }
        Ok(session)
    }
}

impl Lease<'_> {
    /// The session is in an unknown state, and is not used again.
    pub(crate) fn spoil(&mut self) {
        self.session = None;
    }
}

impl Deref for Lease<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        match &self.session {
            Some(session) => session,
            None => unreachable!("a spoiled session is not used again"),
        }
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        match &mut self.session {
            Some(session) => session,
            None => unreachable!("a spoiled session is not used again"),
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take().filter(Session::is_open) {
            self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        }
    }
}

impl PostgresStore {
    /// The index in the database that `login` names. It need not be reached yet.
    ///
    /// # Errors
    /// No thread can be started for its connections.
    pub fn new(login: Login, options: StoreOptions) -> Result<Self, StoreError> {
        Ok(Self { shared: Arc::new(Shared::new(login, options)?) })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Opens the committed generation.
    pub(crate) fn open(&self) -> Result<PostgresSnapshot, StoreError> {
        let (cluster, state) = {
            let session = self.shared.session()?;
            (Cluster::read(&session, &self.shared.schema), State::read(&session, &self.shared.schema)?)
        };
        let Some(config) = state.config.clone() else {
            return Err(StoreError::NoIndex { dir: self.shared.place.clone() });
        };
        let facts = Facts {
            config,
            commit: state.commit(),
            documents: state.counts.documents as u64,
            passages: state.counts.passages as u64,
        };
        let reading = Reading::new(Arc::clone(&self.shared), cluster?, state);
        Ok(PostgresSnapshot { reading, facts, isa: self.shared.options.isa, parts: Parts::default() })
    }

    /// The state, if the tables are there.
    pub(crate) fn state(&self) -> Result<State, StoreError> {
        State::read(&*self.shared.session()?, &self.shared.schema)
    }

    /// What the store holds and where, for people and programs.
    ///
    /// # Errors
    /// There is no store, or its server cannot be reached.
    pub fn describe(&self) -> Result<Map<String, Value>, StoreError> {
        let mut session = self.shared.session()?;
        let state = State::read(&session, &self.shared.schema)?;
        let cluster = Cluster::read(&session, &self.shared.schema)?;
        let bytes = self.bytes(&mut session, &cluster)?;
        let config = state.config.as_ref();
        let shard = |shard: &Shard| {
            shard.server.as_ref().map_or("here".to_owned(), |server| format!("{server} ({})", shard.address))
        };
        let facts = json!({
            "store": self.shared.place.to_string_lossy(),
            "generation": state.committed,
            "open": state.open.map(|(open, _)| open),
            "oldest": state.oldest,
            "documents": state.counts.documents,
            "passages": state.counts.passages,
            "bytes": bytes,
            "format_version": FORMAT,
            "partitions": cluster.partitions(),
            "shards": cluster.shards.iter().map(shard).collect::<Vec<_>>(),
            "model": config.map(|config| config.model.id.clone()),
            "dim": config.map(|config| config.dim),
            "factory": config.map(|config| config.factory.clone()),
            "metric": config.map(|config| config.metric),
            "created": state.created,
            "updated": state.updated,
        });
        Ok(match facts {
            Value::Object(facts) => facts,
            _ => Map::new(),
        })
    }

    /// The size of all tables and indexes of the shards.
    fn bytes(&self, session: &mut Session, cluster: &Cluster) -> Result<i64, StoreError> {
        let tables = ["passages", "words", "terms", "removals"].map(|table| literal::verbatim(&cluster.table(table)));
        let sql = format!(
            "SELECT coalesce(sum(pg_total_relation_size(relid)), 0)::bigint \
             FROM unnest(ARRAY[{}]::regclass[]) root, pg_partition_tree(root)",
            tables.join(",")
        );
        let answers = session.ask_all("asking for sizes", &cluster.shards, &sql, "bytes bigint")?;
        Ok(answers.iter().flatten().map(|row| row.get::<_, i64>(0)).sum())
    }

    /// An error of the server itself.
    pub(crate) fn refused(&self, what: impl Into<String>, failure: ServerFailure) -> StoreError {
        refused(&self.shared.place, what, failure)
    }
}

impl Store for PostgresStore {
    fn place(&self) -> &Path {
        &self.shared.place
    }

    fn commit(&self) -> Result<String, StoreError> {
        Ok(self.state()?.commit())
    }

    fn recorded(&self) -> Result<Option<IndexConfig>, StoreError> {
        Ok(self.state()?.config)
    }

    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        Ok(Arc::new(self.open()?))
    }

    fn verify(&self) -> Result<Verified, StoreError> {
        super::admin::verify(self)
    }

    fn writer(&self, config: IndexConfig, options: WriteOptions) -> Result<Box<dyn StoreWriter>, StoreError> {
        Ok(Box::new(PostgresWriter::open(self, config, options)?))
    }
}
