//! Pictures that a paper can print, as SVG, legible in grey: curves over a setting, the best point of each marked with its
//! value ([`Plot`]), and a heat map of similarities ([`HeatMap`]).
//!
//! Values are the caller's. Of curves, `axis` finds the ticks, `frame` draws what is around them, `style` tells them
//! apart, and `labels` finds room for what is written among them.

mod axis;
mod frame;
mod heat_map;
mod labels;
mod style;

use svg::Document;
use svg::node::element::{Group, Rectangle, Text, Title};

pub use heat_map::HeatMap;

use axis::LARGEST;
use frame::{ACROSS, Frame, UPWARDS};
use labels::Labels;
use style::Style;

/// More markers than this on a curve hide it.
const MARKERS: usize = 16;

/// From the frame down to the picture's lower edge, in pixels, as all that follows.
const BELOW: f64 = 58.0;

/// The legend: its left edge, the height of an entry, the length of a sample of line, and what a letter takes at most.
const LEGEND: f64 = ACROSS.end + 20.0;
const ENTRY: f64 = 22.0;
const SAMPLE: f64 = 36.0;
const LETTER: f64 = 8.5;

/// One line of a plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Its name in the legend.
    pub label: String,
    /// Setting and value, in the order in which they are joined. Those that are not finite, or beyond 1e100, are left out.
    pub points: Vec<(f64, f64)>,
}

/// Curves over a common setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// Stands above; may be empty.
    pub title: String,
    /// What the setting is.
    pub x_label: String,
    /// What the values are.
    pub y_label: String,
    /// Up to twenty can be told apart without colour.
    pub curves: Vec<Curve>,
}

impl Plot {
    /// The picture, an SVG document. The highest value is taken for the best, and of equal ones the first.
    pub fn svg(&self) -> String {
        let curves: Vec<Vec<_>> = self.curves.iter().map(Curve::drawable).collect();
        let frame = Frame::around(&curves.concat());
        let place = |points: &Vec<_>| points.iter().map(|&point| frame.place(point)).collect();
        let lines: Vec<Vec<_>> = curves.iter().map(place).collect();
        let styled = (0..).map(Style::of).zip(&lines);
        let picture = self.canvas().add(frame.draw(&self.x_label, &self.y_label));
        let picture = styled.map(|(style, line)| line_with_markers(style, line)).fold(picture, Document::add);
        // After all lines, so that none crosses out a value.
        picture.add(best_points(&curves, &frame, &lines)).add(self.legend()).to_string()
    }

    /// White, with the title.
    fn canvas(&self) -> Document {
        let canvas = canvas(self.size());
        if self.title.is_empty() {
            return canvas;
        }
        let heading = text(&self.title, ((ACROSS.start + ACROSS.end) / 2.0, UPWARDS.end - 14.0));
        canvas.add(Title::new(printable(&self.title))).add(heading.set("text-anchor", "middle").set("font-size", 15))
    }

