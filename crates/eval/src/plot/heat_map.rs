//! The similarity of each pair of texts, drawn as a square between pale and dark.

use svg::Document;
use svg::node::element::{Group, Rectangle};

use super::paper::{LETTER, canvas, text};

/// The side of a square, in pixels: with its value in it, and without it if there are many texts.
const LARGE: f64 = 54.0;
const SMALL: f64 = 14.0;

/// If there are more texts than this, their squares are small.
const FEW: usize = 24;

/// The margins, the width of the scale, and the gap before the scale and before the texts, in pixels.
const MARGIN: f64 = 20.0;
const SCALE: f64 = 16.0;
const GAP: f64 = 14.0;

/// The number of shades of the scale.
const SHADES: usize = 50;

/// The number of letters that are shown of a text.
const LETTERS: usize = 48;

/// The colours of the lowest and the highest value, as red, green and blue. Lightness decreases evenly between them, so
/// a print in grey is a heat map too.
const PALE: [f64; 3] = [255.0, 255.0, 255.0];
const DARK: [f64; 3] = [8.0, 48.0, 107.0];

/// Above this share of the scale letters are white.
const DEEP: f64 = 0.55;

/// A matrix of cosines.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap<'a> {
    /// The texts of the rows, which are also those of the columns.
    pub texts: &'a [String],
    /// A row for each text, with a value for each text.
    pub rows: &'a [Vec<f32>],
}

impl HeatMap<'_> {
    /// Draws the picture, an SVG document. The scale goes from 0 to 1; it starts at the lowest value if that is below
    /// 0.
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

    /// The place of a value on the scale, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let least = self.least();
        // A value that is not a number is shown as the lowest.
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
            // With small squares there is room for every fifth number above them.
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
            // Each shade is a little longer than its step, so that there is no gap between two.
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
mod tests;
