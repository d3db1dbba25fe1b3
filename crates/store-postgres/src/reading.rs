//! One generation, and how shards are asked about it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use semsearch_filter::{Filter, TermRange};
use semsearch_store::{ServerFailure, StoreError};
use tokio_postgres::Row;

use super::cluster::{Cluster, Shard};
use super::failure::refused;
use super::remembered::Remembered;
use super::session::{Session, in_schema};
use super::sql_filter::{KnownTerms, condition, ranges, within};
use super::state::{State, visible_counts};
use super::store::Shared;

/// The most terms of a range that are looked up one by one.
const MOST_TERMS: usize = 512;

/// How many ranges are remembered.
const KEPT_RANGES: usize = 64;

/// One generation of an index.
pub(crate) struct Reading {
    pub(crate) shared: Arc<Shared>,
    pub(crate) cluster: Cluster,
    pub(crate) state: State,
    /// The terms in ranges of filters, as far as they were looked up.
    terms: Mutex<HashMap<TermRange, Option<Vec<Vec<u8>>>>>,
    /// Passages that were fetched a moment ago.
    pub(crate) remembered: Remembered,
    /// The shards that could not be asked, where an incomplete answer is accepted.
    left_out: Mutex<BTreeSet<String>>,
}

impl Reading {
    pub(crate) fn new(shared: Arc<Shared>, cluster: Cluster, state: State) -> Self {
        Self {
            shared,
            cluster,
            state,
            terms: Mutex::default(),
            remembered: Remembered::default(),
            left_out: Mutex::default(),
        }
    }

    /// The condition that a passage is seen and passes `filter`.
    pub(crate) fn seen(&self, filter: Option<&Filter>) -> Result<String, StoreError> {
        let visible = self.state.visible();
        Ok(match filter {
            Some(filter) => format!("{visible} AND {}", self.passes(filter)?),
            None => visible,
        })
    }

    /// The condition that a passage passes `filter`.
    pub(crate) fn passes(&self, filter: &Filter) -> Result<String, StoreError> {
        let mut known = KnownTerms::new();
        for range in ranges(filter) {
            if let Some(terms) = self.terms_in(&range)? {
                known.insert(range, terms);
            }
        }
        Ok(condition(filter, &known))
    }

    /// The terms of passages that lie in a range; `None` if there are too many.
    fn terms_in(&self, range: &TermRange) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        let kept = || self.terms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(terms) = kept().get(range) {
            return Ok(terms.clone());
        }
        let sql = format!(
            "SELECT DISTINCT term FROM {} WHERE {} AND {} LIMIT {}",
            self.cluster.table("terms"),
            within("term", range),
            visible_counts(self.state.committed, &self.state.aborted),
            MOST_TERMS + 1
        );
        let answers = self.ask("looking up the values of a filter", &sql, "term bytea")?;
        let mut terms: Vec<Vec<u8>> = answers.iter().flatten().map(|row| row.get(0)).collect();
        terms.sort_unstable();
        terms.dedup();
        let terms = Some(terms).filter(|terms| terms.len() <= MOST_TERMS);
        let mut kept = kept();
        if kept.len() >= KEPT_RANGES {
            kept.clear();
        }
        kept.insert(range.clone(), terms.clone());
        Ok(terms)
    }

    /// The table of passages on shards.
    pub(crate) fn passages(&self) -> String {
        self.cluster.table("passages")
    }

    /// What each shard answers to the same statement.
    pub(crate) fn ask(&self, what: &str, sql: &str, columns: &str) -> Result<Vec<Vec<Row>>, StoreError> {
        self.ask_with("", what, sql, columns)
    }

    /// What each shard answers, if it searches with these settings.
    pub(crate) fn ask_with(
        &self,
        settings: &str,
        what: &str,
        sql: &str,
        columns: &str,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        let asked = self.cluster.shards.iter().map(|shard| (shard.clone(), sql.to_owned())).collect();
        self.ask_these(settings, what, asked, columns)
    }

    /// What shards answer about the passages under `keys`. Each is asked about its own.
    pub(crate) fn ask_about(
        &self,
        what: &str,
        keys: &[u64],
        sql: impl Fn(&str) -> String,
        columns: &str,
    ) -> Result<Vec<Row>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let asked = self.cluster.by_shard(keys).into_iter().map(|(shard, keys)| {
            let mut slots: Vec<u16> = keys.iter().map(|key| super::slot::of_key(*key)).collect();
            slots.sort_unstable();
            slots.dedup();
            let slots: Vec<String> = slots.iter().map(ToString::to_string).collect();
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            let these = format!("slot IN ({}) AND key IN ({})", slots.join(","), keys.join(","));
            (self.cluster.shards[shard].clone(), sql(&these))
        });
        Ok(self.ask_these("", what, asked.collect(), columns)?.into_iter().flatten().collect())
    }

    fn ask_these(
        &self,
        settings: &str,
        what: &str,
        asked: Vec<(Shard, String)>,
        columns: &str,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        let mut session = self.shared.session()?;
        session.need(&self.cluster.schema, self.state.settled);
        let shards: Vec<Shard> = asked.iter().map(|(shard, _)| shard.clone()).collect();
        match session.set(&shards, settings) {
            Err(_) if self.shared.options.partial => {}
            outcome => outcome?,
        }
        let mut rows = Vec::new();
        let mut failed = None;
        for ((shard, _), answer) in asked.iter().zip(session.ask(what, &asked, columns)) {
            match answer {
                Ok(answer) => rows.push(answer),
                Err(error) if self.may_be_left_out(shard, &error) => {
                    self.left_out.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{error}"));
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let Some(error) = failed {
            session.spoil();
            return Err(error);
        }
        // What hangs there would hold up the next statement, too.
        if !session.is_open() {
            session = self.shared.session()?;
        }
        self.check(&session)?;
        Ok(rows)
    }

    fn may_be_left_out(&self, shard: &Shard, error: &StoreError) -> bool {
        let failure = match error {
            StoreError::Server { failure, .. } => *failure,
            _ => return false,
        };
        let is_gone = matches!(failure, ServerFailure::Unreachable | ServerFailure::Slow);
        self.shared.options.partial && shard.server.is_some() && is_gone
    }

    /// Checks that no passage of this generation was removed for good.
    fn check(&self, session: &Session) -> Result<(), StoreError> {
        let sql = format!("SELECT oldest FROM {}", in_schema(&self.cluster.schema, "store"));
        let row = session.one("checking the generation", &sql, &[])?;
        if row.get::<_, i32>(0) > self.state.committed {
            let what = format!("generation {} was removed while it was read", self.state.committed);
            return Err(refused(session.place(), what, ServerFailure::Outdated));
        }
        Ok(())
    }

    /// What is known of the shards that were left out.
    pub(crate) fn left_out(&self) -> Vec<String> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// A passage is not as it was put.
    pub(crate) fn damaged(&self, key: u64, what: &str) -> StoreError {
        let place = &self.shared.place;
        StoreError::damaged(place, format!("passage {key}: {what}"))
    }
}
