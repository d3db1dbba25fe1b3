//! The integration tests: the real binary, the real model, real files.

mod bad_input;
mod commands;
mod hub;
mod known_answers;
mod lifecycle;
mod rooms;
mod support;
