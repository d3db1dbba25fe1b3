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

/// Removes passages that generations removed which were committed longer than `kept` ago. Returns how many.
pub(crate) fn old(session: &mut Session, cluster: &Cluster, kept: Duration) -> Result<u64, StoreError> {
    let (store, generations) = (in_schema(&cluster.schema, "store"), in_schema(&cluster.schema, "generations"));
    // Readers are told first.
    let sql = format!(
        "UPDATE {store} s SET oldest = g.number FROM (SELECT max(number) AS number FROM {generations} \
         WHERE state = 'committed' AND ended <= now() - $1 * interval '1 second') g \
         WHERE g.number > s.oldest AND g.number <= s.committed RETURNING s.oldest"
    );
    let rows = session.query("removing old passages", &sql, &[(&kept.as_secs_f64(), Type::FLOAT8)])?;
    let Some(row) = rows.first() else { return Ok(0) };
    let oldest: i32 = row.get(0);
    let aborted = State::read(session, &cluster.schema)?.aborted;
    let aborted: Vec<String> = aborted.iter().map(ToString::to_string).collect();
    let excepted = match aborted.is_empty() {
        true => String::new(),
        false => format!(" AND removed NOT IN ({})", aborted.join(",")),
    };
    let (passages, words) = (cluster.table("passages"), cluster.table("words"));
    let counted = format!("SELECT count(*) FROM {passages} WHERE removed <= {oldest}{excepted}");
    let counts = session.ask_all("removing old passages", &cluster.shards, &counted, "passages bigint")?;
    let sql = format!(
        "DELETE FROM {passages} WHERE removed <= {oldest}{excepted};
         WITH old AS (DELETE FROM {words} WHERE generation <= {oldest} RETURNING word, passages)
         INSERT INTO {words} (word, generation, passages)
             SELECT word, {oldest}, sum(passages) FROM old GROUP BY word HAVING sum(passages) <> 0;"
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
    old(session, cluster, Duration::ZERO)
}
