//! Similarities of texts, each to each, as squares from pale to dark.

use svg::Document;
use svg::node::element::{Group, Rectangle};

use super::{LETTER, canvas, text};

/// Sides of a square, in pixels as all that follows: with its value in it, or where there are many without.
const LARGE: f64 = 54.0;
const SMALL: f64 = 14.0;

/// More texts than this are many.
const FEW: usize = 24;

/// Margins, the scale's width, and the gap before it and before the texts.
const MARGIN: f64 = 20.0;
const SCALE: f64 = 16.0;
const GAP: f64 = 14.0;

/// Shades of the scale.
const SHADES: usize = 50;

/// Letters of a text that are shown.
const LETTERS: usize = 48;

/// The colours between which a value lies, by red, green and blue. Their lightness falls evenly, so that a grey print is a
/// heat map too.
const PALE: [f64; 3] = [255.0, 255.0, 255.0];
const DARK: [f64; 3] = [8.0, 48.0, 107.0];

/// From here on letters are white.
const DEEP: f64 = 0.55;

/// A matrix of cosines.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap<'a> {
    /// What rows and columns are.
    pub texts: &'a [String],
    /// A row for each text, a value for each other.
    pub rows: &'a [Vec<f32>],
}

impl HeatMap<'_> {
    /// The picture, an SVG document. The scale goes from 0, or the least value if that is below, to 1.
    pub fn svg(&self) -> String {
        let side = if self.texts.len() > FEW { SMALL } else { LARGE };
        let (left, top) = (MARGIN + 34.0, MARGIN + 24.0);
        let across = side * self.texts.len() as f64;
        let letters = self.texts.iter().map(|text| text.chars().count().min(LETTERS)).max().unwrap_or(0);
        let labels = left + across + GAP;
        let scale = labels + LETTER * letters as f64 + GAP;
        let height = top + across.max(120.0) + MARGIN;
        let picture = canvas((scale + SCALE + 60.0, height));
        let picture = picture.add(self.squares((left, top), side)).add(self.names((left, top), side, labels));
        self.scale(picture, (scale, top), across.max(120.0)).to_string()
    }

    fn least(&self) -> f64 {
        self.rows.iter().flatten().map(|&value| f64::from(value)).filter(|value| value.is_finite()).fold(0.0, f64::min)
    }

    /// Where on the scale a value is, 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let least = self.least();
        // A value that is none is shown as the least.
        if value.is_finite() { ((value - least) / (1.0 - least)).clamp(0.0, 1.0) } else { 0.0 }
    }

    fn squares(&self, (left, top): (f64, f64), side: f64) -> Group {
        let mut squares = Group::new();
        for (row, values) in self.rows.iter().enumerate() {
            for (column, &value) in values.iter().enumerate() {
                let (x, y) = (left + side * column as f64, top + side * row as f64);
                let share = self.share(value.into());
                squares = squares.add(square((x, y), (side, side), share).set("stroke", "#ffffff"));
                if side == LARGE {
                    let ink = if share > DEEP { "#ffffff" } else { "#222222" };
                    let number = text(&format!("{value:.2}"), (x + side / 2.0, y + side / 2.0 + 4.5));
                    squares = squares.add(number.set("text-anchor", "middle").set("fill", ink));
                }
            }
        }
        squares
    }

    /// Numbers at rows and columns, and the texts at the rows.
    fn names(&self, (left, top): (f64, f64), side: f64, labels: f64) -> Group {
        let mut names = Group::new().set("font-size", if side == SMALL { 10 } else { 13 });
        for (place, content) in self.texts.iter().enumerate() {
            let (number, middle) = ((place + 1).to_string(), side * (place as f64 + 0.5));
            let row = text(&number, (left - 8.0, top + middle + 4.5)).set("text-anchor", "end");
            names = names.add(row).add(text(&shortened(content), (labels, top + middle + 4.5)));
            // Of small squares every fifth has room for a number above it.
            if side == LARGE || (place + 1) % 5 == 0 {
                names = names.add(text(&number, (left + middle, top - 8.0)).set("text-anchor", "middle"));
            }
        }
        names
    }

    fn scale(&self, picture: Document, (x, top): (f64, f64), height: f64) -> Document {
        let step = height / SHADES as f64;
        let shade = |number: usize| {
            let share = 1.0 - (number as f64 + 0.5) / SHADES as f64;
            // Each a little longer than its step, so that no gap shows between two.
            square((x, top + step * number as f64), (SCALE, step + 0.5), share)
        };
        let picture = (0..SHADES).map(shade).fold(picture, Document::add);
        let least = self.least();
        let ticks = [(0.0, 1.0), (0.5, (1.0 + least) / 2.0), (1.0, least)];
        let tick =
            |(part, value): (f64, f64)| text(&format!("{value:.2}"), (x + SCALE + 6.0, top + part * height + 4.5));
        let picture = ticks.map(tick).into_iter().fold(picture, Document::add);
        picture.add(text("cosine", (x, top - 10.0)))
    }
}

