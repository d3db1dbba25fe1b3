//! Token ids of texts, ragged: no text is padded to another's length.

use std::ops::{Deref, Range};

/// Token ids of several texts, one after the other.
///
/// Invariants: `offsets` begins with 0, never falls, and ends with `ids.len()`; `seconds` has a number for each text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaggedIds {
    ids: Vec<u32>,
    offsets: Vec<usize>,
    seconds: Vec<usize>,
}

/// The token ids of one text, or of a pair of texts that are read as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextIds<'a> {
    /// The ids, special tokens included.
    pub ids: &'a [u32],
    /// Where the tokens of a pair's second text begin. Of a single text it is the number of its tokens.
    pub second: usize,
}

impl Deref for TextIds<'_> {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        self.ids
    }
}

impl Default for RaggedIds {
    fn default() -> Self {
        Self { ids: Vec::new(), offsets: vec![0], seconds: Vec::new() }
    }
}

impl RaggedIds {
    /// Adds a text's ids after the others.
    pub fn push(&mut self, ids: &[u32]) {
        self.push_text(TextIds { ids, second: ids.len() });
    }

    /// Adds a text or a pair after the others.
    pub fn push_text(&mut self, text: TextIds<'_>) {
        self.ids.extend_from_slice(text.ids);
        self.offsets.push(self.ids.len());
        self.seconds.push(text.second);
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

    /// Text or pair `index`.
    pub fn text(&self, index: usize) -> TextIds<'_> {
        TextIds { ids: self.get(index), second: self.seconds[index] }
    }

    /// Each text or pair, in order.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = TextIds<'_>> {
        (0..self.len()).map(|index| self.text(index))
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
    pub fn append(&mut self, more: Self) {
        more.ids.texts().for_each(|text| self.ids.push_text(text));
        self.dropped.extend(more.dropped);
    }
}