    /// Width and height of the picture: room for the frame and for every entry of the legend.
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

/// White paper.
fn canvas((width, height): (f64, f64)) -> Document {
    Document::new()
        .set("width", width)
        .set("height", height)
        .set("viewBox", (0.0, 0.0, width, height))
        .set("role", "img")
        .set("font-family", "Helvetica, Arial, sans-serif")
        .set("font-size", 13)
        .add(Rectangle::new().set("width", width).set("height", height).set("fill", "#ffffff"))
}

impl Curve {
    fn drawable(&self) -> Vec<(f64, f64)> {
        let fits = |value: f64| value.abs() <= LARGEST;
        self.points.iter().copied().filter(|&(x, y)| fits(x) && fits(y)).collect()
    }
}

/// The place of the first of the highest values.
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

/// A value, written around `middle`.
fn value(value: f64, style: Style, (x, y): (f64, f64)) -> Text {
    text(&format!("{value:.4}"), (x, y + 4.5))
        .set("text-anchor", "middle")
        .set("font-weight", "bold")
        .set("fill", style.colour)
        // A white edge behind the letters, for where they stand on a line.
        .set("stroke", "#ffffff")
        .set("stroke-width", 3)
        .set("paint-order", "stroke")
}

/// Letters at a point, in pixels.
fn text(content: &str, (x, y): (f64, f64)) -> Text {
    Text::new(printable(content)).set("x", format!("{x:.1}")).set("y", format!("{y:.1}"))
}

/// Without the characters that XML cannot hold, not even escaped. The crate `svg` escapes the others.
fn printable(content: &str) -> String {
    let space = |character: char| character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}');
    content.chars().map(|character| if space(character) { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use roxmltree::{Document as Xml, Node};

    use super::*;

    fn plot(curves: Vec<(&str, Vec<(f64, f64)>)>) -> String {
        let curves = curves.into_iter().map(|(label, points)| Curve { label: label.into(), points }).collect();
        Plot { title: "Title".into(), x_label: "alpha".into(), y_label: "value".into(), curves }.svg()
    }

    fn elements<'a>(xml: &'a Xml<'_>, name: &'a str) -> Vec<Node<'a, 'a>> {
        xml.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", name))).collect()
    }

    fn texts(svg: &str) -> Vec<String> {
        let xml = Xml::parse(svg).unwrap();
        elements(&xml, "text").iter().map(|node| node.text().unwrap_or("").trim().to_owned()).collect()
    }

    #[test]
    fn title_labels_ticks_legend_and_best_values_are_written() {
        let shown = texts(&plot(vec![
            ("ndcg@10", vec![(0.0, 0.6), (0.5, 0.79384), (1.0, 0.79384)]),
            ("mrr@10", vec![(0.0, 0.9), (1.0, 0.1)]),
        ]));
        for expected in ["Title", "alpha", "value", "0.2", "1.0", "ndcg@10", "mrr@10", "0.7938", "0.9000"] {
            assert!(shown.iter().any(|text| text == expected), "{expected} of {shown:?}");
        }
        assert_eq!(shown.iter().filter(|text| *text == "0.7938").count(), 1, "of equal values the first is marked");
    }

    #[test]
    fn text_is_escaped_and_what_xml_cannot_hold_left_out() {
        let svg = plot(vec![("a < b & \"c\" ]]> \u{1}\u{ffff}é", vec![])]);
        assert!(texts(&svg).iter().any(|text| text == "a < b & \"c\" ]]>   é"), "{:?}", texts(&svg));
    }

    #[test]
    fn nothing_to_draw_leaves_axes() {
        let svg = plot(vec![("empty", vec![]), ("none", vec![(f64::NAN, 1.0), (0.5, f64::INFINITY), (1e300, 0.0)])]);
        let shown = texts(&svg);
        assert_eq!(shown.iter().filter(|text| *text == "0.6").count(), 2);
        assert!(elements(&Xml::parse(&svg).unwrap(), "circle").is_empty());
    }

    #[test]
    fn of_many_points_only_some_have_markers() {
        let points: Vec<_> = (0..=100).map(|step| (f64::from(step) / 100.0, 0.5)).collect();
        let svg = plot(vec![("fine", points)]);
        let xml = Xml::parse(&svg).unwrap();
        assert!((8..=MARKERS + 2).contains(&elements(&xml, "path").len()));
        assert_eq!(elements(&xml, "polyline")[0].attribute("points").unwrap().split(' ').count(), 101);
    }

    proptest! {
        #[test]
        fn any_points_and_labels_make_a_document_without_nan(
            label: String,
            points in prop::collection::vec((prop::num::f64::ANY, prop::num::f64::ANY), 0..8),
        ) {
            let svg = plot(vec![(&label, points)]);
            prop_assert!(Xml::parse(&svg).is_ok());
            let coordinates = svg.lines().filter(|line| !line.contains("<text") && line.contains('='));
            prop_assert!(coordinates.into_iter().all(|line| !line.contains("NaN") && !line.contains("inf")), "{}", svg);
        }
    }
}
