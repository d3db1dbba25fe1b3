//! Standard error: notes, warnings and progress. Standard output belongs to `output`.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use semsearch::embedder::Progress;
use semsearch::engine::Truncation;
use semsearch::hub::DownloadProgress;

use super::visible::visible;

const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const DETAIL: Style = Style::new().dimmed();

/// Columns assumed if standard output is not a terminal.
const WIDTH: usize = 80;

/// Writes notes, warnings and progress to standard error, as far as `-q` and `-v` allow.
#[derive(Clone)]
pub(super) struct Terminal {
    verbosity: Verbosity,
}

/// How much is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verbosity {
    /// Only errors.
    Quiet,
    /// Errors, results and warnings.
    Usual,
    /// Every detail.
    Verbose,
}

impl Terminal {
    pub(super) fn new(verbosity: Verbosity) -> Self {
        Self { verbosity }
    }

    fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// Whether details are written.
    pub(super) fn is_verbose(&self) -> bool {
        self.verbosity == Verbosity::Verbose
    }

    /// Writes the result of a command, unless `-q` is given.
    pub(super) fn note(&self, message: &str) {
        if !self.is_quiet() {
            say(Style::new(), "", message);
        }
    }

    /// Writes a warning, unless `-q` is given.
    pub(super) fn warn(&self, message: &str) {
        if !self.is_quiet() {
            say(WARNING, "warning", message);
        }
    }

    /// Warns if texts were longer than the model takes.
    pub(super) fn warn_of_cuts(&self, dropped: Truncation, max_length: usize) {
        if dropped.texts > 0 {
            let (texts, tokens) = (HumanCount(dropped.texts as u64), HumanCount(dropped.tokens as u64));
            self.warn(&format!("texts cut at {max_length} tokens: {texts}; tokens dropped: {tokens}"));
        }
    }

    /// Writes a detail, such as the model chosen, if `-v` is given.
    pub(super) fn detail(&self, message: &str) {
        if self.is_verbose() {
            say(DETAIL, "", message);
        }
    }

    /// Whether a progress bar would be seen.
    pub(super) fn shows_progress(&self) -> bool {
        !self.is_quiet() && stderr().is_terminal()
    }

    /// A progress bar, with the label `what`, for encoding texts. Their number is read from `total` when it is known.
    pub(super) fn encoding(&self, what: &str, total: Option<Arc<OnceLock<u64>>>) -> EncodingBar {
        let target = if self.shows_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = EncodingBar::new(ProgressBar::with_draw_target(None, target), what, total, self);
        EncodingBar { lines: !self.is_quiet() && !stderr().is_terminal(), ..bar }
    }

    /// The same for a command that writes to standard output. If that is a terminal too, no bar is shown: it would be
    /// drawn over the output.
    pub(super) fn encoding_beside_output(&self, what: &str) -> EncodingBar {
        if stdout().is_terminal() {
            EncodingBar::new(ProgressBar::hidden(), what, None, self)
        } else {
            EncodingBar { lines: false, ..self.encoding(what, None) }
        }
    }

    /// A progress bar for so many things.
    pub(super) fn counting(&self, what: &str, total: u64) -> ProgressBar {
        let target = if self.shows_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        bar.set_style(style(&format!("{{bar:30}} {{human_pos}}/{{human_len}} {what}, {{eta}} left")));
        bar
    }

    /// A progress bar for downloads, one for each file.
    pub(super) fn download(&self) -> Arc<dyn DownloadProgress> {
        Arc::new(DownloadBar { shown: Mutex::new(None), visible: self.shows_progress() })
    }
}

/// Writes a line to standard error: the message after its label, or the message in the style if the label is empty.
/// Characters of the message that would steer a terminal are spelled out.
///
/// A line that cannot be written is lost: a command does not fail because its messages cannot be read.
pub(super) fn say(style: Style, label: &str, message: &str) {
    let message = visible(message);
    let line = match label {
        "" => format!("{style}{message}{style:#}\n"),
        label => format!("{style}{label}{style:#}: {message}\n"),
    };
    let _ = anstream::stderr().write_all(line.as_bytes());
}

