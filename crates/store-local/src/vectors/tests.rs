use std::fs::File;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::testing::config;
use semsearch_kernels::Isa;
use semsearch_store::{Effort, IndexConfig, Metric, Scored};

/// A segment of `rows` under the keys from 100 on.
fn segment(dir: &Path, config: &IndexConfig, rows: &[Vec<f32>], dead: &[u64]) -> (Segment, VectorSegment) {
    let mut builder = SegmentBuilder::default();
    rows.iter().zip(100..).for_each(|(row, key)| builder.push(key, row));
    let dir = Dir::open(dir).unwrap();
    let trained = builder.train(&dir, 1, config).unwrap();
    let mut written = builder.write(&dir, 2, config, trained.as_ref()).unwrap();
    written.dead = dead.to_vec();
    let opened = VectorSegment::open(&dir, config, &written, Opening::default()).unwrap();
    (written, opened)
}

/// A search for the `k` nearest of each query, by the metric of the segment's index.
fn nearest(segment: &VectorSegment, queries: &[f32], k: usize, allowed: Option<&Keys>) -> Vec<Vec<Scored>> {
    let count = queries.len() / segment.index.index().d() as usize;
    let metric = if segment.index.index().metric_type() == faiss::MetricType::L2 { Metric::L2 } else { Metric::Ip };
    segment.search(&SegmentSearch { queries, count, k, allowed, metric, lists: None }).unwrap()
}

