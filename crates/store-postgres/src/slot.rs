//! Which partition a document belongs to, and the keys that tell it.
//!
//! A key is a passage's number followed by its partition, in twelve bits. So keys ascend in the order in which passages
//! were indexed, and a key says where its passage is.

use semsearch_store::content_digest;

/// The bits of a key that name a partition.
const BITS: u32 = 12;

/// The most partitions of a store.
pub(crate) const MOST: u16 = 1 << BITS;

/// The partition of the document with this id, of so many.
pub(crate) fn of_id(id: &str, partitions: u16) -> u16 {
    (content_digest(id.as_bytes()) % u128::from(partitions.max(1))) as u16
}

/// The partition that a key names.
pub(crate) fn of_key(key: u64) -> u16 {
    (key % u64::from(MOST)) as u16
}

/// The key of the passage with this number.
pub(crate) fn key(number: u64, slot: u16) -> u64 {
    number << BITS | u64::from(slot)
}

/// The smallest key of a passage with this number.
pub(crate) fn first_key(number: u64) -> u64 {
    number << BITS
}

/// The number of the passage under this key.
pub(crate) fn number(key: u64) -> u64 {
    key >> BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ascend_with_numbers_and_name_their_partition() {
        let keys = [(0, 31), (1, 0), (1, 4095), (2, 7), (1 << 40, 3)];
        let made = keys.map(|(number, slot)| key(number, slot));
        assert!(made.is_sorted());
        assert_eq!(made.map(|key| (number(key), of_key(key))), keys);
        assert!((0..1000).all(|id| of_id(&id.to_string(), 32) < 32));
    }
}
