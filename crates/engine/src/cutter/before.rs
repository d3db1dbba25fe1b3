//! What is embedded before the text of a piece: the name of its file, the title of its document, the headings above it.
//!
//! In a chunk, each of these has a share of the tokens, so that most of them are left for the text. Of a name and of
//! headings the end is kept, which says most; of a title the beginning.

use semsearch_corpus::{Document, SEPARATOR};
use semsearch_encoder::EncoderError;
use semsearch_encoder::model::Tokenizer;
use serde_json::Value;

use super::PATH;

/// The name or the title takes at most one part in so many of a chunk's tokens, and so do the headings.
const SHARE: usize = 4;

/// How many parts of a file's path are embedded, counted from its end: `python/requests/sessions.py`.
const NAMED_PARTS: usize = 3;

/// No token has more bytes of text. It bounds how much of a long title is looked at.
const TOKEN_BYTES: usize = 256;

/// What is embedded before the text of every piece of a document.
#[derive(Clone, Copy)]
pub(super) struct Before<'a> {
    tokenizer: &'a Tokenizer,
    /// The end of the path of a file without a title; else empty.
    name: &'a str,
    /// The title as far as it has room; empty if there is none.
    title: &'a str,
    whole_title: &'a str,
    /// How many tokens the headings above a piece may have; `None` if they are not embedded.
    headings: Option<usize>,
}

impl<'a> Before<'a> {
    /// All of what is known of a document.
    pub(super) fn of(document: &'a Document, tokenizer: &'a Tokenizer, with_title: bool, with_context: bool) -> Self {
        let title = document.title.as_deref().filter(|_| with_title).unwrap_or_default();
        let is_named = with_context && title.is_empty() && document.markup.is_some();
        let path = document.metadata.get(PATH).and_then(Value::as_str).filter(|_| is_named).unwrap_or_default();
        let name = path.rmatch_indices('/').nth(NAMED_PARTS - 1).map_or(path, |(at, _)| &path[at + 1..]);
        let headings = with_context.then_some(usize::MAX);
        Self { tokenizer, name, title, whole_title: title, headings }
    }

    /// The same, as far as it has room in chunks of so many tokens.
    pub(super) fn in_chunks(self, tokens: usize) -> Result<Self, EncoderError> {
        let share = tokens / SHARE;
        Ok(Self {
            name: last_parts(self.tokenizer, self.name, "/", share)?,
            title: first_words(self.tokenizer, self.title, share)?,
            headings: self.headings.map(|_| share),
            ..self
        })
    }

    /// The same without the name of the file; `None` if it is not embedded.
    pub(super) fn nameless(self) -> Option<Self> {
        (!self.name.is_empty()).then_some(Self { name: "", ..self })
    }

    /// How many tokens of a chunk are kept for the headings above it, if the longest path has this many.
    pub(super) fn kept_for_headings(self, longest: usize) -> usize {
        self.headings.map_or(0, |share| longest.min(share))
    }

    /// What is embedded before a piece below these headings, `Guide > Install`; empty if there is nothing.
    pub(super) fn joined(self, headings: &str) -> Result<String, EncoderError> {
        let below = match self.headings {
            None => "",
            Some(share) => last_parts(self.tokenizer, self.below_title(headings), SEPARATOR, share)?,
        };
        let parts = [self.name, self.title, below].into_iter().filter(|part| !part.is_empty());
        Ok(parts.collect::<Vec<_>>().join(SEPARATOR))
    }

    /// The headings without the first one, if that is the title. Most Markdown is so.
    fn below_title(self, headings: &str) -> &str {
        match headings.strip_prefix(self.whole_title) {
            Some("") => "",
            Some(below) => below.strip_prefix(SEPARATOR).unwrap_or(headings),
            None => headings,
        }
    }
}

/// The end of `text` that has at most this many tokens, in whole parts; of a last part with more, its first words.
fn last_parts<'t>(
    tokenizer: &Tokenizer,
    text: &'t str,
    separator: &str,
    tokens: usize,
) -> Result<&'t str, EncoderError> {
    let mut rest = text;
    while let Some((_, below)) = rest.split_once(separator).filter(|_| rest.len() > tokens) {
        if tokenizer.count_bare(rest)? <= tokens {
            return Ok(rest);
        }
        rest = below;
    }
    first_words(tokenizer, rest, tokens)
}

/// The beginning of `text` that has at most this many tokens: whole words, or a part of the first word if that has more.
fn first_words<'t>(tokenizer: &Tokenizer, text: &'t str, tokens: usize) -> Result<&'t str, EncoderError> {
    // No token is empty, so a text with few bytes needs no look.
    if text.len() <= tokens {
        return Ok(text);
    }
    let looked_at = &text[..text.floor_char_boundary(tokens.saturating_mul(TOKEN_BYTES))];
    if looked_at.len() == text.len() && tokenizer.count_bare(text)? <= tokens {
        return Ok(text);
    }
    let ends: Vec<usize> = looked_at.char_indices().map(|(at, _)| at).collect();
    let (mut fits, mut over) = (0, ends.len());
    while over - fits > 1 {
        let middle = fits + (over - fits) / 2;
        match tokenizer.count_bare(&looked_at[..ends[middle]])? <= tokens {
            true => fits = middle,
            false => over = middle,
        }
    }
    let cut = &looked_at[..ends.get(fits).copied().unwrap_or_default()];
    let word = cut.rfind(char::is_whitespace).filter(|_| !looked_at[cut.len()..].starts_with(char::is_whitespace));
    Ok(word.map_or(cut, |end| &cut[..end]).trim_end())
}