pub(super) fn random_rows(count: usize, dim: usize) -> Vec<Vec<f32>> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| (0..dim).map(|_| next()).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_flat_search_is_the_plain_scan_without_the_dead(
        rows in prop::collection::vec(prop::collection::vec(-8i8..8, 3), 1..40),
        query in prop::collection::vec(-8i8..8, 3),
        dead in prop::collection::btree_set(100..140u64, 0..20),
        k in 1..50usize,
        count in prop::sample::select(vec![1, MANY_QUERIES]),
        metric in prop::sample::select(vec![Metric::Ip, Metric::L2]),
    ) {
        let float = |row: &Vec<i8>| row.iter().map(|&value| f32::from(value)).collect::<Vec<_>>();
        let rows: Vec<_> = rows.iter().map(float).collect();
        let query = float(&query);
        let dir = tempfile::tempdir().unwrap();
        let dead: Vec<u64> = dead.into_iter().filter(|&key| key < 100 + rows.len() as u64).collect();
        let (_, segment) = segment(dir.path(), &config(3, metric, "Flat"), &rows, &dead);
        let found = nearest(&segment, &query.repeat(count), k, None);

        let score = |row: &Vec<f32>| -> f32 { match metric {
            Metric::Ip => row.iter().zip(&query).map(|(a, b)| a * b).sum(),
            Metric::L2 => row.iter().zip(&query).map(|(a, b)| (a - b) * (a - b)).sum(),
        }};
        let mut expected: Vec<f32> =
            rows.iter().zip(100..).filter(|(_, key)| !dead.contains(key)).map(|(row, _)| score(row)).collect();
        expected.sort_by(|a, b| if metric == Metric::Ip { b.total_cmp(a) } else { a.total_cmp(b) });
        expected.truncate(k);
        prop_assert_eq!(found.len(), count);
        for found in found {
            // Scores, not keys: equal ones may come in any order.
            prop_assert_eq!(found.iter().map(|hit| hit.score).collect::<Vec<_>>(), expected.clone());
            prop_assert!(found.iter().all(|hit| hit.score == score(&rows[hit.key as usize - 100])));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_scan_by_bytes_finds_what_a_plain_scan_finds(
        // Small numbers, so that scores are exact and many are equal; or rows of very different sizes.
        rows in prop::collection::vec((prop::collection::vec(-8i8..8, 5), prop::sample::select(vec![1.0f32, 64.0])), 300..900),
        queries in prop::collection::vec(prop::collection::vec(-8i8..8, 5), 1..80),
        // From 2 on, so that neither segment is empty.
        cut in 2..299usize,
        dead in prop::collection::btree_set(100..1000u64, 0..200),
        allowed in prop::option::of(prop::collection::btree_set(0..1200u64, 0..400)),
        k in 1..4usize,
        metric in prop::sample::select(vec![Metric::Ip, Metric::L2]),
        floats_on_disk in any::<bool>(),
    ) {
        let rows: Vec<Vec<f32>> =
            rows.iter().map(|(row, size)| row.iter().map(|&value| f32::from(value) * size).collect()).collect();
        let queries: Vec<Vec<f32>> = queries.iter().map(|row| row.iter().map(|&value| value.into()).collect()).collect();
        // Two segments whose keys alternate, as those of compacted segments may.
        let keys = |part: usize| (0..rows.len()).filter(move |&at| (at % cut == 0) == (part == 1));
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let config = config(5, metric, "Flat");
        let segments: Vec<VectorSegment> = directories.iter().enumerate().map(|(part, dir)| {
            let mut builder = SegmentBuilder::default();
            keys(part).for_each(|at| builder.push(100 + at as u64, &rows[at]));
            let dir = Dir::open(dir.path()).unwrap();
            let mut written = builder.write(&dir, 1, &config, None).unwrap();
            written.dead = keys(part).map(|at| 100 + at as u64).filter(|key| dead.contains(key)).collect();
            VectorSegment::open(&dir, &config, &written, Opening { floats_on_disk, ..Opening::default() }).unwrap()
        }).collect();
        let vectors = semsearch_encoder::encoder::Vectors::new(queries.concat(), 5);
        let keys = allowed.as_ref().map(|allowed| Keys::new(allowed.iter().copied()));
        let search = VectorSearch {
            segments: &segments,
            queries: &vectors,
            k,
            allowed: keys.as_ref(),
            metric,
            isa: Isa::best(),
        };
        let found = scan(&search).unwrap();

        for (query, found) in queries.iter().zip(found) {
            let score = |row: &Vec<f32>| -> f32 { match metric {
                Metric::Ip => row.iter().zip(query).map(|(a, b)| a * b).sum(),
                Metric::L2 => row.iter().zip(query).map(|(a, b)| (a - b) * (a - b)).sum(),
            }};
            let there = |key: &u64| !dead.contains(key) && allowed.as_ref().is_none_or(|allowed| allowed.contains(key));
            let all = rows.iter().zip(100..).filter(|(_, key)| there(key));
            let mut expected: Vec<Scored> = all.map(|(row, key)| Scored { key, score: score(row) }).collect();
            expected.sort_by(|a, b| metric.order(a.score, b.score).then(a.key.cmp(&b.key)));
            expected.truncate(k);
            prop_assert_eq!(&found, &expected);
            let queries = &semsearch_encoder::encoder::Vectors::new(query.clone(), 5);
            if let Some(mut screened) = screened(&VectorSearch { queries, ..search }).unwrap() {
                prop_assert_eq!(screened.remove(0), expected);
            }
        }
    }
}

/// Rows that are hard to tell apart by bytes: equal ones, nearly equal ones, and ones of very different lengths.
fn hard_rows() -> impl Strategy<Value = Vec<Vec<f32>>> {
    let of_size = |size: f32| prop::collection::vec((-1.0_f32..1.0).prop_map(move |value| value * size), 24);
    let sizes = prop::sample::select(vec![1.0_f32, 1.0, 1.0, 1e-3, 1e-20, 1e-41, 1e12, 1e19, 3e38]);
    let bases = prop::collection::vec(sizes.prop_flat_map(of_size), 4..12);
    (bases, prop::collection::vec((any::<prop::sample::Index>(), 0..24usize, -2..3i32), 300..600)).prop_map(
        |(bases, made)| {
            let row = |(base, at, steps): &(prop::sample::Index, usize, i32)| {
                let mut row = base.get(&bases).clone();
                // The neighbours of a float differ from it in their last bit.
                row[*at] = f32::from_bits(row[*at].to_bits().saturating_add_signed(*steps));
                row
            };
            made.iter().map(row).collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_search_by_bytes_first_is_the_plain_scan(
        rows in hard_rows(),
        of_row in any::<prop::sample::Index>(),
        dead in prop::collection::btree_set(100..700u64, 0..100),
        banned in prop::option::of(prop::collection::btree_set(100..700u64, 0..300)),
        k in 1..4usize,
        metric in prop::sample::select(vec![Metric::Ip, Metric::L2]),
    ) {
        let query = of_row.get(&rows).clone();
        let dir = tempfile::tempdir().unwrap();
        let dead: Vec<u64> = dead.into_iter().filter(|&key| key < 100 + rows.len() as u64).collect();
        let (_, segment) = segment(dir.path(), &config(24, metric, "Flat"), &rows, &dead);
        let keys = banned.map(|banned| Keys::new((100..100 + rows.len() as u64).filter(|key| !banned.contains(key))));
        let (segments, isa) = (std::slice::from_ref(&segment), Isa::best());
        let queries = &semsearch_encoder::encoder::Vectors::new(query.clone(), 24);
        let search = VectorSearch { segments, queries, k, allowed: keys.as_ref(), metric, isa };
        // A query without a finite square is another search's.
        let Some(mut found) = screened(&search).unwrap() else { return Ok(()) };

        let there = |key: &u64| !dead.contains(key) && keys.as_ref().is_none_or(|keys| keys.contains(*key));
        let scored = |(row, key): (&Vec<f32>, u64)| Scored { key, score: metric.score(isa, row, &query) };
        let mut expected: Vec<Scored> =
            rows.iter().zip(100..).filter(|(_, key)| there(key)).map(scored).filter(|near| !near.score.is_nan()).collect();
        expected.sort_by(|a, b| metric.order(a.score, b.score).then(a.key.cmp(&b.key)));
        expected.truncate(k);
        prop_assert_eq!(found.remove(0), expected);
    }
}

/// The file of bytes is a copy: it can be made again, and no damaged one is used.
#[test]
fn the_file_of_bytes_is_made_again_byte_for_byte_and_every_changed_byte_of_it_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(70, Metric::Ip, "Flat");
    let (mut written, opened) = segment(directory.path(), &config, &random_rows(100, 70), &[]);
    let dir = Dir::open(directory.path()).unwrap();
    let first = written.halves.take().unwrap();
    assert!(lacks_halves(&written, 70));
    add_halves(&dir, 3, &mut written, &opened).unwrap();
    let again = written.halves.clone().unwrap();
    assert_eq!((again.bytes, again.crc32), (first.bytes, first.crc32));

    let path = directory.path().join(&again.name);
    let whole = std::fs::read(&path).unwrap();
    let open = |written: &Segment| VectorSegment::open(&dir, &config, written, Opening::default()).map(drop);
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        std::fs::write(&path, changed).unwrap();
        let error = check(&dir, &written, true).unwrap_err().to_string();
        assert!(error.contains(&again.name) && error.contains("checksum"), "{at}: {error}");
    }
    // What a larger index checks when it is opened.
    for at in 0..32 {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        std::fs::write(&path, changed).unwrap();
        assert!(open(&written).unwrap_err().to_string().contains("it is not for these vectors"), "{at}");
    }
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(open(&written).unwrap_err().to_string().contains("were committed"));
    std::fs::remove_file(&path).unwrap();
    assert!(open(&written).unwrap_err().to_string().contains("the file is missing"));
    std::fs::write(&path, &whole).unwrap();
    open(&written).unwrap();
}

#[test]
fn every_kind_of_index_leaves_out_the_dead_and_fills_up_with_the_living() {
    let rows = random_rows(300, 8);
    for factory in ["Flat", "SQfp16", "SQ8", "HNSW16", "IVF4,Flat", "IVF4,SQ8", "PQ4", "PCA4,IVF4,Flat", "IVF4,PQ4"] {
        let dir = tempfile::tempdir().unwrap();
        let config = config(8, Metric::L2, factory);
        let dead: Vec<u64> = (100..160).collect();
        let (_, mut segment) = segment(dir.path(), &config, &rows, &dead);
        if factory.contains("IVF") {
            let effort = Effort { nprobe: Some(4), ef_search: None };
            segment = segment.again(&config, Opening { effort, ..Opening::default() }).unwrap();
        }
        // The nearest of row 0 is itself, which is dead.
        let found = nearest(&segment, &rows[0], 20, None).remove(0);
        assert_eq!(found.len(), 20, "{factory}");
        assert!(found.iter().all(|near| near.key >= 160), "{factory}");
        assert!(found.is_sorted_by(|a, b| a.score <= b.score), "{factory}");
        let batch = nearest(&segment, &rows[..30].concat(), 20, None);
        assert!(batch.iter().all(|found| found.len() == 20), "{factory}");
        // A matrix product sums in another order.
        let keys = |found: &[Scored]| found.iter().map(|near| near.key).collect::<Vec<_>>();
        assert_eq!(keys(&batch[0]), keys(&found), "{factory}");
    }
}

#[test]
fn every_kind_of_index_finds_all_that_is_allowed_and_the_nearest_of_few() {
    let rows = random_rows(6000, 8);
    let near =
        |key: u64| -> f32 { rows[key as usize - 100].iter().zip(&rows[0]).map(|(a, b)| (a - b) * (a - b)).sum() };
    for factory in ["Flat", "SQfp16", "SQ8", "HNSW8", "IVF16,Flat", "IVF16,SQ8", "PQ4", "PCA4,IVF4,Flat", "IVF4,PQ4"] {
        let dir = tempfile::tempdir().unwrap();
        let config = config(8, Metric::L2, factory);
        let (_, segment) = segment(dir.path(), &config, &rows, &[100, 200, 300]);
        let segment = segment.again(&config, Opening { to_filter: true, ..Opening::default() }).unwrap();
        // Few, and nearly all: a graph and lists are searched in other ways.
        for step in [1000, 100, 2, 1] {
            let allowed: Vec<u64> = (100..6100).step_by(step).filter(|key| ![100, 200, 300].contains(key)).collect();
            let keys = Keys::new(allowed.iter().copied());
            for (count, k) in [(1, 20), (30, 70)] {
                let found = nearest(&segment, &rows[..count].concat(), k, Some(&keys));
                let all: Vec<u64> = found[0].iter().map(|near| near.key).collect();
                assert!(
                    found.iter().all(|found| found.len() == k.min(allowed.len())),
                    "{factory}, every {step}th, {k}"
                );
                assert!(all.iter().all(|&key| keys.contains(key)), "{factory}, every {step}th");
                if step >= 100 && ["Flat", "HNSW8", "IVF16,Flat"].contains(&factory) {
                    let mut expected = allowed.clone();
                    expected.sort_by(|&a, &b| near(a).total_cmp(&near(b)));
                    assert_eq!(all, expected[..all.len()], "{factory}");
                }
            }
        }
    }
}

#[test]
fn effort_is_refused_where_it_means_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(8, Metric::Ip, "Flat");
    let (_, segment) = segment(dir.path(), &config, &random_rows(3, 8), &[]);
    let refused = |effort| {
        let again = segment.again(&config, Opening { effort, ..Opening::default() });
        again.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let nprobe = refused(Effort { nprobe: Some(4), ef_search: None });
    assert_eq!(nprobe, "nprobe is for IVF factories, this index is Flat");
    let ef_search = refused(Effort { nprobe: None, ef_search: Some(4) });
    assert_eq!(ef_search, "ef-search is for HNSW factories, this index is Flat");
}

#[test]
fn each_effort_has_the_segment_to_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (config, rows) = (config(8, Metric::L2, "IVF16,Flat"), random_rows(2000, 8));
    let (_, one_list) = segment(dir.path(), &config, &rows, &[]);
    let effort = Effort { nprobe: Some(16), ef_search: None };
    let before = nearest(&one_list, &rows[0], 500, None);
    let all_lists = one_list.again(&config, Opening { effort, ..Opening::default() }).unwrap();
    assert_eq!(nearest(&all_lists, &rows[0], 500, None)[0].len(), 500);
    assert!(before[0].len() < 500 && before == nearest(&one_list, &rows[0], 500, None));
}

