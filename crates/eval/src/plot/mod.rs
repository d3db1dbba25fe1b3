//! Pictures for a paper, as SVG. They can be read when printed in grey. [`Plot`] draws curves over a setting,
//! [`HeatMap`] a matrix of similarities.
//!
//! The caller computes the values. For curves, `axis` finds the ticks, `frame` draws the axes, `style` makes curves
//! look different, and `labels` finds room for the values that are written among them.

mod axis;
mod curves;
mod frame;
mod heat_map;
mod labels;
mod paper;
mod style;

pub use curves::{Curve, Plot};
pub use heat_map::HeatMap;
