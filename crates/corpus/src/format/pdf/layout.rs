//! Puts characters together to words, lines and paragraphs, by the distances between them.
//!
//! All distances are measured in the size of the font. Lines come in the order in which they are drawn; only within a
//! line, what stands further left comes first.

/// A gap of this width between two characters is a space.
const SPACE: f64 = 0.17;

/// A step back of this width starts another piece of the line, and so does a gap.
const BACK: f64 = 0.35;
const GAP: f64 = 3.0;

/// How far up or down a character of the same line may stand, as an exponent does.
const SHIFT: f64 = 0.4;

/// A character that is drawn again this close to the last one makes it bold: closer than this, and than this part of its
/// own width. The second of two letters such as `ll` is never that close, however narrow they are.
const AGAIN: f64 = 0.2;
const AGAIN_OF_WIDTH: f64 = 0.5;

/// Where two lines are this much further apart than most, a paragraph ends.
const APART: f64 = 1.25;

/// Where the size changes by this factor, a paragraph ends.
const RESIZED: f64 = 1.2;

/// How far the first line of a paragraph may be indented.
const INDENT: std::ops::Range<f64> = 0.8..4.0;

/// A mark for where a word may be divided.
const SOFT_HYPHEN: char = '\u{ad}';

/// A character, or several that one glyph stands for, with its place. Both coordinates grow in the direction of
/// reading: `along` its line, and `down` the page.
pub(super) struct Character {
    text: String,
    along: [f64; 2],
    down: f64,
    size: f64,
    /// How many quarters of a turn its line is turned to the left.
    turned: u8,
}

impl Character {
    /// A character from its start to its end on the page, on a line in this direction.
    pub(super) fn new(text: String, ends: [(f64, f64); 2], direction: (f64, f64), size: f64) -> Self {
        let quarters = direction.1.atan2(direction.0) / std::f64::consts::FRAC_PI_2;
        let turned = (quarters.round() as i64).rem_euclid(4) as u8;
        let [start, end] = ends.map(|(x, y)| match turned {
            0 => (x, -y),
            1 => (y, x),
            2 => (-x, y),
            _ => (-y, -x),
        });
        Self { text, along: [start.0, end.0.max(start.0)], down: start.1, size, turned }
    }

    /// Whether it is the character that began at `start`, drawn a second time. A width of 0 says nothing.
    fn is_again(&self, text: &str, start: f64) -> bool {
        let width = self.along[1] - self.along[0];
        let most = if width > 0.0 { (AGAIN * self.size).min(AGAIN_OF_WIDTH * width) } else { AGAIN * self.size };
        self.text == text && (self.along[0] - start).abs() < most
    }
}

/// A part of a line that is drawn from left to right.
struct Piece {
    text: String,
    along: [f64; 2],
}

impl Piece {
    /// Whether it is the other one, drawn a second time. One of the two may go on after the text that both have.
    fn is_again(&self, other: &Self, size: f64) -> bool {
        let width = (self.along[1] - self.along[0]).min(other.along[1] - other.along[0]);
        let near = (self.along[0] - other.along[0]).abs() < (AGAIN * size).min(AGAIN_OF_WIDTH * width);
        near && (self.text.starts_with(&other.text) || other.text.starts_with(&self.text))
    }
}

/// A line.
struct Line {
    pieces: Vec<Piece>,
    /// The text and the start of the last character.
    last: (String, f64),
    down: f64,
    size: f64,
    turned: u8,
}

impl Line {
    fn new(character: &Character) -> Self {
        let last = (character.text.clone(), character.along[0]);
        let piece = Piece { text: character.text.clone(), along: character.along };
        let Character { down, size, turned, .. } = *character;
        Self { pieces: vec![piece], last, down, size, turned }
    }

    /// Whether a character stands on this line.
    fn has(&self, character: &Character) -> bool {
        let size = self.size.max(character.size);
        self.turned == character.turned && (self.down - character.down).abs() <= SHIFT * size
    }

    fn add(&mut self, character: &Character, spaced: bool) {
        let size = self.size.max(character.size);
        let again = character.is_again(&self.last.0, self.last.1);
        self.last = (character.text.clone(), character.along[0]);
        let Some(piece) = self.pieces.last_mut().filter(|_| !again) else { return };
        let gap = (character.along[0] - piece.along[1]) / size;
        if (-BACK..GAP).contains(&gap) {
            if spaced || gap > SPACE {
                piece.text.push(' ');
            }
            piece.text.push_str(&character.text);
            piece.along[1] = character.along[1].max(piece.along[1]);
        } else {
            self.pieces.push(Piece { text: character.text.clone(), along: character.along });
        }
        if character.size > self.size {
            (self.size, self.down) = (character.size, character.down);
        }
    }

