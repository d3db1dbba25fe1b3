//! Tests for any metadata, filter and text: the two ways to answer agree, and parsing is the inverse of printing.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// Keys that could be mistaken for one another.
fn key() -> impl Strategy<Value = String> {
    let chosen = prop::sample::select(vec!["a", "b", "a.b", "b.a", "", "a ", "and", "a\0", "a\u{5}x", "é", "."]);
    prop_oneof![
        8 => chosen.prop_map(String::from),
        1 => Just("k".repeat(1025)),
        1 => any::<String>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let chosen = prop::sample::select(vec![
        "",
        "x",
        "xy",
        "xyz",
        "Y",
        "é",
        "5",
        "true",
        "null",
        "a\0",
        "2020",
        "2020-05",
        "2020-06",
        "2020-06-01",
        "2020-06-30",
        "2020-06-01T00:00:00Z",
        "2020-06-01T01:00:00+02:00",
        "2020-05-31T23:00:00Z",
        "2020-06-01T12:00:00.000000001",
        "\u{ffff}",
        "0000-01-01",
        "9999-12",
        "1969-12-31T23:59:59Z",
    ]);
    let long = (0usize..3, "[ab]{0,2}").prop_map(|(more, end)| "x".repeat(1023 + more) + &end);
    let day = (2019i32..2021, 1u8..13, 1u8..29).prop_map(|(year, month, day)| format!("{year}-{month:02}-{day:02}"));
    prop_oneof![8 => chosen.prop_map(String::from), 2 => long, 2 => day, 1 => any::<String>()]
}

fn number() -> impl Strategy<Value = Number> {
    let chosen = prop::sample::select(vec![
        json!(0),
        json!(-0.0),
        json!(1),
        json!(1.0),
        json!(-1),
        json!(1.5),
        json!(5e-324),
        json!(1e300),
        json!(9007199254740991u64),
        json!(9007199254740992u64),
        json!(9007199254740993u64),
        json!(9007199254740992f64),
        json!(9223372036854775807u64),
        json!(9223372036854775808u64),
        json!(9223372036854775808f64),
        json!(i64::MIN),
        json!(-9223372036854775808f64),
        json!(u64::MAX),
        json!(18446744073709551615f64),
    ]);
    prop_oneof![
        4 => chosen.prop_map(|json| serde_json::from_value(json).unwrap()),
        1 => any::<i64>().prop_map(Number::from),
        1 => any::<f64>().prop_filter_map("finite", Number::from_f64),
    ]
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        1 => Just(Literal::Null),
        1 => any::<bool>().prop_map(Literal::Bool),
        3 => number().prop_map(Literal::Number),
        5 => text().prop_map(Literal::Text),
    ]
}

fn metadata() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        3 => number().prop_map(Value::Number),
        5 => text().prop_map(Value::String),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((key(), inner), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    prop::collection::vec((key(), value), 0..6).prop_map(|fields| fields.into_iter().collect())
}

/// Documents, each with filters about its own values. Hardly any filter about other values would be true.
fn metadata_and_filter() -> impl Strategy<Value = (Map<String, Value>, Filter)> {
    metadata().prop_flat_map(|metadata| {
        let mut facts = vec![("a".into(), Literal::Null)];
        metadata.iter().for_each(|(key, value)| collect_facts(key, value, &mut facts));
        let near = prop::sample::select(facts);
        (Just(metadata), filter(prop_oneof![4 => near, 1 => any_fact()], false))
    })
}

/// Collects all paths into `value`, with the values to which they lead.
fn collect_facts(path: &str, value: &Value, facts: &mut Vec<(String, Literal)>) {
    let fact = match value {
        Value::Null => Literal::Null,
        Value::Bool(bool) => Literal::Bool(*bool),
        Value::Number(number) => Literal::Number(number.clone()),
        Value::String(text) => Literal::Text(text.clone()),
        Value::Array(elements) => return elements.iter().for_each(|element| collect_facts(path, element, facts)),
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| collect_facts(&format!("{path}.{key}"), value, facts));
            Literal::Null
        }
    };
    facts.push((path.into(), fact));
}

fn any_fact() -> impl Strategy<Value = (String, Literal)> {
    (prop::collection::vec(key(), 1..3).prop_map(|keys| keys.join(".")), literal())
}

