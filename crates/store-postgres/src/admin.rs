//! Making and checking the tables of a store.

use std::fmt::Write;

use semsearch_store::{ServerFailure, StoreError, Verified};
use tokio_postgres::types::Type;

use super::cluster::Shard;
use super::dropping::drop_own_tables;
use super::failure::refused;
use super::generation::LOCKS;
use super::literal::{name, verbatim};
use super::reading::Reading;
use super::schema;
use super::session::{Session, in_schema};
use super::slot;
use super::state::State;
use super::store::PostgresStore;

/// The oldest release of PostgreSQL that is supported: the first whose COPY sends rows to a shard in batches.
const OLDEST_SERVER: i32 = 160_000;

/// The oldest release of pgvector that is supported: the first whose indexes go on searching if a filter leaves too few.
const OLDEST_PGVECTOR: (u32, u32) = (0, 8);

/// The lock that is held while a store is made, besides [`LOCKS`]. No table has this number.
const MAKING: i32 = 0;

/// A server that holds passages, as whoever makes a store names it.
#[derive(Clone, PartialEq, Eq)]
pub struct ShardServer {
    /// The host and port of the server, then those of its replicas.
    pub hosts: Vec<(String, u16)>,
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// The password, if there is one.
    pub password: Option<String>,
}

impl std::fmt::Debug for ShardServer {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShardServer")
            .field("hosts", &self.hosts)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// How a store is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateOptions {
    /// The servers that hold passages; none if the coordinator holds them itself.
    pub servers: Vec<ShardServer>,
    /// How many partitions passages are spread over, for good.
    pub partitions: u16,
}

/// Makes the tables of a store.
///
/// # Errors
/// There is a store, or a schema with other things in it; a server is too old, lacks an extension, cannot be reached, or
/// refuses. Nothing is left behind then.
pub fn create(store: &PostgresStore, options: &CreateOptions) -> Result<(), StoreError> {
    let (servers, partitions) = (options.servers.len(), usize::from(options.partitions));
    if options.partitions == 0 || options.partitions > slot::MOST || partitions < servers {
        let most = slot::MOST;
        let message = format!("{partitions} partitions: there are 1 to {most}, and one for each server at least");
        return Err(StoreError::Unsupported(message));
    }
    let schema = &store.shared().schema;
    let mut session = store.shared().connect(None)?;
    check_server(&session)?;
    check_free(&session, schema)?;
    session.run("making the store", "BEGIN")?;
    let mut made = Made::default();
    let outcome = make(&mut session, schema, options, &mut made).and_then(|()| commit(&session, &made.shards));
    if outcome.is_err() {
        let _ = session.run("undoing what was made", "ROLLBACK");
        undo(&mut session, schema, &made);
    }
    outcome
}

/// The shards whose tables were begun, on other servers than the coordinator. Their transactions are open until all tables
/// are made, so that a client that dies leaves nothing.
#[derive(Default)]
struct Made {
    identity: String,
    shards: Vec<Shard>,
}

/// Ends all transactions by one message, so that it does not matter whether the client lives on.
fn commit(session: &Session, shards: &[Shard]) -> Result<(), StoreError> {
    let on_shard = |shard: &Shard| format!("SELECT dblink_exec('{}', 'COMMIT');", shard.connection());
    session.run("making the store", &(shards.iter().map(on_shard).collect::<String>() + "COMMIT"))
}