#[test]
fn live_vectors_come_back_as_they_went_in() {
    let dir = tempfile::tempdir().unwrap();
    let rows = [vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0, 6.0]];
    let (_, segment) = segment(dir.path(), &config(2, Metric::Ip, "Flat"), &rows, &[101]);
    let mut all = Vec::new();
    merged([&segment], |key, row| {
        all.push((key, row.to_vec()));
        Ok::<_, StoreError>(())
    })
    .unwrap();
    assert_eq!(all, [(100, vec![1.0, 2.0]), (102, vec![5.0, 6.0])]);
    assert_eq!(segment.get(102).unwrap(), Some(vec![5.0, 6.0]));
    assert_eq!((segment.get(101).unwrap(), segment.get(7).unwrap()), (None, None));
}

#[test]
fn segments_are_read_back_together_in_the_order_of_their_keys() {
    for factory in ["Flat", "IVF2,Flat", "HNSW8", "PCA4,SQ8"] {
        let rows = random_rows(900, 8);
        let config = config(8, Metric::L2, factory);
        let dir = tempfile::tempdir().unwrap();
        let mut builders = [SegmentBuilder::default(), SegmentBuilder::default()];
        rows.iter().zip(0..).for_each(|(row, key)| builders[usize::from(key % 3 == 0)].push(key, row));
        let dir = Dir::open(dir.path()).unwrap();
        let trained = builders[0].train(&dir, 1, &config).unwrap();
        let segments: Vec<_> = (2..)
            .zip(&builders)
            .map(|(number, builder)| {
                let written = builder.write(&dir, number, &config, trained.as_ref()).unwrap();
                VectorSegment::open(&dir, &config, &written, Opening::default()).unwrap()
            })
            .collect();
        let mut next = 0;
        merged(&segments, |key, row| {
            assert_eq!(key, next, "{factory}");
            if factory != "PCA4,SQ8" {
                assert_eq!(row, rows[key as usize], "{factory}");
            }
            next += 1;
            Ok::<_, StoreError>(())
        })
        .unwrap();
        assert_eq!(next, 900, "{factory}");
    }
}

