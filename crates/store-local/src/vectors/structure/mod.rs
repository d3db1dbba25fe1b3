//! Whether a file may be handed to FAISS.
//!
//! FAISS trusts what it reads. A link that leads out of a graph, a list longer than its codes, or a size for which
//! there is no memory ends the process, or does worse. A checksum does not help, because anyone who passes an index on
//! can compute one. So the file is read here first, in FAISS's own order (`impl/index_read.cpp` of FAISS 1.11). Each
//! length is compared with the file's, each number with those that it must agree with, and each link and position with
//! what it points at. Codes are skipped, because any byte is a valid code; in graphs, where floats steer a search, they
//! are checked. A kind of index that is not known here is not opened.

mod codes;
mod graph;
mod lists;
mod source;
mod transform;

use std::fs::File;
use std::path::Path;

use faiss::index::IndexImpl;
use faiss::index::io::{IoFlags, read_index_with_flags};

use super::metric::number;
use super::unreadable;
use semsearch_files::path_of;
use semsearch_store::{IndexConfig, StoreError};
use source::{Checked, Fault, Source, expect, same, wrong};

/// FAISS's `IO_FLAG_SKIP_PRECOMPUTE_TABLE`: tables for lists of product codes are made for each search.
const NO_TABLES: i32 = 1 << 4;

/// Larger tables cost more time and memory than they save a process that asks a question or two.
const LARGE_TABLES: u64 = 256 << 20;

/// The largest dimension that is opened.
const MAX_DIM: i32 = 1 << 16;

/// How deeply indexes may be nested: lists in a refinement behind a transformation, with a graph to find the lists.
const MAX_DEPTH: usize = 6;

/// Checks the file of a segment, or the empty index that segments begin as, which has no vectors.
///
/// # Errors
/// [`StoreError::Damaged`], [`StoreError::Unsupported`] for a kind of index that is not known here, or the file cannot be read.
pub(super) fn check(file: &File, path: &Path, config: &IndexConfig, vectors: u64) -> Result<Structure, StoreError> {
    let checked = Source::new(file).and_then(|mut source| id_map(&mut source, config, vectors));
    checked.map_err(|fault| match fault {
        Fault::Read(error) => StoreError::read(path)(error),
        Fault::Kind(kind) => StoreError::Unsupported(format!(
            "{}: a kind of FAISS index that this release does not open: {kind}",
            path.display()
        )),
        Fault::Wrong(what) => StoreError::damaged(path, format!("it is not a valid FAISS index: {what}")),
    })
}

/// Reads the empty index that segments begin as, once it is checked; `path` is for messages.
pub(super) fn read_empty(file: &File, path: &Path, config: &IndexConfig) -> Result<IndexImpl, StoreError> {
    let flags = check(file, path, config, 0)?.flags;
    read_index_with_flags(path_of(file), IoFlags::from(flags)).map_err(unreadable(path))
}

/// What every index begins with.
#[derive(Clone, Copy)]
struct Header {
    dim: u64,
    vectors: u64,
    metric: u32,
}

/// An index that was checked and skipped.
struct Shape {
    kind: [u8; 4],
    header: Header,
    /// Bytes of the tables that FAISS would make.
    tables: u64,
    /// Whether the index can compare vectors one by one, by their positions.
    compares: bool,
    /// Whether the index gives vectors back. FAISS cannot unpack product codes in lists of blocks after it reads them
    /// from a file.
    gives: bool,
}

/// What is known of a file once it is checked.
#[derive(Clone, Copy)]
pub(super) struct Structure {
    /// The flags with which FAISS should read the file.
    pub(super) flags: i32,
    /// Whether FAISS may be asked for its vectors.
    pub(super) gives_vectors: bool,
}

/// The place of an index in the file.
#[derive(Clone, Copy)]
struct IndexPlace {
    depth: usize,
    /// Whether the search of a graph depends on the index's codes.
    in_graph: bool,
}

impl IndexPlace {
    fn below(self) -> Self {
        Self { depth: self.depth + 1, in_graph: false }
    }
}

