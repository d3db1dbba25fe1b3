//! One connection to the coordinator, and through it one to each shard.
//!
//! A statement for shards is sent to all of them before the first answer is read. The coordinator passes it on by dblink,
//! so a client needs to reach only the coordinator, and passwords for shards stay there. A store on one server has one
//! shard, which is the coordinator itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use futures_util::future::join_all;
use semsearch_postgres_address::TlsConnector;
use semsearch_store::{ServerFailure, StoreError};
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::cluster::Shard;
use super::failure::{failed, is_of_connection, is_unclear, refused};
use super::generation::ENDLESS;
use super::io::Io;
use super::literal::name;

/// A parameter and its type.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// The rows of a shard, or why there are none.
type Answer = Result<Vec<Row>, StoreError>;

/// A connection.
pub(crate) struct Session {
    io: Io,
    client: Arc<Client>,
    tls: TlsConnector,
    place: PathBuf,
    /// The shards that are connected, by number, each with the number of what it is known to have settled.
    connected: BTreeMap<usize, i64>,
    /// What shards must have settled, and the table in which they say so.
    needed: (i64, String),
    /// The settings that shards have in this session.
    settings: String,
    /// How long a shard may take for an answer.
    patience: Duration,
    /// Whether the session is for searches.
    searches: bool,
    /// Whether the coordinator does not even stop what it waits for.
    is_stuck: bool,
}

/// Rows that are being copied.
pub(crate) struct Copying {
    outcome: Receiver<Result<u64, StoreError>>,
    place: PathBuf,
}

impl Copying {
    /// Waits until the rows are there.
    pub(crate) fn wait(self) -> Result<(), StoreError> {
        let lost = |_| refused(&self.place, "copying passages: the connection ended", ServerFailure::Unreachable);
        self.outcome.recv().map_err(lost)?.map(drop)
    }
}

/// How much longer than a shard may take is waited for what the shard itself says of that.
const GRACE: Duration = Duration::from_secs(1);

/// How long a shard may take to accept a connection. libpq's own limit is not observed by dblink (PostgreSQL 16 and newer wait
/// for a connection without it: `libpqsrv_connect_internal` in `libpq-be-fe-helpers.h`).
const CONNECTING: Duration = Duration::from_secs(30);

/// How long the coordinator may take to stop what it does.
const STOPPING: Duration = Duration::from_millis(300);

/// How servers plan searches. A planner takes arrays of words and terms for as cheap as numbers, and would rather compare
/// those of every passage than use their index.
pub(crate) const SEARCHING: &str = "SET enable_seqscan = off";

impl Session {
    pub(crate) fn new(io: Io, client: Client, tls: TlsConnector, place: &Path, patience: Option<Duration>) -> Self {
        let (connected, settings) = (BTreeMap::new(), String::new());
        let needed = (0, String::new());
        let (searches, patience) = (patience.is_some(), patience.unwrap_or(ENDLESS));
        let client = Arc::new(client);
        let is_stuck = false;
        Self { io, client, tls, place: place.into(), connected, needed, settings, patience, searches, is_stuck }
    }

    /// The place, for messages.
    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    /// Whether the connection is open, as far as is known.
    pub(crate) fn is_open(&self) -> bool {
        !self.client.is_closed() && !self.is_stuck
    }

