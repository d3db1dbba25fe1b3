//! Texts to token ids, by the model's own tokenizer.json, ragged: no text is padded to another's length.

use std::borrow::Cow;
use std::ops::Range;

use tokenizers::EncodeInput;

use super::{ModelFiles, TOKENIZER};
use crate::error::{Cause, Error, Result};

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

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tokens of all texts together.
    pub fn tokens(&self) -> usize {
        self.ids.len()
    }

    /// Where the ids of text `index` are among all.
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

/// What a tokenizer makes of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokenized {
    /// The ids kept of each text, specials included, at most the maximum length.
    pub ids: RaggedIds,
    /// For each text, how many tokens were cut at the maximum length.
    pub dropped: Vec<usize>,
}

/// The model's tokenizer, without the truncation and padding of its file (all-MiniLM-L6-v2's would cut at 128 and pad
/// to 128): texts are cut here, at a maximum length of our choice, so that what was dropped is known.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    max_length: usize,
    /// Special tokens at the end of each text.
    closing: usize,
}

impl Tokenizer {
    /// Loads tokenizer.json. `max_length` counts the special tokens too.
    ///
    /// # Errors
    /// The file is missing or damaged, or `max_length` leaves no room for a text.
    pub fn load(model: &ModelFiles, max_length: usize) -> Result<Self> {
        let path = model.path(TOKENIZER);
        let bytes = std::fs::read(&path).map_err(Error::read(&path))?;
        let damaged =
            |source: Cause| Error::Model { path: path.clone(), what: "damaged tokenizer".into(), source: Some(source) };
        let mut inner = tokenizers::Tokenizer::from_bytes(&bytes).map_err(damaged)?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(damaged)?;

        let specials = inner.encode_fast("", true).map_err(damaged)?.len();
        if max_length <= specials {
            return Err(Error::Unsupported(format!(
                "a maximum length of {max_length} leaves no room beside {specials} special tokens"
            )));
        }
        let any = inner.encode_fast("a", true).map_err(damaged)?;
        let closing = any.get_special_tokens_mask().iter().rev().take_while(|&&special| special == 1).count();
        Ok(Self { inner, max_length, closing })
    }

    /// Tokens kept of a text, specials included.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// Tokenizes `texts`, in parallel where there are several.
    ///
    /// # Errors
    /// The tokenizer refuses a text; BERT's never does.
    pub fn tokenize(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Tokenized> {
        let failed = |source: Cause| Error::Encoder { device: "the tokenizer".into(), source };
        let encodings = match texts {
            [one] => vec![self.inner.encode_fast(one.as_ref(), true).map_err(failed)?],
            many => {
                let inputs: Vec<EncodeInput<'_>> = many.iter().map(|text| text.as_ref().into()).collect();
                self.inner.encode_batch_fast(inputs, true).map_err(failed)?
            }
        };
        let mut all = Tokenized::default();
        for encoding in &encodings {
            let (ids, dropped) = self.cut(encoding.get_ids());
            all.ids.push(&ids);
            all.dropped.push(dropped);
        }
        Ok(all)
    }

    /// The ids kept of a text, its closing special tokens among them, and how many were dropped.
    fn cut<'a>(&self, ids: &'a [u32]) -> (Cow<'a, [u32]>, usize) {
        let Some(dropped) = ids.len().checked_sub(self.max_length).filter(|&over| over > 0) else {
            return (ids.into(), 0);
        };
        let (text, closing) = ids.split_at(ids.len() - self.closing);
        ([&text[..self.max_length - self.closing], closing].concat().into(), dropped)
    }

    /// The tokens themselves, as the vocabulary writes them.
    pub fn tokens(&self, ids: &[u32]) -> Vec<String> {
        ids.iter().map(|&id| self.inner.id_to_token(id).unwrap_or_else(|| format!("#{id}"))).collect()
    }
}
