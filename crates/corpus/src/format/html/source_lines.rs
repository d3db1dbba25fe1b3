//! Which line of a page a byte of it is in.

/// Counts the lines of a page, from its start to its end.
#[derive(Debug)]
pub(super) struct SourceLines<'a> {
    source: &'a [u8],
    at: usize,
    line: u32,
}

impl<'a> SourceLines<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source: source.as_bytes(), at: 0, line: 1 }
    }

    /// The line of the byte `to`, or of the last byte asked for if that comes later.
    pub(super) fn advance(&mut self, to: usize) -> u32 {
        if let Some(passed) = self.source.get(self.at..to) {
            let newlines = passed.iter().filter(|&&byte| byte == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
            self.at = to;
        }
        self.line
    }

    /// The line of the last byte asked for.
    pub(super) fn line(&self) -> u32 {
        self.line
    }
}
