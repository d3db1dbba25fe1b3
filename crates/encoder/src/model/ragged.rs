//! Token ids of texts, ragged: no text is padded to another's length.

use std::ops::Range;

/// Token ids of several texts, one after the other.
///
/// Invariant: `offsets` begins with 0, never falls, and ends with `ids.len()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaggedIds {
    ids: Vec<u32>,
    offsets: Vec<usize>,
}

impl Default for RaggedIds {
    fn default() -> Self {
        Self { ids: Vec::new(), offsets: vec![0] }
    }
}

impl RaggedIds {
    /// Adds a text's ids after the others.
    pub fn push(&mut self, ids: &[u32]) {
        self.ids.extend_from_slice(ids);
        self.offsets.push(self.ids.len());
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of tokens of all texts together.
    pub fn tokens(&self) -> usize {
        self.ids.len()
    }

    /// The positions of text `index`'s ids among all ids.
    pub fn range(&self, index: usize) -> Range<usize> {
        self.offsets[index]..self.offsets[index + 1]
    }

    /// The ids of text `index`.
    pub fn get(&self, index: usize) -> &[u32] {
        &self.ids[self.range(index)]
    }

    /// Each text's ids, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.offsets.windows(2).map(|bounds| &self.ids[bounds[0]..bounds[1]])
    }
}

/// Texts as tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokenized {
    /// The ids that are kept of each text, special tokens included: at most as many as the maximum length.
    pub ids: RaggedIds,
    /// For each text, how many tokens were cut at the maximum length.
    pub dropped: Vec<usize>,
}

impl Tokenized {
    /// Adds the texts of `more` after the others.
    pub(crate) fn append(&mut self, more: Self) {
        more.ids.iter().for_each(|ids| self.ids.push(ids));
        self.dropped.extend(more.dropped);
    }
}
