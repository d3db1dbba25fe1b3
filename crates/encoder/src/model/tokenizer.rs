//! Texts to token ids, by the model's own tokenizer.json, ragged: no text is padded to another's length.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tokenizers::decoders::DecoderWrapper;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::{Encoding, TokenizerImpl};

use super::wordpiece::{WordPiece, Words};
use super::{MAX_TOKENIZER, ModelFiles, TOKENIZER, limits, long_text, patterns};
use crate::EncoderError;
use semsearch_files::{Cause, FileError, guarded, open_regular, read_bounded};

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

impl Tokenized {
    /// Adds the texts of `more` after the others.
    pub(crate) fn append(&mut self, more: Self) {
        more.ids.iter().for_each(|ids| self.ids.push(ids));
        self.dropped.extend(more.dropped);
    }
}

/// The library's steps about our words.
type Pipeline = TokenizerImpl<Words, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// The model's tokenizer, without the truncation and padding of its file (all-MiniLM-L6-v2's would cut at 128 and pad
/// to 128): texts are cut here, at a maximum length of our choice, so that what was dropped is known.
///
/// Of a very long text only the tokens that are kept are held; the others are counted, piece by piece.
pub struct Tokenizer {
    path: PathBuf,
    inner: Pipeline,
    max_length: usize,
    /// Special tokens at the end of each text.
    closing: usize,
}

impl Tokenizer {
    /// Loads tokenizer.json. `max_length` counts the special tokens too.
    ///
    /// # Errors
    /// The file is missing or damaged, or `max_length` leaves no room for a text.
    pub fn load(model: &ModelFiles, max_length: usize) -> Result<Self, EncoderError> {
        let path = model.path(TOKENIZER);
        let read = open_regular(&path).and_then(|file| read_bounded(file, MAX_TOKENIZER));
        let bytes = read.map_err(FileError::read(&path))?;
        let damaged = |source: Cause| EncoderError::Model {
            path: path.clone(),
            what: "damaged tokenizer".into(),
            source: Some(source),
        };
        let inner = guarded(|| parse(&bytes)).map_err(Cause::from).and_then(|parsed| parsed).map_err(damaged)?;
        let specials = encode(&inner, "", true).map_err(damaged)?.len();
        if specials == 0 {
            return Err(damaged(
                "it adds no special tokens, as [CLS] and [SEP], which a BERT has around each text".into(),
            ));
        }
        if max_length <= specials {
            return Err(EncoderError::Unsupported(format!(
                "a maximum length of {max_length} leaves no room beside {specials} special tokens"
            )));
        }
        let any = encode(&inner, "a", true).map_err(damaged)?;
        let closing = any.get_special_tokens_mask().iter().rev().take_while(|&&special| special == 1).count();
        Ok(Self { path, inner, max_length, closing: closing.min(specials) })
    }

