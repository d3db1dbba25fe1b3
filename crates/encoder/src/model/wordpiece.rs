//! BERT's WordPiece, with a vocabulary that is read in a millisecond or two.
//!
//! The library's own model stores each word twice, each time in a string of its own, and reads the vocabulary by way of
//! two generic representations of JSON. That takes 14 ms for 30,000 words, half of the time of a question. Here words
//! are slices of one text, in one table ([`Vocabulary`]). The library does everything else: normalizing, splitting, special
//! tokens.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use semsearch_files::Cause;
use serde::{Deserialize, Serialize};
use tokenizers::models::{ModelWrapper, TrainerWrapper};
use tokenizers::{Model, Token};

use super::vocabulary::Vocabulary;

/// How a word becomes tokens: our own model for WordPiece, the library's for other kinds.
pub(super) enum WordModel {
    WordPiece(WordPiece),
    Library(ModelWrapper),
}

/// The `model` of BERT's tokenizer.json. It takes the longest piece that a word begins with, then the longest piece that the
/// rest begins with, and so on (Wu et al. 2016; Devlin et al. 2018).
pub(super) struct WordPiece {
    pub(super) settings: WordPieceSettings,
    pub(super) vocab: Vocabulary,
}

/// All of the model but its vocabulary.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct WordPieceSettings {
    unk_token: String,
    continuing_subword_prefix: String,
    pub(super) max_input_chars_per_word: usize,
}

impl<'de> Deserialize<'de> for WordPiece {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct WordPieceModel {
            #[serde(rename = "type")]
            _kind: WordPieceTag,
            vocab: Vocabulary,
            unk_token: String,
            continuing_subword_prefix: String,
            max_input_chars_per_word: usize,
        }

        /// The type of the model. Parsing fails for every other model.
        #[derive(Deserialize)]
        enum WordPieceTag {
            WordPiece,
        }

        let model = WordPieceModel::deserialize(deserializer)?;
        let WordPieceModel { vocab, unk_token, continuing_subword_prefix, max_input_chars_per_word, .. } = model;
        Ok(Self {
            settings: WordPieceSettings { unk_token, continuing_subword_prefix, max_input_chars_per_word },
            vocab,
        })
    }
}

/// A JSON string, borrowed if it has no escapes.
#[derive(Deserialize)]
pub(super) struct JsonString<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl WordPiece {
    /// Adds the ids of a word's tokens to `ids`.
    ///
    /// # Errors
    /// The word is unknown, and the vocabulary has no token for unknown words.
    pub(super) fn add_ids(&self, word: &str, ids: &mut Vec<u32>) -> Result<(), Cause> {
        let before = ids.len();
        if !self.pieces(word, |id, _| ids.push(id)) {
            ids.truncate(before);
            ids.push(self.unknown()?);
        }
        Ok(())
    }

    /// Calls `each` with the id of each piece of a word, and with the place of the piece in the word. Returns false if the word
    /// is too long or some part of it is not a piece.
    fn pieces(&self, word: &str, mut each: impl FnMut(u32, Range<usize>)) -> bool {
        let most = self.settings.max_input_chars_per_word;
        if word.len() > most && word.chars().count() > most {
            return false;
        }
        // The pieces after the first carry a prefix in the vocabulary.
        let mut prefixed = String::new();
        let mut at = 0;
        while at < word.len() {
            let rest = if at == 0 {
                word
            } else {
                prefixed.clear();
                prefixed.push_str(&self.settings.continuing_subword_prefix);
                prefixed.push_str(&word[at..]);
                &prefixed
            };
            let prefix = rest.len() - (word.len() - at);
            let mut end = rest.len().min(self.vocab.longest());
            let id = loop {
                if end <= prefix {
                    return false;
                }
                if let Some(id) = rest.get(..end).and_then(|piece| self.vocab.get(piece)) {
                    break id;
                }
                end -= 1;
            };
            let length = end - prefix;
            each(id, at..at + length);
            at += length;
        }
        true
    }

    /// The token for words that are not made of pieces.
    fn unknown(&self) -> Result<u32, Cause> {
        let unknown = &self.settings.unk_token;
        Ok(self.vocab.get(unknown).ok_or_else(|| format!("the vocabulary lacks {unknown}"))?)
    }
}

impl Model for WordModel {
    type Trainer = TrainerWrapper;

    fn tokenize(&self, word: &str) -> tokenizers::Result<Vec<Token>> {
        match self {
            Self::WordPiece(model) => {
                let mut tokens = Vec::new();
                // The tokens' texts are seldom needed. If they are, they are looked up by their ids.
                let token = |id, place: Range<usize>| Token::new(id, String::new(), (place.start, place.end));
                if model.pieces(word, |id, place| tokens.push(token(id, place))) {
                    return Ok(tokens);
                }
                Ok(vec![token(model.unknown()?, 0..word.len())])
            }
            Self::Library(model) => model.tokenize(word),
        }
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        match self {
            Self::WordPiece(model) => model.vocab.get(token),
            Self::Library(model) => model.token_to_id(token),
        }
    }

    fn id_to_token(&self, id: u32) -> Option<String> {
        match self {
            Self::WordPiece(model) => {
                model.vocab.iter().find(|&(_, other)| other == id).map(|(word, _)| word.to_owned())
            }
            Self::Library(model) => model.id_to_token(id),
        }
    }

    fn get_vocab(&self) -> HashMap<String, u32> {
        match self {
            Self::WordPiece(model) => model.vocab.iter().map(|(word, id)| (word.to_owned(), id)).collect(),
            Self::Library(model) => model.get_vocab(),
        }
    }

    fn get_vocab_size(&self) -> usize {
        match self {
            Self::WordPiece(model) => model.vocab.len(),
            Self::Library(model) => model.get_vocab_size(),
        }
    }

    /// A vocabulary is neither saved nor trained here.
    fn save(&self, _: &Path, _: Option<&str>) -> tokenizers::Result<Vec<PathBuf>> {
        Err("a vocabulary that is only read".into())
    }

    fn get_trainer(&self) -> TrainerWrapper {
        tokenizers::models::wordpiece::WordPieceTrainer::default().into()
    }
}
