//! Ctrl-C during long work: leave at once, with a word about what is kept.
//!
//! An index changes only by its commit, and files are written beside and renamed, so there is nothing to clean up that
//! the next run does not sweep.

use std::thread;

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

use super::terminal::Terminal;

/// As a shell reports a process that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// From here on the first Ctrl-C ends the process.
pub(super) fn exit_on_signal(terminal: &Terminal) {
    // Where no handler can be had, the system's own way of ending the process does as well.
    let Ok(mut signals) = Signals::new([SIGINT]) else { return };
    let quiet = terminal.is_quiet();
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            if !quiet {
                anstream::eprintln!("\ninterrupted: what was committed before is kept");
            }
            // Not `exit`: other threads are at work, and nothing of theirs may be torn down under them.
            signal_hook::low_level::exit(INTERRUPTED);
        }
    });
}
