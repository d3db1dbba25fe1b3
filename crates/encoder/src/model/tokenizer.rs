//! Converts texts to token ids, with the model's own tokenizer.json.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

use semsearch_files::{Cause, FileError, Map, guarded, open_regular, read_bounded};
use serde::{Deserialize, Serialize};
use tokenizers::Encoding;

use super::ascii::AsciiWords;
use super::files::{MAX_TOKENIZER, ModelFiles, TOKENIZER};
use super::long_text;
use super::ragged::{TextIds, Tokenized};
use super::tokenizer_file::{Pipeline, TokenizerParts, encode, encode_chars, pair, parse, pipeline, unknown};
use super::vocabulary::Vocabulary;
use super::wordpiece::{WordModel, WordPiece, WordPieceSettings};
use crate::error::EncoderError;
use crate::prepared::{NewSection, PreparedModel};
use crate::turns;

/// If texts have at most this many bytes together, they are tokenized on the calling thread: it takes a millisecond or
/// two.
const LITTLE: usize = 64 << 10;

/// The model's tokenizer, without the truncation and padding of its file. (The file of all-MiniLM-L6-v2 would truncate
/// to 128 tokens and pad to 128.) Texts are cut here, at a maximum length that the caller chooses, so that the number
/// of dropped tokens is known.
///
/// For a very long text, only the kept tokens are held in memory. The others are counted, piece by piece.
pub struct Tokenizer {
    path: PathBuf,
    inner: Pipeline,
    max_length: usize,
    /// The words that need not the library's steps.
    ascii: Option<AsciiWords>,
    /// The special tokens at the beginning and at the end of each text.
    opening: Vec<u32>,
    closing: Vec<u32>,
    framing: Framing,
    /// Whether texts are written in small letters first.
    lowercase: bool,
}

/// What is done to a text's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// Special tokens stand around them.
    Special,
    /// There is no special token, and this one, for unknown words, is left out.
    Bare { unknown: Option<u32> },
}

impl Tokenizer {
    /// Loads tokenizer.json. `max_length` counts the special tokens too.
    ///
    /// # Errors
    /// The file is missing or damaged, or `max_length` leaves no room for a text.
    pub fn load(model: &ModelFiles, max_length: usize) -> Result<Self, EncoderError> {
        let (path, inner, _) = read(model)?;
        Self::new(path, inner, max_length)
    }

    /// Does the same, by way of the model's prepared form if it has one.
    pub(crate) fn load_prepared(
        model: &ModelFiles,
        prepared: Option<&PreparedModel>,
        max_length: usize,
    ) -> Result<Self, EncoderError> {
        let sections =
            prepared.and_then(|prepared| Some((prepared, prepared.section(STEPS)?, prepared.section(VOCABULARY)?)));
        let Some((prepared, (map, steps, _), (_, words, _))) = sections else { return Self::load(model, max_length) };
        match prepared_pipeline(map, steps, words) {
            Some(pipeline) => Self::new(model.path(TOKENIZER), pipeline, max_length),
            None => {
                prepared.does_not_fit();
                Self::load(model, max_length)
            }
        }
    }

    fn new(path: PathBuf, inner: Pipeline, max_length: usize) -> Result<Self, EncoderError> {
        let damaged = |source| damaged(&path, source);
        let specials = encode(&inner, "", true).map_err(damaged)?;
        if specials.is_empty() {
            return Err(damaged("it adds no special tokens, as [CLS] and [SEP], around a text".into()));
        }
        let specials = specials.get_ids();
        if max_length <= specials.len() {
            let count = specials.len();
            return Err(EncoderError::Unsupported(format!(
                "a maximum length of {max_length} leaves no room beside {count} special tokens"
            )));
        }
        let any = encode(&inner, "a", true).map_err(damaged)?;
        let closing = any.get_special_tokens_mask().iter().rev().take_while(|&&special| special == 1).count();
        let (opening, closing) = specials.split_at(specials.len().saturating_sub(closing));
        let bare = encode(&inner, "a", false).map_err(damaged)?;
        let framed = any.get_ids() == [opening, bare.get_ids(), closing].concat();
        Ok(Self {
            path,
            ascii: AsciiWords::of(&inner).filter(|_| framed),
            opening: opening.to_vec(),
            closing: closing.to_vec(),
            inner,
            max_length,
            framing: Framing::Special,
            lowercase: false,
        })
    }