/// Columns of the terminal, if standard output is one, else the usual number.
pub(super) fn width() -> usize {
    let columns = || if stdout().is_terminal() { terminal_size::terminal_size() } else { None };
    columns().map_or(WIDTH, |(width, _)| width.0.into())
}

/// Whether standard output is a terminal that shows links.
pub(super) fn has_links() -> bool {
    supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ ")
}

/// A progress bar with texts done, tokens per second and time left.
pub(super) struct EncodingBar {
    bar: ProgressBar,
    what: String,
    /// The number of texts, as soon as it is known; `None` once the bar shows it.
    total: Option<Arc<OnceLock<u64>>>,
    started: Instant,
    tokens: usize,
    /// Whether a line is written from time to time instead of a bar, because standard error is not a terminal.
    lines: bool,
    told: Instant,
    terminal: Terminal,
}

/// Time between two such lines.
const LINES: Duration = Duration::from_secs(10);

impl EncodingBar {
    fn new(bar: ProgressBar, what: &str, total: Option<Arc<OnceLock<u64>>>, terminal: &Terminal) -> Self {
        bar.set_style(style(&format!("{{spinner}} {{human_pos}} {what}{{msg}}, {{elapsed}}")));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        let now = Instant::now();
        Self {
            bar,
            what: what.to_owned(),
            total,
            started: now,
            tokens: 0,
            lines: false,
            told: now,
            terminal: terminal.clone(),
        }
    }

    /// The progress as a line of text.
    fn line(&self, rate: f64) -> String {
        let (done, rate) = (HumanCount(self.bar.position()), HumanCount(rate as u64));
        let of = self.bar.length().map(|total| format!("/{}", HumanCount(total))).unwrap_or_default();
        let left = self.bar.length().map(|_| format!(", {} left", HumanDuration(self.bar.eta()))).unwrap_or_default();
        format!("{done}{of} {}, {rate} tokens/s{left}", self.what)
    }

    /// Removes the bar from the screen.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Shows the total, as soon as it is known.
    fn learn_total(&mut self) {
        if let Some(&total) = self.total.as_ref().and_then(|total| total.get()) {
            self.total = None;
            self.bar.set_length(total);
            let template = format!("{{bar:30}} {{human_pos}}/{{human_len}} {}{{msg}}, {{eta}} left", self.what);
            self.bar.set_style(style(&template));
        }
    }
}

impl Progress for EncodingBar {
    fn done(&mut self, texts: usize, tokens: usize) {
        // With a rate of 0, the estimate would be an end at once.
        if self.bar.position() > 0 {
            self.learn_total();
        }
        self.tokens += tokens;
        let rate = self.tokens as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_message(format!(", {} tokens/s", HumanCount(rate as u64)));
        self.bar.inc(texts as u64);
        if self.lines && self.told.elapsed() >= LINES {
            self.told = Instant::now();
            say(Style::new(), "", &self.line(rate));
        }
    }

    fn smaller_batches(&mut self, tokens: usize) {
        let message =
            format!("the GPU's memory is full: going on with batches of {} tokens", HumanCount(tokens as u64));
        self.bar.suspend(|| self.terminal.warn(&message));
    }
}

/// A progress bar for the file that is being downloaded.
struct DownloadBar {
    shown: Mutex<Option<(String, ProgressBar)>>,
    visible: bool,
}

impl DownloadProgress for DownloadBar {
    fn progress(&self, file: &str, bytes: u64, total: u64) {
        if !self.visible {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let another = shown.as_ref().is_none_or(|(name, _)| name != file);
        if another {
            if let Some((_, finished)) = shown.take() {
                finished.finish_and_clear();
            }
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            bar.set_style(style("{msg} {bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left"));
            bar.set_message(visible(file).into_owned());
            *shown = Some((file.to_owned(), bar));
        }
        if let Some((_, bar)) = shown.as_ref() {
            bar.set_position(bytes);
        }
    }
}

impl Drop for DownloadBar {
    fn drop(&mut self) {
        let shown = self.shown.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bar)) = shown.take() {
            bar.finish_and_clear();
        }
    }
}
