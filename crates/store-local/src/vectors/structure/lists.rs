//! Inverted lists: each vector is in the list of the centroid that is nearest to it.

use super::codes::{self, Blocks, ProductQuantizer, ScalarQuantizer};
use super::source::{Checked, Fault, Source, expect, same, wrong};
use super::{Header, IndexPlace, index};

pub(super) const KINDS: &[[u8; 4]] = &[*b"IwFl", *b"IwSq", *b"IwPQ", *b"IwPf", *b"Iwrq"];

/// The most lists. What is recorded of each list is in memory.
const MAX_LISTS: u64 = 1 << 24;

/// Checks and skips what follows the header. Returns the bytes of the tables that FAISS would make.
pub(super) fn check(source: &mut Source, kind: [u8; 4], header: Header, place: IndexPlace) -> Checked<u64> {
    let lists = coarse(source, header, place)?;
    match &kind {
        b"IwSq" => {
            let size = ScalarQuantizer::read(source, header.dim)?.code_size;
            same("bytes of a code", source.u64()?, size)?;
            source.flag("residuals")?;
            in_arrays(source, lists, size, header.vectors)?;
        }
        b"IwPQ" => return product(source, lists, header),
        b"IwPf" => return fast_scan(source, lists, header),
        b"Iwrq" => {
            let size = codes::bits(source, header)?;
            same("bytes of a code", source.u64()?, size)?;
            source.flag("residuals")?;
            expect("bits of a query", source.byte()? <= 8)?;
            in_arrays(source, lists, size, header.vectors)?;
        }
        _ => in_arrays(source, lists, 4 * header.dim, header.vectors)?,
    }
    Ok(0)
}

/// Checks and skips the centroids, which are an index themselves. Returns the number of lists.
fn coarse(source: &mut Source, header: Header, place: IndexPlace) -> Checked<u64> {
    let lists = source.u64()?;
    expect("number of lists", (1..=MAX_LISTS).contains(&lists))?;
    expect("number of lists to search", source.u64()? > 0)?;
    let centroids = index(source, place.below())?;
    same("dimension of centroids", centroids.header.dim, header.dim)?;
    same("centroids", centroids.header.vectors, lists)?;
    // FAISS asks for the centroids' vectors in a place that cannot report an error, so their kind must give vectors
    // back.
    expect("kind of centroids", centroids.compares && centroids.kind != *b"IxPT")?;
    // No factory makes a map from vectors to lists.
    same("map of vectors", source.byte()?.into(), 0)?;
    source.vector("map of vectors", 8, 0)?;
    Ok(lists)
}

fn product(source: &mut Source, lists: u64, header: Header) -> Checked<u64> {
    let residuals = source.flag("residuals")?;
    let size = source.u64()?;
    let quantizer = ProductQuantizer::read(source, header.dim)?;
    same("bytes of a code", size, quantizer.code_size)?;
    in_arrays(source, lists, size, header.vectors)?;
    Ok(if residuals { quantizer.tables(lists) } else { 0 })
}

fn fast_scan(source: &mut Source, lists: u64, header: Header) -> Checked<u64> {
    let residuals = source.flag("residuals")?;
    let size = source.u64()?;
    let vectors = source.i32()?;
    let rounded = source.u64()?;
    same("type of search", source.u32()?.into(), 0)?;
    same("queries together", source.u64()?, 0)?;
    let quantizer = ProductQuantizer::read(source, header.dim)?;
    same("bytes of a code", size, quantizer.code_size)?;
    let blocks = Blocks::new(&quantizer, vectors, rounded)?;
    in_blocks(source, lists, &blocks, header.vectors)?;
    // FAISS makes these tables even if it is told not to, up to 2 GB.
    let tables = if residuals { quantizer.tables(lists) } else { 0 };
    Ok(tables)
}

/// Checks lists as arrays: their sizes, and then the codes and the positions of each list.
fn in_arrays(source: &mut Source, lists: u64, code_size: u64, vectors: u64) -> Checked {
    let kind = source.kind()?;
    if &kind != b"ilar" {
        return Err(Fault::Kind(kind.escape_ascii().to_string()));
    }
    same("number of lists", source.u64()?, lists)?;
    same("bytes of a code", source.u64()?, code_size)?;
    let sizes = sizes(source, lists)?;
    let sum = sizes.iter().try_fold(0_u64, |sum, (_, size)| sum.checked_add(*size));
    expect("sizes of lists", sum.is_some_and(|sum| sum <= vectors))?;
    for (_, size) in sizes {
        source.skip(size.saturating_mul(code_size))?;
        positions(source, size, vectors)?;
    }
    Ok(())
}

/// The lists that are not empty, in their order, with their sizes.
fn sizes(source: &mut Source, lists: u64) -> Checked<Vec<(u64, u64)>> {
    match &source.kind()? {
        b"full" => {
            let sizes: Vec<u64> = source.short("sizes of lists", lists)?;
            same("sizes of lists", sizes.len() as u64, lists)?;
            Ok((0..).zip(sizes).filter(|(_, size)| *size > 0).collect())
        }
        b"sprs" => {
            let pairs: Vec<[u64; 2]> = {
                let flat: Vec<u64> = source.short("sizes of lists", 2 * lists)?;
                expect("sizes of lists", flat.len().is_multiple_of(2))?;
                flat.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()
            };
            expect("numbers of lists", pairs.is_sorted_by(|a, b| a[0] < b[0]))?;
            expect("numbers of lists", pairs.last().is_none_or(|last| last[0] < lists))?;
            Ok(pairs.into_iter().map(|[list, size]| (list, size)).collect())
        }
        _ => wrong("invalid sizes of lists"),
    }
}

/// Checks the positions of the vectors in a list.
fn positions(source: &mut Source, size: u64, vectors: u64) -> Checked {
    source.walk(size, |positions: &[u64]| {
        expect("positions in a list", positions.iter().fold(0, |most: u64, at| most.max(*at)) < vectors)
    })
}

/// Checks lists in blocks: the positions and the codes of each list, each with its length before it.
fn in_blocks(source: &mut Source, lists: u64, blocks: &Blocks, vectors: u64) -> Checked {
    let kind = source.kind()?;
    if &kind != b"ilbl" {
        return Err(Fault::Kind(kind.escape_ascii().to_string()));
    }
    same("number of lists", source.u64()?, lists)?;
    // FAISS's `INVALID_CODE_SIZE`: in blocks, a vector has no code of its own.
    same("bytes of a code", source.u64()?, u64::MAX)?;
    same("vectors of a block", source.u64()?, blocks.vectors)?;
    same("bytes of a block", source.u64()?, blocks.bytes)?;
    let mut left = vectors;
    for _ in 0..lists {
        let size = source.length("a list", 8)?;
        expect("sizes of lists", size <= left)?;
        left -= size;
        positions(source, size, vectors)?;
        source.vector("codes", 1, blocks.bytes_of(size))?;
    }
    Ok(())
}