/// A filter about these facts, or about similar ones. If `readable` is set, its text can be parsed; otherwise it can be
/// any filter.
fn filter(facts: impl Strategy<Value = (String, Literal)> + 'static, readable: bool) -> impl Strategy<Value = Filter> {
    let leaf = facts.prop_flat_map(move |(path, near)| {
        test(near, readable).prop_map(move |test| Filter::Field { path: path.clone(), test })
    });
    let least = if readable { 2 } else { 0 };
    leaf.prop_recursive(4, 12, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), least..4).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), least..4).prop_map(Filter::Or),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

fn test(near: Literal, readable: bool) -> impl Strategy<Value = Test> {
    let start = |length| match &near {
        Literal::Text(text) => text.chars().take(length).collect(),
        _ => String::new(),
    };
    // The first ten characters, which are the day if the text is a date.
    let (letter, day) = (start(1), Literal::Text(start(10)));
    let literal = prop_oneof![2 => Just(near), 1 => Just(day), 3 => literal()].boxed();
    let has_order = move |literal: &Literal| !readable || matches!(literal, Literal::Number(_) | Literal::Text(_));
    // `near` may have no order, and is then left out.
    let ordered =
        prop_oneof![4 => literal.clone(), 1 => number().prop_map(Literal::Number), 1 => text().prop_map(Literal::Text)]
            .prop_filter("has an order", has_order)
            .boxed();
    let order = prop::sample::select(vec![Order::Less, Order::AtMost, Order::AtLeast, Order::Greater]);
    let one_kind = move |(low, high): &(Literal, Literal)| !readable || low.kind() == high.kind();
    let short = move |text: &String| !readable || text.len() <= 1024;
    prop_oneof![
        Just(Test::Exists),
        prop::collection::vec(literal.clone(), 0..3).prop_map(Test::OneOf),
        literal.prop_map(|literal| Test::OneOf(vec![literal])),
        (order, ordered.clone()).prop_map(|(order, literal)| Test::Compare(order, literal)),
        (ordered.clone(), ordered)
            .prop_filter("of one kind", one_kind)
            .prop_map(|(low, high)| Test::Between(low, high)),
        prop_oneof![Just(letter), text()].prop_filter("short", short).prop_map(Test::Prefix),
    ]
}

/// Text that looks more or less like an expression.
fn tokens() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "a",
        "b.c",
        " ",
        "  ",
        "=",
        "==",
        ":",
        "!=",
        "<",
        ">=",
        "^=",
        "in",
        "not",
        "and",
        "or",
        "is",
        "null",
        "between",
        "exists",
        "has",
        "starts",
        "with",
        "(",
        ")",
        "[",
        "]",
        ",",
        "..",
        "*",
        "'",
        "\"",
        "`",
        "\\",
        "\\u",
        "d83d",
        "1",
        "-1e5",
        "2020-01-01",
        "é",
        "|",
        "&",
    ]);
    prop::collection::vec(token, 0..20).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_index_answers_as_the_metadata_do((metadata, filter) in metadata_and_filter()) {
        prop_assert_eq!(filter.plan().holds(&terms(&metadata)), filter.matches(&metadata), "{}", filter);
    }

    #[test]
    fn what_is_written_is_read_as_the_same(filter in filter(any_fact(), true)) {
        let written = filter.to_string();
        prop_assert_eq!(written.parse(), Ok(filter), "{}", written);
    }

    #[test]
    fn text_that_can_be_read_has_a_canonical_spelling(text in tokens()) {
        if let Ok(filter) = text.parse::<Filter>() {
            prop_assert_eq!(filter.to_string().parse(), Ok(filter));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic_and_errors_are_within_it(text in prop_oneof![tokens(), any::<String>()]) {
        if let Err(error) = text.parse::<Filter>() {
            prop_assert!(text.is_char_boundary(error.byte));
            prop_assert_eq!(text[..error.byte].chars().count() + 1, error.character);
            caret(&text, error.byte);
        }
    }

    #[test]
    fn terms_are_short_ascending_and_single(metadata in metadata()) {
        let terms = terms(&metadata);
        prop_assert!(terms.is_sorted_by(|a, b| a < b));
        prop_assert!(terms.iter().all(|term| term.len() <= 2115));
    }
}
