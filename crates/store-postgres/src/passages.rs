//! Passages, their keys, and what their metadata hold.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use semsearch_filter::Filter;
use semsearch_store::{CopiedPassage, FieldValue, StoreError, StoredPassage, Version};
use tokio_postgres::Row;

use super::literal::{self, with_nul};
use super::reading::Reading;
use super::remembered::Fetched;
use super::rows;
use super::slot;

/// How many passages are copied at a time.
const AT_ONCE: u64 = 1024;

/// How many terms are read at a time.
const TERMS: usize = 10_000;

fn key_of(row: &Row, column: usize) -> u64 {
    row.get::<_, i64>(column) as u64
}

impl Reading {
    /// For each of `keys`, the key of the first passage of the same document.
    pub(crate) fn documents(&self, keys: &[u64]) -> Result<Vec<u64>, StoreError> {
        if self.state.counts.passages == self.state.counts.documents {
            return Ok(keys.to_vec());
        }
        let known = self.remembered.of(keys);
        let asked: Vec<u64> =
            keys.iter().zip(&known).filter(|(_, known)| known.document.is_none()).map(|(key, _)| *key).collect();
        let sql = |these: &str| format!("SELECT key, document FROM {} WHERE {these}", self.passages());
        let rows =
            self.ask_about("reading which document passages belong to", &asked, sql, "key bigint, document bigint")?;
        let firsts: HashMap<u64, u64> = rows.iter().map(|row| (key_of(row, 0), key_of(row, 1))).collect();
        let first = |(key, known): (&u64, Fetched)| {
            let first = known.document.or_else(|| firsts.get(key).copied());
            first.ok_or_else(|| self.damaged(*key, "it is not there"))
        };
        keys.iter().zip(known).map(first).collect()
    }

    /// The passages under `keys`, in their order.
    pub(crate) fn stored(&self, keys: &[u64]) -> Result<Vec<StoredPassage>, StoreError> {
        let sql = |these: &str| format!("SELECT {} FROM {} WHERE {these}", rows::SHOWN, self.passages());
        let mut found = HashMap::new();
        for row in self.ask_about("reading passages", keys, sql, rows::SHOWN_TYPES)? {
            let key = key_of(&row, 0);
            let (passage, _) = rows::shown(&row).ok_or_else(|| self.damaged(key, "it is not as it was put"))?;
            found.insert(key, passage);
        }
        let missing = |key: &u64| self.damaged(*key, "it is not there");
        keys.iter().map(|key| found.get(key).cloned().ok_or_else(|| missing(key))).collect()
    }

    /// The keys of the passages of the document with this id, ascending.
    pub(crate) fn keys_of(&self, id: &str) -> Result<Vec<u64>, StoreError> {
        let slot = slot::of_id(id, self.cluster.partitions());
        let (table, seen, id) = (self.passages(), self.seen(None)?, literal::text(id));
        let sql = format!("SELECT key FROM {table} WHERE slot = {slot} AND id = {id} AND {seen}");
        self.sorted_keys("finding a document", &sql)
    }

    /// The keys of all passages that pass `filter`, ascending.
    pub(crate) fn all_keys(&self, filter: Option<&Filter>) -> Result<Vec<u64>, StoreError> {
        let sql = format!("SELECT key FROM {} WHERE {}", self.passages(), self.seen(filter)?);
        self.sorted_keys("listing passages", &sql)
    }

    fn sorted_keys(&self, what: &str, sql: &str) -> Result<Vec<u64>, StoreError> {
        let answers = self.ask(what, sql, "key bigint")?;
        let mut keys: Vec<u64> = answers.iter().flatten().map(|row| key_of(row, 0)).collect();
        keys.sort_unstable();
        Ok(keys)
    }

    /// The vectors of the passages under `keys`; `None` where a passage is not there.
    pub(crate) fn vectors(&self, keys: &[u64]) -> Result<Vec<Option<Arc<Vec<f32>>>>, StoreError> {
        let known = self.remembered.of(keys);
        let asked: Vec<u64> =
            keys.iter().zip(&known).filter(|(_, known)| known.vector.is_none()).map(|(key, _)| *key).collect();
        let sql = |these: &str| format!("SELECT key, vector_send(embedding) FROM {} WHERE {these}", self.passages());
        let rows = self.ask_about("reading vectors", &asked, sql, "key bigint, embedding bytea")?;
        let vector = |row: &Row| -> Result<(u64, Arc<Vec<f32>>), StoreError> {
            let key = key_of(row, 0);
            let vector = rows::vector(row.get(1)).ok_or_else(|| self.damaged(key, "its vector cannot be read"))?;
            Ok((key, Arc::new(vector)))
        };
        let found = rows.iter().map(vector).collect::<Result<HashMap<_, _>, _>>()?;
        Ok(keys.iter().zip(known).map(|(key, known)| known.vector.or_else(|| found.get(key).cloned())).collect())
    }

    /// The number of passages, and of documents, that pass `filter`.
    pub(crate) fn counts(&self, filter: &Filter, of_documents: bool) -> Result<u64, StoreError> {
        let what = if of_documents { "count(DISTINCT document)" } else { "count(*)" };
        let sql = format!("SELECT {what} FROM {} WHERE {}", self.passages(), self.seen(Some(filter))?);
        let answers = self.ask("counting what a filter passes", &sql, "passing bigint")?;
        // The passages of a document are on one shard.
        Ok(answers.iter().flatten().map(|row| row.get::<_, i64>(0) as u64).sum())
    }

