//! What a PDF file may cost to read: a small file can draw the same thing a billion times.

use std::time::{Duration, Instant};

/// How long one page may take. Pages with a large drawing take a tenth of a second.
const PAGE: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 10 });

/// How long it may take to see that no stream decompresses to too much. The most that streams may have takes ten seconds.
const STREAMS: Duration = Duration::from_secs(if cfg!(test) { 6 } else { 30 });

/// How long a file may take.
const FILE: Duration = Duration::from_secs(120);

/// How many pages a file may have.
const MOST_PAGES: usize = 100_000;

/// How many characters a page may draw. A page of a phone book has twenty thousand.
const MOST_CHARACTERS: usize = 1 << 20;

/// How many bytes of text a file may have.
const MOST_TEXT: usize = 64 << 20;

/// How many bytes of operations a page may have, together with the forms that are drawn at one time.
const MOST_CONTENT: usize = 128 << 20;

/// How many operations are done between two looks at the clock.
const STRIDE: u32 = 256;

/// What is left of the limits of a file.
pub(super) struct Limits {
    file: Instant,
    streams: Instant,
    page: Instant,
    characters: usize,
    operations: u32,
}

impl Limits {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { file: now + FILE, streams: now + STREAMS, page: now + PAGE, characters: 0, operations: 0 }
    }

    /// Starts the limits of a page.
    pub(super) fn start_page(&mut self) {
        self.page = Instant::now() + PAGE;
        self.characters = 0;
    }

    /// Fails if a file with so many pages has too many.
    pub(super) fn pages(&self, count: usize) -> Result<(), String> {
        within(count <= MOST_PAGES, || format!("it has more than {MOST_PAGES} pages"))
    }

    /// Fails if so many bytes of text are too many.
    pub(super) fn text(&self, bytes: usize) -> Result<(), String> {
        within(bytes <= MOST_TEXT, || format!("it has more than {} MiB of text", MOST_TEXT >> 20))
    }

    /// Fails if so many bytes of operations are too many.
    pub(super) fn content(&self, bytes: usize) -> Result<(), String> {
        within(bytes <= MOST_CONTENT, || format!("a page has more than {} MiB of operations", MOST_CONTENT >> 20))
    }

    /// Notes one more operation of a page.
    pub(super) fn operation(&mut self) -> Result<(), String> {
        self.operations = self.operations.wrapping_add(1);
        if self.operations.is_multiple_of(STRIDE) { self.clock() } else { Ok(()) }
    }

    /// Notes one more character of a page.
    pub(super) fn character(&mut self) -> Result<(), String> {
        self.characters += 1;
        within(self.characters <= MOST_CHARACTERS, || format!("a page has more than {MOST_CHARACTERS} characters"))?;
        self.operation()
    }

    /// Fails if the time for the streams of the file is up.
    pub(super) fn streams_clock(&self) -> Result<(), String> {
        let in_time = Instant::now() < self.streams;
        within(in_time, || format!("its streams take more than {} seconds to decompress", STREAMS.as_secs()))
    }

    /// Fails if the time is up.
    pub(super) fn clock(&self) -> Result<(), String> {
        let now = Instant::now();
        within(now < self.page, || format!("a page takes more than {} seconds to read", PAGE.as_secs()))?;
        within(now < self.file, || format!("it takes more than {} seconds to read", FILE.as_secs()))
    }
}

fn within(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}
