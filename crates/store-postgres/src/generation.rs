//! Generations: what several writers make together, and what readers see from one moment to the next.
//!
//! A commit goes in steps, and a process may end after any of them:
//!
//! 1. Every writer copies its passages to the shards, as rows that the open generation added, and then seals its batch.
//! 2. On each shard, what belongs to no sealed batch is deleted; of several versions of a document the latest is kept, unless
//!    it was removed later; what the generation replaces or removes is marked; its words are counted.
//! 3. The coordinator's row says that the generation is committed.
//!
//! Before step 3 no reader sees anything of it. All of step 2 can be done again, and gives the same.

use std::thread;
use std::time::{Duration, Instant};

use semsearch_store::{IndexConfig, ServerFailure, StoreError, Written};
use tokio_postgres::types::Type;

use super::cluster::Cluster;
use super::nearest::{VectorIndex, operator};
use super::session::{Session, in_schema};
use super::state::{Counts, NEVER, State, visible};
use super::store::PostgresStore;
use super::vacuum;

/// Tells this program's locks from those of others. The first is held by whoever writes.
pub(crate) const LOCKS: i32 = 0x7365_6d73;

/// The lock that is held by each session which copies passages.
const COPIES: i32 = LOCKS + 1;

/// The key of an index's locks: the number of its table `store`, which is a parameter. The number of a table has no sign, the
/// key of a lock has one.
const KEY: &str = "((to_regclass($1)::oid::bigint << 32) >> 32)::int";

/// How often a lock is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// A server notices a moment later that a writer's process has ended. Until then it holds the index for it. So whoever comes
/// next waits this long, also if it does not want to wait for a writer.
const LETTING_GO: Duration = Duration::from_secs(1);

/// Statements of a commit may take as long as they need.
pub(crate) const ENDLESS: Duration = Duration::from_secs(7 * 24 * 3600);

/// A generation that is open until it is committed or given up, by other processes than those that write it.
pub struct Generation<'a> {
    store: &'a PostgresStore,
    session: Session,
    cluster: Cluster,
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// By the only writer, or by whoever ends a generation.
    Alone,
    /// By one of several writers of an open generation.
    Together,
}

/// Takes the index for writing, for as long as the session lasts.
///
/// # Errors
/// [`StoreError::Locked`]: another process holds it.
pub(crate) fn lock(session: &Session, schema: &str, hold: Hold, wait: Duration) -> Result<(), StoreError> {
    let until = Instant::now() + wait.max(LETTING_GO);
    take_lock(session, schema, (LOCKS, hold), until)?;
    if hold == Hold::Alone {
        // A server may still copy what a writer that is gone had sent.
        take_lock(session, schema, (COPIES, hold), until)?;
        let sql = format!("SELECT pg_advisory_unlock({COPIES}, {KEY})");
        session.query("taking the index for writing", &sql, &[(&in_schema(schema, "store"), Type::TEXT)])?;
    }
    Ok(())
}

/// Says that this session copies passages, for as long as it lasts.
pub(crate) fn lock_copies(session: &Session, schema: &str) -> Result<(), StoreError> {
    take_lock(session, schema, (COPIES, Hold::Together), Instant::now())
}

fn take_lock(session: &Session, schema: &str, lock: (i32, Hold), until: Instant) -> Result<(), StoreError> {
    let (class, hold) = lock;
    let function = match hold {
        Hold::Alone => "pg_try_advisory_lock",
        Hold::Together => "pg_try_advisory_lock_shared",
    };
    let sql = format!("SELECT {function}({class}, {KEY})");
    let store = in_schema(schema, "store");
    loop {
        let row = session.one("taking the index for writing", &sql, &[(&store, Type::TEXT)])?;
        if row.get(0) {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(StoreError::Locked { dir: session.place().into(), holder: holder(session, class, &store)? });
        }
        thread::sleep(TRY_AGAIN);
    }
}

/// Gives the index back.
pub(crate) fn unlock(session: &Session) -> Result<(), StoreError> {
    session.query("giving the index back", "SELECT pg_advisory_unlock_all()", &[]).map(drop)
}

