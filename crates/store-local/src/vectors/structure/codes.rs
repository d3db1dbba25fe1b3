//! Checks indexes that are codes, one after the other, and the quantizers that make the codes.

use super::source::{Checked, Source, expect, same};
use super::{Header, transform};

pub(super) const KINDS: &[[u8; 4]] = &[*b"IxFI", *b"IxF2", *b"IxFl", *b"IxSQ", *b"IxPq", *b"IPfs", *b"IxHe", *b"Ixrq"];

/// Checks and skips what follows the header.
pub(super) fn check(source: &mut Source, kind: [u8; 4], header: Header, in_graph: bool) -> Checked {
    match &kind {
        b"IxSQ" => scalar(source, header, in_graph)?,
        b"IxPq" => product(source, header)?,
        b"IPfs" => fast_scan(source, header)?,
        b"IxHe" => hashes(source, header)?,
        b"Ixrq" => {
            let size = bits(source, header)?;
            source.vector("codes", 1, header.vectors.saturating_mul(size))?;
            source.finite("center", header.dim)?;
            expect("bits of a query", source.byte()? <= 8)?;
        }
        _ => {
            expect("metric", [*b"IxFI", *b"IxF2"].get(header.metric as usize) == Some(&kind) || &kind == b"IxFl")?;
            flat(source, header, in_graph)?;
        }
    }
    Ok(())
}

fn flat(source: &mut Source, header: Header, in_graph: bool) -> Checked {
    let floats = header.vectors.saturating_mul(header.dim);
    if in_graph { source.finite("vectors", floats) } else { source.vector("vectors", 4, floats) }
}

fn scalar(source: &mut Source, header: Header, in_graph: bool) -> Checked {
    let quantizer = ScalarQuantizer::read(source, header.dim)?;
    let bytes = header.vectors.saturating_mul(quantizer.code_size);
    match quantizer.exponents {
        Some(exponents) if in_graph => {
            let length = source.length("codes", 1)?;
            same("codes", length, bytes)?;
            source.walk(length / 2, |halves: &[u16]| {
                expect("vectors", halves.iter().fold(0, |most: u16, half| most.max(half & 0x7fff)) < exponents)
            })
        }
        _ => source.vector("codes", 1, bytes),
    }
}

/// A quantizer that rounds each component.
pub(super) struct ScalarQuantizer {
    /// Bytes of a code.
    pub(super) code_size: u64,
    /// For components of 16 bits: the smallest bits of a magnitude that is too large, infinite or NaN.
    exponents: Option<u16>,
}

impl ScalarQuantizer {
    /// Checks and skips a quantizer of `dim` components.
    pub(super) fn read(source: &mut Source, dim: u64) -> Checked<Self> {
        // FAISS's `QuantizerType`: 8 and 4 bits, the same with one range for all components, fp16, bytes as they are, 6
        // bits, bf16, signed bytes as they are.
        let (code_size, trained, exponents) = match source.u32()? {
            0 => (dim, 2 * dim, None),
            1 => (dim.div_ceil(2), 2 * dim, None),
            2 => (dim, 2, None),
            3 => (dim.div_ceil(2), 2, None),
            4 => (2 * dim, 0, Some(0x7c00)),
            5 | 8 => (dim, 0, None),
            6 => ((dim * 6).div_ceil(8), 2 * dim, None),
            7 => (2 * dim, 0, Some((127 + 60) << 7)),
            other => return super::wrong(format!("unknown type of scalar quantizer: {other}")),
        };
        expect("range of a quantizer", source.u32()? <= 3)?;
        source.skip(4)?;
        same("dimension of a quantizer", source.u64()?, dim)?;
        same("bytes of a code", source.u64()?, code_size)?;
        source.finite("ranges of a quantizer", trained)?;
        Ok(Self { code_size, exponents })
    }
}

/// A product quantizer. It divides a vector into `parts`, and codes each part as the number of a centroid.
pub(super) struct ProductQuantizer {
    /// Parts of a vector.
    pub(super) parts: u64,
    /// Bits of a number.
    pub(super) bits: u64,
    /// Bytes of a code.
    pub(super) code_size: u64,
}

impl ProductQuantizer {
    /// Checks and skips a quantizer of `dim` components.
    pub(super) fn read(source: &mut Source, dim: u64) -> Checked<Self> {
        same("dimension of a quantizer", source.u64()?, dim)?;
        let parts = source.u64()?;
        expect("parts of a vector", (1..=dim).contains(&parts) && dim.is_multiple_of(parts))?;
        let bits = source.u64()?;
        expect("bits of a part", (1..=16).contains(&bits))?;
        source.finite("centroids of parts", dim << bits)?;
        Ok(Self { parts, bits, code_size: (parts * bits).div_ceil(8) })
    }

