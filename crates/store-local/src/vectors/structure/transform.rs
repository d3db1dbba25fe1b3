//! Checks transformations of vectors, which come before the index.

use super::source::{Checked, Fault, Source, expect, same};
use super::{MAX_DIM, wrong};

/// Checks and skips a transformation. Returns its input and output dimensions.
pub(super) fn check(source: &mut Source) -> Checked<(u64, u64)> {
    match &source.kind()? {
        b"rrot" | b"LTra" => linear(source, true),
        b"Pcam" => {
            source.skip(4 + 4)?;
            source.flag("rotated")?;
            source.skip(4)?;
            // These values made the matrix, and only the matrix is used.
            for name in ["mean", "eigenvalues", "principal components"] {
                let length = source.length(name, 4)?;
                source.skip(4 * length)?;
            }
            linear(source, true)
        }
        b"VNrm" => {
            expect("norm", source.f32()? == 2.0)?;
            let (from, to) = dimensions(source)?;
            same("dimension of a transformation", to, from)?;
            Ok((from, to))
        }
        b"RmDT" => remapped(source),
        b"Viqt" => iterated(source),
        other => Err(Fault::Kind(other.escape_ascii().to_string())),
    }
}

/// A rotation. If it is not `used`, its matrix may be missing.
pub(super) fn rotation(source: &mut Source, used: bool) -> Checked<(u64, u64)> {
    if &source.kind()? != b"rrot" {
        return wrong("a rotation is missing");
    }
    linear(source, used)
}

/// A matrix, and a bias that is added. Both stand before their dimensions.
fn linear(source: &mut Source, used: bool) -> Checked<(u64, u64)> {
    let biased = source.flag("bias")?;
    let matrix = source.length("matrix", 4)?;
    source.floats("matrix", matrix)?;
    let added = source.length("bias", 4)?;
    source.floats("bias", added)?;
    let (from, to) = dimensions_of(source, used)?;
    if used || matrix > 0 {
        same("matrix", matrix, from * to)?;
    }
    expect("bias", added == to || (added == 0 && !biased))?;
    Ok((from, to))
}

/// Moves components to other positions, with zeros between.
fn remapped(source: &mut Source) -> Checked<(u64, u64)> {
    let map: Vec<i32> = source.short("map of components", MAX_DIM as u64)?;
    let (from, to) = dimensions(source)?;
    same("map of components", map.len() as u64, to)?;
    expect("map of components", map.iter().all(|&at| at == -1 || u64::try_from(at).is_ok_and(|at| at < from)))?;
    Ok((from, to))
}

/// A rotation that was found by iterating. Only its product with the principal components is used.
fn iterated(source: &mut Source) -> Checked<(u64, u64)> {
    let mean = source.length("mean", 4)?;
    source.floats("mean", mean)?;
    source.flag("principal components")?;
    if &source.kind()? != b"Viqm" {
        return wrong("a rotation is missing");
    }
    source.skip(4 + 4)?;
    linear(source, false)?;
    if &source.kind()? != b"LTra" {
        return wrong("a matrix is missing");
    }
    let product = linear(source, true)?;
    let (from, to) = dimensions(source)?;
    expect("dimension of a transformation", product == (from, to))?;
    same("mean", mean, from)?;
    Ok((from, to))
}

fn dimensions(source: &mut Source) -> Checked<(u64, u64)> {
    dimensions_of(source, true)
}

/// The dimensions of a transformation that is trained only if it is `used`.
fn dimensions_of(source: &mut Source, used: bool) -> Checked<(u64, u64)> {
    let from = source.count("dimension of a transformation", MAX_DIM)?;
    let to = source.count("dimension of a transformation", MAX_DIM)?;
    expect("untrained transformation", source.flag("trained")? || !used)?;
    Ok((from, to))
}
