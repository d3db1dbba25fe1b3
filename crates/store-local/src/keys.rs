//! Sets of passages' keys.

use fixedbitset::FixedBitSet;

/// Some of an index's keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    bits: FixedBitSet,
    count: usize,
}

impl Keys {
    /// These keys.
    pub(super) fn new(keys: impl IntoIterator<Item = u64>) -> Self {
        let mut bits = FixedBitSet::new();
        keys.into_iter().for_each(|key| bits.grow_and_insert(key as usize));
        Self { count: bits.count_ones(..), bits }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Whether `key` is one of them.
    pub(crate) fn contains(&self, key: u64) -> bool {
        self.bits.contains(key as usize)
    }

    /// A bit for each key, the lowest first, in bytes.
    pub(super) fn bitmap(&self) -> &[u8] {
        bytemuck::cast_slice(self.bits.as_slice())
    }
}