    /// The bytes of a table with `lists` entries for each centroid.
    pub(super) fn tables(&self, lists: u64) -> u64 {
        lists.saturating_mul(self.parts << (self.bits + 2))
    }

    /// The bytes of the distances between all centroids of a part, which a graph needs.
    fn distances(&self) -> u64 {
        self.parts << (2 * self.bits + 2)
    }
}

fn product(source: &mut Source, header: Header) -> Checked {
    let quantizer = ProductQuantizer::read(source, header.dim)?;
    source.vector("codes", 1, header.vectors.saturating_mul(quantizer.code_size))?;
    // No factory sets another way to search.
    same("type of search", source.u32()?.into(), 0)?;
    source.flag("signs")?;
    source.skip(4)
}

/// Product codes behind a graph.
pub(super) fn product_in_graph(source: &mut Source) -> Checked<Header> {
    /// The most bytes of tables of distances: those of 1024 parts of 8 bits.
    const TABLES: u64 = 256 << 20;
    same("kind", u32::from_le_bytes(source.kind()?).into(), u32::from_le_bytes(*b"IxPq").into())?;
    let header = super::header(source)?;
    let quantizer = ProductQuantizer::read(source, header.dim)?;
    expect("size of distances", quantizer.bits <= 12 && quantizer.distances() <= TABLES)?;
    source.vector("codes", 1, header.vectors.saturating_mul(quantizer.code_size))?;
    same("type of search", source.u32()?.into(), 0)?;
    source.flag("signs")?;
    source.skip(4)?;
    Ok(header)
}

/// The layout of codes of 4 bits, for instructions that look up many at once.
pub(super) struct Blocks {
    /// Vectors of a block.
    pub(super) vectors: u64,
    /// Bytes of a block.
    pub(super) bytes: u64,
}

impl Blocks {
    /// Checks that blocks of this many `vectors`, with `rounded` parts, fit this quantizer.
    pub(super) fn new(quantizer: &ProductQuantizer, vectors: i32, rounded: u64) -> Checked<Self> {
        same("bits of a part", quantizer.bits, 4)?;
        expect("vectors of a block", vectors % 32 == 0 && (32..=1024).contains(&vectors))?;
        same("parts of a block", rounded, quantizer.parts.next_multiple_of(2))?;
        let vectors = vectors as u64;
        Ok(Self { vectors, bytes: vectors * rounded / 2 })
    }

    /// The bytes of the blocks that this many vectors fill.
    pub(super) fn bytes_of(&self, vectors: u64) -> u64 {
        vectors.div_ceil(self.vectors).saturating_mul(self.bytes)
    }
}

fn fast_scan(source: &mut Source, header: Header) -> Checked {
    let quantizer = ProductQuantizer::read(source, header.dim)?;
    same("type of search", source.u32()?.into(), 0)?;
    let vectors = source.i32()?;
    same("queries together", source.u32()?.into(), 0)?;
    let (padded, rounded) = (source.u64()?, source.u64()?);
    let blocks = Blocks::new(&quantizer, vectors, rounded)?;
    same("vectors of all blocks", padded, header.vectors.div_ceil(blocks.vectors).saturating_mul(blocks.vectors))?;
    source.vector("codes", 1, blocks.bytes_of(header.vectors))
}

/// Hashes with one bit for each direction.
fn hashes(source: &mut Source, header: Header) -> Checked {
    let bits = source.count("bits of a hash", 1 << 16)?;
    let (rotated, thresholds) = (source.flag("rotated")?, source.flag("thresholds")?);
    expect("bits of a hash", rotated || bits <= header.dim)?;
    source.finite("thresholds", if thresholds { bits } else { 0 })?;
    let size = source.count("bytes of a hash", 1 << 13)?;
    same("bytes of a hash", size, bits.div_ceil(8))?;
    let (from, to) = transform::rotation(source, rotated)?;
    same("dimension of a transformation", from, header.dim)?;
    same("dimension of a transformation", to, bits)?;
    source.vector("codes", 1, header.vectors.saturating_mul(size))
}

/// A quantizer that makes one bit of each component, and two floats. Returns the bytes of a code.
pub(super) fn bits(source: &mut Source, header: Header) -> Checked<u64> {
    let size = header.dim.div_ceil(8) + 8;
    same("dimension of a quantizer", source.u64()?, header.dim)?;
    same("bytes of a code", source.u64()?, size)?;
    same("metric of a quantizer", source.u32()?.into(), header.metric.into())?;
    Ok(size)
}
