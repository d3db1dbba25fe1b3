//! Files and records that were not used: counted by reason, reported at the end, and with `-v` named when they occur.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::HumanCount;
use nix::errno::Errno;
use semsearch::corpus::{BadRecord, CorpusError, Expanded, Input, SkipReason, SkippedFile};
use semsearch::error::FileError;
use semsearch::files::real_path;

use super::advice::Advice;
use super::hint;
use super::options::input::OnError;
use super::terminal::Terminal;

/// How many skipped records are named. Without `-v`, further ones are only counted.
const NAMED: usize = 10;

/// What was skipped, and why.
///
/// A bad record of an input that was named ends the run, unless `--on-error skip` is given. The files of a directory
/// were not named: neither a file that cannot be used nor a bad record in one ends the run.
pub(super) struct SkipReport<'a> {
    on_error: OnError,
    terminal: &'a Terminal,
    /// The files that were found in directories.
    found: HashSet<Arc<str>>,
    /// The one of them that is being read.
    current: Current,
    files: ReasonCounts,
    /// How many files of directories there are, and how many of them could be used.
    all_files: usize,
    used_files: usize,
    /// How many files of directories are in the index and nowhere else.
    gone_files: usize,
    records: ReasonCounts,
    /// Whether records could not be used that are not just blank.
    bad: bool,
    /// Records that were named as they came.
    named: usize,
    /// Inputs and directories that could not be read, or not all of them, and may still hold the documents that came from
    /// them.
    unread: HashSet<PathBuf>,
    /// How many inputs could be read in part.
    partly: usize,
    /// What the index has of inputs that could not be read.
    stale: Stale,
}

/// What the index has of files that could not be read.
#[derive(Default)]
struct Stale {
    /// How many files the index has documents of.
    files: usize,
    /// Whether documents were to be removed.
    pruned: bool,
}

/// Reasons, in the order they came, and how many there are of each.
#[derive(Default)]
struct ReasonCounts(Vec<(&'static str, usize)>);

impl ReasonCounts {
    fn add(&mut self, reason: &'static str, count: usize) {
        match self.0.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, sum)) => *sum += count,
            None => self.0.push((reason, count)),
        }
    }

    fn total(&self) -> usize {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// The counts in words.
    fn told(&self) -> String {
        let told = |(reason, count): &(&str, usize)| format!("{} {reason}", HumanCount(*count as u64));
        self.0.iter().map(told).collect::<Vec<_>>().join(", ")
    }
}

/// A file found in a directory, as far as it was read.
#[derive(Default)]
struct Current {
    name: Option<Arc<str>>,
    /// The number of records that could be used.
    good: usize,
    bad: usize,
    /// Whether it is a text without any words.
    blank: bool,
    /// Why the first bad record could not be used.
    first: Option<&'static str>,
    /// Why the reading ended.
    broken: Option<&'static str>,
}

impl<'a> SkipReport<'a> {
    /// Begins with the files that were left out when the inputs were listed.
    pub(super) fn new(on_error: OnError, terminal: &'a Terminal, expanded: &Expanded) -> Self {
        let found = expanded.inputs.iter().filter(|input| matches!(input, Input::Found(_))).map(Input::name).collect();
        let mut skipped = Self {
            on_error,
            terminal,
            found,
            current: Current::default(),
            files: ReasonCounts::default(),
            all_files: expanded.skipped.len(),
            used_files: 0,
            gone_files: 0,
            records: ReasonCounts::default(),
            bad: false,
            named: 0,
            unread: HashSet::new(),
            partly: 0,
            stale: Stale::default(),
        };
        skipped.all_files += skipped.found.len();
        for SkippedFile { path, why } in &expanded.skipped {
            terminal.detail(&format!("skipped {}: {why}", path.display()));
            skipped.files.add(
                match why {
                    SkipReason::Binary => "binary",
                    SkipReason::Blank => "blank",
                    SkipReason::SameName => "with the name of another",
                    SkipReason::Unreadable(_) => "unreadable",
                },
                1,
            );
            if let SkipReason::Unreadable(_) = why {
                skipped.keep(path);
            }
        }
        skipped
    }