    /// Loads the tokenizer.json of a model of static embeddings: it adds no special tokens, and unknown words have none
    /// either. So a text may have no token.
    ///
    /// # Errors
    /// The file is missing or damaged.
    pub fn load_bare(model: &ModelFiles, max_length: usize) -> Result<Self, EncoderError> {
        let (path, inner, bytes) = read(model)?;
        let unknown = unknown(&bytes).and_then(|token| inner.token_to_id(&token));
        Ok(Self {
            path,
            ascii: AsciiWords::of(&inner),
            opening: Vec::new(),
            closing: Vec::new(),
            inner,
            max_length,
            framing: Framing::Bare { unknown },
            lowercase: false,
        })
    }

    /// The same tokenizer, which writes texts in small letters first if `lowercase` is set.
    pub(crate) fn lowercasing(self, lowercase: bool) -> Self {
        Self { lowercase, ..self }
    }

    /// The most tokens that are kept of a text, special tokens included.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// Tokenizes `texts`, in parallel if there are many.
    ///
    /// # Errors
    /// The tokenizer refuses a text; BERT's never does.
    pub fn tokenize(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Tokenized, EncoderError> {
        let is_little = texts.iter().map(|text| text.as_ref().len()).sum::<usize>() <= LITTLE;
        if texts.len() == 1 || is_little || texts.iter().any(|text| long_text::is_long(text.as_ref())) {
            return self.tokenize_here(texts);
        }
        let mut encoded: Vec<_> = texts.iter().map(|text| (text.as_ref(), None)).collect();
        turns::for_each(&mut encoded, || (), |(), (text, ids)| *ids = Some(self.ids(text, self.has_specials())));
        let mut all = Tokenized::default();
        for ids in encoded.into_iter().filter_map(|(_, ids)| ids) {
            self.add(ids?, &mut all)?;
        }
        Ok(all)
    }

    /// How many tokens each text has before it is cut, special tokens included.
    ///
    /// # Errors
    /// The tokenizer refuses a text; BERT's never does.
    pub fn count(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Vec<usize>, EncoderError> {
        let tokenized = self.tokenize(texts)?;
        Ok(tokenized.ids.iter().zip(&tokenized.dropped).map(|(kept, dropped)| kept.len() + dropped).collect())
    }

    /// How many tokens a text has, special tokens not included.
    ///
    /// # Errors
    /// The tokenizer refuses the text; BERT's never does.
    pub fn count_bare(&self, text: &str) -> Result<usize, EncoderError> {
        let mut count = 0;
        for piece in long_text::pieces(text) {
            count += self.ids(piece, false)?.len();
        }
        Ok(count)
    }

    /// Tokenizes `texts` on the calling thread.
    ///
    /// # Errors
    /// The tokenizer refuses a text; BERT's never does.
    pub(crate) fn tokenize_here(&self, texts: &[impl AsRef<str>]) -> Result<Tokenized, EncoderError> {
        let mut all = Tokenized::default();
        for text in texts.iter().map(AsRef::as_ref) {
            match long_text::is_long(text) {
                true => self.add_long(text, &mut all)?,
                false => self.add(self.ids(text, self.has_specials())?, &mut all)?,
            }
        }
        Ok(all)
    }

    /// The ids of a text's tokens, all of them.
    fn ids(&self, text: &str, specials: bool) -> Result<Vec<u32>, EncoderError> {
        let Some(ascii) = &self.ascii else { return Ok(self.encode(text, specials)?.get_ids().to_vec()) };
        let text = self.cased(text);
        let mut ids = if specials { self.opening.clone() } else { Vec::new() };
        ascii.add_ids(&text, &self.inner, &mut ids).map_err(|source| self.failed(source))?;
        if specials {
            ids.extend_from_slice(&self.closing);
        }
        Ok(ids)
    }

    fn encode(&self, text: &str, specials: bool) -> Result<Encoding, EncoderError> {
        encode(&self.inner, &self.cased(text), specials).map_err(|source| self.failed(source))
    }

    fn cased<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.lowercase { text.to_lowercase().into() } else { text.into() }
    }

    fn failed(&self, source: Cause) -> EncoderError {
        EncoderError::Model {
            path: self.path.clone(),
            what: "the tokenizer fails on a text".into(),
            source: Some(source),
        }
    }

    fn has_specials(&self) -> bool {
        self.framing == Framing::Special
    }

    /// The tokens that count.
    fn known(&self, mut ids: Vec<u32>) -> Vec<u32> {
        if let Framing::Bare { unknown: Some(unknown) } = self.framing {
            ids.retain(|&id| id != unknown);
        }
        ids
    }

    fn add(&self, ids: Vec<u32>, all: &mut Tokenized) -> Result<(), EncoderError> {
        if ids.is_empty() && self.has_specials() {
            return Err(self.failed("it made no token of a text, not even special ones".into()));
        }
        let known = self.known(ids);
        let (ids, dropped) = self.cut(&known);
        all.ids.push(&ids);
        all.dropped.push(dropped);
        Ok(())
    }

    /// Adds a text piece by piece, because the library needs a hundred times a text's bytes while it encodes the text.
    fn add_long(&self, text: &str, all: &mut Tokenized) -> Result<(), EncoderError> {
        let room = self.max_length.saturating_sub(self.closing.len());
        let (mut ids, mut dropped) = (self.opening.clone(), 0);
        for piece in long_text::pieces(text) {
            let known = self.known(self.ids(piece, false)?);
            let kept = known.len().min(room.saturating_sub(ids.len()));
            ids.extend_from_slice(&known[..kept]);
            dropped += known.len() - kept;
        }
        ids.extend_from_slice(&self.closing);
        all.ids.push(&ids);
        all.dropped.push(dropped);
        Ok(())
    }

    /// The ids that are kept of a text, its closing special tokens included, and the number of dropped tokens.
    fn cut<'a>(&self, ids: &'a [u32]) -> (Cow<'a, [u32]>, usize) {
        let Some(dropped) = ids.len().checked_sub(self.max_length).filter(|&over| over > 0) else {
            return (ids.into(), 0);
        };
        let (text, closing) = ids.split_at(ids.len() - self.closing.len());
        ([&text[..self.max_length - closing.len()], closing].concat().into(), dropped)
    }

