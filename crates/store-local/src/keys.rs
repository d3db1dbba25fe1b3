//! Sets of passage keys.

use fixedbitset::FixedBitSet;

/// Some of an index's keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    bits: FixedBitSet,
    count: usize,
}

impl Keys {
    /// The set of these keys.
    pub(super) fn new(keys: impl IntoIterator<Item = u64>) -> Self {
        let mut bits = FixedBitSet::new();
        keys.into_iter().for_each(|key| bits.grow_and_insert(key as usize));
        Self { count: bits.count_ones(..), bits }
    }

    /// The number of keys in the set.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Whether `key` is in the set.
    pub(crate) fn contains(&self, key: u64) -> bool {
        self.bits.contains(key as usize)
    }

    /// The set as bytes: one bit for each key, the lowest key first.
    pub(super) fn bitmap(&self) -> &[u8] {
        bytemuck::cast_slice(self.bits.as_slice())
    }
}
