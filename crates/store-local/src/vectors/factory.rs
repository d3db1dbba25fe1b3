//! Checks FAISS's factory strings, and which of them this release accepts.
//!
//! FAISS parses them with regular expressions whose recursion grows with the length, and divides by the numbers in
//! them, so a long string or a zero ends the process. Therefore they are parsed here first, by FAISS's own grammar
//! (`index_factory.cpp`), with bounds for each number. A factory is accepted if its files can be checked before they
//! are opened (`structure`).

use std::path::Path;

use faiss::MetricType;

use super::metric::metric_type;
use semsearch_store::{IndexConfig, StoreError};

/// The longest string that is accepted, in bytes.
pub(crate) const MAX_LENGTH: usize = 200;

/// How many times a refinement may compare the best candidates again.
const MAX_DEPTH: usize = 2;

/// The most transformations in a row.
const MAX_TRANSFORMS: usize = 4;

/// The largest dimension that a transformation may produce.
const MAX_DIM: u64 = 1 << 14;

const KNOWN: &str = "known are Flat, SQ8 and its like, PQ, LSH, RaBitQ, HNSW and IVF over them, behind PCA, OPQ, RR, ITQ, Pad \
                     or L2norm, and with RFlat or Refine(…)";

/// Checks that a factory is one of those that are accepted; `path` is the index that it is for.
pub(super) fn check(factory: &str, path: &Path) -> Result<(), StoreError> {
    if factory.len() > MAX_LENGTH {
        let length = factory.len();
        return Err(StoreError::Unsupported(format!(
            "a FAISS factory of {length} bytes: at most {MAX_LENGTH} are taken"
        )));
    }
    if index(factory, 0) {
        return Ok(());
    }
    Err(StoreError::Library {
        path: path.into(),
        what: format!("FAISS cannot make an index of the factory {factory:?}"),
        source: KNOWN.into(),
    })
}

/// Checks that an index compares vectors by the config's metric: some kinds support only one.
pub(super) fn check_metric(config: &IndexConfig, made: MetricType) -> Result<(), StoreError> {
    let asked = metric_type(config.metric);
    if made == asked {
        return Ok(());
    }
    let factory = &config.factory;
    Err(StoreError::Unsupported(format!("the factory {factory} supports only the metric l2")))
}

/// Whether this is an index: transformations, then the part that holds the vectors, then the part that compares the
/// best candidates again.
fn index(factory: &str, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    if let Some(refined) = factory.strip_suffix(",RFlat") {
        return index(refined, depth + 1);
    }
    if let Some((refined, by)) = factory.strip_suffix(')').and_then(|rest| rest.rsplit_once(",Refine(")) {
        return index(refined, depth + 1) && compares(transformed(by));
    }
    let rest = transformed(factory);
    codes(rest) || graph(rest) || lists(rest)
}

/// Whether this is an index whose vectors can be compared and given back one by one.
fn compares(word: &str) -> bool {
    (codes(word) && !fast_scan(word, false)) || graph(word)
}

/// The part of a factory that follows the transformations.
fn transformed(factory: &str) -> &str {
    let mut rest = factory;
    for _ in 0..MAX_TRANSFORMS {
        match rest.split_once(',') {
            Some((first, after)) if transform(first) => rest = after,
            _ => break,
        }
    }
    rest
}

fn transform(word: &str) -> bool {
    let dim = |digits: &str| number(digits, 1, MAX_DIM);
    let after = |prefix: &str| word.strip_prefix(prefix);
    if let Some(rest) = after("OPQ") {
        let (parts, dims) = rest.split_once('_').map_or((rest, None), |(parts, dims)| (parts, Some(dims)));
        return number(parts, 1, MAX_DIM) && dims.is_none_or(dim);
    }
    if let Some(rest) = after("PCA") {
        let rest = rest.strip_prefix('W').unwrap_or(rest);
        return dim(rest.strip_prefix('R').unwrap_or(rest));
    }
    ["L2norm", "L2Norm", "RR", "ITQ"].contains(&word)
        || ["RR", "ITQ", "Pad"].iter().any(|prefix| after(prefix).is_some_and(dim))
}

fn scalar(word: &str) -> bool {
    ["SQ4", "SQ6", "SQ8", "SQfp16", "SQbf16", "SQ8_direct", "SQ8_direct_signed"].contains(&word)
}

