//! What of the inputs was not used, and why: counted, told at the end, and named as it comes with `-v`.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::HumanCount;
use nix::errno::Errno;
use semsearch::corpus::{self, Expanded, Input, Unused};
use semsearch::error::{BadRecord, Error, FileError};

use super::args::OnError;
use super::hint;
use super::report::Advice;
use super::terminal::Terminal;

/// So many of the records passed over are named; the others only counted, unless `-v`.
const NAMED: usize = 10;

/// What was passed over, and why.
///
/// A bad record of an input that was named ends the run, unless that was asked for otherwise. Nobody named the files of a
/// directory: one that cannot be used never ends the run, nor does a record in it.
pub(super) struct Skipped<'a> {
    on_error: OnError,
    terminal: &'a Terminal,
    /// The files that were found in directories.
    found: HashSet<Arc<str>>,
    /// That of those which is being read.
    current: Current,
    files: Counts,
    records: Counts,
    /// Bad records, some of which may be documents that the index has.
    bad: usize,
    /// Records that were named as they came.
    named: usize,
    /// Files and directories that may hold what they held.
    unread: HashSet<PathBuf>,
}

/// Reasons, in the order they came, and how many there are of each.
#[derive(Default)]
struct Counts(Vec<(&'static str, usize)>);

impl Counts {
    fn add(&mut self, reason: &'static str, count: usize) {
        match self.0.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, sum)) => *sum += count,
            None => self.0.push((reason, count)),
        }
    }

    fn total(&self) -> usize {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// In words.
    fn told(&self) -> String {
        let told = |(reason, count): &(&str, usize)| format!("{} {reason}", HumanCount(*count as u64));
        self.0.iter().map(told).collect::<Vec<_>>().join(", ")
    }
}

/// A file found in a directory, as far as it was read.
#[derive(Default)]
struct Current {
    name: Option<Arc<str>>,
    /// Records that were of use.
    good: usize,
    bad: usize,
    /// Why the first record was not.
    first: Option<&'static str>,
    /// Why the reading ended.
    broken: Option<&'static str>,
}

impl<'a> Skipped<'a> {
    /// Begins with what was left out of the inputs.
    pub(super) fn new(on_error: OnError, terminal: &'a Terminal, expanded: &Expanded) -> Self {
        let found = expanded.inputs.iter().filter(|input| matches!(input, Input::Found(_))).map(Input::name).collect();
        let mut skipped = Self {
            on_error,
            terminal,
            found,
            current: Current::default(),
            files: Counts::default(),
            records: Counts::default(),
            bad: 0,
            named: 0,
            unread: HashSet::new(),
        };
        for corpus::Skipped { path, why } in &expanded.skipped {
            terminal.detail(&format!("skipped {}: {why}", path.display()));
            skipped.files.add(
                match why {
                    Unused::Binary => "binary",
                    Unused::Blank => "blank",
                    Unused::NoRecords => "JSON without records",
                    Unused::Unreadable(_) => "unreadable",
                },
                1,
            );
            if let Unused::Unreadable(_) = why {
                skipped.keep(path);
            }
        }
        skipped
    }

    /// Takes every file for one that was named: of those that go with rows of another file, none can be left out.
    pub(super) fn naming_all(mut self, all: bool) -> Self {
        if all {
            self.found.clear();
        }
        self
    }

    /// Files and records that were passed over.
    pub(super) fn count(&self) -> usize {
        self.files.total() + self.records.total()
    }

    /// A record of this input is of use.
    pub(super) fn met(&mut self, input: &Arc<str>) {
        if self.enter(input) {
            self.current.good += 1;
        }
    }

    /// Turns to an input; says whether it was found in a directory.
    fn enter(&mut self, input: &Arc<str>) -> bool {
        if self.current.name.as_ref() == Some(input) {
            return true;
        }
        self.leave();
        let found = self.found.contains(input);
        self.current.name = found.then(|| Arc::clone(input));
        found
    }

    /// Counts what the file at hand had that was of no use.
    fn leave(&mut self) {
        let Current { name: Some(name), good, bad, first, broken } = std::mem::take(&mut self.current) else { return };
        let none_was_good = first.filter(|_| good == 0);
        if let Some(reason) = broken.or(none_was_good) {
            self.files.add(reason, 1);
            if good == 0 {
                self.keep(Path::new(&*name));
            } else {
                self.bad += 1;
            }
        }
        if good > 0 && bad > 0 {
            self.records.add("bad", bad);
            self.bad += bad;
        }
    }

