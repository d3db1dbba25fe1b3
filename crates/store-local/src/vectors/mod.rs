//! Files of vectors, searched by FAISS. No module outside this one uses the crate faiss.
//!
//! A segment is an `IDMap` over the index that the factory string describes: FAISS itself keeps each vector's key, and
//! Python's `faiss.read_index` opens the file as it is. A segment never changes once it is written.

mod build;
mod codes;
mod effort;
mod factory;
mod failure;
mod halves;
mod keys;
mod lists;
mod memory;
mod merged;
mod metric;
mod scan;
mod screened;
mod search;
mod structure;
mod threads;
mod vector_search;

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use faiss::index::Index as _;
use faiss::index::io::{IoFlags, read_index_with_flags};

pub(super) use build::{SegmentBuilder, Whole, check_factory};
pub(super) use codes::{add_sums, check, lacks_sums};
use effort::{ALL_LISTS, set_effort};
pub(super) use factory::MAX_LENGTH as MAX_FACTORY;
pub(super) use halves::{add_halves, lacks_halves};
pub(super) use lists::{ListsOf, NearestLists};
pub(super) use memory::are_much;
pub(super) use merged::merged;
pub(super) use scan::{is_better, scan};
pub(super) use screened::screened;
use threads::allowed_threads;
pub use threads::set_threads;
pub(super) use vector_search::{PAIRS_ALONE, VectorSearch};

use super::keys::Keys;
use super::processor::check_processor;
use super::segment::Segment;
use codes::CheckedCodes;
use failure::{failed, index_error, reason, unreadable};
use halves::Halves;
use search::{Probes, Searchable, Selector, use_threads};
use semsearch_encoder::encoder::Vectors;
use semsearch_files::{Dir, Watched, path_of, shorter};
use semsearch_kernels::Isa;
use semsearch_store::{Effort, IndexConfig, Metric, Scored, StoreError};
use structure::Structure;

/// FAISS's `IO_FLAG_MMAP_IFC`: codes stay in the file and are mapped, not read. The crate has no name for it.
const MAP_CODES: i32 = 1 << 9;

/// From this many queries on, FAISS multiplies matrices, but not if keys are excluded. Then it is faster to ask for
/// more neighbours, as many more as there are dead vectors (at most `FEW_DEAD`), and to leave the dead ones out.
/// (`distance_compute_blas_threshold` in FAISS's utils/distances.cpp.)
const MANY_QUERIES: usize = 20;
const FEW_DEAD: usize = 1024;

/// If only some keys may be found, and they are at most this many, or at most this part of a segment, their vectors are
/// compared one by one.
const FEW_ALLOWED: usize = 4096;
const FEW_ALLOWED_OF: usize = 50;

/// How a segment is opened.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    /// The instruction set that compares vectors, where FAISS does not do it.
    pub(super) isa: Isa,
    /// How thoroughly it is searched.
    pub(super) effort: Effort,
    /// Whether only some keys are searched.
    pub(super) to_filter: bool,
    /// Whether the floats of flat segments are read from the file, and not from its map. It takes a little longer, and they
    /// are not in this process's memory then.
    pub(super) floats_on_disk: bool,
}

impl Default for Opening {
    fn default() -> Self {
        Self { isa: Isa::best(), effort: Effort::default(), to_filter: false, floats_on_disk: false }
    }
}

/// A search in one segment.
pub(super) struct SegmentSearch<'a> {
    /// The query vectors, one after the other.
    pub(super) queries: &'a [f32],
    /// The number of queries.
    pub(super) count: usize,
    /// The most hits of a query.
    pub(super) k: usize,
    /// The keys that may be found; `None` if all may.
    pub(super) allowed: Option<&'a Keys>,
    pub(super) metric: Metric,
    /// The inverted lists of each query, if they are known.
    pub(super) lists: Option<ListsOf<'a>>,
}

/// A segment's file, and what is known of it.
struct SegmentFile {
    path: PathBuf,
    file: File,
    checked: Structure,
    codes: Option<CheckedCodes>,
    /// The vectors as bytes, if the segment has them.
    halves: Option<Halves>,
    /// Keys whose documents were removed or replaced, ascending.
    dead: Vec<u64>,
}

/// An opened segment.
pub(super) struct VectorSegment {
    source: Arc<SegmentFile>,
    index: Searchable,
    living: Option<Selector<'static>>,
    takes_selector: OnceLock<bool>,
    centroids: OnceLock<Option<u32>>,
    /// The parts of the file that FAISS has mapped.
    maps: Vec<Watched>,
    /// The instruction set that compares vectors, where FAISS does not do it.
    isa: Isa,
    /// Whether vectors are read from the file: they are floats, and too many to map.
    floats_on_disk: bool,
}