    /// Tokens kept of a text, specials included.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// Tokenizes `texts`, in parallel where there are several.
    ///
    /// # Errors
    /// The tokenizer refuses a text; BERT's never does.
    pub fn tokenize(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Tokenized, EncoderError> {
        match texts {
            [_] => self.tokenize_here(texts),
            many if many.iter().any(|text| long_text::is_long(text.as_ref())) => self.tokenize_here(many),
            many => {
                let encoded = many.par_iter().map(|text| self.encode(text.as_ref(), true));
                self.gather(encoded.collect::<Vec<_>>().into_iter())
            }
        }
    }

    /// How many tokens each text has, specials included, before it is cut.
    ///
    /// # Errors
    /// The tokenizer refuses a text; BERT's never does.
    pub fn count(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Vec<usize>, EncoderError> {
        let tokenized = self.tokenize(texts)?;
        Ok(tokenized.ids.iter().zip(&tokenized.dropped).map(|(kept, dropped)| kept.len() + dropped).collect())
    }

    /// How many tokens a text has, without specials.
    ///
    /// # Errors
    /// The tokenizer refuses the text; BERT's never does.
    pub fn count_bare(&self, text: &str) -> Result<usize, EncoderError> {
        let mut count = 0;
        for piece in long_text::pieces(text) {
            count += self.encode(piece, false)?.len();
        }
        Ok(count)
    }

    /// Tokenizes `texts` on the thread that calls, while others do something else.
    ///
    /// # Errors
    /// The tokenizer refuses a text; BERT's never does.
    pub(crate) fn tokenize_here(&self, texts: &[impl AsRef<str>]) -> Result<Tokenized, EncoderError> {
        let mut all = Tokenized::default();
        for text in texts.iter().map(AsRef::as_ref) {
            match long_text::is_long(text) {
                true => self.add_long(text, &mut all)?,
                false => self.add(&self.encode(text, true)?, &mut all)?,
            }
        }
        Ok(all)
    }

    fn encode(&self, text: &str, specials: bool) -> Result<Encoding, EncoderError> {
        encode(&self.inner, text, specials).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: Cause) -> EncoderError {
        EncoderError::Model {
            path: self.path.clone(),
            what: "the tokenizer fails on a text".into(),
            source: Some(source),
        }
    }

    fn gather(
        &self,
        encodings: impl Iterator<Item = Result<Encoding, EncoderError>>,
    ) -> Result<Tokenized, EncoderError> {
        let mut all = Tokenized::default();
        for encoding in encodings {
            self.add(&encoding?, &mut all)?;
        }
        Ok(all)
    }

    fn add(&self, encoding: &Encoding, all: &mut Tokenized) -> Result<(), EncoderError> {
        if encoding.is_empty() {
            return Err(self.failed("it made no token of a text, not even special ones".into()));
        }
        let (ids, dropped) = self.cut(encoding.get_ids());
        all.ids.push(&ids);
        all.dropped.push(dropped);
        Ok(())
    }

    /// Adds a text piece by piece: while the library encodes a text, it holds a hundred times its bytes.
    fn add_long(&self, text: &str, all: &mut Tokenized) -> Result<(), EncoderError> {
        let frame = self.encode("", true)?;
        let (opening, closing) = frame.get_ids().split_at(frame.len().saturating_sub(self.closing));
        let room = self.max_length.saturating_sub(closing.len());
        let (mut ids, mut dropped) = (opening.to_vec(), 0);
        for piece in long_text::pieces(text) {
            let encoding = self.encode(piece, false)?;
            let kept = encoding.len().min(room.saturating_sub(ids.len()));
            ids.extend_from_slice(&encoding.get_ids()[..kept]);
            dropped += encoding.len() - kept;
        }
        ids.extend_from_slice(closing);
        all.ids.push(&ids);
        all.dropped.push(dropped);
        Ok(())
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

/// Encodes a text. A file that no check found to be damaged may still make the library give up, on whatever text.
fn encode(pipeline: &Pipeline, text: &str, specials: bool) -> Result<Encoding, Cause> {
    guarded(|| pipeline.encode_fast(text, specials)).map_err(Cause::from).and_then(|encoded| encoded)
}

/// Reads tokenizer.json: a WordPiece vocabulary by [`super::wordpiece`], the rest by the library, over a vocabulary of the
/// special tokens alone.
fn parse(bytes: &[u8]) -> Result<Pipeline, Cause> {
    let null = to_raw_value(&())?;
    let mut parts: BTreeMap<String, &RawValue> = serde_json::from_slice(bytes)?;
    // What is not used cannot do harm either.
    for unused in ["truncation", "padding", "decoder"] {
        parts.insert(unused.into(), &null);
    }
    limits::check(&parts)?;
    let rewritten = patterns::rewritten(&parts)?;
    parts.extend(rewritten.iter().map(|(name, part)| (name.clone(), &**part)));
    let Some(model) = parts.get("model").and_then(|model| serde_json::from_str::<WordPiece>(model.get()).ok()) else {
        limits::check_vocabulary(&parts)?;
        let tokenizer = tokenizers::Tokenizer::from_bytes(serde_json::to_vec(&parts)?)?;
        return pipeline(Words::Library(tokenizer.get_model().clone()), &tokenizer);
    };
    limits::check_word(model.max_input_chars_per_word)?;
    let added = parts.get("added_tokens").map_or("[]", |added| added.get());
    let added: Vec<AddedToken> = serde_json::from_str(added)?;
    let ids: BTreeMap<&str, u32> = added.iter().map(|token| (token.content.as_str(), token.id)).collect();
    let special = to_raw_value(&json!({ "type": "WordPiece", "vocab": ids, "unk_token": "",
        "continuing_subword_prefix": "", "max_input_chars_per_word": 0 }))?;
    parts.insert("model".into(), &special);
    let tokenizer = tokenizers::Tokenizer::from_bytes(serde_json::to_vec(&parts)?)?;
    pipeline(Words::WordPiece(model), &tokenizer)
}

/// `words` with all else as `tokenizer` has it, but for truncation and padding.
fn pipeline(words: Words, tokenizer: &tokenizers::Tokenizer) -> Result<Pipeline, Cause> {
    let mut pipeline = TokenizerImpl::new(words);
    pipeline.with_normalizer(tokenizer.get_normalizer().cloned())?;
    pipeline
        .with_pre_tokenizer(tokenizer.get_pre_tokenizer().cloned())
        .with_post_processor(tokenizer.get_post_processor().cloned())
        .with_added_vocabulary(tokenizer.get_added_vocabulary().clone());
    Ok(pipeline)
}

/// One of `added_tokens`, as far as it matters here.
#[derive(Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same file, read by us and by the library.
    fn both() -> (Pipeline, tokenizers::Tokenizer) {
        let special = [("[PAD]", 0), ("[UNK]", 1), ("[CLS]", 2), ("[SEP]", 3)].map(|(content, id)| {
            json!({ "id": id, "content": content, "special": true, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false })
        });
        let words = [
            "[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "ab", "abc", "##a", "##bc", "##c", "##cab", "\u{e9}", "#",
            "##", "##d",
        ];
        let vocab: serde_json::Map<_, _> =
            (0..).zip(words).map(|(id, word): (u32, _)| (word.into(), id.into())).collect();
        let file = json!({
            "version": "1.0", "truncation": null, "padding": null, "decoder": null, "added_tokens": special,
            "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": false, "lowercase": true },
            "pre_tokenizer": { "type": "BertPreTokenizer" },
            "post_processor": { "type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2] },
            "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 8, "vocab": vocab },
        });
        let bytes = serde_json::to_vec(&file).unwrap();
        let (ours, library) = (parse(&bytes).unwrap(), tokenizers::Tokenizer::from_bytes(&bytes).unwrap());
        assert!(matches!(ours.get_model(), Words::WordPiece(_)));
        (ours, library)
    }

    #[test]
    fn a_vocabulary_is_read_as_the_library_reads_it() {
        let (ours, library) = both();
        assert_eq!(ours.get_vocab(true), library.get_vocab(true));
        assert!((0..20).all(|id| ours.id_to_token(id) == library.id_to_token(id)));
        assert!(
            ["[SEP]", "ab", "##cab", "x"].into_iter().all(|word| ours.token_to_id(word) == library.token_to_id(word))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn words_become_the_pieces_that_the_library_makes(text in "([abcdéA#, ]|abc|\\[SEP\\]|\u{1f980}){0,20}") {
            let (ours, library) = both();
            let (found, expected) = (ours.encode_fast(&*text, true).unwrap(), library.encode_fast(&*text, true).unwrap());
            prop_assert_eq!(found.get_ids(), expected.get_ids());
        }

        #[test]
        fn the_pieces_of_a_text_have_its_tokens(
            text in "([abcdéA#, \t\n\u{3000}]|abc|e\u{301}|\u{301}|\u{a0}|語|\\[SEP\\]|\\PC| [a-d]{1,9}|[.]{2,9}){0,60}",
            size in 1..40usize,
        ) {
            // What is longer than half a piece and has no blank in it is cut somewhere, now and then with other tokens.
            if text.split(char::is_whitespace).all(|part| part.len() <= size / 2) {
                let (ours, _) = both();
                let mut ids = Vec::new();
                for piece in long_text::pieces_of(&text, size) {
                    ids.extend_from_slice(ours.encode_fast(piece, false).unwrap().get_ids());
                }
                let whole = ours.encode_fast(&*text, false).unwrap();
                prop_assert_eq!(ids, whole.get_ids());
            }
        }

        #[test]
        fn a_long_text_has_the_tokens_of_the_whole_cut_at_the_maximum(
            words in prop::collection::vec("[abcdé#,.]{1,9}", 1..50),
            max_length in 3..100_000usize,
        ) {
            let text = (words.join(" ") + "\n").repeat(1000);
            let (inner, _) = both();
            let tokenizer = Tokenizer { path: PathBuf::new(), inner, max_length, closing: 1 };
            let whole = tokenizer.inner.encode_fast(&*text, true).unwrap();
            let (ids, dropped) = tokenizer.cut(whole.get_ids());
            let mut found = Tokenized::default();
            tokenizer.add_long(&text, &mut found).unwrap();
            prop_assert_eq!((found.ids.get(0), found.dropped[0]), (&*ids, dropped));
            prop_assert_eq!(tokenizer.count_bare(&text).unwrap() + 2, whole.len());
        }
    }
}