fn product(word: &str) -> bool {
    let Some(rest) = word.strip_prefix("PQ") else { return false };
    let rest = rest.strip_suffix("np").unwrap_or(rest);
    let (parts, bits) = rest.split_once('x').map_or((rest, None), |(parts, bits)| (parts, Some(bits)));
    number(parts, 1, MAX_DIM) && bits.is_none_or(|bits| number(bits, 1, 16))
}

/// Product codes of 4 bits in blocks. If `residuals` is set, they may encode residuals.
fn fast_scan(word: &str, residuals: bool) -> bool {
    let Some((parts, rest)) = word.strip_prefix("PQ").and_then(|rest| rest.split_once("x4fs")) else { return false };
    let rest = if residuals { rest.strip_prefix('r').unwrap_or(rest) } else { rest };
    number(parts, 1, MAX_DIM)
        && (rest.is_empty() || rest.strip_prefix('_').is_some_and(|block| number(block, 32, 1024)))
}

fn codes(word: &str) -> bool {
    let hashes = word.strip_prefix("LSH").map(|rest| rest.strip_suffix('t').unwrap_or(rest));
    let hashes = hashes.map(|rest| rest.strip_suffix('r').unwrap_or(rest));
    hashes.is_some_and(|bits| bits.is_empty() || number(bits, 1, 1 << 16))
        || ["Flat", "RaBitQ"].contains(&word)
        || scalar(word)
        || product(word)
        || fast_scan(word, false)
}

fn graph(word: &str) -> bool {
    let Some(rest) = word.strip_prefix("HNSW") else { return false };
    let (links, stored) = rest.split_once([',', '_']).map_or((rest, ""), |(links, stored)| (links, stored));
    (links.is_empty() || number(links, 2, 1024))
        && (["", "Flat"].contains(&stored) || scalar(stored) || product(stored))
}

fn lists(word: &str) -> bool {
    let Some(rest) = word.strip_prefix("IVF") else { return false };
    let Some((coarse, stored)) = rest.rsplit_once(',') else { return false };
    let digits = coarse.bytes().take_while(u8::is_ascii_digit).count();
    let (count, after) = coarse.split_at(digits);
    let (thousands, found) = match after.chars().next() {
        Some('k') => (1 << 10, &after[1..]),
        Some('M') => (1 << 20, &after[1..]),
        _ => (1, after),
    };
    let inner = found.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let found = found.is_empty()
        || found.strip_prefix("_HNSW").is_some_and(|links| links.is_empty() || number(links, 2, 1024))
        || inner.is_some_and(compares);
    number(count, 1, (1 << 20) / thousands)
        && found
        && (["Flat", "RaBitQ"].contains(&stored) || scalar(stored) || product(stored) || fast_scan(stored, true))
}

/// Whether `digits` are the digits of a number from `least` to `most`.
fn number(digits: &str, least: u64, most: u64) -> bool {
    let plain = digits.len() <= 7 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && digits.parse().is_ok_and(|number: u64| (least..=most).contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_faiss_would_stumble_over_is_refused() {
        let zeros = ["PQ0", "PQ4x0", "OPQ0,Flat", "IVF0,Flat", "HNSW0", "HNSW1", "PCA0,Flat", "LSH0", "RR0,Flat"];
        let large = ["IVF9999999,Flat", "IVF2M,Flat", "PQ4x24", "HNSW99999", "PCA99999,Flat", "PQ4x4fs_0"];
        let aborting =
            ["Flat,Refine(IVF4,Flat)", "Flat,Refine(PQ4x4fs)", "SQ4,Refine(SQ8,RFlat)", "IVF4(IVF2,Flat),Flat"];
        let unknown = [
            "",
            "Nonsense",
            "RQ2x4",
            "NSG16",
            "ZnLattice2x5_3",
            "IMI2x8,Flat",
            "IVF4,",
            "IDMap,Flat",
            "Flat,",
            ",Flat",
        ];
        let deep = ["(".repeat(99), format!("IVF4({}", "IVF4(".repeat(30)), "Flat,RFlat,RFlat,RFlat,RFlat".into()];
        let chain = ["RR,".repeat(60) + "Flat"];
        let all =
            zeros.into_iter().chain(large).chain(aborting).chain(unknown).map(String::from).chain(deep).chain(chain);
        for factory in all {
            let error = check(&factory, Path::new("ix")).unwrap_err().to_string();
            assert!(error.starts_with("ix: FAISS cannot make an index of the factory"), "{factory}: {error}");
        }
        let error = check(&"x".repeat(100_000), Path::new("ix")).unwrap_err();
        assert_eq!(error.to_string(), "a FAISS factory of 100000 bytes: at most 200 are taken");
    }
}