/// Makes the coordinator's tables and those of each shard.
fn make(session: &mut Session, schema: &str, options: &CreateOptions, made: &mut Made) -> Result<(), StoreError> {
    let doing = "making the store";
    // Extensions cannot be made by two transactions at once.
    let schema_block = format!("BEGIN {} END", create_schema(schema));
    let mut sql = format!(
        "SELECT pg_advisory_xact_lock({LOCKS}, {MAKING}); DO {};",
        super::session::dollar_quoted(&schema_block)
    );
    let coordinator = ["vector", "postgres_fdw", "dblink"];
    let extensions = if options.servers.is_empty() { &coordinator[..1] } else { &coordinator };
    let block = format!("BEGIN {} END", extensions.iter().map(|name| create_extension(name)).collect::<String>());
    let _ = write!(sql, "DO {};", super::session::dollar_quoted(&block));
    sql.push_str(&schema::of_coordinator(schema, options.partitions));
    session.run(doing, &sql)?;
    check_pgvector(session, &Shard { number: 0, server: None, address: String::new() })?;
    made.identity = State::read(session, schema)?.identity;
    let count = options.servers.len().max(1);
    let slots = |number: usize| (0..options.partitions).filter(move |slot| usize::from(*slot) % count == number);
    for number in 0..count {
        let server = options.servers.get(number);
        let listed: Vec<String> = slots(number).map(|slot| slot.to_string()).collect();
        let named = server.map(|_| server_name(schema, number));
        let mut sql = format!(
            "INSERT INTO {} VALUES ({number}, {}, ARRAY[{}]::smallint[]);",
            in_schema(schema, "shards"),
            named.as_deref().map_or_else(|| "NULL".into(), verbatim),
            listed.join(",")
        );
        if let (Some(server), Some(named)) = (server, &named) {
            sql.push_str(&foreign_server(named, server));
            sql.push_str(&schema::foreign(schema, number, named));
        }
        session.run(doing, &sql)?;
        if let (Some(server), Some(named)) = (server, &named) {
            session.run("recording how to log in to a shard", &user_mapping(named, server))?;
        }
        let shard = Shard { number, server: named, address: server.map(address).unwrap_or_default() };
        check_shard(session, schema, &shard)?;
        let slots: Vec<u16> = slots(number).collect();
        if shard.server.is_some() {
            begin_shard(session, schema, &shard, made)?;
        }
        let tables = schema::of_shard(schema, &made.identity, number, &slots);
        session.run_on("making the shard", std::slice::from_ref(&shard), &tables)?;
    }
    Ok(())
}

/// Checks that a shard is another database, and that nothing is in the way there.
fn check_shard(session: &mut Session, schema: &str, shard: &Shard) -> Result<(), StoreError> {
    if shard.server.is_none() {
        return Ok(());
    }
    // Only in the database of the coordinator is the lock that this session holds.
    let pid: i32 = session.one("asking for the session", "SELECT pg_backend_pid()", &[])?.get(0);
    let own = format!(
        "EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() \
         AND l.locktype = 'advisory' AND l.classid = {LOCKS} AND l.objid = {MAKING} AND l.granted AND l.pid = {pid})"
    );
    let sql = format!("SELECT current_setting('server_version_num')::int, {}, {own}", objects(schema));
    let columns = "version int, objects bigint, own boolean";
    let answers = session.ask_all("looking at what is there", std::slice::from_ref(shard), &sql, columns)?;
    for row in answers.iter().flatten() {
        if row.get(2) {
            let what = format!("{} is the database of the coordinator itself", shard.address);
            return Err(refused(session.place(), what, ServerFailure::Other));
        }
        check_version(session, row.get(0), shard)?;
        refuse_objects(session, schema, row.get(1), &shard.told())?;
    }
    Ok(())
}

/// Begins to make the tables of a shard on a server of its own.
fn begin_shard(session: &mut Session, schema: &str, shard: &Shard, made: &mut Made) -> Result<(), StoreError> {
    let begin = format!("SELECT dblink_exec('{}', 'BEGIN')", shard.connection());
    session.query(&format!("making the shard{}", shard.told()), &begin, &[])?;
    made.shards.push(shard.clone());
    // The lock is that of a transaction which lasts, so nobody may wait for it for ever.
    let sql = format!(
        "FOR tried IN 1..100 LOOP
             EXIT WHEN pg_try_advisory_xact_lock({LOCKS}, {MAKING});
             IF tried = 100 THEN
                 RAISE EXCEPTION 'another store is being made in this database, or two servers are the same one';
             END IF;
             PERFORM pg_sleep(0.1);
         END LOOP;
         {} {}",
        create_schema(schema),
        create_extension("vector")
    );
    session.run_on("making the shard", std::slice::from_ref(shard), &sql)?;
    check_pgvector(session, shard)
}

