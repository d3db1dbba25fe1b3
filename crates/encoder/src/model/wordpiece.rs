//! BERT's WordPiece, with a vocabulary that is read in a millisecond or two.
//!
//! The library's own model stores each word twice, each time in a string of its own, and reads the vocabulary by way of
//! two generic representations of JSON. That takes 14 ms for 30,000 words, half of the time of a question. Here words
//! are slices of one text, in one table. The library does everything else: normalizing, splitting, special tokens.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use ahash::RandomState;
use hashbrown::HashTable;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use tokenizers::models::{ModelWrapper, TrainerWrapper};
use tokenizers::{Model, Token};

/// How a word becomes tokens: our own model for WordPiece, the library's for other kinds.
pub(super) enum WordModel {
    WordPiece(WordPiece),
    Library(ModelWrapper),
}

/// The `model` of BERT's tokenizer.json. It takes the longest piece that a word begins with, then the longest piece that the
/// rest begins with, and so on (Wu et al. 2016; Devlin et al. 2018).
#[derive(Deserialize)]
pub(super) struct WordPiece {
    #[serde(rename = "type")]
    _kind: WordPieceTag,
    vocab: Vocabulary,
    unk_token: String,
    continuing_subword_prefix: String,
    pub(super) max_input_chars_per_word: usize,
}

/// The type of the model. Parsing fails for every other model.
#[derive(Deserialize)]
enum WordPieceTag {
    WordPiece,
}

/// Words and their ids.
struct Vocabulary {
    /// The words, one after the other.
    text: String,
    table: HashTable<VocabularyEntry>,
    hasher: RandomState,
    /// The length of the longest word, in bytes.
    longest: usize,
}

struct VocabularyEntry {
    start: u32,
    length: u32,
    id: u32,
}

impl Vocabulary {
    fn word(&self, word: &VocabularyEntry) -> &str {
        &self.text[word.start as usize..][..word.length as usize]
    }

    fn get(&self, word: &str) -> Option<u32> {
        let found = self.table.find(self.hasher.hash_one(word), |candidate| self.word(candidate) == word);
        found.map(|word| word.id)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.table.iter().map(|word| (self.word(word), word.id))
    }
}

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct VocabularyVisitor;

        impl<'de> Visitor<'de> for VocabularyVisitor {
            type Value = Vocabulary;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("words with their ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocabulary, A::Error> {
                // This is enough for the words of most models. Growing would move all of them several times.
                let (mut text, mut table) = (String::with_capacity(1 << 18), HashTable::with_capacity(1 << 15));
                let (hasher, mut longest) = (RandomState::new(), 0);
                while let Some((JsonString(word), id)) = map.next_entry::<JsonString<'de>, u32>()? {
                    let start = text.len();
                    text.push_str(&word);
                    longest = longest.max(word.len());
                    let entry = VocabularyEntry { start: start as u32, length: word.len() as u32, id };
                    table.insert_unique(hasher.hash_one(&*word), entry, |word| {
                        hasher.hash_one(&text[word.start as usize..][..word.length as usize])
                    });
                }
                Ok(Vocabulary { text, table, hasher, longest })
            }
        }

        deserializer.deserialize_map(VocabularyVisitor)
    }
}

/// A JSON string, borrowed if it has no escapes.
#[derive(Deserialize)]
struct JsonString<'a>(#[serde(borrow)] Cow<'a, str>);

impl WordPiece {
    /// The ids of a word's pieces, and where they end; `None` if some part is not a piece.
    fn pieces(&self, word: &str) -> Option<Vec<Token>> {
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < word.len() {
            // The pieces after the first carry a prefix in the vocabulary.
            let rest: Cow<'_, str> =
                if at == 0 { word.into() } else { [&self.continuing_subword_prefix, &word[at..]].concat().into() };
            let prefix = rest.len() - (word.len() - at);
            let mut end = rest.len().min(self.vocab.longest);
            let id = loop {
                if end <= prefix {
                    return None;
                }
                if let Some(id) = rest.get(..end).and_then(|piece| self.vocab.get(piece)) {
                    break id;
                }
                end -= 1;
            };
            let length = end - prefix;
            // The tokens' texts are seldom needed. If they are, they are looked up by their ids.
            pieces.push(Token::new(id, String::new(), (at, at + length)));
            at += length;
        }
        Some(pieces)
    }
}

impl Model for WordModel {
    type Trainer = TrainerWrapper;

    fn tokenize(&self, word: &str) -> tokenizers::Result<Vec<Token>> {
        match self {
            Self::WordPiece(model) => {
                let short = word.chars().count() <= model.max_input_chars_per_word;
                if let Some(pieces) = short.then(|| model.pieces(word)).flatten() {
                    return Ok(pieces);
                }
                let unknown = model.vocab.get(&model.unk_token);
                let id = unknown.ok_or_else(|| format!("the vocabulary lacks {}", model.unk_token))?;
                Ok(vec![Token::new(id, String::new(), (0, word.len()))])
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
            Self::WordPiece(model) => model.vocab.table.len(),
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
