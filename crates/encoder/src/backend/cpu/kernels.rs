//! Which kernels compute.

use semsearch_kernels::{Format, Isa};

/// The kernels: an instruction set, and the format of the matrix products' inputs.
#[derive(Clone, Copy)]
pub(super) struct Kernels {
    pub(super) isa: Isa,
    pub(super) format: Format,
}
