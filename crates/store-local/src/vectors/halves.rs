//! The vectors of a flat segment once more, as bytes, in a file beside FAISS's own: a quarter of the floats.
//!
//! A search for one query reads half of it and so an eighth of the floats ([`semsearch_kernels`], `halves`). The file is made
//! from the segment and can be made again. Its layout, in bytes:
//!
//! | what | length |
//! | --- | --- |
//! | [`MAGIC`], the dimension and the number of vectors in eight bytes each, zeros | 64 |
//! | the upper halves of the bytes of each vector | vectors × stride |
//! | [`HalvesRow`] of each vector | vectors × 16 |
//! | the lower halves of the bytes of each vector | vectors × stride |
//!
//! All numbers are little-endian. The stride is [`half_bytes`].

use std::borrow::Cow;
use std::os::unix::fs::FileExt;

use rayon::prelude::*;
use semsearch_files::{Dir, Map};
use semsearch_kernels::{HalvesRow, MAX_HALVES_DIM, half_bytes};
use semsearch_store::StoreError;

use super::VectorSegment;
use crate::files::{self, StoredFile};
use crate::segment::Segment;

/// How a file begins. The last digit is the version of its layout.
const MAGIC: &[u8; 16] = b"semsearch halves";

/// The bytes before the halves.
const HEADER: usize = 64;

/// The least vectors of a segment that gets such a file. Fewer are compared by their floats in less time than the file's
/// reading would take.
const LEAST: usize = if cfg!(test) { 64 } else { 2048 };

/// Vectors that are rounded together.
const TOGETHER: usize = 1024;

/// Whether a flat segment of so many vectors should have the file.
fn is_worth_it(vectors: usize, dim: usize) -> bool {
    // The file has the byte order of the processor that reads it in place.
    cfg!(target_endian = "little") && vectors >= LEAST && dim <= MAX_HALVES_DIM
}

/// Writes the file `name` for `rows`, `[vectors, dim]`, if it is worth it.
pub(super) fn write(dir: &Dir, name: &str, rows: &[f32], dim: usize) -> Result<Option<StoredFile>, StoreError> {
    let vectors = rows.len() / dim.max(1);
    if !is_worth_it(vectors, dim) {
        return Ok(None);
    }
    let block = |first: usize| Ok(Cow::Borrowed(&rows[first * dim..rows.len().min((first + TOGETHER) * dim)]));
    write_blocks(dir, name, vectors, dim, block).map(Some)
}

/// Writes the file `name` for vectors that `block` gives, from the one at each multiple of [`TOGETHER`] on.
fn write_blocks<'a>(
    dir: &Dir,
    name: &str,
    vectors: usize,
    dim: usize,
    block: impl Fn(usize) -> Result<Cow<'a, [f32]>, StoreError> + Sync,
) -> Result<StoredFile, StoreError> {
    let places = Places::of(vectors, dim);
    files::create(dir, name, |file, path| {
        let put = |bytes: &[u8], at: usize| file.write_all_at(bytes, at as u64).map_err(StoreError::write(path));
        let mut header = [0; HEADER];
        header[..16].copy_from_slice(MAGIC);
        header[16..24].copy_from_slice(&(dim as u64).to_le_bytes());
        header[24..32].copy_from_slice(&(vectors as u64).to_le_bytes());
        put(&header, 0)?;
        let starts: Vec<usize> = (0..vectors).step_by(TOGETHER).collect();
        starts.into_par_iter().try_for_each(|first| {
            let rows = block(first)?;
            let count = rows.len() / dim;
            let mut halves = [vec![0; count * places.stride], vec![0; count * places.stride]];
            let [high, low] = &mut halves;
            let each = high.chunks_exact_mut(places.stride).zip(low.chunks_exact_mut(places.stride));
            let told: Vec<HalvesRow> =
                rows.chunks_exact(dim).zip(each).map(|(row, (high, low))| HalvesRow::round(row, high, low)).collect();
            put(high, HEADER + first * places.stride)?;
            put(bytemuck::cast_slice(&told), places.rows + first * size_of::<HalvesRow>())?;
            put(low, places.low + first * places.stride)
        })
    })
}

