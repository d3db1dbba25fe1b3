//! What the coordinator knows of an index: one row, and a row for each generation.

use semsearch_store::{IndexConfig, ServerFailure, StoreError};
use tokio_postgres::types::Type;

use super::failure::refused;
use super::session::{Session, in_schema};

/// The format of the tables that this release makes and understands.
pub(crate) const FORMAT: i32 = 1;

/// The generation that removed a passage which is there.
pub(crate) const NEVER: i32 = i32::MAX;

/// What a generation counted when it was committed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) documents: i64,
    pub(crate) passages: i64,
    /// The words of all passages together.
    pub(crate) words: i64,
    /// The length of the longest vector that was ever there.
    pub(crate) longest: f64,
}

/// The state of an index.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    /// Tells this index from all others.
    pub(crate) identity: String,
    /// How the index was made; `None` until the first writer says so.
    pub(crate) config: Option<IndexConfig>,
    /// The committed generation; 0 before the first one.
    pub(crate) committed: i32,
    /// The oldest generation whose passages are all still there.
    pub(crate) oldest: i32,
    pub(crate) counts: Counts,
    /// The mean length of passages by which the weights of their words were computed; `None` before the first passage.
    pub(crate) mean_length: Option<f64>,
    /// The number of the last step of this kind on the shards that belongs to the committed generation. A replica that has
    /// not got so far is behind.
    pub(crate) settled: i64,
    /// The generations that were given up.
    pub(crate) aborted: Vec<i32>,
    /// The generation that is open, and whether `store begin` opened it.
    pub(crate) open: Option<(i32, bool)>,
    /// When the index was made, and when it was committed last.
    pub(crate) created: String,
    pub(crate) updated: String,
}

impl State {
    /// Reads the state.
    ///
    /// # Errors
    /// There is no index, or one that this release cannot read.
    pub(crate) fn read(session: &Session, schema: &str) -> Result<Self, StoreError> {
        let doing = "reading the state of the index";
        let none = || StoreError::NoIndex { dir: session.place().into() };
        let there =
            session.one(doing, "SELECT to_regclass($1) IS NOT NULL", &[(&in_schema(schema, "store"), Type::TEXT)])?;
        if !there.get::<_, bool>(0) {
            return Err(none());
        }
        let (store, generations) = (in_schema(schema, "store"), in_schema(schema, "generations"));
        let sql = format!(
            "SELECT s.format, s.identity::text, s.config, s.committed, s.oldest, g.documents, g.passages, g.words, \
             g.longest, (SELECT coalesce(array_agg(number ORDER BY number), '{{}}') FROM {generations} WHERE state = 'aborted'), \
             o.number, o.explicit, to_char(s.created AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), \
             to_char(coalesce(g.ended, s.created) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), s.mean_length, \
             g.settled \
             FROM {store} s JOIN {generations} g ON g.number = s.committed \
             LEFT JOIN {generations} o ON o.state = 'open'"
        );
        let rows = session.query(doing, &sql, &[])?;
        let row = rows.first().ok_or_else(none)?;
        let found: i32 = row.get(0);
        if found != FORMAT {
            let (dir, found, supported) = (session.place().into(), found as u32, FORMAT as u32);
            return Err(StoreError::NewerFormat { dir, found, supported });
        }
        let config: Option<String> = row.get(2);
        let config = config.map(|config| serde_json::from_str(&config)).transpose();
        let unknown = |error| {
            let what = format!("the recipe of the index cannot be read: {error}");
            refused(session.place(), what, ServerFailure::Other)
        };
        Ok(Self {
            identity: row.get(1),
            config: config.map_err(unknown)?,
            committed: row.get(3),
            oldest: row.get(4),
            counts: Counts { documents: row.get(5), passages: row.get(6), words: row.get(7), longest: row.get(8) },
            aborted: row.get(9),
            open: row.get::<_, Option<i32>>(10).map(|number| (number, row.get(11))),
            created: row.get(12),
            updated: row.get(13),
            mean_length: row.get(14),
            settled: row.get(15),
        })
    }

    /// Which passages a reader of the committed generation sees, as a condition of SQL.
    pub(crate) fn visible(&self) -> String {
        visible(self.committed, &self.aborted)
    }

    /// The name of the commit.
    pub(crate) fn commit(&self) -> String {
        format!("{}-{}", self.identity, self.committed)
    }
}

/// Which passages a reader of generation `at` sees.
///
/// A shard may get a row of a generation late, when that generation was already given up: a message of a process that is
/// gone can still be on its way. So such generations are named, and count for nothing.
pub(crate) fn visible(at: i32, aborted: &[i32]) -> String {
    let aborted: Vec<String> = aborted.iter().filter(|number| **number <= at).map(ToString::to_string).collect();
    // Nearly all passages are seen, so an index of `added` would not help: the sum keeps the planner from using one.
    if aborted.is_empty() {
        return format!("added + 0 <= {at} AND removed + 0 > {at}");
    }
    let aborted = aborted.join(",");
    format!("added + 0 <= {at} AND added NOT IN ({aborted}) AND (removed + 0 > {at} OR removed IN ({aborted}))")
}

/// Which counts of words a reader of generation `at` sees.
pub(crate) fn visible_counts(at: i32, aborted: &[i32]) -> String {
    let aborted: Vec<String> = aborted.iter().filter(|number| **number <= at).map(ToString::to_string).collect();
    match aborted.is_empty() {
        true => format!("generation <= {at}"),
        false => format!("generation <= {at} AND generation NOT IN ({})", aborted.join(",")),
    }
}