fn id_map(source: &mut Source, config: &IndexConfig, vectors: u64) -> Checked<Structure> {
    let kind = source.kind()?;
    if &kind != b"IxMp" {
        return unknown(kind);
    }
    let header = header(source)?;
    same("dimension", header.dim, config.dim as u64)?;
    same("vectors", header.vectors, vectors)?;
    expect("metric", header.metric == number(config.metric))?;
    let inner = index(source, IndexPlace { depth: 0, in_graph: false })?;
    agree(header, inner.header)?;
    // The keys themselves are checked later, when they are in memory.
    source.vector("keys", 8, vectors)?;
    same("bytes after the keys", source.rest(), 0)?;
    let flags = if inner.tables > LARGE_TABLES { NO_TABLES } else { 0 };
    Ok(Structure { flags, gives_vectors: inner.gives })
}

fn unknown<T>(kind: [u8; 4]) -> Checked<T> {
    Err(Fault::Kind(kind.escape_ascii().to_string()))
}

fn header(source: &mut Source) -> Checked<Header> {
    let dim = source.count("dimension", MAX_DIM)?;
    let vectors = source.u64()?;
    expect("number of vectors", i64::try_from(vectors).is_ok())?;
    source.skip(16)?;
    let trained = source.flag("trained")?;
    let metric = source.u32()?;
    expect("untrained", trained)?;
    expect("metric", metric <= 1)?;
    Ok(Header { dim, vectors, metric })
}

/// Checks that an inner index has the same dimension and number of vectors as the outer one.
fn agree(outer: Header, inner: Header) -> Checked {
    same("dimension", inner.dim, outer.dim)?;
    same("vectors", inner.vectors, outer.vectors)?;
    same("metric", inner.metric.into(), outer.metric.into())
}

/// Checks and skips an index of any known kind.
fn index(source: &mut Source, place: IndexPlace) -> Checked<Shape> {
    if place.depth > MAX_DEPTH {
        return wrong("indexes are nested too deeply");
    }
    let kind = source.kind()?;
    let known = [codes::KINDS, graph::KINDS, lists::KINDS, &[*b"IxPT", *b"IxRF"]];
    if !known.into_iter().flatten().any(|known| *known == kind) {
        return unknown(kind);
    }
    let header = header(source)?;
    let mut shape = Shape { kind, header, tables: 0, compares: kind != *b"IPfs", gives: true };
    match &kind {
        b"IxPT" => shape = Shape { kind, header, ..transformed(source, header, place)? },
        b"IxRF" => shape = Shape { kind, header, compares: false, ..refined(source, header, place)? },
        _ if codes::KINDS.contains(&kind) => codes::check(source, kind, header, place.in_graph)?,
        _ if graph::KINDS.contains(&kind) => graph::check(source, kind, header, place)?,
        _ => {
            let tables = lists::check(source, kind, header, place)?;
            shape = Shape { tables, compares: false, gives: kind != *b"IwPf", ..shape };
        }
    }
    Ok(shape)
}

/// An index that follows a chain of transformations.
fn transformed(source: &mut Source, header: Header, place: IndexPlace) -> Checked<Shape> {
    /// The most transformations in a chain.
    const MOST: i32 = 8;
    let mut dim = header.dim;
    for _ in 0..source.count("transformations", MOST)? {
        let (from, to) = transform::check(source)?;
        same("dimension of a transformation", from, dim)?;
        dim = to;
    }
    let inner = index(source, place.below())?;
    agree(Header { dim, ..header }, inner.header)?;
    Ok(inner)
}

/// An index whose best candidates are compared again in another index.
fn refined(source: &mut Source, header: Header, place: IndexPlace) -> Checked<Shape> {
    let best = index(source, place.below())?;
    agree(header, best.header)?;
    let again = index(source, place.below())?;
    agree(header, again.header)?;
    // FAISS would notice it on a thread that cannot report an error.
    expect("kind of refinement index", again.compares)?;
    let factor = source.f32()?;
    expect("number of candidates", (1.0..=256.0).contains(&factor))?;
    Ok(Shape { tables: best.tables + again.tables, ..again })
}
