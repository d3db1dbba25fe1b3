//! What is made of a record.

use serde_json::json;

use super::*;
use crate::Markup;
use semsearch_files::Place;

fn document(value: Value, fields: &FieldNames) -> Result<Document, CorpusError> {
    let Value::Object(object) = value else { panic!("a test's record is an object") };
    fields.document(Record::of_data(object, Place::line(&"test".into(), 7)))
}

#[test]
fn usual_names_are_found_and_the_rest_is_metadata_in_order() {
    let record = json!({"z": 1, "_id": "a", "title": "T", "y": [2], "text": "hello", "x": null});
    let found = document(record, &FieldNames::default()).unwrap();
    assert_eq!((found.id.as_str(), found.title.as_deref(), found.text.as_str()), ("a", Some("T"), "hello"));
    assert_eq!(serde_json::to_string(&found.metadata).unwrap(), r#"{"z":1,"y":[2],"x":null}"#);
}

#[test]
fn named_fields_are_dotted_paths_and_a_literal_dot_wins() {
    let fields = FieldNames { id: Some("k".into()), text: vec!["a.b".into()], title: None };
    let nested = document(json!({"k": 12, "a": {"b": "deep", "c": 3}}), &fields).unwrap();
    assert_eq!((nested.id.as_str(), nested.text.as_str()), ("12", "deep"));
    assert_eq!(serde_json::to_string(&nested.metadata).unwrap(), r#"{"a":{"c":3}}"#);
    let literal = document(json!({"k": 1, "a": {"b": "deep"}, "a.b": "flat"}), &fields).unwrap();
    assert_eq!(literal.text, "flat");
}

#[test]
fn texts_of_several_fields_have_a_blank_line_between_them_and_what_is_missing_or_empty_is_passed_over() {
    let fields = FieldNames { text: ["q", "a.b", "c"].map(String::from).into(), ..FieldNames::default() };
    let text = |value| document(value, &fields).map(|document| document.text).map_err(|error| error.to_string());
    assert_eq!(text(json!({"c": "C", "a": {"b": "B"}, "q": "Q"})).unwrap(), "Q\n\nB\n\nC");
    assert_eq!(text(json!({"q": "", "c": "C"})).unwrap(), "C");
    assert_eq!(text(json!({"q": "Q", "a": {"b": null}, "c": ""})).unwrap(), "Q");
    assert_eq!(text(json!({"q": ""})).unwrap(), "", "an empty text is one");
    assert_eq!(text(json!({"text": "T", "q": null})).unwrap(), "T", "another kind of file has the usual names");
    let none = text(json!({"texts": "T", "q": null})).unwrap_err();
    assert!(none.starts_with("test:7: no text: none of the fields q, a.b, c, text, contents, "), "{none}");
    assert_eq!(text(json!({"q": "Q", "c": 5})).unwrap_err(), "test:7: field `c` is a number, expected a string");
}

#[test]
fn an_id_is_made_of_the_content_and_of_all_of_it() {
    let id = |value| document(value, &FieldNames::default()).unwrap().id;
    assert_eq!(id(json!({"text": "a"})), id(json!({"text": "a"})));
    assert_ne!(id(json!({"text": "a"})), id(json!({"text": "a", "tag": 1})));
    assert_eq!(id(json!({"text": "a"})).len(), 32);
}

#[test]
fn names_of_fields_are_not_for_text_files() {
    let fields = FieldNames { text: vec!["body".into()], ..FieldNames::default() };
    let Value::Object(object) = json!({"_id": "a.md", "text": "hello"}) else { unreachable!() };
    let place = Place::whole(&"a.md".into());
    let record = Record { markup: Some(Markup::Markdown), ..Record::of_data(object, place) };
    let found = fields.document(record).unwrap();
    assert_eq!((found.text.as_str(), found.markup), ("hello", Some(Markup::Markdown)));
}

#[test]
fn wrong_types_are_named_with_their_place() {
    let message = |value| document(value, &FieldNames::default()).unwrap_err().to_string();
    assert_eq!(message(json!({"text": 5})), "test:7: field `text` is a number, expected a string");
    assert_eq!(
        message(json!({"text": "a", "id": [1]})).split(": ").nth(1),
        Some("field `id` is an array, expected a string or a whole number")
    );
    assert_eq!(message(json!({"text": "a", "id": ""})), "test:7: field `id` is an empty id");
    let long = message(json!({"text": "a", "id": "x".repeat(5000)}));
    assert_eq!(long, "test:7: field `id` is an id of 5000 bytes, the maximum is 4096");
    assert!(message(json!({"body2": "a"})).contains("none of the fields text, contents,"));
}