    /// Tokenizes pairs of texts, each of which is read as one text. If a pair has more tokens than the maximum, the longer
    /// text of the two loses tokens at its end, until both have the same number, and then both do.
    ///
    /// # Errors
    /// The tokenizer refuses a text; BERT's never does.
    pub(crate) fn tokenize_pairs(&self, pairs: &[(&str, &str)]) -> Result<Tokenized, EncoderError> {
        let mut all = Tokenized::default();
        for (first, second) in pairs {
            // A piece has more tokens than any model keeps of a text.
            let encode = |text| self.encode(long_text::pieces(text).next().unwrap_or_default(), false);
            let (pair, dropped) = pair(&self.inner, encode(first)?, encode(second)?, self.max_length)
                .map_err(|source| self.failed(source))?;
            let types = pair.get_type_ids();
            let second = types.iter().position(|&of_type| of_type == 1).unwrap_or(types.len());
            all.ids.push_text(TextIds { ids: pair.get_ids(), second });
            all.dropped.push(dropped);
        }
        Ok(all)
    }

    /// All tokens of a text, whatever the maximum length is, with their places.
    ///
    /// # Errors
    /// The tokenizer refuses the text, or the text has more bytes than are encoded at once.
    pub fn places(&self, text: &str, specials: bool) -> Result<Vec<TokenPlace>, EncoderError> {
        if long_text::is_long(text) {
            return Err(EncoderError::Unsupported("the places of tokens in a text of this length".into()));
        }
        let specials = specials && self.has_specials();
        let encoding = encode_chars(&self.inner, &self.cased(text), specials).map_err(|source| self.failed(source))?;
        let (places, special) = (encoding.get_offsets(), encoding.get_special_tokens_mask());
        let words = self.tokens(encoding.get_ids());
        let token = |at: usize| TokenPlace {
            id: encoding.get_ids()[at],
            text: words[at].clone(),
            special: special[at] == 1,
            chars: (special[at] == 0).then(|| places[at].0..places[at].1),
        };
        Ok((0..encoding.len()).map(token).collect())
    }

    /// The tokens with these ids, as the vocabulary writes them.
    pub fn tokens(&self, ids: &[u32]) -> Vec<String> {
        ids.iter().map(|&id| self.inner.id_to_token(id).unwrap_or_else(|| format!("#{id}"))).collect()
    }
}

/// A token of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPlace {
    /// The token's id.
    pub id: u32,
    /// The token, as the vocabulary writes it.
    pub text: String,
    /// Whether it was added to the text.
    pub special: bool,
    /// The token's place in the text, in characters; `None` for one that was added.
    pub chars: Option<std::ops::Range<usize>>,
}

/// The names of a prepared form's sections.
const STEPS: &str = "tokenizer";
const VOCABULARY: &str = "vocabulary";

