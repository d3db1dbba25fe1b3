//! The values of a field, as a list for people.

use serde_json::Value;

use super::FieldValue;

/// The most frequent values of a field, at most `max`. `counted` has the field's terms, each with the number of documents
/// that have it; all terms of the field start with `start`.
pub fn most_frequent(counted: impl IntoIterator<Item = (Vec<u8>, u64)>, start: &[u8], max: usize) -> Vec<FieldValue> {
    let value = |(term, documents): (Vec<u8>, u64)| {
        let value = semsearch_filter::value_of(&term, start)?;
        Some((documents, term, value))
    };
    let mut counted: Vec<(u64, Vec<u8>, Value)> = counted.into_iter().filter_map(value).collect();
    counted.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let mut values: Vec<FieldValue> = Vec::new();
    for (documents, _, value) in counted {
        // A cell of a table is listed as a string and as a number.
        let is_cell = |known: &FieldValue| known.documents == documents && same_words(&known.value, &value);
        if values.len() == max {
            break;
        }
        if !values.iter().any(is_cell) {
            values.push(FieldValue { value, documents });
        }
    }
    values
}

/// Whether a string and a number are written alike.
fn same_words(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(text), Value::Number(number)) | (Value::Number(number), Value::String(text)) => {
            text.parse::<f64>().ok() == number.as_f64()
        }
        _ => false,
    }
}
