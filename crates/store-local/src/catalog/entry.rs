//! A passage on its way into the catalog.

use std::fmt;
use std::iter::{Empty, Map};
use std::slice;

use semsearch_store::{ChunkPlace, ContentDigest, Version};
use tantivy::schema::document::{Document, ReferenceValue, ReferenceValueLeaf};
use tantivy::schema::{Field, Value};
use tantivy::tokenizer::{PreTokenizedString, Token};

/// What the catalog is to keep of a passage.
#[derive(Clone, Copy)]
pub(crate) struct CatalogEntry<'a> {
    pub(crate) key: u64,
    /// The key of its document's first passage.
    pub(crate) first: u64,
    pub(crate) id: &'a str,
    pub(crate) title: Option<&'a str>,
    pub(crate) version: Version,
    pub(crate) text: &'a str,
    pub(crate) chunk: Option<ChunkPlace>,
    /// JSON as text.
    pub(crate) metadata: &'a str,
    /// The digests of the texts by which the passage's vector is found again.
    pub(crate) embedded: &'a [ContentDigest],
    /// The input that the document came from, as [`crate::source`] records it.
    pub(crate) origin: &'a str,
    /// Where the passage begins, as [`crate::source`] records it.
    pub(crate) source: Option<&'a str>,
    pub(crate) words: Words<'a>,
    /// The terms that answer filters.
    pub(crate) facts: &'a [Vec<u8>],
}

/// The words by which a passage is found.
#[derive(Clone, Copy)]
pub(crate) enum Words<'a> {
    /// The words of these texts.
    Of(&'a [&'a str]),
    /// These words, as often as each says.
    Counted(&'a [(String, u32)]),
}

/// The most words that tantivy gets at once. It gets each occurrence of a word as a string of its own.
const MOST_AT_ONCE: u32 = 4096;

/// A passage as tantivy takes it: values by field.
#[derive(Default)]
pub(super) struct NewDocument(Vec<(Field, NewValue)>);

/// A value of a field.
#[derive(Debug)]
pub(super) enum NewValue {
    Number(u64),
    Text(String),
    Bytes(Vec<u8>),
    Words(CountedWords),
}

impl NewDocument {
    pub(super) fn add_number(&mut self, field: Field, number: u64) {
        self.0.push((field, NewValue::Number(number)));
    }

    pub(super) fn add_text(&mut self, field: Field, text: &str) {
        self.0.push((field, NewValue::Text(text.into())));
    }

    pub(super) fn add_bytes(&mut self, field: Field, bytes: &[u8]) {
        self.0.push((field, NewValue::Bytes(bytes.into())));
    }

    pub(super) fn add_digest(&mut self, [high, low]: [Field; 2], digest: ContentDigest) {
        self.add_number(high, (digest >> 64) as u64);
        self.add_number(low, digest as u64);
    }

    pub(super) fn add_words(&mut self, field: Field, words: Words<'_>) {
        match words {
            Words::Of(texts) => texts.iter().for_each(|text| self.add_text(field, text)),
            Words::Counted(words) => {
                self.0.extend(CountedWords::of(words).into_iter().map(|words| (field, NewValue::Words(words))));
            }
        }
    }
}

/// Words with their frequencies, in little memory: thousands of documents wait for tantivy's thread.
#[derive(Default)]
pub(super) struct CountedWords {
    /// The words, one after the other.
    text: String,
    /// Where each word ends in `text`, and how often it occurs.
    words: Vec<(u32, u32)>,
}

impl CountedWords {
    /// Parts with few occurrences each.
    fn of(words: &[(String, u32)]) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        let mut room = 0;
        for (word, count) in words {
            let mut left = *count;
            while left > 0 {
                if room == 0 {
                    parts.push(Self::default());
                    room = MOST_AT_ONCE;
                }
                let taken = left.min(room);
                if let Some(part) = parts.last_mut() {
                    part.text.push_str(word);
                    part.words.push((part.text.len() as u32, taken));
                }
                (left, room) = (left - taken, room - taken);
            }
        }
        parts
    }

    fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        let mut start = 0;
        self.words.iter().map(move |&(end, count)| {
            let word = &self.text[start..end as usize];
            start = end as usize;
            (word, count)
        })
    }

    /// A token for each occurrence. The catalog keeps no positions, so they all have the same.
    fn tokens(&self) -> PreTokenizedString {
        let token = |word: &str| Token { text: word.into(), position: 0, ..Token::default() };
        let tokens = self.iter().flat_map(|(word, count)| (0..count).map(move |_| token(word)));
        PreTokenizedString { text: String::new(), tokens: tokens.collect() }
    }
}

impl fmt::Debug for CountedWords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

type FieldAndValue<'a> = fn(&'a (Field, NewValue)) -> (Field, &'a NewValue);

impl Document for NewDocument {
    type Value<'a> = &'a NewValue;
    type FieldsValuesIter<'a> = Map<slice::Iter<'a, (Field, NewValue)>, FieldAndValue<'a>>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        self.0.iter().map(|(field, value)| (*field, value))
    }
}

impl<'a> Value<'a> for &'a NewValue {
    type ArrayIter = Empty<Self>;
    type ObjectIter = Empty<(&'a str, Self)>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        ReferenceValue::Leaf(match self {
            NewValue::Number(number) => ReferenceValueLeaf::U64(*number),
            NewValue::Text(text) => ReferenceValueLeaf::Str(text),
            NewValue::Bytes(bytes) => ReferenceValueLeaf::Bytes(bytes),
            NewValue::Words(words) => ReferenceValueLeaf::PreTokStr(Box::new(words.tokens())),
        })
    }
}
