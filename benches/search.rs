//! Milliseconds that a search takes in an index, without opening and embedding: for `script/bench index`.
//!
//! `cargo bench --bench search -- INDEX QUERIES.npy`

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::exit, reason = "a bench")]

use std::path::Path;
use std::time::Instant;

use semsearch::encoder::Vectors;
use semsearch::index::{Among, Effort, LocalStore, Snapshot};
use semsearch::vector_file::VectorReader;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let (Some(index), Some(queries)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: search INDEX QUERIES.npy");
        std::process::exit(2);
    };
    let index = LocalStore::new(index).open().unwrap();
    let mut reader = VectorReader::open(Path::new(&queries)).unwrap();
    let dim = reader.dim();
    let rows: Vec<f32> = std::iter::from_fn(|| reader.row(false).unwrap()).flatten().collect();
    let queries = Vectors::new(rows, dim);
    // The first search maps the pages.
    let among = Among { k: 10, filter: None, effort: Effort::default() };
    index.nearest(&Vectors::new(queries.row(0).to_vec(), dim), &among).unwrap();
    let mut times: Vec<f64> = (0..3)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(index.nearest(&queries, &among).unwrap());
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{:.3} ms", times[1]);
}
