//! SQuAD 1.1 and 2.0: `data` → articles → paragraphs → a context and its questions.
//!
//! Each distinct context is a record. Its id is computed from the context, so it stays the same when questions or
//! articles move. The title of the article and the number of questions are metadata. A context that comes twice in an
//! article is one record with the questions of both. Memory holds one article, and the id of each context.
//!
//! Format: Rajpurkar et al. 2016, <https://rajpurkar.github.io/SQuAD-explorer/>.

use std::collections::HashSet;
use std::ops::ControlFlow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::content::InputContent;
use super::json::Elements;
use super::reader::Reader;
use crate::Record;
use crate::content_id::content_id;
use crate::record::RecordSink;
use semsearch_files::Place;

#[derive(Deserialize)]
struct Article {
    title: Option<String>,
    paragraphs: Vec<Paragraph>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    #[serde(default)]
    qas: Vec<IgnoredAny>,
}

/// Whether a file that starts with these bytes is SQuAD: an object that mentions data and paragraphs.
pub(super) fn starts(start: &[u8]) -> bool {
    let has = |word: &[u8]| start.windows(word.len()).any(|window| window == word);
    start.trim_ascii_start().first() == Some(&b'{') && has(b"\"data\"") && has(b"\"paragraphs\"")
}

/// Reads each distinct context as a record.
pub(super) struct SquadReader;

impl Reader for SquadReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        let name = content.name();
        let mut seen = HashSet::new();
        let articles = Elements { name: &name, key: Some("data"), expected: "a SQuAD file" };
        articles.read(content.text(), sink, |article: Article, place, sink| {
            for record in contexts(article, &place) {
                if seen.insert(record.fields["_id"].to_string()) {
                    sink(Ok(record))?;
                }
            }
            ControlFlow::Continue(())
        })
    }
}

/// The distinct contexts of an article, in order.
fn contexts(article: Article, place: &Place) -> Vec<Record> {
    let mut questions: Map<String, Value> = Map::new();
    for paragraph in article.paragraphs {
        let count = questions.entry(paragraph.context).or_insert(json!(0));
        *count = json!(count.as_u64().unwrap_or(0) + paragraph.qas.len() as u64);
    }
    let record = |(context, count): (String, Value)| {
        let mut fields = Map::new();
        fields.insert("context".into(), context.into());
        fields.insert("_id".into(), content_id(&fields).into());
        if let Some(title) = &article.title {
            fields.insert("title".into(), title.as_str().into());
        }
        fields.insert("questions".into(), count);
        Record { titled: false, ..Record::of_data(fields, place.clone()) }
    };
    questions.into_iter().map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::super::reader::tests::read_bytes;
    use super::*;

    const SAMPLE: &str = r#"{"version": "v2.0", "data": [
        {"title": "Bees", "paragraphs": [
            {"context": "Bees dance.", "qas": [{"question": "Who?", "is_impossible": false}, {"question": "Why?"}]},
            {"context": "Bees sleep.", "qas": []},
            {"context": "Bees dance.", "qas": [{"question": "How?"}]}]},
        {"paragraphs": [{"context": "Bees dance."}, {"context": "Ants march."}], "title": "Ants"}]}"#;

    fn read_all(input: &str) -> Vec<Result<Record, String>> {
        read_bytes(&SquadReader, input.as_bytes())
    }

    #[test]
    fn a_record_is_a_distinct_context_with_its_article_and_questions_as_metadata() {
        let all: Vec<_> = read_all(SAMPLE).into_iter().map(Result::unwrap).collect();
        let shown: Vec<_> = all
            .iter()
            .map(|r| format!("{} {} {}", r.fields["context"], r.fields["title"], r.fields["questions"]))
            .collect();
        assert_eq!(shown, [r#""Bees dance." "Bees" 3"#, r#""Bees sleep." "Bees" 0"#, r#""Ants march." "Ants" 0"#]);
        assert!(all.iter().all(|record| !record.titled));
    }

    #[test]
    fn an_id_depends_on_the_context_alone() {
        let moved = r#"{"data": [{"title": "Other", "paragraphs": [{"context": "Bees dance."}]}]}"#;
        let id = |input| read_all(input)[0].as_ref().unwrap().fields["_id"].clone();
        assert_eq!(id(SAMPLE), id(moved));
    }

    #[test]
    fn an_object_without_data_is_not_squad() {
        assert_eq!(read_all("{\"rows\": []}")[0].as_ref().unwrap_err(), "in:1: not a SQuAD file: missing field `data`");
    }
}
