//! The tokens of words in ASCII, as BERT's steps make them.
//!
//! In every step, the library records where each byte came from. That takes a microsecond for each token. For a word in
//! ASCII, these steps only change capital letters to small ones and split the word at punctuation marks, which is done here in
//! a small part of that time. All other words go to the library: those with accents, in other scripts, with control
//! characters, and those that may contain a special token.

use semsearch_files::Cause;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;

use super::tokenizer_file::{Pipeline, encode};
use super::wordpiece::{WordModel, WordPiece};

/// Which words are cut here, and how.
pub(super) struct AsciiWords {
    lowercase: bool,
    /// For each byte, whether words with it are cut here: it is a visible character, and no added token begins with it.
    is_plain: [bool; 256],
}

impl AsciiWords {
    /// `None` if the steps are not BERT's, or an added token could begin in one word and end in another.
    pub(super) fn of(pipeline: &Pipeline) -> Option<Self> {
        let (NormalizerWrapper::BertNormalizer(normalizer), PreTokenizerWrapper::BertPreTokenizer(_)) =
            (pipeline.get_normalizer()?, pipeline.get_pre_tokenizer()?)
        else {
            return None;
        };
        let mut is_plain = [false; 256];
        (b'!'..=b'~').for_each(|byte| is_plain[byte as usize] = true);
        for token in pipeline.get_added_vocabulary().get_vocab().keys() {
            let first = token.bytes().next()?;
            if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return None;
            }
            is_plain[first.to_ascii_lowercase() as usize] = false;
            is_plain[first.to_ascii_uppercase() as usize] = false;
        }
        Some(Self { lowercase: normalizer.lowercase, is_plain })
    }

    /// Adds the ids of a text's tokens to `ids`, without special tokens around them.
    ///
    /// # Errors
    /// The library refuses a word.
    pub(super) fn add_ids(&self, text: &str, pipeline: &Pipeline, ids: &mut Vec<u32>) -> Result<(), Cause> {
        let WordModel::WordPiece(model) = pipeline.get_model() else {
            return by_library(text, pipeline, ids);
        };
        let mut word = String::new();
        // Words in a row that are not plain are one text for the library.
        let mut others: Option<(usize, usize)> = None;
        let mut end = 0;
        while let Some((start, length)) = next_word(&text.as_bytes()[end..]) {
            let start = end + start;
            end = start + length;
            if !text.as_bytes()[start..end].iter().all(|&byte| self.is_plain[byte as usize]) {
                others = Some((others.map_or(start, |(first, _)| first), end));
                continue;
            }
            if let Some((first, last)) = others.take() {
                by_library(&text[first..last], pipeline, ids)?;
            }
            word.clear();
            word.push_str(&text[start..end]);
            if self.lowercase {
                word.make_ascii_lowercase();
            }
            add_plain(&word, model, ids)?;
        }
        others.map_or(Ok(()), |(first, last)| by_library(&text[first..last], pipeline, ids))
    }
}

fn by_library(text: &str, pipeline: &Pipeline, ids: &mut Vec<u32>) -> Result<(), Cause> {
    ids.extend_from_slice(encode(pipeline, text, false)?.get_ids());
    Ok(())
}

/// Where the first word begins, and its length.
fn next_word(bytes: &[u8]) -> Option<(usize, usize)> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let start = bytes.iter().position(|byte| !is_blank(byte))?;
    let rest = &bytes[start..];
    Some((start, rest.iter().position(is_blank).unwrap_or(rest.len())))
}

/// Each punctuation mark is a word of its own.
fn add_plain(word: &str, model: &WordPiece, ids: &mut Vec<u32>) -> Result<(), Cause> {
    let mut rest = word;
    while let Some(mark) = rest.bytes().position(|byte| byte.is_ascii_punctuation()) {
        if mark > 0 {
            model.add_ids(&rest[..mark], ids)?;
        }
        model.add_ids(&rest[mark..=mark], ids)?;
        rest = &rest[mark + 1..];
    }
    if rest.is_empty() { Ok(()) } else { model.add_ids(rest, ids) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::tokenizer_file::tests::both;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_text_has_the_tokens_that_the_library_makes(
            text in "([abcdABé#,.!~ \t\n\r\u{b}\u{1}\u{7f}\u{a0}\u{2028}\u{301}語🦀-]|abc|\\[SEP\\]|\\[sep\\]|\\[|abcdefghij|\\PC){0,40}",
        ) {
            let (ours, library) = both();
            let mut ids = Vec::new();
            AsciiWords::of(&ours).unwrap().add_ids(&text, &ours, &mut ids).unwrap();
            let expected = library.encode_fast(&*text, false).unwrap();
            prop_assert_eq!(&ids, expected.get_ids());
        }
    }
}
