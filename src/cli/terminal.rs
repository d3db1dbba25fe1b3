//! What is said on standard error: notes, warnings and progress. Standard output belongs to `output`.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use semsearch::embedder::Progress;
use semsearch::hub::DownloadProgress;

use super::visible::visible;

const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const DETAIL: Style = Style::new().dimmed();

/// Columns assumed where output is no terminal.
const WIDTH: usize = 80;

/// How much is said to the person at the keyboard.
#[derive(Clone)]
pub(super) struct Terminal {
    quiet: bool,
    verbose: bool,
}

impl Terminal {
    pub(super) fn new(quiet: bool, verbose: bool) -> Self {
        Self { quiet, verbose: verbose && !quiet }
    }

    /// Whether every detail is wanted.
    pub(super) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// The result of a command, unless `-q`.
    pub(super) fn note(&self, message: &str) {
        if !self.quiet {
            say(Style::new(), "", message);
        }
    }

    /// Something the person should know, unless `-q`.
    pub(super) fn warn(&self, message: &str) {
        if !self.quiet {
            say(WARNING, "warning", message);
        }
    }

    /// That texts were longer than the model takes, if any were.
    pub(super) fn warn_of_cuts(&self, dropped: Cuts, max_length: usize) {
        if dropped.texts > 0 {
            let (texts, tokens) = (HumanCount(dropped.texts as u64), HumanCount(dropped.tokens as u64));
            self.warn(&format!("texts cut at {max_length} tokens: {texts}; tokens dropped: {tokens}"));
        }
    }

    /// What was chosen, with `-v`.
    pub(super) fn detail(&self, message: &str) {
        if self.verbose {
            say(DETAIL, "", message);
        }
    }

    /// Whether a progress bar would be seen.
    pub(super) fn shows_progress(&self) -> bool {
        !self.quiet && stderr().is_terminal()
    }

    /// A bar for the encoding of texts, called `what`, whose number comes to be known in `total`.
    pub(super) fn encoding(&self, what: &str, total: Option<Arc<OnceLock<u64>>>) -> EncodingBar {
        let target = if self.shows_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = EncodingBar::new(ProgressBar::with_draw_target(None, target), what, total, self);
        EncodingBar { lines: !self.quiet && !stderr().is_terminal(), ..bar }
    }

    /// A bar where hits or vectors go to the same screen would be drawn across them.
    pub(super) fn encoding_beside_output(&self, what: &str) -> EncodingBar {
        if stdout().is_terminal() {
            EncodingBar::new(ProgressBar::hidden(), what, None, self)
        } else {
            EncodingBar { lines: false, ..self.encoding(what, None) }
        }
    }

    /// Hears of a download and shows a bar for each file.
    pub(super) fn download(&self) -> Arc<dyn DownloadProgress> {
        Arc::new(DownloadBar { shown: Mutex::new(None), visible: self.shows_progress() })
    }
}

/// Says a line on standard error: the message after its label, or in the style if there is no label. The message may hold
/// what others wrote.
///
/// A line that cannot be written is lost: whether somebody hears of the work does not decide whether it succeeds.
pub(super) fn say(style: Style, label: &str, message: &str) {
    let message = visible(message);
    let line = match label {
        "" => format!("{style}{message}{style:#}\n"),
        label => format!("{style}{label}{style:#}: {message}\n"),
    };
    let _ = anstream::stderr().write_all(line.as_bytes());
}

/// Columns of the terminal that standard output is, or a usual number of them.
pub(super) fn width() -> usize {
    let columns = || if stdout().is_terminal() { terminal_size::terminal_size() } else { None };
    columns().map_or(WIDTH, |(width, _)| width.0.into())
}

/// Whether standard output is a terminal that shows links.
pub(super) fn has_links() -> bool {
    supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout)
}

/// Texts cut at the maximum length, and the tokens that cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cuts {
    pub(super) texts: usize,
    pub(super) tokens: usize,
}

impl Cuts {
    /// Counts texts in, each by the tokens dropped of it.
    pub(super) fn add(&mut self, dropped: &[usize]) {
        self.texts += dropped.iter().filter(|&&dropped| dropped > 0).count();
        self.tokens += dropped.iter().sum::<usize>();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ ")
}

/// Texts done, tokens a second, time left.
pub(super) struct EncodingBar {
    bar: ProgressBar,
    what: String,
    /// How many there are, once that is known and until the bar has been told.
    total: Option<Arc<OnceLock<u64>>>,
    started: Instant,
    tokens: usize,
    /// A line now and then, where a bar would fill a file.
    lines: bool,
    told: Instant,
    terminal: Terminal,
}

/// How often a line tells of progress.
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

    /// The bar in words.
    fn line(&self, rate: f64) -> String {
        let (done, rate) = (HumanCount(self.bar.position()), HumanCount(rate as u64));
        let of = self.bar.length().map(|total| format!("/{}", HumanCount(total))).unwrap_or_default();
        let left = self.bar.length().map(|_| format!(", {} left", HumanDuration(self.bar.eta()))).unwrap_or_default();
        format!("{done}{of} {}, {rate} tokens/s{left}", self.what)
    }

    /// Takes the bar off the screen.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Changes to a bar with an end, as soon as the end is known.
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
        // A rate of nothing would promise an end at once.
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

/// The bar of the file on its way, and the file's name.
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
