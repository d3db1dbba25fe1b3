//! The frame around curves: the axes, their ticks and labels, and the place of a point in it.

use std::ops::Range;

use svg::node::element::{Group, Line, Rectangle, Text};

use super::axis::Axis;
use super::paper::text;

/// Where the frame is in the picture, in pixels. Heights count downwards.
pub(super) const ACROSS: Range<f64> = 64.0..504.0;
pub(super) const UPWARDS: Range<f64> = 326.0..36.0;

const GRID: &str = "#dddddd";
const INK: &str = "#222222";

/// The fraction of the height above the greatest value that stays free, for the value written there.
const HEADROOM: f64 = 0.1;

/// The two axes.
pub(super) struct Frame {
    x: Axis,
    y: Axis,
}

impl Frame {
    /// A frame that contains all of these points.
    pub(super) fn around(points: &[(f64, f64)]) -> Self {
        let heights = points.iter().map(|point| point.1);
        let greatest = heights.clone().reduce(f64::max);
        let least = heights.clone().reduce(f64::min);
        let headroom = greatest.zip(least).map(|(greatest, least)| greatest + HEADROOM * (greatest - least));
        Self { x: Axis::covering(points.iter().map(|point| point.0)), y: Axis::covering(heights.chain(headroom)) }
    }

    /// The place of a point in the picture.
    pub(super) fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.position(x, &ACROSS), self.y.position(y, &UPWARDS))
    }

    /// Draws the grid, the ticks, the edges and the names of the axes.
    pub(super) fn draw(&self, x_label: &str, y_label: &str) -> Group {
        let middle = |pixels: &Range<f64>| (pixels.start + pixels.end) / 2.0;
        let below = text(x_label, (middle(&ACROSS), UPWARDS.start + 42.0)).set("text-anchor", "middle");
        let (x, y) = (18.0, middle(&UPWARDS));
        let beside =
            text(y_label, (x, y)).set("text-anchor", "middle").set("transform", format!("rotate(-90 {x:.1} {y:.1})"));
        let columns = self.x.ticks().map(|tick| self.x_tick(tick));
        let rows = self.y.ticks().map(|tick| self.y_tick(tick));
        let drawn = columns.chain(rows).fold(Group::new(), Group::add);
        drawn.add(edges()).add(below).add(beside)
    }

    fn x_tick(&self, tick: f64) -> Group {
        let x = self.x.position(tick, &ACROSS);
        let label: Text = text(&self.x.label(tick), (x, UPWARDS.start + 20.0)).set("text-anchor", "middle");
        Group::new()
            .add(line((x, UPWARDS.start), (x, UPWARDS.end), GRID))
            .add(line((x, UPWARDS.start), (x, UPWARDS.start + 5.0), INK))
            .add(label)
    }

    fn y_tick(&self, tick: f64) -> Group {
        let y = self.y.position(tick, &UPWARDS);
        let label: Text = text(&self.y.label(tick), (ACROSS.start - 9.0, y + 4.0)).set("text-anchor", "end");
        Group::new()
            .add(line((ACROSS.start, y), (ACROSS.end, y), GRID))
            .add(line((ACROSS.start - 5.0, y), (ACROSS.start, y), INK))
            .add(label)
    }
}

fn edges() -> Rectangle {
    Rectangle::new()
        .set("x", ACROSS.start)
        .set("y", UPWARDS.end)
        .set("width", ACROSS.end - ACROSS.start)
        .set("height", UPWARDS.start - UPWARDS.end)
        .set("fill", "none")
        .set("stroke", INK)
}

fn line(from: (f64, f64), to: (f64, f64), colour: &str) -> Line {
    let pixels = |value: f64| format!("{value:.1}");
    Line::new()
        .set("x1", pixels(from.0))
        .set("y1", pixels(from.1))
        .set("x2", pixels(to.0))
        .set("y2", pixels(to.1))
        .set("stroke", colour)
}