/// Removes from shards what was made before something failed.
fn undo(session: &mut Session, schema: &str, made: &Made) {
    for shard in &made.shards {
        // What the coordinator knew of the shard is gone with the transaction, but the connection is still there. Only if
        // the last step failed, a shard may have committed.
        let rollback = format!("SELECT dblink_exec('{}', 'ROLLBACK')", shard.connection());
        let _ = session.query("undoing what was made", &rollback, &[]);
        let own = drop_own_tables(schema, &made.identity);
        let _ = session.run_on("undoing what was made", std::slice::from_ref(shard), &own);
    }
}

/// Makes the schema in a block. Whoever may make tables in a schema that is there need not have the right to make another.
fn create_schema(schema: &str) -> String {
    format!("IF to_regnamespace({}) IS NULL THEN CREATE SCHEMA {}; END IF;", verbatim(&name(schema)), name(schema))
}

/// Makes an extension in a block. Where there is the schema `public`, it is there: every role finds it, also if the first schema
/// is one that has the role's name.
fn create_extension(extension: &str) -> String {
    format!(
        "IF to_regnamespace('public') IS NULL THEN CREATE EXTENSION IF NOT EXISTS {extension};
         ELSE CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA public; END IF; "
    )
}

/// The name of the foreign server of a shard.
fn server_name(schema: &str, number: usize) -> String {
    let mut name = schema.to_owned();
    // Names have 63 bytes at most.
    while name.len() > 50 {
        name.pop();
    }
    format!("{name}_shard_{number}")
}

fn address(server: &ShardServer) -> String {
    server.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>().join("+")
}

fn foreign_server(named: &str, server: &ShardServer) -> String {
    let list =
        |part: fn(&(String, u16)) -> String| verbatim(&server.hosts.iter().map(part).collect::<Vec<_>>().join(","));
    format!(
        "CREATE SERVER {} FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host {}, port {}, dbname {}, connect_timeout '10', \
         extensions 'vector', async_capable 'true', batch_size '1000', fetch_size '1000');",
        name(named),
        list(|(host, _)| host.clone()),
        list(|(_, port)| port.to_string()),
        verbatim(&server.database)
    )
}

fn user_mapping(named: &str, server: &ShardServer) -> String {
    let password = server.password.as_deref().map(|password| format!(", password {}", verbatim(password)));
    format!(
        "CREATE USER MAPPING FOR CURRENT_USER SERVER {} OPTIONS (user {}{});",
        name(named),
        verbatim(&server.user),
        password.unwrap_or_default()
    )
}

/// How many tables there are in a schema.
fn objects(schema: &str) -> String {
    format!(
        "(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {})",
        verbatim(schema)
    )
}

fn check_server(session: &Session) -> Result<(), StoreError> {
    let sql = "SELECT current_setting('server_version_num')::int";
    let version = session.one("asking for the version", sql, &[])?.get(0);
    check_version(session, version, &Shard { number: 0, server: None, address: String::new() })
}

fn check_version(session: &Session, version: i32, shard: &Shard) -> Result<(), StoreError> {
    if version >= OLDEST_SERVER {
        return Ok(());
    }
    let (found, oldest) = (version / 10_000, OLDEST_SERVER / 10_000);
    let what = format!("PostgreSQL {found}{}, where {oldest} is the oldest that is supported", shard.told());
    Err(refused(session.place(), what, ServerFailure::Other))
}

