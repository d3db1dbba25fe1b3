//! The inverted lists that are nearest to queries, found once for all segments of a commit.
//!
//! Segments of an IVF factory begin as the same trained index, so their lists have the same centroids. If every segment looked
//! for the nearest ones itself, one search in ten million vectors (57 segments, 4,096 lists, 384 components) would read 360
//! MB of centroids, and take most of its time for this.

use super::VectorSegment;
use super::search::use_threads;
use semsearch_encoder::encoder::Vectors;
use semsearch_store::StoreError;

/// For each query, the lists that are searched, and how near their centroids are.
pub(crate) struct NearestLists {
    /// How many lists are searched for a query.
    probes: usize,
    /// The numbers of the lists, `[queries, probes]`.
    numbers: Vec<i64>,
    /// What FAISS computed for their centroids, of the same shape.
    distances: Vec<f32>,
}

/// The lists of some queries.
#[derive(Clone, Copy)]
pub(crate) struct ListsOf<'a> {
    pub(super) numbers: &'a [i64],
    pub(super) distances: &'a [f32],
}

impl NearestLists {
    /// Finds the lists. As many queries are compared with the centroids `together` as are searched together in a segment,
    /// because the last bits of FAISS's results depend on this number.
    ///
    /// `None` if there is only one segment, if the index has no lists, or if not all segments have the same centroids: parts of
    /// a merged index may have been trained on different vectors.
    ///
    /// # Errors
    /// FAISS fails.
    pub(crate) fn of(
        segments: &[VectorSegment],
        queries: &Vectors,
        together: usize,
    ) -> Result<Option<Self>, StoreError> {
        let [first, others @ ..] = segments else { return Ok(None) };
        let Some(centroids) = first.centroids() else { return Ok(None) };
        if others.is_empty() || others.iter().any(|other| other.centroids() != Some(centroids)) {
            return Ok(None);
        }
        use_threads(1);
        let mut found = Self { probes: 0, numbers: Vec::new(), distances: Vec::new() };
        for start in (0..queries.len()).step_by(together) {
            let count = together.min(queries.len() - start);
            let (numbers, distances) = first.nearest_lists(queries.rows(start, start + count), count)?;
            found.probes = numbers.len() / count;
            found.numbers.extend(numbers);
            found.distances.extend(distances);
        }
        Ok(Some(found))
    }

    /// The lists of the `count` queries from `first` on.
    pub(crate) fn some(&self, first: usize, count: usize) -> ListsOf<'_> {
        let range = first * self.probes..(first + count) * self.probes;
        ListsOf { numbers: &self.numbers[range.clone()], distances: &self.distances[range] }
    }
}

impl VectorSegment {
    /// The `depth` nearest vectors of each query, including dead ones.
    pub(super) fn all(
        &self,
        queries: &[f32],
        count: usize,
        depth: usize,
        lists: Option<ListsOf<'_>>,
    ) -> Result<(Vec<f32>, Vec<i64>), StoreError> {
        let found = match lists {
            Some(lists) => self.index.search_lists(queries, count, depth, lists),
            None => self.index.search(queries, count, depth, None),
        };
        found.map_err(|words| self.search_error(words))
    }

    /// The inverted lists that are searched for each query.
    fn nearest_lists(&self, queries: &[f32], count: usize) -> Result<(Vec<i64>, Vec<f32>), StoreError> {
        self.index.nearest_lists(queries, count).map_err(|words| self.search_error(words))
    }

    /// A checksum of the centroids of the inverted lists; `None` if the index has none, or keeps them in another way. It is that
    /// of some centroids, because trainings on different vectors have none in common.
    fn centroids(&self) -> Option<u32> {
        const SOME: usize = 256;
        *self.centroids.get_or_init(|| {
            let floats = self.index.centroids()?;
            let rows = floats.chunks_exact(self.dim());
            let step = (rows.len() / SOME).max(1);
            let mut digest = crc32fast::Hasher::new();
            digest.update(&floats.len().to_le_bytes());
            rows.step_by(step).for_each(|row| digest.update(bytemuck::cast_slice(row)));
            Some(digest.finalize())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::random_rows;
    use super::super::{Opening, SegmentBuilder, SegmentSearch};
    use super::*;
    use crate::testing::config;
    use semsearch_files::Dir;
    use semsearch_store::{Effort, IndexConfig, Metric};

    /// Segments of these rows. `trainings` of them are trained by themselves, the others begin as the first.
    fn segments(dir: &Dir, config: &IndexConfig, rows: &[Vec<f32>], trainings: usize) -> Vec<VectorSegment> {
        let mut trained = None;
        let parts = rows.chunks(rows.len() / 3).zip((0..).step_by(2)).zip((0..).step_by(rows.len()));
        let written = parts.map(|((rows, number), key)| {
            let mut builder = SegmentBuilder::default();
            rows.iter().zip(key..).for_each(|(row, key)| builder.push(key, row));
            if number < 2 * trainings as u64 {
                trained = builder.train(dir, number, config).unwrap();
            }
            let segment = builder.write(dir, number + 1, config, trained.as_ref()).unwrap();
            let effort = Effort { nprobe: config.factory.contains("IVF").then_some(3), ef_search: None };
            VectorSegment::open(dir, config, &segment, Opening { effort, ..Opening::default() }).unwrap()
        });
        written.collect()
    }

    #[test]
    fn lists_that_are_found_once_give_each_segment_the_hits_of_its_own() {
        let rows = random_rows(1500, 8);
        let queries = Vectors::new(random_rows(30, 8).concat(), 8);
        for factory in ["IVF16,Flat", "IVF16,SQ8", "IVF16,PQ4", "IVF8,PQ4x4fs", "IVF8,RaBitQ"] {
            for metric in [Metric::Ip, Metric::L2] {
                let temporary = tempfile::tempdir().unwrap();
                let dir = Dir::open(temporary.path()).unwrap();
                let segments = segments(&dir, &config(8, metric, factory), &rows, 1);
                for (first, count) in [(0, 1), (21, 7), (0, 30)] {
                    let lists = NearestLists::of(&segments, &queries, count).unwrap().expect("the same centroids");
                    let search = |lists| SegmentSearch {
                        queries: queries.rows(first, first + count),
                        count,
                        k: 12,
                        allowed: None,
                        metric,
                        lists,
                    };
                    for segment in &segments {
                        let own = segment.search(&search(None)).unwrap();
                        let given = segment.search(&search(Some(lists.some(first, count)))).unwrap();
                        assert_eq!(given, own, "{factory} {metric:?}");
                        assert!(own.iter().all(|found| found.len() > 3));
                    }
                }
            }
        }
    }

    #[test]
    fn segments_with_other_centroids_or_without_lists_look_for_themselves() {
        let queries = Vectors::new(random_rows(2, 8).concat(), 8);
        for (factory, trainings) in [("IVF16,Flat", 2), ("Flat", 0), ("HNSW8", 0), ("PCA4,IVF4,Flat", 1)] {
            let temporary = tempfile::tempdir().unwrap();
            let dir = Dir::open(temporary.path()).unwrap();
            let segments = segments(&dir, &config(8, Metric::L2, factory), &random_rows(900, 8), trainings);
            assert!(NearestLists::of(&segments, &queries, 2).unwrap().is_none(), "{factory}");
            assert!(NearestLists::of(&segments[..1], &queries, 2).unwrap().is_none(), "{factory}");
        }
    }
}
