//! The paper of a picture, and the text on it.

use svg::Document;
use svg::node::element::{Rectangle, Text};

/// The most pixels that a letter is wide.
pub(super) const LETTER: f64 = 8.5;

/// A white picture of this width and height, in pixels.
pub(super) fn canvas((width, height): (f64, f64)) -> Document {
    Document::new()
        .set("width", width)
        .set("height", height)
        .set("viewBox", (0.0, 0.0, width, height))
        .set("role", "img")
        .set("font-family", "Helvetica, Arial, sans-serif")
        .set("font-size", 13)
        .add(Rectangle::new().set("width", width).set("height", height).set("fill", "#ffffff"))
}

/// A text at a point, in pixels.
pub(super) fn text(content: &str, (x, y): (f64, f64)) -> Text {
    Text::new(printable(content)).set("x", format!("{x:.1}")).set("y", format!("{y:.1}"))
}

/// `content` with a space for each character that XML cannot contain, even escaped. The crate `svg` escapes the others.
pub(super) fn printable(content: &str) -> String {
    let space = |character: char| character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}');
    content.chars().map(|character| if space(character) { ' ' } else { character }).collect()
}
