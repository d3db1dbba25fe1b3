//! Lets calls that share one pool of threads take turns.
//!
//! Every call of this process computes on rayon's pool. The pool begins tasks in the order in which they were asked
//! for, and finishes one before it begins the next. By itself it would let a question wait until all of a large batch
//! is encoded. So a call whose work has many pieces checks after some of them whether another call waits. If one does,
//! the call leaves the pool, and asks for it again for the rest. The result does not depend on which pieces run
//! together: each piece is computed by itself.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

/// The pieces that a call does before it gives way, for each thread of the pool.
const TURN: usize = 4;

/// The number of calls that have asked for the pool and that it has not begun.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// A call that has asked for the pool. It waits until the pool begins its work.
struct Waiting(AtomicBool);

impl Waiting {
    fn new() -> Self {
        WAITING.fetch_add(1, Ordering::Relaxed);
        Self(AtomicBool::new(true))
    }

    /// The pool has begun the work.
    fn end(&self) {
        if self.0.swap(false, Ordering::Relaxed) {
            WAITING.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.end();
    }
}

/// Does every piece of the work on the pool, in turns with other calls. A thread makes a scratch value when it begins,
/// and uses it for one piece after the other.
pub(crate) fn for_each<T: Send, S>(
    pieces: &mut [T],
    scratch: impl Fn() -> S + Send + Sync,
    work: impl Fn(&mut S, &mut T) + Send + Sync,
) {
    let turn = TURN * rayon::current_num_threads();
    let mut rest: Vec<Option<&mut T>> = pieces.iter_mut().map(Some).collect();
    while !rest.is_empty() {
        let (waiting, begun) = (Waiting::new(), AtomicUsize::new(0));
        rest.par_iter_mut().for_each_init(&scratch, |scratch, piece| {
            waiting.end();
            let gives_way = begun.fetch_add(1, Ordering::Relaxed) >= turn && WAITING.load(Ordering::Relaxed) > 0;
            if !gives_way && let Some(piece) = piece.take() {
                work(scratch, piece);
            }
        });
        rest.retain(Option::is_some);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread;

    use super::*;

    #[test]
    fn every_piece_is_done_once_whoever_else_waits() {
        let count = |pieces: usize| {
            let mut done = vec![0; pieces];
            for_each(&mut done, || (), |(), piece| *piece += 1);
            assert_eq!(done, vec![1; pieces]);
        };
        thread::scope(|scope| {
            for pieces in [0, 1, 7, 1000, 3000] {
                scope.spawn(move || (0..20).for_each(|_| count(pieces)));
            }
        });
    }

    #[test]
    fn a_short_call_ends_before_a_long_one_that_began_first() {
        let (order, short) = (Mutex::new(Vec::new()), AtomicBool::new(false));
        let turn = TURN * rayon::current_num_threads();
        thread::scope(|scope| {
            let (order, short) = (&order, &short);
            let mut long = vec![(); 100_000];
            scope.spawn(move || {
                let begun = AtomicUsize::new(0);
                for_each(
                    &mut long,
                    || (),
                    |(), ()| {
                        // The short call starts once the long one runs. The long call lasts until the short one is
                        // done.
                        if begun.fetch_add(1, Ordering::SeqCst) == turn {
                            scope.spawn(move || {
                                for_each(&mut [(); 3], || (), |(), ()| {});
                                order.lock().unwrap().push("short");
                                short.store(true, Ordering::SeqCst);
                            });
                        }
                        if begun.load(Ordering::SeqCst) > turn && !short.load(Ordering::SeqCst) {
                            thread::yield_now();
                        }
                    },
                );
                order.lock().unwrap().push("long");
            });
        });
        assert_eq!(*order.lock().unwrap(), ["short", "long"]);
    }
}