fn square((x, y): (f64, f64), (width, height): (f64, f64), share: f64) -> Rectangle {
    let mix = |channel: usize| (PALE[channel] + share * (DARK[channel] - PALE[channel])).round() as u8;
    let number = |value: f64| format!("{value:.1}");
    Rectangle::new()
        .set("x", number(x))
        .set("y", number(y))
        .set("width", number(width))
        .set("height", number(height))
        .set("fill", format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2)))
}

fn shortened(content: &str) -> String {
    match content.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", content[..end].trim_end()),
        None => content.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use roxmltree::Document as Xml;

    use super::*;

    fn svg(texts: &[&str], value: impl Fn(usize, usize) -> f32) -> String {
        let texts: Vec<String> = texts.iter().map(|text| text.to_string()).collect();
        let places = 0..texts.len();
        let rows: Vec<Vec<f32>> =
            places.clone().map(|row| places.clone().map(|other| value(row, other)).collect()).collect();
        HeatMap { texts: &texts, rows: &rows }.svg()
    }

    fn attribute<'a>(xml: &'a Xml<'_>, element: &str, name: &str) -> Vec<&'a str> {
        let elements = xml.descendants().filter(|node| node.tag_name().name() == element);
        elements.filter_map(|node| node.attribute(name)).collect()
    }

    #[test]
    fn values_texts_and_scale_are_written_and_like_texts_are_dark() {
        let svg = svg(&["a < b", "c"], |row, other| if row == other { 1.0 } else { -0.25 });
        let xml = Xml::parse(&svg).unwrap();
        let shown: Vec<_> = xml.descendants().filter_map(|node| node.text()).map(str::trim).collect();
        for expected in ["1.00", "-0.25", "a < b", "c", "cosine", "0.38", "1", "2"] {
            assert!(shown.contains(&expected), "{expected} of {shown:?}");
        }
        let fills = attribute(&xml, "rect", "fill");
        // The first is the paper.
        assert_eq!(fills[1..5], ["#08306b", "#ffffff", "#ffffff", "#08306b"]);
    }

    #[test]
    fn many_texts_are_small_squares_without_values() {
        let many: Vec<String> = (0..30).map(|number| format!("text {number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let svg = svg(&many, |_, _| 0.25);
        let xml = Xml::parse(&svg).unwrap();
        assert_eq!(attribute(&xml, "rect", "width").iter().filter(|width| **width == "14.0").count(), 900);
        assert!(xml.descendants().filter_map(|node| node.text()).all(|text| text.trim() != "0.25"));
    }

    proptest! {
        #[test]
        fn any_texts_and_values_make_a_document(texts: Vec<String>, value in prop::num::f32::ANY) {
            let texts: Vec<&str> = texts.iter().take(4).map(String::as_str).collect();
            prop_assert!(Xml::parse(&svg(&texts, |_, _| value)).is_ok());
        }
    }
}