/// The sections of a prepared form for the tokenizer. There are none if its words are not WordPiece's.
///
/// # Errors
/// The file is missing or damaged.
pub(crate) fn prepared_sections(model: &ModelFiles) -> Result<Vec<NewSection>, EncoderError> {
    let (path, bytes) = bytes(model)?;
    let section = |name: &str, bytes| NewSection { name: name.into(), bytes, finite: true };
    match TokenizerParts::read(&bytes).map_err(|source| damaged(&path, source))? {
        TokenizerParts::WordPiece { words, rest } => {
            let steps = PreparedSteps { words: words.settings, rest };
            let steps = serde_json::to_vec(&steps).map_err(|source| damaged(&path, source.into()))?;
            Ok(vec![section(STEPS, steps), section(VOCABULARY, words.vocab.bytes().to_vec())])
        }
        TokenizerParts::Library { .. } => Ok(Vec::new()),
    }
}

/// The tokenizer of a prepared form, unless this build hashes words in another way than the build that wrote the form.
fn prepared_pipeline(map: &Map, steps: Range<usize>, vocabulary: Range<usize>) -> Option<Pipeline> {
    let PreparedSteps { words: settings, rest } = serde_json::from_slice(&map[steps]).ok()?;
    let words = WordPiece { settings, vocab: Vocabulary::mapped(map, vocabulary)? };
    guarded(|| pipeline(WordModel::WordPiece(words), rest.as_bytes())).ok()?.ok()
}

/// All of a tokenizer but its vocabulary.
#[derive(Serialize, Deserialize)]
struct PreparedSteps {
    words: WordPieceSettings,
    /// JSON for the library.
    rest: String,
}

/// The file's path, and its bytes.
fn bytes(model: &ModelFiles) -> Result<(PathBuf, Vec<u8>), EncoderError> {
    let path = model.path(TOKENIZER);
    let read = open_regular(&path).and_then(|file| read_bounded(file, MAX_TOKENIZER));
    let bytes = read.map_err(FileError::read(&path))?;
    Ok((path, bytes))
}

/// Reads the file: its path, its steps, and its bytes.
fn read(model: &ModelFiles) -> Result<(PathBuf, Pipeline, Vec<u8>), EncoderError> {
    let (path, bytes) = bytes(model)?;
    let parsed = guarded(|| parse(&bytes)).map_err(Cause::from).and_then(|parsed| parsed);
    let inner = parsed.map_err(|source| damaged(&path, source))?;
    Ok((path, inner, bytes))
}

fn damaged(path: &Path, source: Cause) -> EncoderError {
    EncoderError::Model { path: path.into(), what: "damaged tokenizer".into(), source: Some(source) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::tokenizer_file::tests::both;

    fn tokenizer(max_length: usize) -> Tokenizer {
        Tokenizer::new(PathBuf::new(), both().0, max_length).unwrap()
    }

    #[test]
    fn texts_are_written_in_small_letters_if_the_model_asks_for_it() {
        let ids = |tokenizer: &Tokenizer, text| tokenizer.tokenize(&[text]).unwrap().ids;
        let (plain, lower) = (tokenizer(9), tokenizer(9).lowercasing(true));
        // This tokenizer ignores the case of letters, but not that of special tokens.
        assert_ne!(ids(&plain, "[SEP]"), ids(&plain, "[sep]"));
        assert_eq!(ids(&lower, "[SEP]"), ids(&plain, "[sep]"));
    }

    #[test]
    fn many_texts_have_the_tokens_that_each_has_alone() {
        let texts: Vec<String> = (0..3000).map(|number| format!("abc {} é", "ab ".repeat(number % 7))).collect();
        let (tokenizer, mut expected) = (tokenizer(9), Tokenized::default());
        for text in &texts {
            expected.append(tokenizer.tokenize(&[text]).unwrap());
        }
        assert_eq!(tokenizer.tokenize(&texts).unwrap(), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn a_long_text_has_the_tokens_of_the_whole_cut_at_the_maximum(
            words in prop::collection::vec("[abcdé#,.]{1,9}", 1..50),
            max_length in 3..100_000usize,
        ) {
            let text = (words.join(" ") + "\n").repeat(1000);
            let tokenizer = tokenizer(max_length);
            let whole = tokenizer.inner.encode_fast(&*text, true).unwrap();
            let (ids, dropped) = tokenizer.cut(whole.get_ids());
            let mut found = Tokenized::default();
            tokenizer.add_long(&text, &mut found).unwrap();
            prop_assert_eq!((found.ids.get(0), found.dropped[0]), (&*ids, dropped));
            prop_assert_eq!(tokenizer.count_bare(&text).unwrap() + 2, whole.len());
        }
    }
}
