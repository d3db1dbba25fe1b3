//! Hits, in each of their formats.

mod json;
mod jsonl;
mod object;
#[cfg(test)]
mod sample;
mod snippet;
mod text;
mod trec;
mod tsv;
mod writer;

pub(crate) use writer::{Answer, Highlight, HitFormat, Presentation};

/// The formats, the usual one first.
pub(crate) const HIT_FORMATS: &[HitFormat] = &[text::FORMAT, json::FORMAT, jsonl::FORMAT, tsv::FORMAT, trec::FORMAT];