impl VectorSegment {
    /// Opens a segment's file. Everything in it except the codes was checked before, and so was the codes' length.
    pub(super) fn open(dir: &Dir, config: &IndexConfig, segment: &Segment, how: Opening) -> Result<Self, StoreError> {
        check_processor()?;
        let path = dir.path_of(&segment.file.name);
        let file = segment.file.open(dir)?;
        let checked = structure::check(&file, &path, config, segment.vectors)?;
        let codes = CheckedCodes::open(dir, segment, file.try_clone().map_err(StoreError::read(&path))?)?;
        let halves = Halves::open(dir, segment, config.dim)?;
        let source = SegmentFile { path, file, checked, codes, halves, dead: segment.dead.clone() };
        let opened = Self::of_file(Arc::new(source), config, how)?;
        let (vectors, dim) = (opened.index.index().ntotal(), opened.index.index().d());
        if (vectors, dim as usize) != (segment.vectors, config.dim) {
            let said = format!("the manifest says {} of {}", segment.vectors, config.dim);
            return Err(StoreError::damaged(
                &opened.source.path,
                format!("it holds {vectors} vectors of {dim} components, {said}"),
            ));
        }
        keys::check(opened.index.keys(), &opened.source.path, segment)?;
        Ok(opened)
    }

    /// Opens the same file once more, to search it in another way. The file need not exist under its name any more.
    pub(super) fn again(&self, config: &IndexConfig, how: Opening) -> Result<Self, StoreError> {
        Self::of_file(Arc::clone(&self.source), config, how)
    }