    /// Notes that a file, or what is in a directory, may hold what it held.
    fn keep(&mut self, path: &Path) {
        self.unread.insert(fs::canonicalize(path).unwrap_or_else(|_| path.into()));
    }

    /// Passes over what is wrong, if it is of a file that was found or that was asked for; any other error is handed back.
    pub(super) fn note(&mut self, error: Error) -> anyhow::Result<()> {
        if let Error::Record { problem: BadRecord::Blank, place } = &error {
            self.met(&place.input);
            self.records.add("blank", 1);
            self.terminal.detail(&format!("skipped {error}"));
            return Ok(());
        }
        // Such a text can be used; that it is not was asked for.
        let is_long = matches!(&error, Error::Record { problem: BadRecord::TooLong { .. }, .. });
        if let Some((input, reason)) = reason(&error).filter(|_| !is_long)
            && self.enter(&input)
        {
            self.terminal.detail(&format!("skipped {}", told(&error)));
            match &error {
                Error::Record { .. } => {
                    self.current.bad += 1;
                    self.current.first.get_or_insert(reason);
                }
                _ => self.current.broken = Some(reason),
            }
            return Ok(());
        }
        let Error::Record { problem, .. } = &error else { return Err(error.into()) };
        if self.on_error == OnError::Fail {
            let hint = hint::of_record(problem).into();
            return Err(Advice { message: error.to_string(), hint }.into());
        }
        self.records.add("bad", 1);
        self.bad += 1;
        if self.named < NAMED || self.terminal.is_verbose() {
            self.named += 1;
            self.terminal.warn(&format!("skipped {error}"));
        }
        Ok(())
    }

    /// Notes that there is nothing in an input, and that the index is to have nothing of it either.
    pub(super) fn empty(&mut self, input: &Arc<str>) {
        if self.enter(input) {
            self.current = Current::default();
            self.files.add("without records", 1);
        } else {
            self.terminal.warn(&format!("{input}: no records in it: what came from it leaves the index"));
        }
    }

    /// Says that nothing was pruned.
    pub(super) fn warn_of_pruning(&self) {
        self.terminal.warn("nothing pruned: some records were skipped");
    }

    /// Whether records were passed over that may be documents of the index: which ones, nobody knows.
    pub(super) fn hides_documents(&mut self) -> bool {
        self.leave();
        self.bad > 0
    }

    /// Whether this file may hold what it held, though nothing came from it.
    pub(super) fn is_unread(&self, file: &Path) -> bool {
        file.ancestors().any(|part| self.unread.contains(part))
    }

    /// Says how many there were, and why.
    pub(super) fn report(&mut self) {
        self.leave();
        let unnamed = |all: bool| if all || self.terminal.is_verbose() { "" } else { " (-v names them)" };
        if self.files.total() > 0 {
            self.terminal.note(&format!("files skipped: {}{}", self.files.told(), unnamed(false)));
        }
        let records = self.records.total();
        if records > 0 {
            let told = format!("records skipped: {}{}", self.records.told(), unnamed(records == self.named));
            if self.bad > 0 { self.terminal.warn(&told) } else { self.terminal.note(&told) }
        }
    }
}

/// The input that an error is of, and what it is in a summary; `None` if it is of none.
fn reason(error: &Error) -> Option<(Arc<str>, &'static str)> {
    Some(match error {
        Error::Record { place, problem } => {
            let reason = match problem {
                BadRecord::NoText { .. } => "without a text field",
                BadRecord::Utf8 { .. } | BadRecord::CellUtf8 { .. } => "not UTF-8",
                BadRecord::TooLarge { .. } => "too large",
                _ => "without usable records",
            };
            (Arc::clone(&place.input), reason)
        }
        Error::File(FileError::Read { path, source }) if !is_limit(source) => {
            (path.to_string_lossy().into(), "unreadable")
        }
        Error::Input { place, source } if !is_limit(source) => (Arc::clone(&place.input), "damaged"),
        Error::Format { place, .. } => (Arc::clone(&place.input), "damaged"),
        Error::NoRecords { input } => (Arc::clone(input), "without records"),
        _ => return None,
    })
}

/// Whether the next file would meet the same.
fn is_limit(error: &std::io::Error) -> bool {
    let limits = [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM].map(|errno| errno as i32);
    error.raw_os_error().is_some_and(|code| limits.contains(&code))
}

/// An error with its cause.
fn told(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}
