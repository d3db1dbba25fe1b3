//! Memory for one core, kept from one group to the next.

use semsearch_kernels::{AttentionScratch, Memory, Space};

use super::kernels::Kernels;
use super::linear::LinearScratch;
use super::rotary::Rotations;

/// The activations of a group, and memory for the kernels.
pub(super) struct GroupScratch {
    pub(super) kernels: Kernels,
    /// The hidden state, `[tokens, hidden_size]`.
    pub(super) hidden: Memory<f32>,
    /// The normalized hidden state, for layers that normalize first.
    pub(super) normed: Memory<f32>,
    /// Queries, keys and values, `[tokens, 3 · hidden_size]`.
    pub(super) qkv: Space,
    /// The heads' outputs, `[tokens, hidden_size]`.
    pub(super) context: Space,
    /// What is added to the hidden state, `[tokens, hidden_size]`.
    pub(super) output: Memory<f32>,
    /// The values between the halves of the feed-forward network, `[rows at once, intermediate_size]`.
    pub(super) inner: Space,
    /// The values after a gate, of the same shape.
    pub(super) gated: Memory<f32>,
    pub(super) rotations: Rotations,
    pub(super) attention: AttentionScratch,
    pub(super) linear: LinearScratch,
}

impl GroupScratch {
    /// Empty memory, which grows when it is used.
    pub(super) fn new(kernels: Kernels) -> Self {
        Self {
            kernels,
            hidden: Memory::default(),
            normed: Memory::default(),
            qkv: Space::default(),
            context: Space::default(),
            output: Memory::default(),
            inner: Space::default(),
            gated: Memory::default(),
            rotations: Rotations::default(),
            attention: AttentionScratch::default(),
            linear: LinearScratch::new(kernels),
        }
    }
}
