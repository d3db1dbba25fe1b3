//! Neighbouring texts of one length, which are attended to together.

use crate::model::RaggedIds;

/// The most matrices of a batched product. CUDA counts them in a grid dimension with this limit.
const MATRICES: usize = 65_535;

/// Consecutive texts of one length.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SameLength {
    /// The first row of the texts.
    pub(super) start: usize,
    pub(super) texts: usize,
    /// The number of tokens of each text.
    pub(super) length: usize,
}

impl SameLength {
    /// The number of rows: one for each token.
    pub(super) fn rows(&self) -> usize {
        self.texts * self.length
    }
}

/// The texts in their order, in groups of one length. A group is at most as large as a batched product of all its heads
/// may be.
pub(super) fn by_length(ids: &RaggedIds, heads: usize) -> Vec<SameLength> {
    of_at_most(ids, MATRICES / heads)
}

fn of_at_most(ids: &RaggedIds, texts: usize) -> Vec<SameLength> {
    let mut groups: Vec<SameLength> = Vec::new();
    let mut start = 0;
    for length in ids.iter().map(<[u32]>::len) {
        match groups.last_mut() {
            Some(group) if group.length == length && group.texts < texts => group.texts += 1,
            _ => groups.push(SameLength { start, texts: 1, length }),
        }
        start += length;
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_neighbours_of_one_length_as_many_as_may_be() {
        let mut ids = RaggedIds::default();
        [7, 7, 3, 7].iter().for_each(|&length| ids.push(&vec![1; length]));
        let group = |start, texts, length| SameLength { start, texts, length };
        assert_eq!(of_at_most(&ids, 2), [group(0, 2, 7), group(14, 1, 3), group(17, 1, 7)]);
        assert_eq!(of_at_most(&ids, 1), [group(0, 1, 7), group(7, 1, 7), group(14, 1, 3), group(17, 1, 7)]);
    }
}