/// Where the parts of a file are.
#[derive(Clone, Copy)]
struct Places {
    stride: usize,
    rows: usize,
    low: usize,
    end: usize,
}

impl Places {
    fn of(vectors: usize, dim: usize) -> Self {
        let stride = half_bytes(dim);
        let rows = HEADER + vectors * stride;
        let low = rows + vectors * size_of::<HalvesRow>();
        Self { stride, rows, low, end: low + vectors * stride }
    }
}

/// Whether a segment could have the file and has none. Older indexes and merged ones have such segments.
pub(crate) fn lacks_halves(segment: &Segment, dim: usize) -> bool {
    segment.halves.is_none() && is_worth_it(segment.vectors as usize, dim)
}

/// Writes the file that a segment [lacks](lacks_halves) as file `number` of `dir`, if the segment is flat. Its vectors are
/// checked in the same pass.
pub(crate) fn add_halves(
    dir: &Dir,
    number: u64,
    segment: &mut Segment,
    opened: &VectorSegment,
) -> Result<(), StoreError> {
    if !opened.is_flat() {
        return Ok(());
    }
    let (vectors, dim) = (opened.len(), opened.dim());
    let block = |first: usize| {
        let count = TOGETHER.min(vectors - first);
        opened.check_positions(first..first + count)?;
        let mut rows = vec![0.0; count * dim];
        opened.read(first, &mut rows)?;
        Ok(Cow::Owned(rows))
    };
    let written = write_blocks(dir, &files::new_name(number, "halves"), vectors, dim, block)?;
    opened.check_maps()?;
    segment.halves = Some(written);
    Ok(())
}

/// An opened file.
pub(super) struct Halves {
    map: Map,
    places: Places,
}

impl Halves {
    /// Opens the file of a segment, if it has one.
    pub(super) fn open(dir: &Dir, segment: &Segment, dim: usize) -> Result<Option<Self>, StoreError> {
        let Some(stored) = &segment.halves else { return Ok(None) };
        let path = dir.path_of(&stored.name);
        let map = Map::to_read_all(&stored.open(dir)?).map_err(StoreError::read(&path))?;
        let other = || StoreError::damaged(&path, "it is not for these vectors");
        // The number of vectors may be wrong, and is multiplied.
        let vectors = usize::try_from(segment.vectors).ok().filter(|vectors| *vectors < map.len()).ok_or_else(other)?;
        let places = Places::of(vectors, dim);
        let number = |at: usize| map.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
        let is_ours = map.starts_with(MAGIC) && number(16) == Some(dim as u64) && number(24) == Some(segment.vectors);
        if !is_ours || map.len() != places.end {
            return Err(other());
        }
        Ok(Some(Self { map, places }))
    }

    /// The upper halves of vectors from `first` on, `[count, stride]`.
    pub(super) fn high(&self, first: usize, count: usize) -> &[u8] {
        &self.map[HEADER + first * self.places.stride..][..count * self.places.stride]
    }

    /// The lower halves of one vector.
    pub(super) fn low(&self, at: usize) -> &[u8] {
        &self.map[self.places.low + at * self.places.stride..][..self.places.stride]
    }

    /// What the bytes of vectors from `first` on stand for.
    pub(super) fn rows(&self, first: usize, count: usize) -> &[HalvesRow] {
        let size = size_of::<HalvesRow>();
        bytemuck::cast_slice(&self.map[self.places.rows + first * size..][..count * size])
    }

    /// Checks that the file did not become shorter while it was read.
    pub(super) fn is_whole(&self) -> bool {
        self.map.check().is_ok()
    }
}
