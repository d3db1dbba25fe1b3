//! `tokenizer.json`: the library's steps, combined with a vocabulary that we read ourselves.

use std::collections::BTreeMap;

use semsearch_files::{Cause, guarded};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tokenizers::decoders::DecoderWrapper;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::utils::truncation::{TruncationParams, truncate_encodings};
use tokenizers::{Encoding, PostProcessor, TokenizerImpl};

use super::wordpiece::{WordModel, WordPiece};
use super::{limits, patterns};

/// A tokenizer: the library's steps, combined with our word model.
pub(super) type Pipeline =
    TokenizerImpl<WordModel, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// Encodes a text. A damaged file that passed every check may still make the library panic, on any text.
pub(super) fn encode(pipeline: &Pipeline, text: &str, specials: bool) -> Result<Encoding, Cause> {
    guarded(|| pipeline.encode_fast(text, specials)).map_err(Cause::from).and_then(|encoded| encoded)
}

/// Encodes a text, with the places of tokens in characters.
pub(super) fn encode_chars(pipeline: &Pipeline, text: &str, specials: bool) -> Result<Encoding, Cause> {
    guarded(|| pipeline.encode_char_offsets(text, specials)).map_err(Cause::from).and_then(|encoded| encoded)
}

/// Two encoded texts as one text of at most `most` tokens, special tokens included, and the number of dropped tokens.
///
/// # Errors
/// The library refuses them.
pub(super) fn pair(
    pipeline: &Pipeline,
    first: Encoding,
    second: Encoding,
    most: usize,
) -> Result<(Encoding, usize), Cause> {
    guarded(|| {
        let specials = pipeline.get_post_processor().map_or(0, |processor| processor.added_tokens(true));
        let all = first.len() + second.len();
        let truncation = TruncationParams { max_length: most.saturating_sub(specials), ..TruncationParams::default() };
        let (first, second) = truncate_encodings(first, Some(second), &truncation)?;
        let dropped = all - first.len() - second.as_ref().map_or(0, Encoding::len);
        Ok((pipeline.post_process(first, second, true)?, dropped))
    })
    .map_err(Cause::from)
    .and_then(|paired| paired)
}

/// Reads tokenizer.json. [`super::wordpiece`] reads a WordPiece vocabulary. The library reads the rest, with a
/// vocabulary that contains only the special tokens.
pub(super) fn parse(bytes: &[u8]) -> Result<Pipeline, Cause> {
    match TokenizerParts::read(bytes)? {
        TokenizerParts::WordPiece { words, rest } => pipeline(WordModel::WordPiece(words), rest.as_bytes()),
        TokenizerParts::Library { whole } => {
            let tokenizer = tokenizers::Tokenizer::from_bytes(whole)?;
            with_words(WordModel::Library(tokenizer.get_model().clone()), &tokenizer)
        }
    }
}

/// The pipeline of a WordPiece model and the rest of its file.
pub(super) fn pipeline(words: WordModel, rest: &[u8]) -> Result<Pipeline, Cause> {
    with_words(words, &tokenizers::Tokenizer::from_bytes(rest)?)
}

/// What tokenizer.json says, checked, and as the library and we read it.
pub(super) enum TokenizerParts {
    /// A WordPiece model, and the rest as JSON for the library, in which only the special tokens are words.
    WordPiece { words: WordPiece, rest: String },
    /// Everything, as JSON for the library.
    Library { whole: String },
}

impl TokenizerParts {
    /// Reads the file's bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Cause> {
        let null = to_raw_value(&())?;
        let mut parts: BTreeMap<String, &RawValue> = serde_json::from_slice(bytes)?;
        // Parts that are not used can do no harm if they are not read.
        for unused in ["truncation", "padding", "decoder"] {
            parts.insert(unused.into(), &null);
        }
        limits::check(&parts)?;
        let rewritten = patterns::rewritten(&parts)?;
        parts.extend(rewritten.iter().map(|(name, part)| (name.clone(), &**part)));
        let Some(words) = parts.get("model").and_then(|model| serde_json::from_str::<WordPiece>(model.get()).ok())
        else {
            limits::check_vocabulary(&parts)?;
            return Ok(Self::Library { whole: serde_json::to_string(&parts)? });
        };
        limits::check_word(words.settings.max_input_chars_per_word)?;
        let added = parts.get("added_tokens").map_or("[]", |added| added.get());
        let added: Vec<AddedToken> = serde_json::from_str(added)?;
        let ids: BTreeMap<&str, u32> = added.iter().map(|token| (token.content.as_str(), token.id)).collect();
        let special = to_raw_value(&json!({ "type": "WordPiece", "vocab": ids, "unk_token": "",
            "continuing_subword_prefix": "", "max_input_chars_per_word": 0 }))?;
        parts.insert("model".into(), &special);
        Ok(Self::WordPiece { words, rest: serde_json::to_string(&parts)? })
    }
}

/// The token for words that the vocabulary does not have, if the file names one.
pub(super) fn unknown(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct File {
        model: WithUnknown,
    }
    #[derive(Deserialize)]
    struct WithUnknown {
        unk_token: Option<String>,
    }
    serde_json::from_slice::<File>(bytes).ok()?.model.unk_token
}

/// The steps of `tokenizer` with another word model, without truncation and padding.
fn with_words(words: WordModel, tokenizer: &tokenizers::Tokenizer) -> Result<Pipeline, Cause> {
    let mut pipeline = TokenizerImpl::new(words);
    pipeline.with_normalizer(tokenizer.get_normalizer().cloned())?;
    pipeline
        .with_pre_tokenizer(tokenizer.get_pre_tokenizer().cloned())
        .with_post_processor(tokenizer.get_post_processor().cloned())
        .with_added_vocabulary(tokenizer.get_added_vocabulary().clone());
    Ok(pipeline)
}

/// The part of one of the `added_tokens` that is used here.
#[derive(Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::long_text;

    /// The same file, read by us and by the library.
    pub(in crate::model) fn both() -> (Pipeline, tokenizers::Tokenizer) {
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
        assert!(matches!(ours.get_model(), WordModel::WordPiece(_)));
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
            size in 1..60usize,
        ) {
            // A word that is longer than half a piece, with the blank before it and the rest of a character after it, may be cut
            // anywhere, and then sometimes has other tokens.
            const BESIDE: usize = 8;
            if text.split(char::is_whitespace).all(|part| part.len() + BESIDE <= size / 2) {
                let (ours, _) = both();
                let mut ids = Vec::new();
                for piece in long_text::pieces_of(&text, size) {
                    ids.extend_from_slice(ours.encode_fast(piece, false).unwrap().get_ids());
                }
                let whole = ours.encode_fast(&*text, false).unwrap();
                prop_assert_eq!(ids, whole.get_ids());
            }
        }
    }
}