fn check_free(session: &Session, schema: &str) -> Result<(), StoreError> {
    let parameters: [super::session::Parameter<'_>; 1] = [(&in_schema(schema, "store"), Type::TEXT)];
    if session.one("looking at what is there", "SELECT to_regclass($1) IS NOT NULL", &parameters)?.get(0) {
        return Err(refused(session.place(), "there is a store here already", ServerFailure::Other));
    }
    let sql = format!("SELECT {}", objects(schema));
    let count = session.one("looking at what is there", &sql, &[])?.get(0);
    refuse_objects(session, schema, count, "")
}

/// A schema with something in it is somebody else's.
fn refuse_objects(session: &Session, schema: &str, count: i64, place: &str) -> Result<(), StoreError> {
    if count == 0 {
        return Ok(());
    }
    let what = format!("the schema {schema:?}{place} is not empty, and not a store");
    Err(refused(session.place(), what, ServerFailure::Other))
}

fn check_pgvector(session: &mut Session, shard: &Shard) -> Result<(), StoreError> {
    let sql = "SELECT extversion FROM pg_extension WHERE extname = 'vector'";
    let answers = session.ask_all("asking for pgvector's version", std::slice::from_ref(shard), sql, "version text")?;
    let found: String = answers.iter().flatten().map(|row| row.get(0)).next().unwrap_or_default();
    let mut parts = found.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    if (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= OLDEST_PGVECTOR {
        return Ok(());
    }
    let what = format!("pgvector {found}{}, where 0.8 is the oldest that is supported", shard.told());
    Err(refused(session.place(), what, ServerFailure::Extension))
}

/// Checks every passage against its digests, and the counts of the committed generation.
pub(crate) fn verify(store: &PostgresStore) -> Result<Verified, StoreError> {
    let snapshot = store.open()?;
    let reading = &snapshot.reading;
    let mut found = Verified { parts: usize::from(reading.cluster.partitions()), ..Verified::default() };
    let mut faults = Vec::new();
    let mut words = 0_u64;
    let dim = snapshot.facts.config.dim;
    reading.each_row(&mut |key, copied| {
        match copied {
            Ok(passage) => {
                found.documents += u64::from(passage.first == passage.key);
                found.vectors += 1;
                found.bytes += (passage.text.len() + passage.metadata.len() + 4 * passage.vector.len()) as u64;
                words += passage.words.iter().map(|(_, times)| u64::from(*times)).sum::<u64>();
                if passage.vector.len() != dim {
                    faults.push(reading.damaged(key, "its vector has another length"));
                }
            }
            Err(fault) => faults.push(fault),
        }
        Ok(())
    })?;
    let counts = &reading.state.counts;
    let compared = [
        ("documents", found.documents, counts.documents),
        ("passages", found.vectors, counts.passages),
        ("words", words, counts.words),
    ];
    for (what, there, recorded) in compared {
        if faults.is_empty() && there != recorded as u64 {
            let message =
                format!("{there} {what} are there, and generation {} has {recorded}", reading.state.committed);
            faults.push(StoreError::damaged(&store.shared().place, message));
        }
    }
    faults.extend(miscounted(reading, "words", "word", "words")?);
    faults.extend(miscounted(reading, "terms", "term", "facts")?);
    Ok(Verified { faults, ..found })
}

/// Whether the counts of words or terms are those of the passages, which have them in the column `of_passages`.
fn miscounted(reading: &Reading, table: &str, item: &str, of_passages: &str) -> Result<Option<StoreError>, StoreError> {
    let counted = super::state::visible_counts(reading.state.committed, &reading.state.aborted);
    let sql = format!(
        "SELECT count(*) FROM (SELECT {item}, sum(times) AS times FROM (
             SELECT unnest({of_passages}) AS {item}, 1::bigint AS times FROM {} WHERE {}
             UNION ALL SELECT {item}, -passages::bigint FROM {} WHERE {counted}) a GROUP BY {item}) b WHERE times <> 0",
        reading.passages(),
        reading.seen(None)?,
        reading.cluster.table(table)
    );
    let answers = reading.ask("counting what passages have", &sql, "wrong bigint")?;
    let wrong: i64 = answers.iter().flatten().map(|row| row.get::<_, i64>(0)).sum();
    let fault = || StoreError::damaged(&reading.shared.place, format!("{wrong} {table} are counted wrongly"));
    Ok((wrong > 0).then(fault))
}