    /// If `all` is set, treats every file as named: if each record belongs to a row of another file, no file can be
    /// left out.
    pub(super) fn naming_all(mut self, all: bool) -> Self {
        if all {
            self.found.clear();
            self.all_files = 0;
        }
        self
    }

    /// How many files and records were skipped.
    pub(super) fn count(&self) -> usize {
        self.files.total() + self.records.total()
    }

    /// Notes a record of this input that can be used.
    pub(super) fn met(&mut self, input: &Arc<str>) {
        if self.enter(input) {
            self.current.good += 1;
        }
    }

    /// Makes this input the current one, and returns whether it was found in a directory.
    fn enter(&mut self, input: &Arc<str>) -> bool {
        if self.current.name.as_ref() == Some(input) {
            return true;
        }
        self.leave();
        let found = self.found.contains(input);
        self.current.name = found.then(|| Arc::clone(input));
        found
    }

    /// Counts what could not be used of the current file. Call it after the last one.
    pub(super) fn leave(&mut self) {
        let Current { name: Some(name), good, bad, blank, first, broken } = std::mem::take(&mut self.current) else {
            return;
        };
        self.used_files += usize::from(good > 0);
        if blank && good == 0 && bad == 0 {
            self.files.add("blank", 1);
        }
        let none_was_good = first.filter(|_| good == 0);
        if let Some(reason) = broken.or(none_was_good) {
            self.files.add(reason, 1);
            self.partly += usize::from(self.keep(Path::new(&*name)) && good > 0);
        }
        if good > 0 && bad > 0 {
            self.records.add("bad", bad);
            self.bad = true;
            self.partly += usize::from(self.keep(Path::new(&*name)));
        }
    }

    /// Notes that an input or a directory could not be read, so that documents from it are not pruned. Returns
    /// whether it was not noted before.
    fn keep(&mut self, path: &Path) -> bool {
        self.unread.insert(real_path(path))
    }

    /// Skips a bad record or file, if its file was found in a directory or `--on-error skip` is given. Returns any
    /// other error.
    pub(super) fn note(&mut self, error: CorpusError) -> anyhow::Result<()> {
        if let CorpusError::Record { problem: BadRecord::Blank, place } = &error {
            match (self.enter(&place.input), place.line) {
                (true, None) => self.current.blank = true,
                (true, Some(_)) => {
                    self.current.good += 1;
                    self.records.add("blank", 1);
                }
                (false, _) => self.records.add("blank", 1),
            }
            self.terminal.detail(&format!("skipped {error}"));
            return Ok(());
        }
        // Such a text could be used; the user asked for an error instead.
        let is_long = matches!(&error, CorpusError::Record { problem: BadRecord::TooLong { .. }, .. });
        if let Some((input, reason)) = reason(&error).filter(|_| !is_long)
            && self.enter(&input)
        {
            self.terminal.detail(&format!("skipped {}", told(&error)));
            match &error {
                CorpusError::Record { .. } => {
                    self.current.bad += 1;
                    self.current.first.get_or_insert(reason);
                }
                _ => self.current.broken = Some(reason),
            }
            return Ok(());
        }
        let CorpusError::Record { problem, place } = &error else { return Err(error.into()) };
        if self.on_error == OnError::Fail {
            let hint = hint::of_record(problem).into();
            return Err(Advice { message: error.to_string(), hint }.into());
        }
        self.records.add("bad", 1);
        self.bad = true;
        self.partly += usize::from(self.keep(Path::new(&*place.input)));
        if self.named < NAMED || self.terminal.is_verbose() {
            self.named += 1;
            self.terminal.warn(&format!("skipped {error}"));
        }
        Ok(())
    }

    /// Notes that an input has no records, and that its documents will be removed from the index.
    pub(super) fn empty(&mut self, input: &Arc<str>) {
        if self.enter(input) {
            self.current = Current::default();
            self.files.add("without text", 1);
        } else {
            self.terminal.warn(&format!("{input}: no records in it: what came from it leaves the index"));
        }
    }

