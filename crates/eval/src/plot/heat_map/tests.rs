//! Tests what a heat map shows.

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
    // The first rectangle is the white paper.
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
