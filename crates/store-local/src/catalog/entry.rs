//! A passage on its way into the catalog.

use std::iter::{Empty, Map};
use std::slice;

use semsearch_store::{ChunkPlace, ContentDigest, Version};
use tantivy::schema::document::{Document, ReferenceValue, ReferenceValueLeaf};
use tantivy::schema::{Field, Value};

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
}

/// A passage as tantivy takes it: values by field.
#[derive(Default)]
pub(super) struct NewDocument(Vec<(Field, NewValue)>);

/// A value of a field.
#[derive(Debug)]
pub(super) enum NewValue {
    Number(u64),
    Text(String),
    Bytes(Vec<u8>),
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
        }
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
        })
    }
}
