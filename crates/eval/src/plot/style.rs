//! How curves differ: by colour, and also by dashes and markers, which are enough without colour.

use svg::node::element::{Circle, Path, Polyline};

/// Colours from the palette of Okabe and Ito (2008), which suits all kinds of colour vision. Colours that are too light
/// on white were darkened. There are as many as metrics that are shown by default.
const COLOURS: [&str; 7] = ["#000000", "#0072b2", "#d55e00", "#009e73", "#a0507f", "#8a6d00", "#5f5f5f"];

/// The lengths of dashes and gaps.
const DASHES: [&str; 4] = ["none", "8 3", "2 3", "9 3 2 3"];

/// Shapes around a point: circle, square, triangle, diamond, and a triangle upside down. Five shapes and four kinds of
/// dashes make twenty curves different without colours.
const MARKERS: [&str; 5] = [
    "m-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",
    "m-3.5,-3.5h7v7h-7z",
    "m0,-4.7l4.5,8h-9z",
    "m0,-5l5,5l-5,5l-5,-5z",
    "m0,4.7l4.5,-8h-9z",
];

/// The look of one curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) colour: &'static str,
    dash: &'static str,
    marker: &'static str,
}

impl Style {
    /// The style of the curve with this number, from 0.
    pub(super) fn of(number: usize) -> Self {
        Self {
            colour: COLOURS[number % COLOURS.len()],
            dash: DASHES[number % DASHES.len()],
            marker: MARKERS[number % MARKERS.len()],
        }
    }

    /// A line through `points`, in pixels.
    pub(super) fn line(self, points: &[(f64, f64)]) -> Polyline {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        Polyline::new()
            .set("points", points.join(" "))
            .set("fill", "none")
            .set("stroke", self.colour)
            .set("stroke-width", 1.8)
            .set("stroke-dasharray", self.dash)
            .set("stroke-linejoin", "round")
    }

    /// A marker at a point, in pixels. A white edge separates it from the line.
    pub(super) fn marker(self, (x, y): (f64, f64)) -> Path {
        Path::new()
            .set("d", format!("M{x:.1},{y:.1}{}", self.marker))
            .set("fill", self.colour)
            .set("stroke", "#ffffff")
            .set("stroke-width", 0.8)
    }

    /// A ring around a point, in pixels.
    pub(super) fn ring(self, (x, y): (f64, f64)) -> Circle {
        Circle::new()
            .set("cx", format!("{x:.1}"))
            .set("cy", format!("{y:.1}"))
            .set("r", 8)
            .set("fill", "none")
            .set("stroke", self.colour)
            .set("stroke-width", 1.5)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn twenty_curves_differ_without_their_colours() {
        let looks: HashSet<_> = (0..20).map(Style::of).map(|style| (style.dash, style.marker)).collect();
        assert_eq!(looks.len(), 20);
    }
}
