//! Tests what a plot of curves shows.

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
