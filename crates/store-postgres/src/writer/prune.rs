//! Documents that go: those that are named, and those that the inputs of a run do not have any more.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use semsearch_store::{StoreError, content_digest};

use super::PostgresWriter;
use crate::literal::{self, with_nul};
use crate::slot;

impl PostgresWriter {
    /// Removes a document. Returns whether there was one.
    pub(super) fn remove_document(&mut self, id: &str) -> Result<bool, StoreError> {
        let digest = content_digest(id.as_bytes());
        let put = self.seen.get_mut(&digest).is_some_and(|seen| std::mem::take(&mut seen.put));
        let known = self.known_document(id)?.is_some();
        if put {
            self.remove_put(id)?;
        }
        if known {
            self.note_removal(id.to_owned())?;
            self.gone.insert(digest);
        }
        Ok(put || known)
    }

    /// Notes that a document goes. The removal has a number as passages have, so that it counts for what was put before it in
    /// this generation, and not for what is put after it.
    fn note_removal(&mut self, id: String) -> Result<(), StoreError> {
        self.begun()?;
        let number = self.take_numbers(1)?;
        self.removals.push((number, id));
        Ok(())
    }

    /// Removes what this run put of a document.
    fn remove_put(&mut self, id: &str) -> Result<(), StoreError> {
        let (added, batch) = self.begun()?;
        let slot = slot::of_id(id, self.cluster.partitions());
        let shard = self.cluster.shard_of(slot);
        self.flush_shard(shard)?;
        self.streams[shard].wait()?;
        let (table, id) = (self.cluster.table("passages"), literal::text(id));
        let sql =
            format!("DELETE FROM {table} WHERE slot = {slot} AND id = {id} AND added = {added} AND batch = {batch};");
        self.session.run_on("removing a document", &self.cluster.shards[shard..=shard], &sql)
    }

    /// Writes to the shards which documents go.
    pub(super) fn flush_removals(&mut self) -> Result<(), StoreError> {
        if self.removals.is_empty() {
            return Ok(());
        }
        let (generation, batch) = self.begun()?;
        let removals = std::mem::take(&mut self.removals);
        let mut of_shards: Vec<Vec<String>> = vec![Vec::new(); self.cluster.shards.len()];
        for (number, id) in &removals {
            let slot = slot::of_id(id, self.cluster.partitions());
            let document = slot::key(*number, slot);
            let row = format!("({generation}, {batch}, {document}, {slot}, {})", literal::text(id));
            of_shards[self.cluster.shard_of(slot)].push(row);
        }
        let table = self.cluster.table("removals");
        for (shard, rows) in of_shards.iter().enumerate() {
            for rows in rows.chunks(1000) {
                let sql = format!("INSERT INTO {table} VALUES {};", rows.join(","));
                self.session.run_on("removing documents", &self.cluster.shards[shard..=shard], &sql)?;
            }
        }
        Ok(())
    }

    /// The files that are one of `places` or below one, that the index has documents of, and that are `gone`.
    pub(super) fn gone_origins(
        &mut self,
        places: &[PathBuf],
        gone: &dyn Fn(&Path) -> bool,
    ) -> Result<HashSet<String>, StoreError> {
        let mut origins = HashSet::new();
        if self.afresh {
            return Ok(origins);
        }
        let seen = self.seen_now()?;
        for place in places {
            let place = place.to_string_lossy();
            let below = format!("{}/", place.trim_end_matches('/'));
            // The next character after a slash is a zero.
            let after = format!("{}0", place.trim_end_matches('/'));
            let sql = format!(
                "SELECT DISTINCT origin FROM {} p WHERE key = document AND {seen} AND (origin = {} OR (origin >= {} AND origin < {}))",
                self.cluster.table("passages"),
                literal::text(&place),
                literal::text(&below),
                literal::text(&after)
            );
            let answers = self.session.ask_all("listing files", &self.cluster.shards, &sql, "origin text")?;
            let found = answers.iter().flatten().map(|row| with_nul(row.get(0)));
            origins.extend(found.filter(|origin| gone(Path::new(origin))));
        }
        Ok(origins)
    }

    /// Removes the documents that came from the inputs of this run or from a file that is gone, and that did not occur in
    /// this run, unless it is `spared`. Returns how many there were.
    pub(super) fn remove_absent(
        &mut self,
        places: &[PathBuf],
        gone: &dyn Fn(&Path) -> bool,
        spared: &dyn Fn(&Path) -> bool,
    ) -> Result<usize, StoreError> {
        let mut origins: BTreeSet<String> = self.inputs.origins().collect();
        origins.extend(self.gone_origins(places, gone)?);
        origins.retain(|origin| !spared(Path::new(origin)));
        if self.afresh || origins.is_empty() {
            return Ok(0);
        }
        let sql = format!(
            "SELECT DISTINCT id FROM {} p WHERE key = document AND {} AND origin = ANY({})",
            self.cluster.table("passages"),
            self.seen_now()?,
            literal::texts(origins.iter().map(String::as_str))
        );
        let answers = self.session.ask_all("listing documents", &self.cluster.shards, &sql, "id text")?;
        let ids: Vec<String> = answers.iter().flatten().map(|row| with_nul(row.get(0))).collect();
        let mut removed = 0;
        for id in ids {
            let digest = content_digest(id.as_bytes());
            if !self.seen.contains_key(&digest) && self.gone.insert(digest) {
                self.note_removal(id)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}
