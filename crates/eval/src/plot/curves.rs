//! Curves over a setting. The best point of each curve is marked with its value.

use svg::Document;
use svg::node::element::{Group, Text, Title};

use super::axis::LARGEST;
use super::frame::{ACROSS, Frame, UPWARDS};
use super::labels::Labels;
use super::paper::{LETTER, canvas, printable, text};
use super::style::Style;

/// The most markers on a curve. More would hide it.
const MARKERS: usize = 16;

/// The height of the picture below the frame, in pixels. All that follows is in pixels too.
const BELOW: f64 = 58.0;

/// The legend: its left edge, the height of an entry, and the length of a sample of a line.
const LEGEND: f64 = ACROSS.end + 20.0;
const ENTRY: f64 = 22.0;
const SAMPLE: f64 = 36.0;

/// One line of a plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Its name in the legend.
    pub label: String,
    /// Pairs of setting and value, in the order in which a line joins them. Pairs with a number that is not finite, or
    /// is beyond 1e100, are left out.
    pub points: Vec<(f64, f64)>,
}

/// Curves over one setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// The title above the picture; may be empty.
    pub title: String,
    /// The name of the setting.
    pub x_label: String,
    /// The name of the values.
    pub y_label: String,
    /// The curves. Up to twenty differ from each other without colours.
    pub curves: Vec<Curve>,
}

impl Plot {
    /// Draws the picture, an SVG document. The best value is the highest one, and the first of equal ones.
    pub fn svg(&self) -> String {
        let curves: Vec<Vec<_>> = self.curves.iter().map(Curve::drawable).collect();
        let frame = Frame::around(&curves.concat());
        let place = |points: &Vec<_>| points.iter().map(|&point| frame.place(point)).collect();
        let lines: Vec<Vec<_>> = curves.iter().map(place).collect();
        let styled = (0..).map(Style::of).zip(&lines);
        let picture = self.canvas().add(frame.draw(&self.x_label, &self.y_label));
        let picture = styled.map(|(style, line)| line_with_markers(style, line)).fold(picture, Document::add);
        // Drawn after all lines, so that no line covers a value.
        picture.add(best_points(&curves, &frame, &lines)).add(self.legend()).to_string()
    }

    /// A white picture with the title.
    fn canvas(&self) -> Document {
        let canvas = canvas(self.size());
        if self.title.is_empty() {
            return canvas;
        }
        let heading = text(&self.title, ((ACROSS.start + ACROSS.end) / 2.0, UPWARDS.end - 14.0));
        canvas.add(Title::new(printable(&self.title))).add(heading.set("text-anchor", "middle").set("font-size", 15))
    }

    /// Width and height of the picture, with room for the frame and for every entry of the legend.
    fn size(&self) -> (f64, f64) {
        let letters = self.curves.iter().map(|curve| curve.label.chars().count()).max().unwrap_or(0);
        let entries = UPWARDS.end + ENTRY * (self.curves.len() + 1) as f64;
        (LEGEND + SAMPLE + LETTER * letters as f64 + 20.0, entries.max(UPWARDS.start + BELOW))
    }

    fn legend(&self) -> Group {
        let entry = |(number, curve): (usize, &Curve)| {
            let y = UPWARDS.end + 14.0 + ENTRY * number as f64;
            let style = Style::of(number);
            Group::new()
                .add(style.line(&[(LEGEND, y), (LEGEND + SAMPLE, y)]))
                .add(style.marker((LEGEND + SAMPLE / 2.0, y)))
                .add(text(&curve.label, (LEGEND + SAMPLE + 8.0, y + 4.5)))
        };
        self.curves.iter().enumerate().map(entry).fold(Group::new(), Group::add)
    }
}

impl Curve {
    fn drawable(&self) -> Vec<(f64, f64)> {
        let fits = |value: f64| value.abs() <= LARGEST;
        self.points.iter().copied().filter(|&(x, y)| fits(x) && fits(y)).collect()
    }
}

/// The index of the highest value, and of the first of equal ones.
fn best(points: &[(f64, f64)]) -> Option<usize> {
    (0..points.len()).reduce(|best, next| if points[next].1 > points[best].1 { next } else { best })
}

fn line_with_markers(style: Style, pixels: &[(f64, f64)]) -> Group {
    let every = pixels.len().div_ceil(MARKERS).max(1);
    let markers = pixels.iter().step_by(every).map(|&point| style.marker(point));
    markers.fold(Group::new().add(style.line(pixels)), Group::add)
}

/// A ring around the best point of each curve, and its value beside it.
fn best_points(curves: &[Vec<(f64, f64)>], frame: &Frame, lines: &[Vec<(f64, f64)>]) -> Group {
    let styled = (0..).map(Style::of).zip(curves);
    let bests: Vec<_> = styled.filter_map(|(style, points)| Some((style, points[best(points)?]))).collect();
    let mut labels = Labels::new(lines, bests.iter().map(|&(_, point)| frame.place(point)).collect());
    let drawn = bests.into_iter().map(|(style, point)| {
        let pixel = frame.place(point);
        let group = Group::new().add(style.ring(pixel)).add(style.marker(pixel));
        group.add(value(point.1, style, labels.place(pixel)))
    });
    drawn.fold(Group::new(), Group::add)
}

/// A value, written with its middle at this point.
fn value(value: f64, style: Style, (x, y): (f64, f64)) -> Text {
    text(&format!("{value:.4}"), (x, y + 4.5))
        .set("text-anchor", "middle")
        .set("font-weight", "bold")
        .set("fill", style.colour)
        // A white edge behind the letters, in case they are on a line.
        .set("stroke", "#ffffff")
        .set("stroke-width", 3)
        .set("paint-order", "stroke")
}

#[cfg(test)]
mod tests;
