//! The marks in headings that link to the heading itself, such as `¶`. They are no part of its title.

/// The longest text, in bytes, that can be a mark, with white space.
const LONGEST: usize = 32;

/// A text with its first and last line in the page.
type Piece = (String, (u32, u32));

/// The text of a link in a heading, as long as it can be a mark.
#[derive(Debug, Default)]
pub(super) struct LinkMark {
    held: Option<Vec<Piece>>,
}

impl LinkMark {
    /// Begins a link in a heading.
    pub(super) fn begin(&mut self, href: &str) {
        if self.held.is_none() && href.starts_with('#') {
            self.held = Some(Vec::new());
        }
    }

    /// Whether a text is held back, because it can belong to a mark.
    pub(super) fn holds(&mut self, text: &str, lines: (u32, u32)) -> bool {
        let Some(held) = &mut self.held else { return false };
        let length: usize = held.iter().map(|(piece, _)| piece.len()).sum();
        let fits = length + text.len() <= LONGEST;
        if fits {
            held.push((text.to_owned(), lines));
        }
        fits
    }

    /// The same for a break between two words.
    pub(super) fn holds_break(&mut self, lines: (u32, u32)) -> bool {
        let last = self.held.as_ref().and_then(|held| held.last());
        last.is_some_and(|(piece, _)| piece.ends_with(' ')) || self.holds(" ", lines)
    }

    /// Ends a link. The answer is what was held back and is no mark.
    pub(super) fn end(&mut self) -> Vec<Piece> {
        let held = self.held.take().unwrap_or_default();
        let text: String = held.iter().map(|(piece, _)| piece.as_str()).collect();
        if matches!(text.trim(), "" | "#" | "¶" | "§" | "🔗") { Vec::new() } else { held }
    }
}
