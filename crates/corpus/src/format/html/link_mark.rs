//! The marks in headings that link to the heading itself, such as `¶`. They are no part of its title.

/// The longest text, in bytes, that can be a mark, with white space.
const LONGEST: usize = 32;

/// The text of a link in a heading, as long as it can be a mark.
#[derive(Debug, Default)]
pub(super) struct LinkMark {
    held: Option<(String, u32)>,
}

impl LinkMark {
    /// Begins a link in a heading.
    pub(super) fn begin(&mut self, href: &str) {
        if self.held.is_none() && href.starts_with('#') {
            self.held = Some((String::new(), 0));
        }
    }

    /// Whether a text of this line of the page is held back, because it can belong to a mark.
    pub(super) fn holds(&mut self, text: &str, line: u32) -> bool {
        match &mut self.held {
            Some((held, first)) if held.len() + text.len() <= LONGEST => {
                *first = if held.is_empty() { line } else { *first };
                held.push_str(text);
                true
            }
            _ => false,
        }
    }

    /// Ends a link. The answer is what was held back and is no mark, with its line.
    pub(super) fn end(&mut self) -> Option<(String, u32)> {
        self.held.take().filter(|(held, _)| !matches!(held.trim(), "" | "#" | "¶" | "§" | "🔗"))
    }
}
