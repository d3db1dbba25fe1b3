//! One commit of a directory, opened for searching.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use semsearch_encoder::encoder::Vectors;
use semsearch_files::Dir;
use semsearch_filter::Filter;
use semsearch_kernels::Isa;

use super::catalog::{Catalog, LexicalQuery, Portion};
use super::filtered::Filtered;
use super::held::part;
use super::keys::Keys;
use super::latest::with_latest;
use super::manifest::Manifest;
use super::unchanged::Unchanged;
use super::vectors::{self, Opening, VectorSearch, VectorSegment};
use super::verify::check_files;
use super::{CATALOG, VECTORS};
use semsearch_store::{
    Among, CopiedPassage, EachVector, Effort, Facts, FieldValue, Scored, Snapshot, StoreError, StoredPassage, Word,
    WordQuery, content_digest,
};
use semsearch_words::words_of;

/// The name of the commit whose manifest has these bytes.
pub(super) fn commit_of(manifest: &[u8]) -> String {
    format!("{:032x}", content_digest(manifest))
}

/// How many other ways of searching stay open besides the usual one.
const WAYS_KEPT: usize = 2;

/// Segments that were opened for one way of searching.
struct Way {
    effort: Effort,
    to_filter: bool,
    segments: Arc<Vec<VectorSegment>>,
}

/// One commit of an index, opened for searching.
pub struct LocalSnapshot {
    root: Dir,
    manifest: Manifest,
    facts: Facts,
    catalog: Catalog,
    segments: Arc<Vec<VectorSegment>>,
    /// How the segments were opened.
    how: Opening,
    /// The same segments, opened for other efforts.
    other_ways: Mutex<Vec<Way>>,
    filtered: Filtered,
    unchanged: Unchanged,
}

impl LocalSnapshot {
    /// Opens the newest commit of the index at `dir`. The vectors are mapped, not read.
    pub(super) fn open(dir: &Path, isa: Isa, effort: Effort) -> Result<Self, StoreError> {
        let how = Opening { isa, effort, ..Opening::default() };
        let open = |root: &Dir, bytes: &[u8]| {
            let manifest = Manifest::parse(bytes, dir)?.ok_or_else(|| StoreError::NoIndex { dir: dir.into() })?;
            Self::open_commit(root.again().map_err(StoreError::read(dir))?, manifest, commit_of(bytes), how)
        };
        with_latest(dir, open, |_| true)
    }

    fn open_commit(root: Dir, manifest: Manifest, commit: String, how: Opening) -> Result<Self, StoreError> {
        let unchanged = Unchanged::new(&root, &manifest)?;
        check_files(&root, &manifest)?;
        let config = manifest.config.clone();
        let catalog = Catalog::open(part(&root, CATALOG)?, &manifest.documents, config.analysis())?;
        let vectors = part(&root, VECTORS)?;
        let codes = manifest.segments.iter().filter_map(|segment| segment.codes.as_ref());
        let floats_on_disk = vectors::are_much(codes.map(|codes| codes.bytes).sum());
        let how = Opening { floats_on_disk, ..how };
        let open = |segment| VectorSegment::open(&vectors, &config, segment, how);
        let segments = Arc::new(manifest.segments.iter().map(open).collect::<Result<Vec<_>, StoreError>>()?);
        let (documents, passages) = (manifest.documents.count, manifest.vectors());
        let facts = Facts { config, commit, documents, passages };
        let (other_ways, filtered) = (Mutex::default(), Filtered::default());
        Ok(Self { root, manifest, facts, catalog, segments, how, other_ways, filtered, unchanged })
    }

    /// The index's directory.
    pub fn dir(&self) -> &Path {
        self.root.path()
    }

    pub(super) fn root(&self) -> &Dir {
        &self.root
    }

    pub(super) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Checks that no file has been changed since the commit was opened.
    pub(super) fn check_unchanged(&self) -> Result<(), StoreError> {
        self.catalog.check_maps()?;
        self.unchanged.check()
    }

    /// The commit, with every file that it names.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The segments, opened for searches of this effort, and for a filter if `filtered` is set.
    fn opened(&self, effort: Effort, filtered: bool) -> Result<Arc<Vec<VectorSegment>>, StoreError> {
        let mut to_filter = false;
        if filtered {
            for segment in self.segments.iter() {
                to_filter |= segment.ranks_what_it_searches()?;
            }
        }
        if effort == self.how.effort && !to_filter {
            return Ok(Arc::clone(&self.segments));
        }
        let is_this = |way: &&Way| (way.effort, way.to_filter) == (effort, to_filter);
        if let Some(way) = self.other_ways().iter().find(is_this) {
            return Ok(Arc::clone(&way.segments));
        }
        let how = Opening { effort, to_filter, ..self.how };
        let again = self.segments.iter().map(|segment| segment.again(&self.manifest.config, how));
        let segments = Arc::new(again.collect::<Result<Vec<_>, StoreError>>()?);
        let mut others = self.other_ways();
        if others.len() == WAYS_KEPT {
            others.remove(0);
        }
        others.push(Way { effort, to_filter, segments: Arc::clone(&segments) });
        Ok(segments)
    }

    fn other_ways(&self) -> std::sync::MutexGuard<'_, Vec<Way>> {
        self.other_ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys that `filter` lets pass.
    fn allowed(&self, filter: Option<&Filter>) -> Result<Option<Arc<Keys>>, StoreError> {
        let find = |filter: &Filter| self.filtered.keys(filter, || self.catalog.matching(&filter.plan()));
        filter.map(find).transpose()
    }

