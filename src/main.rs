//! `semsearch`: semantic search on the command line.

fn main() {}