    /// What could not be read, or not all of it.
    pub(super) fn unread(&self) -> Vec<PathBuf> {
        self.unread.iter().cloned().collect()
    }

    /// Notes how many files the index has documents of, although they could not be read; and whether documents were to be
    /// removed.
    pub(super) fn note_stale(&mut self, files: usize, pruned: bool) {
        self.stale = Stale { files, pruned };
    }

    /// Whether this input could not be read, or not all of it, so that its documents may still be in it.
    pub(super) fn is_unread(&self, file: &Path) -> bool {
        file.ancestors().any(|part| self.unread.contains(part))
    }

    /// Notes how many files of directories are in the index and nowhere else.
    pub(super) fn note_gone(&mut self, files: usize) {
        self.gone_files = files;
    }

    /// How many files there are in directories, and what became of them.
    fn files_told(&self, interrupted: bool) -> String {
        let number = |count: usize| HumanCount(count as u64);
        let files = if self.all_files == 1 { "file" } else { "files" };
        // What was read last may not be embedded.
        let done = if interrupted { "read" } else { "indexed" };
        let mut told = format!("{} {files}: {} {done}", number(self.all_files), number(self.used_files));
        if self.files.total() > 0 {
            let listed = if self.terminal.is_verbose() { "" } else { " (-v lists them)" };
            told += &format!(", {}{listed}", self.files.told());
        }
        if self.gone_files > 0 {
            told += &format!(", {} gone (--prune removes them)", number(self.gone_files));
        }
        told
    }

    /// Says that old content stays where new content could not be read.
    fn tell_of_stale(&self) {
        let Stale { files, pruned } = self.stale;
        let inputs = |count: usize, what| match count {
            1 => format!("1 {what}"),
            _ => format!("{} {what}s", HumanCount(count as u64)),
        };
        if files > 0 {
            let files = inputs(files, "file");
            self.terminal.warn(&format!("the index keeps what it had of {files} that could not be read"));
        }
        if pruned && self.partly > 0 {
            let inputs = inputs(self.partly, "input");
            self.terminal.warn(&format!("nothing pruned of {inputs} whose records could not all be read"));
        }
    }

    /// Reports how many were skipped, and why.
    pub(super) fn report(&mut self, interrupted: bool) {
        self.leave();
        let unnamed = |all: bool| if all || self.terminal.is_verbose() { "" } else { " (-v names them)" };
        if self.all_files > 0 {
            self.terminal.note(&self.files_told(interrupted));
        }
        let records = self.records.total();
        if records > 0 {
            let told = format!("records skipped: {}{}", self.records.told(), unnamed(records == self.named));
            if self.bad { self.terminal.warn(&told) } else { self.terminal.note(&told) }
        }
        self.tell_of_stale();
    }
}

/// The input that an error belongs to, and the reason as the summary calls it; `None` if it belongs to no input.
fn reason(error: &CorpusError) -> Option<(Arc<str>, &'static str)> {
    Some(match error {
        CorpusError::Record { place, problem } => {
            let reason = match problem {
                BadRecord::NoText { .. } => "without text",
                BadRecord::Utf8 { .. } | BadRecord::CellUtf8 { .. } | BadRecord::Encoding { .. } => "not UTF-8",
                BadRecord::TooLarge { .. } => "too large",
                _ => "without usable records",
            };
            (Arc::clone(&place.input), reason)
        }
        CorpusError::File(FileError::Read { path, source }) if !is_limit(source) => {
            (path.to_string_lossy().into(), "unreadable")
        }
        CorpusError::Input { place, source } if !is_limit(source) => (Arc::clone(&place.input), "damaged"),
        CorpusError::Format { place, .. } => (Arc::clone(&place.input), "damaged"),
        CorpusError::NoRecords { input } => (Arc::clone(input), "without text"),
        _ => return None,
    })
}

/// Whether the error is a limit of the system, which the next file would meet as well.
fn is_limit(error: &std::io::Error) -> bool {
    let limits = [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM].map(|errno| errno as i32);
    error.raw_os_error().is_some_and(|code| limits.contains(&code))
}

/// An error with its cause.
fn told(error: &CorpusError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}
