//! The integration tests: the real binary, the real model, real files.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that panics has failed; one that skips says so")]

mod bad_input;
mod commands;
mod crafted_parquet;
mod damage;
mod directories;
mod evaluation;
mod examples;
#[path = "../crates/encoder/tests/family.rs"]
mod family;
#[cfg(target_os = "linux")]
mod faults;
mod filters;
mod format;
mod gpu;
mod hostile;
#[cfg(target_os = "linux")]
mod hostile_indexes;
mod hostile_inputs;
mod hostile_models;
mod hub;
mod inputs;
mod known_answers;
#[cfg(target_os = "linux")]
mod large_damage;
mod lifecycle;
#[cfg(target_os = "linux")]
mod merging;
mod outside;
mod ownership;
#[cfg(all(target_os = "linux", feature = "postgres"))]
mod postgres;
mod prompt;
#[cfg(target_os = "linux")]
mod readers;
mod rerank;
mod rooms;
mod screen;
#[cfg(target_os = "linux")]
mod seal;
mod search;
#[cfg(feature = "serve")]
mod served;
#[cfg(feature = "serve")]
mod server;
mod settings;
mod shared;
mod streams;
mod support;
mod trec_eval;
mod watching;
mod writers;