    /// The vector of the passage under `key`, if the index has the key and gives vectors back.
    fn vector_of(&self, key: u64) -> Result<Option<Vec<f32>>, StoreError> {
        for (segment, named) in self.segments.iter().zip(&self.manifest.segments) {
            if (named.first_key..=named.last_key).contains(&key)
                && segment.gives_vectors()
                && let Some(vector) = segment.get(key)?
            {
                return Ok(Some(vector));
            }
        }
        Ok(None)
    }

    /// The score of the passage under `key`; NaN if there is no such key.
    fn score(&self, query: &[f32], key: u64) -> Result<f32, StoreError> {
        let metric = self.manifest.config.metric;
        Ok(self.vector_of(key)?.map_or(f32::NAN, |vector| metric.score(self.how.isa, &vector, query)))
    }
}

impl Snapshot for LocalSnapshot {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn nearest(&self, queries: &Vectors, among: &Among<'_>) -> Result<Vec<Vec<Scored>>, StoreError> {
        let allowed = self.allowed(among.filter)?;
        let segments = self.opened(among.effort, allowed.is_some())?;
        let (metric, isa) = (self.manifest.config.metric, self.how.isa);
        let search =
            VectorSearch { segments: &segments, queries, k: among.k, allowed: allowed.as_deref(), metric, isa };
        let found = search.run()?;
        self.unchanged.check()?;
        Ok(found)
    }

    fn words<'a>(&'a self, text: &'a str) -> Result<Box<dyn WordQuery + 'a>, StoreError> {
        Ok(Box::new(LocalWords { snapshot: self, query: self.catalog.lexical(text)? }))
    }

    fn scores(&self, query: &[f32], keys: &[u64]) -> Result<Vec<f32>, StoreError> {
        keys.iter().map(|&key| self.score(query, key)).collect()
    }

    fn documents(&self, keys: &[u64]) -> Result<Vec<u64>, StoreError> {
        // Every document has only one passage.
        if self.catalog.len() <= self.facts.documents {
            return Ok(keys.to_vec());
        }
        keys.iter().map(|&key| self.catalog.document_of(key)).collect()
    }

    fn passages(&self, keys: &[u64]) -> Result<Vec<StoredPassage>, StoreError> {
        let passages = self.catalog.get(keys)?;
        self.check_unchanged()?;
        Ok(passages)
    }

    fn find(&self, id: &str) -> Result<Vec<u64>, StoreError> {
        let mut keys = self.catalog.known_keys(id)?;
        keys.sort_unstable();
        self.unchanged.check()?;
        Ok(keys)
    }

    fn keys(&self, filter: Option<&Filter>) -> Result<Vec<u64>, StoreError> {
        let mut keys = self.catalog.keys()?;
        if let Some(allowed) = self.allowed(filter)? {
            keys.retain(|&key| allowed.contains(key));
        }
        keys.sort_unstable();
        self.unchanged.check()?;
        Ok(keys)
    }

    fn vector(&self, key: u64) -> Result<Option<Vec<f32>>, StoreError> {
        self.vector_of(key)
    }

    /// The vectors are as the index gives them back, which is exact for `Flat`. All of them are checked first.
    fn vectors(&self, each: EachVector<'_>) -> Result<(), StoreError> {
        let dir = part(&self.root, VECTORS)?;
        self.manifest.segments.par_iter().try_for_each(|segment| vectors::check(&dir, segment, true))?;
        vectors::merged(self.segments.iter(), &mut *each)?;
        self.segments.iter().try_for_each(VectorSegment::check_maps)
    }

    fn count(&self, filter: &Filter) -> Result<usize, StoreError> {
        let count = self.allowed(Some(filter))?.map_or(0, |keys| keys.len());
        self.unchanged.check()?;
        Ok(count)
    }

    fn unknown_fields<'a>(&self, filter: &'a Filter) -> Result<Vec<&'a str>, StoreError> {
        let mut unknown = Vec::new();
        for field in filter.fields() {
            if !self.catalog.has_field(field)? {
                unknown.push(field);
            }
        }
        Ok(unknown)
    }

    fn fields(&self, max: usize) -> Result<Vec<String>, StoreError> {
        self.catalog.fields(max)
    }

    fn values(&self, field: &str, filter: Option<&Filter>, max: usize) -> Result<Vec<FieldValue>, StoreError> {
        let values = self.catalog.values(field, self.allowed(filter)?.as_deref(), max)?;
        self.unchanged.check()?;
        Ok(values)
    }

    fn count_documents(&self, filter: &Filter) -> Result<u64, StoreError> {
        let keys = self.allowed(Some(filter))?;
        let count = keys.map_or(Ok(0), |keys| match self.facts.passages > self.facts.documents {
            true => self.catalog.count_documents(&keys),
            false => Ok(keys.len() as u64),
        })?;
        self.unchanged.check()?;
        Ok(count)
    }

    fn copy(&self, each: &mut dyn FnMut(CopiedPassage) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.copy_in_portions(Portion::default(), each)
    }

    fn split(&self, text: &str) -> Vec<Word> {
        words_of(self.facts.config.analysis().unwrap_or_default(), text)
    }
}

/// A query's words in a snapshot.
struct LocalWords<'a> {
    snapshot: &'a LocalSnapshot,
    query: LexicalQuery<'a>,
}

impl WordQuery for LocalWords<'_> {
    fn best(&self, among: &Among<'_>) -> Result<Vec<Scored>, StoreError> {
        let allowed = self.snapshot.allowed(among.filter)?;
        let best = self.query.best(among.k, allowed.as_deref())?;
        // Hits are checked when their passages are read.
        if best.is_empty() {
            self.snapshot.unchanged.check()?;
        }
        Ok(best)
    }

    fn scores(&self, keys: &[u64]) -> Result<Vec<f32>, StoreError> {
        self.query.scores(keys)
    }

    fn most(&self) -> f32 {
        self.query.most()
    }
}