    /// The rows of a statement of the coordinator.
    pub(crate) fn query(&self, what: &str, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, StoreError> {
        let answer = self.io.wait(self.client.query_typed(sql, parameters));
        answer.map_err(failed(&self.place, what))
    }

    /// The only row of a statement of the coordinator.
    pub(crate) fn one(&self, what: &str, sql: &str, parameters: &[Parameter<'_>]) -> Result<Row, StoreError> {
        let rows = self.query(what, sql, parameters)?;
        let none = || refused(&self.place, format!("{what}: the server gave no row"), ServerFailure::Other);
        rows.into_iter().next().ok_or_else(none)
    }

    /// Runs statements of the coordinator that give no rows, in one transaction.
    pub(crate) fn run(&self, what: &str, sql: &str) -> Result<(), StoreError> {
        self.io.wait(self.client.batch_execute(sql)).map_err(failed(&self.place, what))
    }

    /// Begins to copy rows in PostgreSQL's binary form into a table of the coordinator.
    pub(crate) fn copy(&self, what: String, table: &str, rows: Bytes) -> Copying {
        let sql = format!("COPY {table} FROM STDIN (FORMAT binary)");
        let (client, place) = (Arc::clone(&self.client), self.place.clone());
        let (done, outcome) = channel();
        self.io.spawn(async move {
            let copied = async {
                let mut sink = std::pin::pin!(client.copy_in(&sql).await?);
                sink.send(rows).await?;
                sink.finish().await
            };
            // Nobody may wait for the outcome any more.
            let _ = done.send(copied.await.map_err(failed(&place, what)));
        });
        Copying { outcome, place: self.place.clone() }
    }

    /// What each of these shards answers to its statement. `columns` are the names and types of the columns.
    pub(crate) fn ask(&mut self, what: &str, asked: &[(Shard, String)], columns: &str) -> Vec<Answer> {
        let answers = self.ask_once(what, asked, columns);
        let broken = |answer: &Answer| answer.as_ref().is_err_and(is_of_connection);
        let again: Vec<usize> = (0..answers.len()).filter(|&place| broken(&answers[place])).collect();
        if again.is_empty() || !self.is_open() {
            return answers;
        }
        // A shard may have been restarted, or a replica may take its place.
        let mut answers = answers;
        again.iter().for_each(|&place| self.disconnect(&asked[place].0));
        let repeated: Vec<(Shard, String)> = again.iter().map(|&place| asked[place].clone()).collect();
        for (place, answer) in again.into_iter().zip(self.ask_once(what, &repeated, columns)) {
            // Within a transaction, the second attempt only says that the first one failed.
            if !answer.as_ref().is_err_and(is_unclear) {
                answers[place] = answer;
            }
        }
        answers
    }

    /// What all of these shards answer to the same statement.
    ///
    /// # Errors
    /// One of them fails.
    pub(crate) fn ask_all(
        &mut self,
        what: &str,
        shards: &[Shard],
        sql: &str,
        columns: &str,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        let asked: Vec<(Shard, String)> = shards.iter().map(|shard| (shard.clone(), sql.to_owned())).collect();
        self.ask(what, &asked, columns).into_iter().collect()
    }

    /// Runs statements that give no rows on all of these shards at once, each shard in one transaction. They are not run
    /// again if a connection breaks.
    pub(crate) fn run_on(&mut self, what: &str, shards: &[Shard], sql: &str) -> Result<(), StoreError> {
        // dblink reads one answer for each statement; a block is one statement.
        let block = format!("DO {}", dollar_quoted(&format!("BEGIN {sql} END")));
        let asked: Vec<(Shard, String)> = shards.iter().map(|shard| (shard.clone(), block.clone())).collect();
        self.ask_once(what, &asked, "status text").into_iter().collect::<Result<Vec<_>, _>>().map(drop)
    }

    /// Sets how shards search their indexes of vectors, for all statements that follow; without settings, nothing changes.
    /// Other statements are not affected.
    pub(crate) fn set(&mut self, shards: &[Shard], settings: &str) -> Result<(), StoreError> {
        if settings.is_empty() || self.settings == settings {
            return Ok(());
        }
        let sql = format!("SELECT {settings}");
        let nothing = "a text, b text, c text, d text, e text";
        self.ask_all("setting how shards search", shards, &sql, nothing)?;
        self.settings = settings.to_owned();
        Ok(())
    }

    /// Forgets a broken connection to a shard.
    fn disconnect(&mut self, shard: &Shard) {
        if self.connected.remove(&shard.number).is_some() {
            let sql = format!("SELECT dblink_disconnect('{}')", shard.connection());
            let _ = self.io.wait(self.client.query_typed(&sql, &[]));
        }
        // The new connection has none of the settings.
        self.settings.clear();
    }

    fn ask_once(&mut self, what: &str, asked: &[(Shard, String)], columns: &str) -> Vec<Answer> {
        let connected: Vec<Result<(), StoreError>> = asked.iter().map(|(shard, _)| self.connect(shard)).collect();
        let client = &*self.client;
        let place = &self.place;
        let answers = self.io.wait(async {
            let send = async |((shard, sql), connected): (&(Shard, String), &Result<(), StoreError>)| match connected {
                Ok(()) => send(client, shard, sql).await,
                // An answer that nobody reads would come before the next one.
                Err(_) => Ok(false),
            };
            let sent = join_all(asked.iter().zip(&connected).map(send)).await;
            let each = asked.iter().zip(sent).zip(connected).map(async |(((shard, sql), sent), connected)| {
                connected?;
                let told = || format!("{what}{}", shard.told());
                if !sent.map_err(failed(place, told()))? {
                    let what = format!("{}: the connection is broken", told());
                    return Err(refused(place, what, ServerFailure::Unreachable));
                }
                receive(client, shard, sql, columns).await.map_err(failed(place, told()))
            });
            // The coordinator reads one answer after the other, so one that does not come holds up all that follow. Each
            // takes two statements.
            self.limited(self.patience, join_all(each), 2 * asked.len()).await
        });
        let Some((mut answers, stopped)) = answers else {
            self.is_stuck = true;
            return asked.iter().map(|(shard, _)| Err(self.too_slow(what, shard, self.patience))).collect();
        };
        for ((shard, _), answer) in asked.iter().zip(&mut answers).filter(|(_, answer)| stopped && is_slow(answer)) {
            *answer = Err(self.too_slow(what, shard, self.patience));
            self.disconnect(shard);
        }
        answers
    }

    /// Waits for `future`. If that takes too long, the coordinator is told to stop what it does, so many times, until the
    /// future ends. Returns also whether it was told so; `None` if the future does not even end then.
    async fn limited<T>(&self, patience: Duration, future: impl Future<Output = T>, stops: usize) -> Option<(T, bool)> {
        let mut future = std::pin::pin!(future);
        if let Ok(outcome) = timeout(patience + GRACE, &mut future).await {
            return Some((outcome, false));
        }
        for _ in 0..stops {
            let _ = timeout(GRACE, self.client.cancel_token().cancel_query(self.tls.clone())).await;
            if let Ok(outcome) = timeout(STOPPING, &mut future).await {
                return Some((outcome, true));
            }
        }
        None
    }

    /// The rows of a short statement by which the coordinator asks a shard.
    fn through(&mut self, what: &str, shard: &Shard, sql: &str, asked: &[Parameter<'_>]) -> Answer {
        let patience = self.patience.min(CONNECTING);
        match self.io.wait(self.limited(patience, self.client.query_typed(sql, asked), 1)) {
            Some((Ok(rows), _)) => Ok(rows),
            Some((Err(error), false)) => Err(failed(&self.place, format!("{what}{}", shard.told()))(error)),
            Some((Err(_), true)) => Err(self.too_slow(what, shard, patience)),
            None => {
                self.is_stuck = true;
                Err(self.too_slow(what, shard, patience))
            }
        }
    }

    /// The error of a shard that does not answer in time.
    fn too_slow(&self, what: &str, shard: &Shard, patience: Duration) -> StoreError {
        let what = format!("{what}{}: no answer for {} s", shard.told(), patience.as_secs());
        refused(&self.place, what, ServerFailure::Slow)
    }

    /// Connects the coordinator to a shard, if it is not connected.
    ///
    /// # Errors
    /// The shard does not answer in time, or refuses.
    pub(crate) fn connect(&mut self, shard: &Shard) -> Result<(), StoreError> {
        let Some(server) = &shard.server else { return Ok(()) };
        if self.connected.contains_key(&shard.number) {
            return self.check_settled(shard);
        }
        let sql = format!("SELECT dblink_connect('{}', $1)", shard.connection());
        self.through("connecting", shard, &sql, &[(server, Type::TEXT)])?;
        self.connected.insert(shard.number, 0);
        if self.searches {
            // What a shard itself stops does not hold up the answers of others. It may have a limit already.
            let set = format!(
                "{SEARCHING}; DO $$ BEGIN IF current_setting('statement_timeout') = '0' THEN \
                 PERFORM set_config('statement_timeout', '{}', false); END IF; END $$",
                self.patience.as_millis()
            );
            let sql = format!("SELECT dblink_exec('{}', $1)", shard.connection());
            self.through("setting how searches are made", shard, &sql, &[(&set, Type::TEXT)])?;
        }
        self.check_settled(shard)
    }

    /// Says what shards must have settled from now on. The server that answers for a shard may be a replica that is behind.
    pub(crate) fn need(&mut self, schema: &str, settled: i64) {
        self.needed = (settled, in_schema(schema, "shard"));
    }

    /// Checks that a shard has what is needed. It is asked once for each connection and each newer generation.
    fn check_settled(&mut self, shard: &Shard) -> Result<(), StoreError> {
        let (needed, table) = &self.needed;
        if self.connected.get(&shard.number).is_some_and(|settled| settled >= needed) {
            return Ok(());
        }
        let (needed, asked) = (*needed, format!("SELECT settled FROM {table}"));
        let sql = format!("SELECT settled FROM dblink('{}', $1) AS t(settled bigint)", shard.connection());
        let rows = self.through("asking what is there", shard, &sql, &[(&asked, Type::TEXT)])?;
        let settled: i64 = rows.first().map_or(0, |row| row.get(0));
        if settled < needed {
            let what = format!("the server{} is behind: it has not got the committed generation yet", shard.told());
            return Err(refused(&self.place, what, ServerFailure::Unreachable));
        }
        self.connected.insert(shard.number, settled);
        Ok(())
    }
}

fn is_slow(answer: &Answer) -> bool {
    matches!(answer, Err(StoreError::Server { failure: ServerFailure::Slow, .. }))
}

/// Sends a statement to a shard. Returns whether it could be sent: over a connection that is broken, dblink sends nothing
/// and would then give an answer without rows. A store's only server is asked when its answer is read.
async fn send(client: &Client, shard: &Shard, sql: &str) -> Result<bool, tokio_postgres::Error> {
    if shard.server.is_none() {
        return Ok(true);
    }
    let send = format!("SELECT dblink_send_query('{}', $1)", shard.connection());
    let rows = client.query_typed(&send, &[(&sql, Type::TEXT)]).await?;
    Ok(rows.first().is_some_and(|row| row.get::<_, i32>(0) == 1))
}

/// Reads what a shard answers.
async fn receive(client: &Client, shard: &Shard, sql: &str, columns: &str) -> Result<Vec<Row>, tokio_postgres::Error> {
    if shard.server.is_none() {
        return client.query_typed(sql, &[]).await;
    }
    let connection = shard.connection();
    let receive = format!("SELECT * FROM dblink_get_result('{connection}') AS answer({columns})");
    let end = format!("SELECT * FROM dblink_get_result('{connection}') AS answer(nothing text)");
    // A connection can be used again only after the end of an answer was read, even of one that is an error.
    let (answer, end) = tokio::join!(client.query_typed(&receive, &[]), client.query_typed(&end, &[]));
    let answer = answer?;
    end.map(|_| answer)
}

/// A text between dollar signs that it does not have.
pub(crate) fn dollar_quoted(text: &str) -> String {
    let tag = (0..).map(|number| format!("$semsearch{number}$")).find(|tag| !text.contains(tag.as_str()));
    let tag = tag.unwrap_or_default();
    format!("{tag}{text}{tag}")
}

/// A name with the name of its schema.
pub(crate) fn in_schema(schema: &str, table: &str) -> String {
    format!("{}.{}", name(schema), name(table))
}
