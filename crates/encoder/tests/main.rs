//! The encoder as its users see it: against candle's own BERT, and shared by threads.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that panics has failed; one that skips says so")]

mod families;
mod family;
mod prepared;
mod reference;
mod sharing;
mod support;
mod wild;
