//! Finds the places of values: beside their points, where they cover as little as possible.

use super::frame::{ACROSS, UPWARDS};

/// A place in the picture, in pixels.
type Pixel = (f64, f64);

/// Half the width and height of a value, with some space around it.
const HALF: Pixel = (25.0, 8.0);

/// Half the width and height of the ring around a best point.
const RING: Pixel = (9.0, 9.0);

/// Places for the middle of a value around its point, the best one first.
const AROUND: [Pixel; 10] = [
    (0.0, -18.0),
    (0.0, 18.0),
    (-34.0, -14.0),
    (34.0, -14.0),
    (-34.0, 14.0),
    (34.0, 14.0),
    (0.0, -32.0),
    (0.0, 32.0),
    (-36.0, 0.0),
    (36.0, 0.0),
];

/// The distance between the points of a line that are looked at.
const SPACING: f64 = 6.0;

/// How bad it is to cover a ring or a value, or to leave the frame, counted in points of a line that are covered.
const BAD: usize = 100;

/// What is already drawn.
pub(super) struct Labels {
    lines: Vec<Pixel>,
    rings: Vec<Pixel>,
    values: Vec<Pixel>,
}

impl Labels {
    /// Starts with these lines, and with rings around these points.
    pub(super) fn new(lines: &[Vec<Pixel>], rings: Vec<Pixel>) -> Self {
        Self { lines: lines.iter().flat_map(|line| along(line)).collect(), rings, values: Vec::new() }
    }

    /// Finds the middle of the value that belongs to `point`. Later values will avoid it.
    pub(super) fn place(&mut self, point: Pixel) -> Pixel {
        let around = AROUND.map(|(x, y)| (point.0 + x, point.1 + y));
        let place = around.into_iter().min_by_key(|&middle| self.covered(middle)).unwrap_or(point);
        self.values.push(place);
        place
    }

    /// How bad it is to write a value at this place.
    fn covered(&self, middle: Pixel) -> usize {
        let near = |drawn: &[Pixel], (x, y): Pixel| {
            drawn.iter().filter(|other| (other.0 - middle.0).abs() < x && (other.1 - middle.1).abs() < y).count()
        };
        let of_lines = near(&self.lines, HALF);
        let of_rings = near(&self.rings, (HALF.0 + RING.0, HALF.1 + RING.1));
        let of_values = near(&self.values, (2.0 * HALF.0, 2.0 * HALF.1));
        of_lines + BAD * (of_rings + of_values + usize::from(!is_inside(middle)))
    }
}

fn is_inside((x, y): Pixel) -> bool {
    let across = ACROSS.start + HALF.0..ACROSS.end - HALF.0;
    let downwards = UPWARDS.end + HALF.1..UPWARDS.start - HALF.1;
    across.contains(&x) && downwards.contains(&y)
}

/// Points along a line, so close together that no value fits between two of them.
fn along(line: &[Pixel]) -> impl Iterator<Item = Pixel> {
    line.windows(2).flat_map(|ends| {
        let [from, to] = [ends[0], ends[1]];
        let (across, down) = (to.0 - from.0, to.1 - from.1);
        let steps = (across.hypot(down) / SPACING).ceil().max(1.0) as u32;
        (0..=steps).map(move |step| {
            let part = f64::from(step) / f64::from(steps);
            (from.0 + part * across, from.1 + part * down)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_above_its_point_if_nothing_is_there() {
        assert_eq!(Labels::new(&[], vec![(300.0, 200.0)]).place((300.0, 200.0)), (300.0, 182.0));
    }

    #[test]
    fn a_value_keeps_clear_of_lines_rings_other_values_and_edges() {
        let point = (300.0, 200.0);
        let above = vec![(200.0, 182.0), (400.0, 182.0)];
        assert_eq!(Labels::new(&[above], vec![point]).place(point), (300.0, 218.0));
        assert_eq!(Labels::new(&[], vec![point, (300.0, 180.0)]).place(point), (300.0, 218.0));
        let mut labels = Labels::new(&[], vec![]);
        let places = [labels.place(point), labels.place(point), labels.place(point)];
        assert_eq!(places, [(300.0, 182.0), (300.0, 218.0), (264.0, 200.0)]);
        let corner = (ACROSS.end, UPWARDS.end);
        assert!(is_inside(Labels::new(&[], vec![corner]).place(corner)));
    }
}