/// Who writes the index with this table, for a message.
fn holder(session: &Session, class: i32, store: &str) -> Result<String, StoreError> {
    let sql = "SELECT a.pid, coalesce(host(a.client_addr), 'the same machine') FROM pg_locks l \
               JOIN pg_stat_activity a ON a.pid = l.pid AND a.datname = current_database() \
               WHERE l.locktype = 'advisory' AND l.granted AND l.database = a.datid AND l.classid::bigint = $1 \
               AND l.objid = to_regclass($2)::oid AND a.pid <> pg_backend_pid() ORDER BY a.backend_start LIMIT 1";
    let parameters: [super::session::Parameter<'_>; 2] = [(&i64::from(class), Type::INT8), (&store, Type::TEXT)];
    let rows = session.query("asking who writes", sql, &parameters)?;
    Ok(rows.first().map_or_else(String::new, |row| {
        format!(" (server process {}, from {})", row.get::<_, i32>(0), row.get::<_, &str>(1))
    }))
}

/// Opens a new generation and returns its number.
pub(crate) fn start(session: &Session, schema: &str, explicit: bool) -> Result<i32, StoreError> {
    let (store, generations) = (in_schema(schema, "store"), in_schema(schema, "generations"));
    let sql = format!(
        "WITH next AS (UPDATE {store} SET last_generation = last_generation + 1 RETURNING last_generation) \
         INSERT INTO {generations} (number, state, explicit) SELECT last_generation, 'open', $1 FROM next RETURNING number"
    );
    Ok(session.one("opening a generation", &sql, &[(&explicit, Type::BOOL)])?.get(0))
}

/// A new batch of an open generation.
pub(crate) fn batch(session: &Session, schema: &str, generation: i32) -> Result<i64, StoreError> {
    let batches = in_schema(schema, "batches");
    let sql = format!("INSERT INTO {batches} (generation) VALUES ($1) RETURNING number");
    Ok(session.one("beginning a batch", &sql, &[(&generation, Type::INT4)])?.get(0))
}

/// Says that all of a batch is on the shards.
pub(crate) fn seal(session: &Session, schema: &str, batch: i64) -> Result<(), StoreError> {
    let (batches, generations) = (in_schema(schema, "batches"), in_schema(schema, "generations"));
    let sql = format!(
        "UPDATE {batches} b SET sealed = true FROM {generations} g \
         WHERE b.number = $1 AND g.number = b.generation AND g.state = 'open' RETURNING b.number"
    );
    match session.query("sealing a batch", &sql, &[(&batch, Type::INT8)])?.is_empty() {
        true => Err(StoreError::Displaced { dir: session.place().into() }),
        false => Ok(()),
    }
}

/// The sealed batches of a generation.
pub(crate) fn sealed(session: &Session, schema: &str, generation: i32) -> Result<Vec<i64>, StoreError> {
    let sql = format!("SELECT number FROM {} WHERE generation = $1 AND sealed", in_schema(schema, "batches"));
    let rows = session.query("reading which batches are sealed", &sql, &[(&generation, Type::INT4)])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Gives a generation up, and removes what shards have of it.
pub(crate) fn give_up(session: &mut Session, cluster: &Cluster, generation: i32) -> Result<(), StoreError> {
    let (batches, generations) = (in_schema(&cluster.schema, "batches"), in_schema(&cluster.schema, "generations"));
    // Whatever comes late is not counted from now on.
    let sql = format!("UPDATE {generations} SET state = 'aborted', ended = now() WHERE number = $1 AND state = 'open'");
    session.query("giving a generation up", &sql, &[(&generation, Type::INT4)])?;
    clean(session, cluster, generation)?;
    // Until this, the batches say that something may be left.
    let sql = format!("DELETE FROM {batches} WHERE generation = $1");
    session.query("giving a generation up", &sql, &[(&generation, Type::INT4)]).map(drop)
}

/// Gives up what was left open by a writer that is gone, and removes what could not be removed when a generation was given
/// up, since a shard was not there. Whoever holds the index alone calls this first.
pub(crate) fn clear(session: &mut Session, cluster: &Cluster) -> Result<(), StoreError> {
    if let Some((open, false)) = State::read(session, &cluster.schema)?.open {
        give_up(session, cluster, open)?;
    }
    let sql = format!(
        "SELECT DISTINCT b.generation FROM {} b JOIN {} g ON g.number = b.generation WHERE g.state = 'aborted'",
        in_schema(&cluster.schema, "batches"),
        in_schema(&cluster.schema, "generations")
    );
    for row in session.query("looking for what was given up", &sql, &[])? {
        give_up(session, cluster, row.get(0))?;
    }
    Ok(())
}

/// Removes what shards have of a generation.
pub(crate) fn clean(session: &mut Session, cluster: &Cluster, generation: i32) -> Result<(), StoreError> {
    let (passages, words, removals) = (cluster.table("passages"), cluster.table("words"), cluster.table("removals"));
    let terms = cluster.table("terms");
    let sql = format!(
        "{};
         DELETE FROM {passages} WHERE added = {generation};
         UPDATE {passages} SET removed = {NEVER} WHERE removed = {generation};
         DELETE FROM {words} WHERE generation = {generation};
         DELETE FROM {terms} WHERE generation = {generation};
         DELETE FROM {removals} WHERE generation = {generation};",
        wait_for_others(cluster)
    );
    session.run_on("removing what was not committed", &cluster.shards, &sql)
}

/// The statement by which a shard waits for what others have begun to write. The sessions of a coordinator that crashed can
/// still be on the shard, and may have something to do.
fn wait_for_others(cluster: &Cluster) -> String {
    let (passages, removals) = (cluster.table("passages"), cluster.table("removals"));
    format!("LOCK TABLE ONLY {passages}, ONLY {removals} IN SHARE ROW EXCLUSIVE MODE")
}

/// Commits the open generation, in which all writers have sealed their batches or are gone.
pub(crate) fn commit(
    session: &mut Session,
    cluster: &Cluster,
    config: &IndexConfig,
    generation: i32,
    afresh: bool,
) -> Result<Written, StoreError> {
    let settled = settle(session, cluster, generation, afresh)?;
    let counts = count(session, cluster, generation)?;
    index_vectors(session, cluster, config)?;
    let (store, generations, batches) = (
        in_schema(&cluster.schema, "store"),
        in_schema(&cluster.schema, "generations"),
        in_schema(&cluster.schema, "batches"),
    );
    let sql = format!(
        "WITH done AS (UPDATE {generations} SET state = 'committed', ended = now(), documents = $2, passages = $3, \
         words = $4, longest = $5, settled = $7 WHERE number = $1 AND state = 'open' RETURNING number), \
         forgotten AS (DELETE FROM {batches} WHERE generation = $1) \
         UPDATE {store} SET committed = done.number, config = $6 FROM done RETURNING committed"
    );
    let config = serde_json::to_string(config).unwrap_or_default();
    let parameters: [super::session::Parameter<'_>; 7] = [
        (&generation, Type::INT4),
        (&counts.documents, Type::INT8),
        (&counts.passages, Type::INT8),
        (&counts.words, Type::INT8),
        (&counts.longest, Type::FLOAT8),
        (&config, Type::TEXT),
        (&settled, Type::INT8),
    ];
    if session.query("committing", &sql, &parameters)?.is_empty() {
        return Err(StoreError::Displaced { dir: session.place().into() });
    }
    let (documents, passages) = (counts.documents as u64, counts.passages as u64);
    Ok(Written { commits: 1, documents, passages, ..Written::default() })
}

/// Makes of what writers left on the shards what readers will see. Returns the number by which readers know that a shard has
/// it: each time it gets another one.
fn settle(session: &mut Session, cluster: &Cluster, generation: i32, afresh: bool) -> Result<i64, StoreError> {
    let next = format!("UPDATE {} SET settles = settles + 1 RETURNING settles", cluster.table("store"));
    let settled: i64 = session.one("settling the generation", &next, &[])?.get(0);
    let (passages, words, removals) = (cluster.table("passages"), cluster.table("words"), cluster.table("removals"));
    let terms = cluster.table("terms");
    let batches: Vec<String> = sealed(session, &cluster.schema, generation)?.iter().map(ToString::to_string).collect();
    let sealed = match batches.is_empty() {
        true => "false".to_owned(),
        false => format!("batch IN ({})", batches.join(",")),
    };
    // With `afresh`, everything that was there before goes.
    let replaced = match afresh {
        true => "true".to_owned(),
        false => format!(
            "(slot, id) IN (SELECT slot, id FROM {passages} WHERE added = {generation} \
             UNION SELECT slot, id FROM {removals} WHERE generation = {generation})"
        ),
    };
    let aborted = State::read(session, &cluster.schema)?.aborted;
    let seen = visible(generation - 1, &aborted);
    let sql = format!(
        "{};
         DELETE FROM {passages} WHERE added = {generation} AND NOT ({sealed});
         DELETE FROM {removals} WHERE generation = {generation} AND NOT ({sealed});
         DELETE FROM {passages} p USING (SELECT slot, id, max(document) AS latest FROM {passages}
             WHERE added = {generation} GROUP BY slot, id HAVING min(document) < max(document)) d
             WHERE p.added = {generation} AND p.slot = d.slot AND p.id = d.id AND p.document < d.latest;
         DELETE FROM {passages} p USING {removals} r WHERE r.generation = {generation}
             AND p.added = {generation} AND p.slot = r.slot AND p.id = r.id AND p.document < r.document;
         UPDATE {passages} SET removed = {NEVER} WHERE removed = {generation};
         UPDATE {passages} SET removed = {generation} WHERE {seen} AND {replaced};
         DELETE FROM {words} WHERE generation = {generation};
         INSERT INTO {words} (word, generation, passages)
             SELECT word, {generation}, sum(times) FROM (
                 SELECT unnest(words) AS word, 1 AS times FROM {passages} WHERE added = {generation}
                 UNION ALL SELECT unnest(words), -1 FROM {passages} WHERE removed = {generation}) w
             GROUP BY word HAVING sum(times) <> 0;
         DELETE FROM {terms} WHERE generation = {generation};
         INSERT INTO {terms} (term, generation, passages)
             SELECT term, {generation}, sum(times) FROM (
                 SELECT unnest(facts) AS term, 1 AS times FROM {passages} WHERE added = {generation}
                 UNION ALL SELECT unnest(facts), -1 FROM {passages} WHERE removed = {generation}) t
             GROUP BY term HAVING sum(times) <> 0;
         UPDATE {} SET settled = {settled};",
        wait_for_others(cluster),
        cluster.table("shard")
    );
    session.run_on("settling the generation", &cluster.shards, &sql)?;
    // Without statistics, a shard cannot know that nearly all of its passages are seen.
    let analyze = format!("SET LOCAL default_statistics_target = 10; ANALYZE {passages} (added, removed, slot, id);");
    session.run_on("gathering statistics", &cluster.shards, &analyze)?;
    Ok(settled)
}

/// What there is with the generation, from what there was before it.
fn count(session: &mut Session, cluster: &Cluster, generation: i32) -> Result<Counts, StoreError> {
    let passages = cluster.table("passages");
    let sum = |sign: &str, column: &str| {
        format!(
            "SELECT {sign}count(DISTINCT document), {sign}count(*), {sign}coalesce(sum(length), 0)::bigint, \
             coalesce(max(vector_norm(embedding)), 0)::float8 FROM {passages} WHERE {column} = {generation}"
        )
    };
    let sql = format!("{} UNION ALL {}", sum("", "added"), sum("-", "removed"));
    let columns = "documents bigint, passages bigint, words bigint, longest float8";
    let answers = session.ask_all("counting", &cluster.shards, &sql, columns)?;
    let mut counts = State::read(session, &cluster.schema)?.counts;
    for row in answers.iter().flatten() {
        counts.documents += row.get::<_, i64>(0);
        counts.passages += row.get::<_, i64>(1);
        counts.words += row.get::<_, i64>(2);
        counts.longest = counts.longest.max(row.get(3));
    }
    Ok(counts)
}

/// Makes the indexes of vectors that the recipe asks for and that are not there. An index of vectors is built several times
/// faster over all vectors than vector by vector.
fn index_vectors(session: &mut Session, cluster: &Cluster, config: &IndexConfig) -> Result<(), StoreError> {
    let (_, class) = operator(config.metric);
    let partitions = usize::from(cluster.partitions()).max(1);
    let method = match VectorIndex::of(&config.factory)? {
        VectorIndex::None => return Ok(()),
        VectorIndex::Hnsw { links } => {
            // Partitions are small, and each is searched: with half of the links, recall is the same and a build takes a part
            // of the time.
            let m = (links / 2).clamp(2, 100);
            format!(
                "hnsw ((embedding::vector({})) {class}) WITH (m = {m}, ef_construction = {})",
                config.dim,
                (8 * m).max(64)
            )
        }
        VectorIndex::Ivf { lists } => {
            let lists = (lists / partitions).max(1);
            format!("ivfflat ((embedding::vector({})) {class}) WITH (lists = {lists})", config.dim)
        }
    };
    let there = format!("to_regclass({}) IS NULL", super::literal::verbatim(&cluster.table("nearest")));
    let sql = format!(
        "IF {there} AND EXISTS (SELECT FROM {passages}) THEN
             IF pg_size_bytes(current_setting('maintenance_work_mem')) < 268435456 THEN
                 SET LOCAL maintenance_work_mem = '256MB';
             END IF;
             CREATE INDEX nearest ON {passages} USING {method};
         END IF;",
        passages = cluster.table("passages")
    );
    session.run_on("building the index of vectors", &cluster.shards, &sql)
}

impl<'a> Generation<'a> {
    /// Takes the index to open or end a generation.
    ///
    /// # Errors
    /// There is no index, or another process writes it for longer than `wait`.
    pub fn take(store: &'a PostgresStore, wait: Duration) -> Result<Self, StoreError> {
        let shared = store.shared();
        let session = shared.connect(None)?;
        // Whether there is an index is told before its lock is looked for.
        State::read(&session, &shared.schema)?;
        lock(&session, &shared.schema, Hold::Alone, wait)?;
        let cluster = Cluster::read(&session, &shared.schema)?;
        Ok(Self { store, session, cluster })
    }

    /// Opens a generation that several processes may write, until it is committed or given up. Returns its number.
    ///
    /// # Errors
    /// One is open already.
    pub fn begin(mut self) -> Result<i32, StoreError> {
        if let Some((open, true)) = self.state()?.open {
            let what = format!("generation {open} is open already");
            return Err(self.store.refused(what, ServerFailure::Other));
        }
        clear(&mut self.session, &self.cluster)?;
        vacuum::old(&mut self.session, &self.cluster, vacuum::KEPT)?;
        start(&self.session, &self.cluster.schema, true)
    }

    /// Commits the open generation. If the last one that was opened for several processes is committed already, as it is
    /// when a process died after it had committed, nothing is done ([`Written::commits`] is 0).
    ///
    /// # Errors
    /// No generation is open, or nothing says how the index is made.
    pub fn commit(mut self) -> Result<Written, StoreError> {
        let state = self.state()?;
        if state.open.is_none() && self.was_explicit(state.committed)? {
            let (documents, passages) = (state.counts.documents as u64, state.counts.passages as u64);
            return Ok(Written { documents, passages, ..Written::default() });
        }
        let (open, config) = (self.open()?, state.config);
        let none = || self.store.refused("nothing was ever written into this store", ServerFailure::Other);
        commit(&mut self.session, &self.cluster, &config.ok_or_else(none)?, open, false)
    }

    /// Gives the open generation up. Returns its number.
    ///
    /// # Errors
    /// No generation is open.
    pub fn abort(mut self) -> Result<i32, StoreError> {
        let open = self.open()?;
        give_up(&mut self.session, &self.cluster, open)?;
        Ok(open)
    }

    /// Removes what no reader can need any more: of generations that were given up, and passages that were removed.
    /// Readers of older generations are told to open the index again. Returns how many passages went.
    ///
    /// # Errors
    /// A shard cannot be reached.
    pub fn vacuum(mut self) -> Result<u64, StoreError> {
        clear(&mut self.session, &self.cluster)?;
        vacuum::all(&mut self.session, &self.cluster)
    }

    /// Whether the newest generation of all is this one, and was opened for several processes.
    fn was_explicit(&self, committed: i32) -> Result<bool, StoreError> {
        let sql = format!(
            "SELECT explicit AND number = $1 FROM {} ORDER BY number DESC LIMIT 1",
            in_schema(&self.cluster.schema, "generations")
        );
        Ok(self.session.one("reading the last generation", &sql, &[(&committed, Type::INT4)])?.get(0))
    }

    fn state(&self) -> Result<State, StoreError> {
        State::read(&self.session, &self.cluster.schema)
    }

    fn open(&self) -> Result<i32, StoreError> {
        let open = self.state()?.open.map(|(open, _)| open);
        open.ok_or_else(|| self.store.refused("no generation is open", ServerFailure::Other))
    }
}