    fn of_file(source: Arc<SegmentFile>, config: &IndexConfig, how: Opening) -> Result<Self, StoreError> {
        let path = &source.path;
        let flags = IoFlags::from(MAP_CODES | source.checked.flags);
        let read = || read_index_with_flags(path_of(&source.file), flags);
        let (index, is_whole) = Watched::while_this_thread(read).map_err(StoreError::read(path))?;
        if !is_whole {
            return Err(StoreError::damaged(path, shorter().to_string()));
        }
        let index = index.map_err(unreadable(path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let maps = Watched::of_file(&source.file, &name).map_err(StoreError::read(path))?;
        let own = |words| index_error(path, "cannot open", words);
        let index = Searchable::new(index).map_err(own)?;
        let dead = &source.dead;
        let living = if dead.is_empty() { None } else { Some(Selector::without(dead).map_err(own)?) };
        let (isa, floats_on_disk) = (how.isa, how.floats_on_disk && index.is_flat());
        let (takes_selector, centroids) = (OnceLock::new(), OnceLock::new());
        let opened = Self { index, living, takes_selector, centroids, maps, isa, floats_on_disk, source };
        opened.check_maps()?;
        let all = how.to_filter && opened.ranks_what_it_searches()?;
        let effort = if all { Effort { nprobe: Some(ALL_LISTS), ..how.effort } } else { how.effort };
        set_effort(opened.index.index(), effort, config)?;
        Ok(opened)
    }

    /// Checks that the file did not become shorter while FAISS read it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: the file became shorter.
    pub(super) fn check_maps(&self) -> Result<(), StoreError> {
        let halves_are_whole = self.source.halves.as_ref().is_none_or(Halves::is_whole);
        match self.maps.iter().all(Watched::is_whole) && halves_are_whole {
            true => Ok(()),
            false => Err(StoreError::damaged(&self.source.path, shorter().to_string())),
        }
    }

    /// Checks that the vectors with these `keys` are as they were committed. The keys ascend; keys of other segments
    /// are passed over. If the parts of the codes have no checksums, the whole file was checked when it was opened.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or the file cannot be read.
    pub(super) fn check_vectors(&self, keys: &[u64]) -> Result<(), StoreError> {
        self.check_positions(keys.iter().filter_map(|&key| self.position(key)))
    }

    /// The same for vectors at some positions, which ascend.
    fn check_positions(&self, positions: impl IntoIterator<Item = usize>) -> Result<(), StoreError> {
        self.check_maps()?;
        self.source.codes.as_ref().map_or(Ok(()), |codes| codes.check(positions))
    }

    /// The vectors as bytes, if the segment has them.
    fn halves(&self) -> Option<&Halves> {
        self.source.halves.as_ref()
    }

    /// The number of components of a vector.
    fn dim(&self) -> usize {
        self.index.index().d() as usize
    }

    /// Where the vector of `key` is.
    fn position(&self, key: u64) -> Option<usize> {
        self.index.keys().binary_search_by_key(&Some(key), |key| key.get()).ok()
    }

    /// The number of vectors.
    pub(super) fn len(&self) -> usize {
        self.index.keys().len()
    }

    /// The number of vectors whose documents are still there.
    pub(super) fn live_len(&self) -> usize {
        self.len() - self.source.dead.len()
    }

    /// The `k` nearest vectors of each of the `count` queries, nearest first. If `allowed` keys are given, they are the
    /// nearest of these, otherwise of the vectors whose documents are still there.
    pub(super) fn search(&self, search: &SegmentSearch<'_>) -> Result<Vec<Vec<Scored>>, StoreError> {
        match search.allowed {
            None => self.search_living(search),
            Some(allowed) => self.search_among(search, allowed),
        }
    }

    /// Whether a search among some keys must rank all vectors and leave out the others. Such a search must examine
    /// everything.
    pub(super) fn ranks_what_it_searches(&self) -> Result<bool, StoreError> {
        Ok(!self.gives_vectors() && !self.takes_selector()?)
    }

    /// The `k` nearest vectors of each of the `count` queries, nearest first, among those whose documents are still
    /// there.
    fn search_living(&self, search: &SegmentSearch<'_>) -> Result<Vec<Vec<Scored>>, StoreError> {
        let &SegmentSearch { queries, count, k, lists, .. } = search;
        let live = self.len() - self.source.dead.len();
        let depth = k.min(live);
        if depth == 0 {
            return Ok(vec![Vec::new(); count]);
        }
        // The caller's threads share the work. FAISS's own threads would be an extra team for each of them.
        use_threads(1);
        let multiplies = count >= MANY_QUERIES && self.source.dead.len() <= FEW_DEAD;
        let (depth, (scores, keys)) = match &self.living {
            Some(living) if !multiplies && self.takes_selector()? => {
                (depth, self.selected(queries, count, depth, (living, Probes::Usual))?)
            }
            None => (depth, self.all(queries, count, depth, lists)?),
            // However the dead vectors rank, this many results include `k` living ones.
            Some(_) => {
                (depth + self.source.dead.len(), self.all(queries, count, depth + self.source.dead.len(), lists)?)
            }
        };
        Ok(neighbours(&scores, &keys, depth, |key| !self.is_dead(key)).map(|found| found.take(k).collect()).collect())
    }

    /// The `k` nearest vectors of each of the `count` queries among `allowed` keys, nearest first; fewer only if fewer
    /// keys are allowed. Where few keys are allowed, all of them are compared, because a graph or lists, of which a
    /// search sees only a part, could miss them.
    fn search_among(&self, search: &SegmentSearch<'_>, allowed: &Keys) -> Result<Vec<Vec<Scored>>, StoreError> {
        let &SegmentSearch { queries, count, k, metric, .. } = search;
        let there = self.keys().filter(|&key| allowed.contains(key)).count();
        let depth = k.min(there);
        if depth == 0 {
            return Ok(vec![Vec::new(); count]);
        }
        let few = there <= FEW_ALLOWED.max(self.len() / FEW_ALLOWED_OF);
        let compared_all = || {
            let queries = Vectors::new(queries.to_vec(), self.index.index().d() as usize);
            let (isa, segments) = (self.isa, std::slice::from_ref(self));
            scan(&VectorSearch { segments, queries: &queries, k, allowed: Some(allowed), metric, isa })
        };
        if few && self.gives_vectors() {
            return compared_all();
        }
        use_threads(1);
        if self.takes_selector()? {
            let selector = Selector::among(allowed.bitmap()).map_err(|words| self.search_error(words))?;
            // The part of the lists or of the graph that a search sees may hold too few keys. Then all lists are
            // searched.
            for probes in [Probes::Usual, Probes::All].into_iter().skip(usize::from(few)) {
                let (scores, keys) = self.selected(queries, count, depth, (&selector, probes))?;
                let found = neighbours(&scores, &keys, depth, |_| true).map(Iterator::collect);
                let found: Vec<Vec<_>> = found.collect();
                if found.iter().all(|found| found.len() == depth) {
                    return Ok(found);
                }
            }
        }
        if self.gives_vectors() {
            return compared_all();
        }
        // This kind takes no selector and does not give vectors back, so all vectors are ranked.
        let (scores, keys) = self.all(queries, count, self.len(), None)?;
        let ranked = neighbours(&scores, &keys, self.len(), |key| allowed.contains(key));
        Ok(ranked.map(|found| found.take(k).collect()).collect())
    }

    /// Whether this kind of index accepts a selector of keys. Some kinds do not, for example those that begin with a
    /// transformation.
    fn takes_selector(&self) -> Result<bool, StoreError> {
        if let Some(&known) = self.takes_selector.get() {
            return Ok(known);
        }
        // This tries a search that may find nothing.
        let none = Selector::among(&[0]).map_err(|words| self.search_error(words))?;
        let zeros = vec![0.0; self.index.index().d() as usize];
        use_threads(1);
        let takes = self.index.search(&zeros, 1, 1, Some((&none, Probes::Usual))).is_ok();
        Ok(*self.takes_selector.get_or_init(|| takes))
    }

    fn selected(
        &self,
        queries: &[f32],
        count: usize,
        depth: usize,
        selector: (&Selector<'_>, Probes),
    ) -> Result<(Vec<f32>, Vec<i64>), StoreError> {
        self.index.search(queries, count, depth, Some(selector)).map_err(|words| self.search_error(words))
    }

    fn search_error(&self, words: String) -> StoreError {
        index_error(&self.source.path, "cannot search", words)
    }

    /// Whether the index gives vectors back, perhaps rounded.
    pub(super) fn gives_vectors(&self) -> bool {
        self.index.reconstruct(0).is_ok()
    }

    /// The keys of all vectors, ascending.
    pub(super) fn keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.index.keys().iter().filter_map(|key| key.get())
    }

    /// The keys of the vectors whose documents are there, ascending.
    pub(super) fn live_keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.keys().filter(|&key| !self.is_dead(key))
    }

    /// The keys in `gone` that belong to vectors here.
    pub(super) fn among(&self, gone: &HashSet<u64>) -> Vec<u64> {
        self.keys().filter(|key| gone.contains(key)).collect()
    }

    /// The vector of `key`, as the index gives it back, which is exact for `Flat`; `None` if the key is not here or is
    /// dead.
    pub(super) fn get(&self, key: u64) -> Result<Option<Vec<f32>>, StoreError> {
        let Some(position) = self.position(key).filter(|_| !self.is_dead(key)) else { return Ok(None) };
        self.check_vectors(&[key])?;
        let row = self.index.reconstruct(position);
        row.map(Some).map_err(|words| index_error(&self.source.path, "cannot read a vector back", words))
    }

    /// The living vectors among `count` positions from `first` on, with their keys. They are as the index gives them
    /// back, which is exact for `Flat`.
    fn live(&self, first: usize, count: usize) -> Result<Vec<(u64, Vec<f32>)>, StoreError> {
        let dim = self.index.index().d() as usize;
        let mut rows = vec![0.0; count * dim];
        self.read(first, &mut rows)?;
        let keys = self.index.keys()[first..][..count].iter().filter_map(|key| key.get());
        let all = keys.zip(rows.chunks_exact(dim));
        Ok(all.filter(|(key, _)| !self.is_dead(*key)).map(|(key, row)| (key, row.to_vec())).collect())
    }

    /// Reads the vectors at `positions`, which ascend, into `rows`, one after the other.
    fn read_at(&self, positions: &[usize], rows: &mut [f32]) -> Result<(), StoreError> {
        let dim = self.index.index().d() as usize;
        let mut rest = rows;
        for run in positions.chunk_by(|a, b| a + 1 == *b) {
            let (rows, after) = rest.split_at_mut(run.len() * dim);
            self.read(run[0], rows)?;
            rest = after;
        }
        Ok(())
    }

    /// Reads vectors from position `first` on until `rows` is full, including dead ones.
    fn read(&self, first: usize, rows: &mut [f32]) -> Result<(), StoreError> {
        if let Some(codes) = self.source.codes.as_ref().filter(|_| self.floats_on_disk) {
            return codes.read(first, rows);
        }
        let none = || Err("FAISS cannot give vectors back from lists of product codes in blocks (x4fs)".into());
        let read = if self.source.checked.gives_vectors { self.index.reconstruct_range(first, rows) } else { none() };
        read.map_err(|words| index_error(&self.source.path, "cannot read vectors back", words))
    }

    /// Whether the segment holds only the vectors, without a quantizer, a graph or lists.
    pub(super) fn is_flat(&self) -> bool {
        self.index.is_flat()
    }

    /// The key of the vector at `position`, if its document is still there and the key is `allowed`.
    fn eligible(&self, position: usize, allowed: Option<&Keys>) -> Option<u64> {
        let key = self.index.keys()[position].get()?;
        (!self.is_dead(key) && allowed.is_none_or(|allowed| allowed.contains(key))).then_some(key)
    }

    fn is_dead(&self, key: u64) -> bool {
        self.source.dead.binary_search(&key).is_ok()
    }
}

/// The neighbours that FAISS found, `depth` for each query, of which only those that are `wanted` are kept. Where FAISS
/// found fewer, it fills up with -1.
fn neighbours<'a>(
    scores: &'a [f32],
    keys: &'a [i64],
    depth: usize,
    wanted: impl Fn(u64) -> bool + Copy + 'a,
) -> impl Iterator<Item = impl Iterator<Item = Scored> + 'a> {
    let rows = keys.chunks_exact(depth).zip(scores.chunks_exact(depth));
    rows.map(move |(keys, scores)| {
        let found = keys.iter().zip(scores).filter_map(|(&key, &score)| Some((u64::try_from(key).ok()?, score)));
        found.filter(move |(key, _)| wanted(*key)).map(|(key, score)| Scored { key, score })
    })
}

#[cfg(test)]
mod tests;
