//! One embedder, shared by threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use semsearch_encoder::backend::{Device, Precision, Vectors};
use semsearch_encoder::embedder::{Backend, Embedder, Options, Progress};

use crate::support::{SmallBert, load, texts};

/// Sets the flag once a batch is done.
struct Begun<'a>(&'a AtomicBool);

impl Progress for Begun<'_> {
    fn done(&mut self, _: usize, _: usize) {
        self.0.store(true, Ordering::SeqCst);
    }
}

const CALLERS: usize = 4;
const CALLS: usize = 8;

/// The texts of a caller's calls.
fn short_calls(texts: &[String], caller: usize) -> Vec<&[String]> {
    let call = |number| {
        let first = (7 * caller + number) % texts.len();
        &texts[first..texts.len().min(first + 1 + 3 * number)]
    };
    (0..CALLS).map(call).collect()
}

/// Makes many short calls while a long one runs. The long call is stopped when they have all ended; alone it would go on
/// for long after that.
fn many_short_calls_beside_a_long_one(embedder: &Arc<Embedder>, repeated: usize) {
    let texts = texts();
    let alone = |texts: &[String]| embedder.embed(texts).unwrap().vectors;
    let many: Vec<String> = texts.iter().cycle().take(texts.len() * repeated).cloned().collect();
    let expected = alone(&many);
    let expected_short: Vec<Vec<Vectors>> =
        (0..CALLERS).map(|caller| short_calls(&texts, caller).into_iter().map(alone).collect()).collect();
    let (begun, stop, order) = (AtomicBool::new(false), AtomicBool::new(false), Mutex::new(Vec::new()));
    let (found, done) = thread::scope(|scope| {
        let long = scope.spawn(|| {
            let (embedded, done) = embedder.embed_until(&many, &mut Begun(&begun), &stop).unwrap();
            order.lock().unwrap().push("long");
            (embedded.vectors, done)
        });
        let short: Vec<_> = expected_short
            .iter()
            .enumerate()
            .map(|(caller, expected)| {
                let embedder = Arc::clone(embedder);
                let (texts, begun, order) = (&texts, &begun, &order);
                scope.spawn(move || {
                    while !begun.load(Ordering::SeqCst) {
                        thread::yield_now();
                    }
                    for (some, expected) in short_calls(texts, caller).into_iter().zip(expected) {
                        assert!(embedder.embed(some).unwrap().vectors == *expected, "every bit of a short call");
                    }
                    order.lock().unwrap().push("short");
                })
            })
            .collect();
        let short: Vec<_> = short.into_iter().map(|caller| caller.join()).collect();
        stop.store(true, Ordering::SeqCst);
        assert!(short.iter().all(Result::is_ok));
        long.join().unwrap()
    });
    assert_eq!(*order.lock().unwrap(), [&["short"; CALLERS][..], &["long"]].concat());
    assert!(done.contains(&false), "the long call was over before the short ones");
    assert!(done.contains(&true));
    for (text, _) in done.iter().enumerate().filter(|&(_, &done)| done) {
        assert!(found.row(text) == expected.row(text), "every bit of text {text} of the long call");
    }
}

#[test]
fn short_calls_end_while_a_long_one_runs_and_no_bit_of_either_changes() {
    let dir = tempfile::tempdir().unwrap();
    let model = SmallBert::default().write(dir.path());
    for precision in [Precision::F32, Precision::Bf16, Precision::Int8] {
        let options = Options { device: Device::Cpu, precision: Some(precision), ..Options::default() };
        many_short_calls_beside_a_long_one(&Arc::new(load(&model, options)), 400);
    }
    let options = Options { device: Device::Cpu, backend: Some(Backend::Tensor), ..Options::default() };
    many_short_calls_beside_a_long_one(&Arc::new(load(&model, options)), 150);
}

#[test]
fn an_embedder_is_sent_and_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<Embedder>();
}
