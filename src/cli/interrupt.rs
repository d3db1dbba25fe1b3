//! Ctrl-C and `SIGTERM` during long work.
//!
//! Most commands end at once, because incomplete output is of no use. A build stops and commits what it has done. A
//! second signal ends it at once: an index changes only by a commit, and the next run removes files that were left
//! over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::terminal::Terminal;

/// Added to the number of the signal to make the exit status, as shells do: 130 after Ctrl-C.
const ENDED_BY_SIGNAL: i32 = 128;

/// A signal stopped the build, and what was done is kept. Holds the status of the process.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(super) struct Stopped(pub(super) u8);

/// How long a stopped build continues to embed what it has read.
const LAST_WORDS: Duration = Duration::from_millis(700);

/// Whether a signal has told a build to stop.
pub(super) struct Interrupt {
    reading: Arc<AtomicBool>,
    embedding: Arc<AtomicBool>,
    signal: Arc<AtomicI32>,
}

impl Interrupt {
    /// From now on the first signal tells the build to stop, and the second ends the process.
    pub(super) fn expect(terminal: &Terminal) -> Self {
        let expected = Self { reading: Arc::default(), embedding: Arc::default(), signal: Arc::default() };
        let Self { reading, embedding, signal } = &expected;
        let (reading, embedding, signal) = (Arc::clone(reading), Arc::clone(embedding), Arc::clone(signal));
        let terminal = terminal.clone();
        on_signal(move |number| {
            if signal.swap(number, Ordering::Relaxed) != 0 {
                exit(number);
            }
            reading.store(true, Ordering::Relaxed);
            let embedding = Arc::clone(&embedding);
            thread::spawn(move || {
                thread::sleep(LAST_WORDS);
                embedding.store(true, Ordering::Relaxed);
            });
            terminal.note("stopping: what is done is being committed (once more ends it at once)");
        });
        expected
    }

    /// Set when nothing more is to be read.
    pub(super) fn reading(&self) -> &Arc<AtomicBool> {
        &self.reading
    }

    /// Set a little later, when nothing more is to be embedded.
    pub(super) fn embedding(&self) -> &Arc<AtomicBool> {
        &self.embedding
    }

    /// Whether the build is to stop.
    pub(super) fn is_set(&self) -> bool {
        self.reading.load(Ordering::Relaxed)
    }

    /// The status of the process that was told to stop.
    pub(super) fn status(&self) -> u8 {
        (ENDED_BY_SIGNAL + self.signal.load(Ordering::Relaxed)) as u8
    }
}

/// From now on the first signal ends the process.
pub(super) fn exit_on_signal(terminal: &Terminal) {
    let terminal = terminal.clone();
    on_signal(move |number| {
        terminal.note("interrupted");
        exit(number);
    });
}

fn on_signal(mut act: impl FnMut(i32) + Send + 'static) {
    // If no handler can be installed, a signal ends the process in the system's default way, which is sufficient.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    thread::spawn(move || signals.forever().for_each(&mut act));
}

fn exit(signal: i32) {
    // Not `exit`, because it would destroy data that other threads still use.
    signal_hook::low_level::exit(ENDED_BY_SIGNAL + signal);
}
