//! What is known of a document before it is put again: from the committed generation, or from the one that is open.

use std::path::Path;

use semsearch_corpus::Document;
use semsearch_store::{StoreError, Version, content_digest};

use super::PostgresWriter;
use crate::generation;
use crate::literal::{self, with_nul};
use crate::rows::digest;
use crate::slot;

/// A document that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownDocument {
    pub(super) version: Version,
    origin: String,
}

impl PostgresWriter {
    /// Looks up documents that come next, all of them in one request.
    pub(super) fn learn(&mut self, ids: &[&str]) -> Result<(), StoreError> {
        self.known.clear();
        self.learn_ids(ids)
    }

    fn learn_ids(&mut self, ids: &[&str]) -> Result<(), StoreError> {
        self.known.extend(ids.iter().map(|id| ((*id).to_owned(), None)));
        let nothing_is_there = self.state.counts.passages == 0 && !self.together;
        if self.afresh || nothing_is_there || ids.is_empty() {
            return Ok(());
        }
        let seen = self.seen_now()?;
        let table = self.cluster.table("passages");
        let mut of_shards: Vec<Vec<&str>> = vec![Vec::new(); self.cluster.shards.len()];
        for id in ids {
            of_shards[self.cluster.shard_of(slot::of_id(id, self.cluster.partitions()))].push(id);
        }
        let asked = of_shards.into_iter().enumerate().filter(|(_, ids)| !ids.is_empty());
        let asked =
            asked.map(|(shard, ids)| (self.cluster.shards[shard].clone(), self.look_up_sql(&table, &ids, &seen)));
        let asked: Vec<_> = asked.collect();
        let columns = "id text, version bytea, origin text";
        for answer in self.session.ask("looking documents up", &asked, columns) {
            for row in answer? {
                let version = digest(row.get(1)).map_or(Version(0), Version);
                let known = KnownDocument { version, origin: with_nul(row.get(2)) };
                self.known.insert(with_nul(row.get(0)), Some(known));
            }
        }
        Ok(())
    }

    /// Which passages `p` there are for this writer, as a condition of SQL: those of the committed generation and, in an open
    /// one, what other writers have finished, so that a task that is run again finds its own documents. What they removed or
    /// replaced after it was put is not there.
    pub(super) fn seen_now(&self) -> Result<String, StoreError> {
        let seen = self.state.visible();
        let Some((generation, _)) = self.state.open.filter(|_| self.together) else { return Ok(seen) };
        let sealed = generation::sealed(&self.session, &self.cluster.schema, generation)?;
        if sealed.is_empty() {
            return Ok(seen);
        }
        let sealed: Vec<String> = sealed.iter().map(ToString::to_string).collect();
        let (passages, removals) = (self.cluster.table("passages"), self.cluster.table("removals"));
        let sealed = sealed.join(",");
        let none_later = |table: &str, when: &str| {
            format!(
                "NOT EXISTS (SELECT FROM {table} later WHERE later.{when} = {generation} \
                 AND later.batch IN ({sealed}) AND later.slot = p.slot AND later.id = p.id \
                 AND later.document > p.document)"
            )
        };
        Ok(format!(
            "(({seen}) OR (added = {generation} AND batch IN ({sealed}))) AND {} AND {}",
            // Not by the index of generations: many documents are added.
            none_later(&passages, "added + 0"),
            none_later(&removals, "generation")
        ))
    }

    /// Each id is looked for in its partition alone, by the index of ids: the planner may not turn the loop around
    /// (`OFFSET 0`), and may not take the partial index that only has first passages, all of them (`key + 0`).
    fn look_up_sql(&self, table: &str, ids: &[&str], seen: &str) -> String {
        let slots: Vec<String> = ids.iter().map(|id| slot::of_id(id, self.cluster.partitions()).to_string()).collect();
        format!(
            "SELECT p.* FROM unnest(ARRAY[{}]::smallint[], {}) wanted (slot, id) CROSS JOIN LATERAL \
             (SELECT p.id, version, origin FROM {table} p \
             WHERE p.slot = wanted.slot AND p.id = wanted.id AND key + 0 = document AND {seen} OFFSET 0) p",
            slots.join(","),
            literal::texts(ids.iter().copied())
        )
    }

    /// The document with this id, if it is there and this run has not removed it.
    pub(super) fn known_document(&mut self, id: &str) -> Result<Option<KnownDocument>, StoreError> {
        if self.gone.contains(&content_digest(id.as_bytes())) {
            return Ok(None);
        }
        if !self.known.contains_key(id) {
            self.learn_ids(&[id])?;
        }
        Ok(self.known.get(id).cloned().flatten())
    }

    /// The version of a document that is there. A record whose file was renamed has another version, so that it is put again
    /// with its new place.
    pub(super) fn known_here(&mut self, document: &Document) -> Result<Option<Version>, StoreError> {
        let Some(known) = self.known_document(&document.id)? else { return Ok(None) };
        let origin = self.inputs.origin(&document.place.input);
        let old = Path::new(&known.origin);
        let moved = known.origin != *origin && old.is_absolute() && !old.exists();
        // No document has this version.
        Ok(Some(if moved { Version(0) } else { known.version }))
    }
}
