//! `semsearch index --watch`: stays, and indexes what changes.
//!
//! The system reports changes of files. A burst of changes is waited out, and then the inputs are read again as a whole:
//! files that are as they were cost a look each. So nothing depends on which changes were reported in which order.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::Session;
use super::watched::WatchedInputs;
use crate::cli::advice::Advice;
use crate::cli::interrupt::{Interrupt, Stopped};
use crate::cli::options::index::IndexOptions;
use crate::cli::settings::Settings;

/// A burst of changes is over after so long without another.
const QUIET: Duration = Duration::from_millis(150);

/// The longest burst: whoever writes all the time is indexed now and then.
const LONGEST_BURST: Duration = Duration::from_secs(1);

/// How long is waited after an error.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// How often a signal is looked for.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Indexes what changes, until a signal comes.
pub(super) fn stay(options: &IndexOptions, settings: &Settings, session: &Session) -> anyhow::Result<()> {
    let interrupt = &session.interrupt;
    let mut inputs = WatchedInputs::of(options);
    let mut changes = Changes::of(&inputs, &settings.index)?;
    settings.terminal.note("watching (Ctrl-C ends it)");
    // What changed before the system was asked to report is found by the first pass.
    loop {
        let went_or_came = inputs.look(&settings.terminal);
        let watching = match went_or_came {
            true => Changes::of(&inputs, &settings.index).map(|renewed| changes = renewed),
            false => Ok(()),
        };
        let passed = watching.and_then(|()| super::pass(&inputs.present(options), inputs.gone(), settings, session));
        match passed {
            Err(error) if error.is::<Stopped>() => return Err(error),
            // It went after it was looked for and before it was read.
            Err(_) if inputs.is_any_newly_gone() => continue,
            Err(error) => {
                settings.terminal.warn(&format!("{error:#}; trying again"));
                match Changes::again(&inputs, settings, interrupt) {
                    Some(renewed) => changes = renewed,
                    None => break,
                }
                continue;
            }
            Ok(()) => {}
        }
        if !changes.wait(&inputs, interrupt)? {
            break;
        }
    }
    Err(Stopped(interrupt.status()).into())
}

/// Reports of changed files.
struct Changes {
    reports: Receiver<notify::Result<Event>>,
    /// The index, whose own changes do not count: an absolute path without links.
    index: PathBuf,
    /// Ends the reports when it is dropped.
    _watcher: RecommendedWatcher,
}

impl Changes {
    /// Asks the system to report changes of the inputs that are there.
    fn of(inputs: &WatchedInputs, index: &Path) -> anyhow::Result<Self> {
        let (sender, reports) = channel();
        let mut watcher = notify::recommended_watcher(sender).map_err(|error| failed(&error))?;
        for (directory, with_all_below) in inputs.directories() {
            let mode = if with_all_below { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            watcher.watch(directory, mode).map_err(|error| failed(&error))?;
        }
        let index = index.canonicalize().unwrap_or_else(|_| index.to_owned());
        Ok(Self { reports, index, _watcher: watcher })
    }

    /// Asks again, some time after an error: what is watched may have been replaced, and the system reports changes of what
    /// it was. `None` if a signal came.
    fn again(inputs: &WatchedInputs, settings: &Settings, interrupt: &Interrupt) -> Option<Self> {
        loop {
            let begun = Instant::now();
            while begun.elapsed() < BETWEEN_TRIES {
                if interrupt.is_set() {
                    return None;
                }
                std::thread::sleep(BETWEEN_LOOKS);
            }
            if let Ok(changes) = Self::of(inputs, &settings.index) {
                return Some(changes);
            }
        }
    }

    /// Waits for a burst of changes and for its end, or until an input is back. Returns `false` if a signal came instead.
    fn wait(&self, inputs: &WatchedInputs, interrupt: &Interrupt) -> anyhow::Result<bool> {
        let mut burst: Option<(Instant, Instant)> = None;
        loop {
            if interrupt.is_set() {
                return Ok(false);
            }
            // Nothing reports that a directory is back: its own directory may be gone as well.
            if inputs.is_any_back() {
                return Ok(true);
            }
            match self.reports.recv_timeout(BETWEEN_LOOKS) {
                Ok(Ok(event)) if self.counts(&event) => {
                    let now = Instant::now();
                    burst = Some((burst.map_or(now, |(first, _)| first), now));
                }
                Ok(Ok(_)) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Err(error)) => return Err(failed(&error)),
                Err(RecvTimeoutError::Disconnected) => return Ok(false),
            }
            if burst.is_some_and(|(first, last)| last.elapsed() >= QUIET || first.elapsed() >= LONGEST_BURST) {
                return Ok(true);
            }
        }
    }

    /// Whether a change may be one of the inputs.
    fn counts(&self, event: &Event) -> bool {
        let is_index = |path: &PathBuf| {
            let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
            path.starts_with(&self.index) || parent.is_some_and(|parent| parent.starts_with(&self.index))
        };
        !matches!(event.kind, EventKind::Access(_)) && (event.paths.is_empty() || !event.paths.iter().all(is_index))
    }
}

fn failed(error: &notify::Error) -> anyhow::Error {
    let hint = "on Linux, `sysctl fs.inotify.max_user_watches` says how many directories may be watched".into();
    Advice { message: format!("cannot watch the inputs: {error}"), hint }.into()
}