#[test]
fn a_changed_byte_is_found_in_the_codes_by_their_parts_and_elsewhere_without_reading_them() {
    // Some vectors lie in one part, some in two; the last part is shorter.
    for (factory, dim, rows) in [("Flat", 8, 5), ("Flat", 300, 20), ("SQfp16", 8, 5), ("HNSW4", 8, 5)] {
        let temporary = tempfile::tempdir().unwrap();
        let config = config(dim, Metric::Ip, factory);
        let (segment, opened) = segment(temporary.path(), &config, &random_rows(rows, dim), &[]);
        let dir = Dir::open(temporary.path()).unwrap();
        let codes = segment.codes.clone().unwrap_or_else(|| panic!("{factory} has its codes in one piece"));
        let path = temporary.path().join(&segment.file.name);
        let bytes = std::fs::read(&path).unwrap();
        let codes = codes.start as usize..(codes.start + codes.bytes) as usize;
        let code = codes.len() / rows;
        if factory == "Flat" {
            let first = f32::from_le_bytes(bytes[codes.start..][..4].try_into().unwrap());
            assert_eq!((code, first), (dim * 4, random_rows(1, dim)[0][0]));
        }
        for at in (0..bytes.len()).step_by(if dim > 8 { 97 } else { 1 }) {
            let mut changed = bytes.clone();
            changed[at] ^= 4;
            std::fs::write(&path, &changed).unwrap();
            assert_eq!(check(&dir, &segment, false).is_ok(), codes.contains(&at), "{factory}, byte {at}");
            assert!(check(&dir, &segment, true).is_err(), "{factory}, byte {at}");
            if codes.contains(&at) {
                let row = (at - codes.start) / code;
                assert!(opened.check_vectors(&[100 + row as u64]).is_err(), "{factory}, byte {at}");
                assert!(opened.get(100 + row as u64).is_err(), "{factory}, byte {at}");
                // The part's other vectors are not believed either, those of other parts are.
                let far =
                    (0..rows).find(|&other| other * code + 16384 < row * code || row * code + 16384 < other * code);
                assert!(
                    far.is_none_or(|row| opened.check_vectors(&[100 + row as u64]).is_ok()),
                    "{factory}, byte {at}"
                );
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        check(&dir, &segment, true).unwrap();
        opened.check_vectors(&(100..100 + rows as u64).collect::<Vec<_>>()).unwrap();
    }
}

#[test]
fn a_file_that_becomes_shorter_under_a_reader_is_damaged() {
    for factory in ["Flat", "SQfp16", "HNSW4"] {
        let temporary = tempfile::tempdir().unwrap();
        let rows = random_rows(2000, 32);
        let (segment, opened) = segment(temporary.path(), &config(32, Metric::Ip, factory), &rows, &[]);
        let file = File::options().write(true).open(temporary.path().join(&segment.file.name)).unwrap();
        assert_eq!(opened.maps.is_empty(), !cfg!(target_os = "linux"), "{factory}");
        file.set_len(5000).unwrap();
        nearest(&opened, &rows[1999], 5, None);
        let damaged = opened.check_vectors(&[]).unwrap_err();
        assert!(damaged.to_string().ends_with("it became shorter while it was read"), "{factory}: {damaged}");
    }
}

#[test]
fn a_factory_that_faiss_does_not_know_is_an_error() {
    let message = check_factory(&config(4, Metric::Ip, "Nonsense"), Path::new("ix")).unwrap_err().to_string();
    assert_eq!(message, "ix: FAISS cannot make an index of the factory \"Nonsense\"");
}

#[test]
fn faisss_words_come_without_its_source_lines() {
    let native = "Native faiss error: Error in void faiss::f(int) at /src/F.cpp:27: Error: 'n >= k' failed: too few";
    assert_eq!(reason(native), "too few");
    assert_eq!(reason("Invalid index description"), "Invalid index description");
    let parsing =
        "Native faiss error: Error in int faiss::g(std::string) at /src/G.cpp:917: could not parse index string X";
    assert_eq!(reason(parsing), "could not parse index string X");
}

#[test]
fn too_few_vectors_to_train_on_is_an_error() {
    let mut builder = SegmentBuilder::default();
    builder.push(1, &[1.0, 2.0]);
    let temporary = tempfile::tempdir().unwrap();
    std::fs::create_dir(temporary.path().join("vectors")).unwrap();
    let dir = Dir::open(&temporary.path().join("vectors")).unwrap();
    let error = builder.train(&dir, 1, &config(2, Metric::Ip, "IVF16,Flat")).unwrap_err();
    assert!(error.to_string().ends_with(": cannot train IVF16,Flat on 1 vectors"), "{error}");
    assert!(!error.to_string().contains("vectors:"), "{error}");
    assert!(builder.train(&dir, 1, &config(2, Metric::Ip, "Flat")).unwrap().is_none());
}

#[test]
fn vectors_that_are_gone_before_they_are_written_leave_no_trace() {
    let mut builder = SegmentBuilder::default();
    (1..=3_u64).for_each(|key| builder.push(key, &[key as f32, 0.0]));
    builder.remove(&HashSet::from([2, 9]));
    assert_eq!((builder.len(), builder.get(3), builder.get(2)), (2, Some(&[3.0, 0.0][..]), None));
}
