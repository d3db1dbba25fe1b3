//! Tests the language as a whole: its table of examples, its spellings and its errors.

use serde_json::{Map, Value, json};

use super::BadFilter;
use super::*;

fn parse(text: &str) -> Result<Filter, BadFilter> {
    text.parse()
}

fn object(json: Value) -> Map<String, Value> {
    serde_json::from_value(json).unwrap()
}

/// Whether `filter` finds a document; both ways to answer are asked.
fn finds(filter: &Filter, metadata: &Map<String, Value>) -> bool {
    let matches = filter.matches(metadata);
    assert_eq!(filter.plan().holds(&terms(metadata)), matches, "{filter}: {}", json!(metadata));
    matches
}

#[test]
fn the_examples_of_the_module_do_what_they_say() {
    let rows: Vec<Vec<String>> = include_str!("lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.strip_suffix("` |"))
        .map(|row| row.replace("\\|", "|").split("` | `").map(String::from).collect())
        .collect();
    assert!(rows.len() > 20);
    for row in rows {
        let [filter, found, missed] = row.as_slice() else { panic!("three cells: {row:?}") };
        let parsed = parse(filter).unwrap();
        let document = |json| serde_json::from_str(json).unwrap();
        assert!(finds(&parsed, &document(found)), "{filter} finds {found}");
        assert!(!finds(&parsed, &document(missed)), "{filter} does not find {missed}");
    }
}

#[test]
fn spellings_of_one_thing_are_one_filter() {
    for (one, others) in [
        ("a = 1", vec!["a==1", "a:1", "a is 1", "a IN [1]", "a in (1)", "(a = +1)", ".a == 1", "`a`=1", "a[] = 1"]),
        ("a != 'x'", vec!["a <> x", "not a = x", "!a:x", "a not in [x]", "a is not \"x\"", "NOT (a = x)"]),
        ("a in 1..2", vec!["a between 1 and 2", "a: 1 .. 2", "a = 1..2", "a BETWEEN 1 AND 2"]),
        ("a >= 1", vec!["a:>=1", "a in 1..", "(a in 1..)", "a:1.."]),
        ("a <= x", vec!["a:<=x", "a in ..x", "a = .. 'x'"]),
        (
            "a ^= 'x y'",
            vec!["a starts with \"x y\"", "a = 'x y'*", "a:'x y'*", "a STARTSWITH 'x y'", "a Starts With 'x y'*"],
        ),
        ("exists(a)", vec!["has(a)", "a exists", "a is not null", "a:*", "EXISTS ( a )", "a = *"]),
        ("a = 1 and b = 2 or not c = 3", vec!["(a:1 && b:2) || !c:3", "(((a=1)AND(b=2))OR(NOT(c=3)))"]),
        ("a = '2024-01-01T00:00:00Z'", vec!["a:2024-01-01T00:00:00Z", "a = 2024-01-01T00:00:00Z"]),
    ] {
        let filter = parse(one).unwrap();
        for other in others {
            assert_eq!(parse(other).as_ref(), Ok(&filter), "{other}");
        }
    }
}

#[test]
fn an_error_says_what_was_expected_and_what_was_found_where() {
    for (text, message) in [
        ("", "expected a field at character 1, found the end"),
        ("  ", "expected a field at character 3, found the end"),
        ("year 2000", "expected an operator such as `=`, `<`, `in` or `exists` at character 6, found `2000`"),
        ("year =", "expected a value at character 7, found the end"),
        ("a = and b = 1", "expected a value at character 5, found `and`"),
        ("a = 1 and or b = 2", "expected a field at character 11, found `or`"),
        ("title = Super Bowl", "expected `and`, `or` or the end at character 15, found `Bowl`"),
        ("(a = 1", "expected `and`, `or` or `)` at character 7, found the end"),
        ("a = 1)", "expected `and`, `or` or the end at character 6, found `)`"),
        ("größe in [1 2]", "expected `,` or `]` at character 13, found `2`"),
        ("'x' in tags", "expected a set such as `[a, b]` or a range such as `1..9` at character 8, found `tags`"),
        ("a in [1,", "expected a value at character 9, found the end"),
        ("a between 1, 2", "expected `and` and the range's other end at character 12, found `,`"),
        ("a in 1..x", "expected a number, like the range's other end, at character 9, found `x`"),
        (
            "a in x..2020-01-01",
            "expected a string that is not a date, like the range's other end, at character 9, found `2020-01-01`",
        ),
        ("a < null", "expected a number, a date or a string at character 5, found `null`"),
        ("a > 1e999", "expected a number that 64 bits can hold at character 5, found `1e999`"),
        ("a = \"x", "expected the closing \" at character 7, found the end"),
        ("a starts 'x'", "expected an operator such as `=`, `<`, `in` or `exists` at character 3, found `starts`"),
        ("exists(a b)", "expected `)` at character 10, found `b`"),
    ] {
        assert_eq!(parse(text).map_err(|error| error.to_string()), Err(message.into()), "{text}");
    }
}

#[test]
fn the_place_of_an_error_is_a_byte_and_a_character() {
    let error = parse("größe = 1 2").unwrap_err();
    assert_eq!((error.byte, error.character, error.found.as_str()), (12, 11, "`2`"));
    assert_eq!(caret("größe = 1 2", error.byte), "größe = 1 2\n          ^");
    let long = parse(&format!("a ^= '{}'", "x".repeat(2000))).unwrap_err();
    assert_eq!(long.expected, "a prefix of at most 1024 bytes");
    assert_eq!(long.found.chars().count(), 33);
}

#[test]
fn deep_nesting_is_an_error_and_long_chains_are_not() {
    for (open, close) in [("(", ")"), ("not ", ""), ("!(", ")")] {
        let nested = |depth| parse(&format!("{}a = 1{}", open.repeat(depth), close.repeat(depth)));
        assert!(nested(50).is_ok());
        let expected = "at most 100 nested parentheses and negations";
        assert_eq!(nested(101).unwrap_err().expected, expected);
        assert_eq!(nested(1_000_000).unwrap_err().expected, expected);
    }
    let chain = vec!["a = 1"; 100_000].join(" or ");
    assert!(parse(&chain).unwrap().matches(&object(json!({"a": 1}))));
}

#[test]
fn a_plan_is_free_of_constants_within_and_of_empty_ranges() {
    let plan = |text| parse(text).unwrap().plan();
    for text in ["a in []", "a in 2..1", "a < ''", "a = 1 and a in []", "not a not in []", "a in b..a or b in [] "] {
        assert_eq!(plan(text), Plan::None, "{text}");
    }
    assert_eq!(plan("a not in [] or b = 1"), Plan::All);
    assert_eq!(plan("not not (a = 1 or b in [])"), plan("a = 1"));
}
