//! How texts become the words of lexical search.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Language;

/// By which rules a text is split into words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Splitting {
    /// At the boundaries that Unicode defines (UAX #29), as in releases before 0.2. Each ideograph is a word.
    #[default]
    Unicode,
    /// Also into the parts of identifiers, and by a dictionary where words have no space between them.
    Parts,
}

/// How a text becomes words: how it is split, and in which language the words are stemmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// The language by whose rules words are stemmed.
    pub language: Language,
    /// By which rules a text is split.
    pub splitting: Splitting,
}

/// A word in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The stemmed word, which is compared.
    pub stem: String,
    /// The word's byte range in the text.
    pub bytes: Range<usize>,
}
