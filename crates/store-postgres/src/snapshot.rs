//! One generation, opened for searching.

use std::sync::Arc;

use semsearch_encoder::encoder::Vectors;
use semsearch_filter::Filter;
use semsearch_kernels::Isa;
use semsearch_store::{
    Among, CopiedPassage, EachVector, Facts, FieldValue, Scored, Snapshot, StoreError, StoredPassage, Word, WordQuery,
};
use semsearch_words::words_of;

use super::nearest::{NearestSearch, Parts};
use super::reading::Reading;
use super::words::Words;

/// How many passages are read at a time where all of them are.
const AT_ONCE: usize = 1024;

/// One generation of an index.
pub(crate) struct PostgresSnapshot {
    pub(crate) reading: Reading,
    pub(crate) facts: Facts,
    pub(crate) isa: Isa,
    pub(crate) parts: Parts,
}

impl PostgresSnapshot {
    fn search(&self) -> NearestSearch<'_> {
        NearestSearch { reading: &self.reading, config: &self.facts.config, parts: &self.parts, isa: self.isa }
    }
}

impl Snapshot for PostgresSnapshot {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn nearest(&self, queries: &Vectors, among: &Among<'_>) -> Result<Vec<Vec<Scored>>, StoreError> {
        queries.iter().map(|query| self.search().run(query, among)).collect()
    }

    fn words<'a>(&'a self, text: &'a str) -> Result<Box<dyn WordQuery + 'a>, StoreError> {
        let stems: Vec<String> = self.split(text).into_iter().map(|word| word.stem).collect();
        Ok(Box::new(Words::new(&self.reading, &stems)?))
    }

    fn scores(&self, query: &[f32], keys: &[u64]) -> Result<Vec<f32>, StoreError> {
        let metric = self.facts.config.metric;
        let score = |vector: Option<Arc<Vec<f32>>>| {
            let vector = vector.filter(|vector| vector.len() == query.len());
            vector.map_or(f32::NAN, |vector| metric.score(self.isa, &vector, query))
        };
        Ok(self.reading.vectors(keys)?.into_iter().map(score).collect())
    }

    fn documents(&self, keys: &[u64]) -> Result<Vec<u64>, StoreError> {
        self.reading.documents(keys)
    }

    fn passages(&self, keys: &[u64]) -> Result<Vec<StoredPassage>, StoreError> {
        self.reading.stored(keys)
    }

    fn find(&self, id: &str) -> Result<Vec<u64>, StoreError> {
        self.reading.keys_of(id)
    }

    fn keys(&self, filter: Option<&Filter>) -> Result<Vec<u64>, StoreError> {
        self.reading.all_keys(filter)
    }

    fn vector(&self, key: u64) -> Result<Option<Vec<f32>>, StoreError> {
        Ok(self.reading.vectors(&[key])?.pop().flatten().map(|vector| vector.to_vec()))
    }

    fn vectors(&self, each: EachVector<'_>) -> Result<(), StoreError> {
        for keys in self.reading.all_keys(None)?.chunks(AT_ONCE) {
            for (key, vector) in keys.iter().zip(self.reading.vectors(keys)?) {
                let missing = || self.reading.damaged(*key, "it is not there");
                each(*key, &vector.ok_or_else(missing)?)?;
            }
        }
        Ok(())
    }

    fn count(&self, filter: &Filter) -> Result<usize, StoreError> {
        Ok(self.reading.counts(filter, false)? as usize)
    }

    fn unknown_fields<'a>(&self, filter: &'a Filter) -> Result<Vec<&'a str>, StoreError> {
        let mut unknown = Vec::new();
        for field in filter.fields() {
            if !self.reading.has_field(field)? {
                unknown.push(field);
            }
        }
        Ok(unknown)
    }

    fn fields(&self, max: usize) -> Result<Vec<String>, StoreError> {
        self.reading.field_names(max)
    }

    fn values(&self, field: &str, filter: Option<&Filter>, max: usize) -> Result<Vec<FieldValue>, StoreError> {
        self.reading.field_values(field, filter, max)
    }

    fn count_documents(&self, filter: &Filter) -> Result<u64, StoreError> {
        self.reading.counts(filter, true)
    }

    fn copy(&self, each: &mut dyn FnMut(CopiedPassage) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.reading.each_copied(each)
    }

    fn left_out(&self) -> Vec<String> {
        self.reading.left_out()
    }

    fn split(&self, text: &str) -> Vec<Word> {
        words_of(self.facts.config.analysis().unwrap_or_default(), text)
    }
}