    /// Whether a passage has this field.
    pub(crate) fn has_field(&self, field: &str) -> Result<bool, StoreError> {
        let start = semsearch_filter::start_of_field(field);
        let sql = format!(
            "SELECT 1 FROM {} WHERE {} AND EXISTS (SELECT FROM unnest(facts) fact WHERE {}) LIMIT 1",
            self.passages(),
            self.seen(None)?,
            starts_with(&start)
        );
        Ok(self.ask("looking for a field", &sql, "found int")?.iter().any(|answer| !answer.is_empty()))
    }

    /// The names of fields, shortest first.
    pub(crate) fn field_names(&self, max: usize) -> Result<Vec<String>, StoreError> {
        // A term begins with the length of its field's name in two bytes, and its kind is one byte more.
        let sql = format!(
            "SELECT DISTINCT substring(fact FOR 2 + 256 * get_byte(fact, 0) + get_byte(fact, 1)) FROM {} p, \
             unnest(p.facts) fact WHERE {} LIMIT {TERMS}",
            self.passages(),
            self.seen(None)?
        );
        let answers = self.ask("listing fields", &sql, "field bytea")?;
        let names = answers.iter().flatten().filter_map(|row| semsearch_filter::field_of(row.get(0)).map(String::from));
        let mut names: Vec<String> = names.collect();
        names.sort_by_key(|name| (name.len(), name.clone()));
        names.dedup();
        names.truncate(max);
        Ok(names)
    }

    /// The values of a field and how many documents have each, those of most documents first.
    pub(crate) fn field_values(
        &self,
        field: &str,
        filter: Option<&Filter>,
        max: usize,
    ) -> Result<Vec<FieldValue>, StoreError> {
        let start = semsearch_filter::start_of_field(field);
        let sql = format!(
            "SELECT fact, count(DISTINCT document) FROM {} p, unnest(p.facts) fact WHERE {} AND {} GROUP BY fact",
            self.passages(),
            self.seen(filter)?,
            starts_with(&start)
        );
        let mut documents: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for row in self.ask("listing values", &sql, "fact bytea, documents bigint")?.iter().flatten() {
            *documents.entry(row.get(0)).or_default() += row.get::<_, i64>(1) as u64;
        }
        Ok(semsearch_store::most_frequent(documents, &start, max))
    }

    /// Calls `each` with every passage, by ascending keys.
    pub(crate) fn each_copied(
        &self,
        each: &mut dyn FnMut(CopiedPassage) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.each_row(&mut |_, passage| each(passage?))
    }

    /// Calls `each` with every key and its passage, or with what is wrong with it.
    pub(crate) fn each_row(
        &self,
        each: &mut dyn FnMut(u64, Result<CopiedPassage, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut from = 0;
        while let Some(first) = self.next_number(from)? {
            let (low, high) = (slot::first_key(first), slot::first_key(first + AT_ONCE));
            let sql = format!(
                "SELECT {}, vector_send(embedding), checksum, version, origin, embedded, words, counts, facts FROM {} \
                 WHERE {} AND key >= {low} AND key < {high}",
                rows::SHOWN,
                self.passages(),
                self.seen(None)?
            );
            let columns = format!(
                "{}, embedding bytea, checksum int, version bytea, origin text, embedded bytea[], words text[], \
                 counts int[], facts bytea[]",
                rows::SHOWN_TYPES
            );
            let answers = self.ask("reading passages", &sql, &columns)?;
            let mut rows: Vec<&Row> = answers.iter().flatten().collect();
            rows.sort_by_key(|row| key_of(row, 0));
            rows.into_iter().try_for_each(|row| each(key_of(row, 0), self.copied(row)))?;
            from = first + AT_ONCE;
        }
        Ok(())
    }

    /// The number of the first passage that is not before `from`.
    fn next_number(&self, from: u64) -> Result<Option<u64>, StoreError> {
        let low = slot::first_key(from);
        let sql = format!("SELECT min(key) FROM {} WHERE {} AND key >= {low}", self.passages(), self.seen(None)?);
        let answers = self.ask("reading passages", &sql, "key bigint")?;
        let firsts = answers.iter().flatten().filter_map(|row| row.get::<_, Option<i64>>(0));
        Ok(firsts.min().map(|key| slot::number(key as u64)))
    }

    fn copied(&self, row: &Row) -> Result<CopiedPassage, StoreError> {
        let key = key_of(row, 0);
        let wrong = |what: &str| self.damaged(key, what);
        let (passage, metadata) = rows::shown(row).ok_or_else(|| wrong("it is not as it was put"))?;
        let vector = rows::vector(row.get(9)).filter(|vector| rows::checksum(vector) == row.get::<_, i32>(10));
        let embedded: Vec<Vec<u8>> = row.get(13);
        let digests = embedded.iter().map(|digest| rows::digest(digest)).collect::<Option<Vec<_>>>();
        let (words, counts): (Vec<String>, Vec<i32>) = (row.get(14), row.get(15));
        Ok(CopiedPassage {
            key,
            first: key_of(row, 1),
            id: passage.id,
            title: passage.title,
            text: passage.text,
            metadata,
            chunk: passage.chunk,
            source: passage.source,
            origin: with_nul(row.get(12)),
            version: Version(rows::digest(row.get(11)).ok_or_else(|| wrong("its version cannot be read"))?),
            embedded: digests.ok_or_else(|| wrong("its digests cannot be read"))?,
            words: words.iter().map(|word| with_nul(word)).zip(counts.into_iter().map(|count| count as u32)).collect(),
            facts: row.get(16),
            vector: vector.ok_or_else(|| wrong("its vector is not as it was put"))?,
        })
    }
}

/// The condition that a term starts with these bytes, of which the last is not 255.
fn starts_with(start: &[u8]) -> String {
    let mut end = start.to_vec();
    // No kind of value is 255, and a kind follows.
    end.push(u8::MAX);
    format!("fact >= {} AND fact < {}", literal::bytes(start), literal::bytes(&end))
}
