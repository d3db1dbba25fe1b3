//! Hits, in each of their formats.

mod json;
mod jsonl;
mod object;
mod paths;
mod place;
#[cfg(test)]
mod sample;
mod snippet;
mod text;
mod trec;
mod tsv;
mod vimgrep;
mod writer;

pub(crate) use paths::PATHS;
pub(crate) use place::{Here, HitPlace};
pub(crate) use writer::{Answer, Highlight, HitFormat, HitOutput, Presentation};

/// The formats, the usual one first.
pub(crate) const HIT_FORMATS: &[HitFormat] =
    &[text::FORMAT, json::FORMAT, jsonl::FORMAT, tsv::FORMAT, trec::FORMAT, vimgrep::FORMAT];