    fn start(&self) -> f64 {
        self.pieces.iter().map(|piece| piece.along[0]).fold(f64::INFINITY, f64::min)
    }

    /// The text, from left to right.
    fn text(&mut self) -> String {
        self.pieces.sort_by(|one, other| one.along[0].total_cmp(&other.along[0]));
        let size = self.size;
        self.pieces.dedup_by(|next, kept| {
            let again = next.is_again(kept, size);
            if again && next.text.len() > kept.text.len() {
                std::mem::swap(next, kept);
            }
            again
        });
        let mut text = String::new();
        let mut end = f64::INFINITY;
        for piece in &self.pieces {
            if piece.along[0] - end > SPACE * size && !text.ends_with(' ') {
                text.push(' ');
            }
            text.push_str(&piece.text);
            end = piece.along[1];
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The text of a page as it grows.
#[derive(Default)]
pub(super) struct PageText {
    lines: Vec<Line>,
    /// Whether a space has been drawn since the last character.
    spaced: bool,
}

impl PageText {
    /// Adds the character that is drawn next.
    pub(super) fn add(&mut self, mut character: Character) {
        let known = [character.along[0], character.along[1], character.down, character.size];
        character.text = shown(&character.text);
        if character.text.trim().is_empty() || !known.iter().all(|number| number.is_finite()) {
            self.spaced = true;
            return;
        }
        match self.lines.last_mut().filter(|line| line.has(&character)) {
            Some(line) => line.add(&character, self.spaced),
            None => self.lines.push(Line::new(&character)),
        }
        self.spaced = false;
    }

    /// The text: lines, with an empty one between paragraphs.
    pub(super) fn finish(mut self) -> String {
        let usual = self.usual_distance();
        let texts: Vec<String> = self.lines.iter_mut().map(Line::text).collect();
        // Where a font has the mark for its hyphens, it says nothing of the end of a line.
        let divides = !texts.iter().any(|text| text.trim_end_matches(SOFT_HYPHEN).contains(SOFT_HYPHEN));
        let mut all = String::new();
        for (number, text) in texts.iter().enumerate() {
            if let Some(before) = number.checked_sub(1) {
                let lines = [&self.lines[before], &self.lines[number]];
                let ends = ends_paragraph(lines, [&texts[before], text], usual);
                let divided = divides && !ends && all.ends_with(SOFT_HYPHEN) && text.starts_with(char::is_lowercase);
                if divided {
                    all.pop();
                } else {
                    all.push_str(if ends { "\n\n" } else { "\n" });
                }
            }
            all.push_str(text);
        }
        all.replace(SOFT_HYPHEN, "-")
    }

    /// The distance that most lines have from the one above.
    fn usual_distance(&self) -> f64 {
        let mut distances: Vec<f64> =
            self.lines.windows(2).map(distance).filter(|far| (0.0..3.0).contains(far)).collect();
        distances.sort_by(f64::total_cmp);
        distances.get(distances.len() / 2).copied().unwrap_or(RESIZED)
    }
}

/// How far the second of two lines is below the first.
fn distance(lines: &[Line]) -> f64 {
    let [first, second] = lines else { return 0.0 };
    (second.down - first.down) / first.size.max(second.size)
}

/// Whether a paragraph ends between two lines, if `usual` is the distance of most lines.
fn ends_paragraph(lines: [&Line; 2], texts: [&str; 2], usual: f64) -> bool {
    let [first, second] = lines;
    let far = (second.down - first.down) / first.size.max(second.size);
    let finished = texts[0].ends_with(['.', '!', '?', ':', '”', '"', '…']);
    let resized = first.size.max(second.size) > RESIZED * first.size.min(second.size);
    if first.turned != second.turned || resized || far > APART * usual {
        return true;
    }
    if far < 0.0 {
        // At the top of the next column, a sentence may go on.
        return finished || !texts[1].starts_with(char::is_lowercase);
    }
    finished && INDENT.contains(&((second.start() - first.start()) / second.size))
}

/// The letters that are drawn as one are written as several, and what cannot be shown is a space.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        match character {
            'ﬀ' => shown.push_str("ff"),
            'ﬁ' => shown.push_str("fi"),
            'ﬂ' => shown.push_str("fl"),
            'ﬃ' => shown.push_str("ffi"),
            'ﬄ' => shown.push_str("ffl"),
            'ﬅ' | 'ﬆ' => shown.push_str("st"),
            other if other.is_control() => shown.push(' '),
            other => shown.push(other),
        }
    }
    shown
}
