//! Milliseconds that a search takes in an index, without opening and embedding: for `script/bench index` and
//! `script/bench approximate`.
//!
//! `cargo bench --bench search -- INDEX QUERIES.npy` searches all queries at once. With a further argument, a file, each
//! query is searched by itself, and the keys of its ten nearest vectors are written to the file, a line for each query.
//! `nprobe=N` or `ef_search=N` after that say how thoroughly a search looks.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::exit, reason = "a bench")]

use std::fs;
use std::path::Path;
use std::time::Instant;

use semsearch::encoder::Vectors;
use semsearch::index::{Among, Effort, LocalStore, Scored, Snapshot};
use semsearch::vector_file::VectorReader;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let (Some(index), Some(queries)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: search INDEX QUERIES.npy [KEYS [nprobe=N | ef_search=N]]");
        std::process::exit(2);
    };
    let (keys, effort) = (arguments.next(), arguments.next().unwrap_or_default());
    let number = |name: &str| effort.strip_prefix(name)?.strip_prefix('=').map(|number| number.parse().unwrap());
    let effort = Effort { nprobe: number("nprobe"), ef_search: number("ef_search") };
    let index = LocalStore::new(index).open().unwrap();
    let mut reader = VectorReader::open(Path::new(&queries)).unwrap();
    let dim = reader.dim();
    let rows: Vec<f32> = std::iter::from_fn(|| reader.row(false).unwrap()).flatten().collect();
    let all = Vectors::new(rows, dim);
    let among = Among { k: 10, filter: None, effort };
    let searched = |queries: &Vectors| {
        let start = Instant::now();
        let found = index.nearest(queries, &among).unwrap();
        (start.elapsed().as_secs_f64() * 1e3, found)
    };
    let one = |row: usize| Vectors::new(all.row(row).to_vec(), dim);
    // The first search maps the pages.
    searched(&one(0));
    let mut times: Vec<f64> = match keys {
        None => (0..3).map(|_| searched(&all).0).collect(),
        Some(file) => {
            let (times, found): (Vec<f64>, Vec<_>) = (0..all.len()).map(|row| searched(&one(row))).unzip();
            let line = |found: &Vec<Vec<_>>| {
                let keys: Vec<String> = found.iter().flatten().map(|scored: &Scored| scored.key.to_string()).collect();
                keys.join(" ") + "\n"
            };
            fs::write(file, found.iter().map(line).collect::<String>()).unwrap();
            times
        }
    };
    times.sort_by(f64::total_cmp);
    println!("{:.3} ms", times[times.len() / 2]);
}
