//! Removes what no reader can need any more.

use std::time::Duration;

use semsearch_store::StoreError;
use tokio_postgres::types::Type;

use super::cluster::Cluster;
use super::generation::clean;
use super::session::{Session, in_schema};
use super::state::State;

/// How long passages that were removed stay, for readers that opened an older generation.
pub(crate) const KEPT: Duration = Duration::from_secs(3600);

/// Removes passages that generations removed which were committed longer than `kept` ago. If this is interrupted, the rest
/// goes with the next ones, or with [`all`].
pub(crate) fn old(session: &mut Session, cluster: &Cluster, kept: Duration) -> Result<(), StoreError> {
    match raise_oldest(session, cluster, kept)? {
        Some(oldest) => remove_before(session, cluster, oldest).map(drop),
        None => Ok(()),
    }
}

/// Tells readers which generation is the oldest that they can read from now on. `None`: the same as before.
fn raise_oldest(session: &Session, cluster: &Cluster, kept: Duration) -> Result<Option<i32>, StoreError> {
    let (store, generations) = (in_schema(&cluster.schema, "store"), in_schema(&cluster.schema, "generations"));
    let sql = format!(
        "UPDATE {store} s SET oldest = g.number FROM (SELECT max(number) AS number FROM {generations} \
         WHERE state = 'committed' AND ended <= now() - $1 * interval '1 second') g \
         WHERE g.number > s.oldest AND g.number <= s.committed RETURNING s.oldest"
    );
    let rows = session.query("removing old passages", &sql, &[(&kept.as_secs_f64(), Type::FLOAT8)])?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// Removes passages that readers of generation `oldest` do not see any more. Returns how many.
fn remove_before(session: &mut Session, cluster: &Cluster, oldest: i32) -> Result<u64, StoreError> {
    let aborted = State::read(session, &cluster.schema)?.aborted;
    let aborted: Vec<String> = aborted.iter().map(ToString::to_string).collect();
    let excepted = |column: &str| match aborted.is_empty() {
        true => String::new(),
        false => format!(" AND {column} NOT IN ({})", aborted.join(",")),
    };
    let gone = format!("removed <= {oldest}{}", excepted("removed"));
    let (passages, words, terms) = (cluster.table("passages"), cluster.table("words"), cluster.table("terms"));
    let others = excepted("generation");
    let counted = format!("SELECT count(*) FROM {passages} WHERE {gone}");
    let counts = session.ask_all("removing old passages", &cluster.shards, &counted, "passages bigint")?;
    let sql = format!(
        "DELETE FROM {passages} WHERE {gone};
         WITH old AS (DELETE FROM {words} WHERE generation <= {oldest}{others} RETURNING word, passages)
         INSERT INTO {words} (word, generation, passages)
             SELECT word, {oldest}, sum(passages) FROM old GROUP BY word HAVING sum(passages) <> 0;
         WITH old AS (DELETE FROM {terms} WHERE generation <= {oldest}{others} RETURNING term, passages)
         INSERT INTO {terms} (term, generation, passages)
             SELECT term, {oldest}, sum(passages) FROM old GROUP BY term HAVING sum(passages) <> 0;"
    );
    session.run_on("removing old passages", &cluster.shards, &sql)?;
    Ok(counts.iter().flatten().map(|row| row.get::<_, i64>(0) as u64).sum())
}

/// Removes everything that only readers of older generations see, and what is left of generations that were given up.
/// Returns how many passages of older generations went.
pub(crate) fn all(session: &mut Session, cluster: &Cluster) -> Result<u64, StoreError> {
    let state = State::read(session, &cluster.schema)?;
    for generation in &state.aborted {
        clean(session, cluster, *generation)?;
    }
    let generations = in_schema(&cluster.schema, "generations");
    // A message of a writer that is gone cannot be on its way for a day.
    let sql = format!("DELETE FROM {generations} WHERE state = 'aborted' AND ended < now() - interval '1 day'");
    session.query("removing what was given up", &sql, &[])?;
    raise_oldest(session, cluster, Duration::ZERO)?;
    // What an interrupted run left behind goes too.
    let oldest = State::read(session, &cluster.schema)?.oldest;
    remove_before(session, cluster, oldest)
}
