//! What the page shows, as HTML.

use serde_json::Value;

use super::html::{address, escaped, marked};
use super::{HITS, SCRIPT, STYLE, mode};
use crate::body::query_fields;
use crate::documents::DocumentAnswer;
use crate::search::{CharRange, HitObject, SearchAnswer, SearchMode};

/// The most characters of a snippet.
const SNIPPET: usize = 420;

/// What the address of a page says.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) q: String,
    pub(super) mode: Option<SearchMode>,
    pub(super) filter: String,
    index: String,
    pub(super) offset: usize,
    /// The document that is shown instead of hits, from this character on, with the passage up to `end` marked.
    pub(super) id: String,
    pub(super) start: usize,
    end: usize,
    /// Whether only the results are wanted.
    pub(super) part: bool,
}

impl Asked {
    pub(super) fn of(query: &str) -> Self {
        let fields = query_fields(query);
        let text = |name: &str| {
            let value = fields.get(name).map(|value| value.as_array().and_then(|all| all.last()).unwrap_or(value));
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let number = |name: &str| text(name).parse().unwrap_or(0);
        Self {
            q: text("q"),
            mode: mode(&text("mode")),
            filter: text("filter"),
            index: text("index"),
            offset: number("offset"),
            id: text("id"),
            start: number("start"),
            end: number("end"),
            part: text("part") == "results",
        }
    }

    pub(super) fn index(&self) -> Option<&str> {
        Some(self.index.as_str()).filter(|name| !name.is_empty())
    }

    fn mode_name(&self) -> &'static str {
        match self.mode {
            None | Some(SearchMode::Hybrid) => "",
            Some(SearchMode::Dense) => "dense",
            Some(SearchMode::Lexical) => "lexical",
        }
    }

    /// The address of the same search with another filter and offset.
    fn again(&self, filter: &str, offset: usize) -> String {
        let offset = if offset == 0 { String::new() } else { offset.to_string() };
        let fields = [
            ("q", &*self.q),
            ("mode", self.mode_name()),
            ("filter", filter),
            ("index", &self.index),
            ("offset", &offset),
        ];
        escaped(&address(&fields))
    }

    /// The address of a document, with a passage of it marked.
    fn document(&self, id: &str, passage: Option<CharRange>) -> String {
        let (start, end) = passage.map_or((String::new(), String::new()), |p| (p.start.to_string(), p.end.to_string()));
        let fields = [("id", id), ("start", &start), ("end", &end), ("q", &self.q), ("index", &self.index)];
        escaped(&(address(&fields) + "#hit"))
    }
}

/// What the page shows.
pub(super) enum View {
    /// Nothing was asked for yet.
    Start {
        documents: u64,
    },
    Hits(SearchAnswer),
    /// A document, and the places of the query's words in it.
    Document(DocumentAnswer, Vec<CharRange>),
    Error(String),
}

impl View {
    /// The whole page.
    pub(super) fn page(&self, asked: &Asked, indexes: &[String]) -> String {
        let title = match self {
            Self::Document(document, _) => escaped(document.title.as_deref().unwrap_or(&document.id)) + " – semsearch",
            _ if !asked.q.trim().is_empty() => escaped(&asked.q) + " – semsearch",
            _ => "semsearch".into(),
        };
        let view = if matches!(self, Self::Document(..)) { "document" } else { "search" };
        let focus = if matches!(self, Self::Start { .. }) { " autofocus" } else { "" };
        let (form, results) = (form(asked, indexes, focus), self.results(asked));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body data-view=\"{view}\">\n<a class=\"skip\" href=\"#results\">To the results</a>\n\
             <header>{form}</header>\n<main class=\"page\" id=\"results\">{results}</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
        )
    }

    /// The results alone.
    pub(super) fn results(&self, asked: &Asked) -> String {
        match self {
            Self::Start { documents } => {
                let count = number(*documents);
                format!(
                    "<h1 class=\"skip\">Search</h1><p class=\"status\" role=\"status\">{count} documents</p>\
                     <p class=\"nothing\">Ask a question, or type a few words. <span class=\"keys\"><kbd>/</kbd> goes to the \
                     field, <kbd>↑</kbd> <kbd>↓</kbd> choose a result, <kbd>Enter</kbd> opens it, <kbd>Esc</kbd> goes \
                     back.</span></p>"
                )
            }
            Self::Error(message) => {
                format!("<h1 class=\"skip\">Error</h1><p class=\"error\" role=\"alert\">{}</p>", escaped(message))
            }
            Self::Hits(answer) => hits(answer, asked),
            Self::Document(document, marks) => whole(document, marks, asked),
        }
    }
}

fn form(asked: &Asked, indexes: &[String], focus: &str) -> String {
    let choice = |value: &str, label: &str, title: &str| {
        let checked = if asked.mode_name() == value { " checked" } else { "" };
        format!(
            "<label title=\"{title}\"><input type=\"radio\" name=\"mode\" value=\"{value}\"{checked}> {label}</label>"
        )
    };
    let modes = [
        choice("", "Both", "By meaning and by words"),
        choice("dense", "Meaning", "By meaning: what says the same in other words"),
        choice("lexical", "Words", "By words: what has the words themselves"),
    ]
    .concat();
    let index = if indexes.len() > 1 {
        let option = |name: &String| {
            let chosen = if asked.index() == Some(name) { " selected" } else { "" };
            let name = escaped(name);
            format!("<option value=\"{name}\"{chosen}>{name}</option>")
        };
        let options: String = indexes.iter().map(option).collect();
        format!("<label>Index <select name=\"index\">{options}</select></label>")
    } else {
        String::new()
    };
    let (q, filter) = (escaped(&asked.q), escaped(&asked.filter));
    format!(
        "<form class=\"bar\" action=\"/\" method=\"get\" role=\"search\"><a class=\"name\" href=\"/\">sem<b>search</b></a>\
         <input type=\"search\" name=\"q\" value=\"{q}\" aria-label=\"Search\" placeholder=\"Search\" autocomplete=\"off\" \
         spellcheck=\"false\"{focus}><button>Search</button><div class=\"more-options\"><fieldset aria-label=\"Search by\">{modes}\
         </fieldset>{index}<label class=\"filter\">Filter <input type=\"text\" name=\"filter\" value=\"{filter}\" \
         placeholder=\"year &gt;= 2000 and lang = en\" autocomplete=\"off\" spellcheck=\"false\"></label></div></form>"
    )
}

fn hits(answer: &SearchAnswer, asked: &Asked) -> String {
    let (matching, took) = (number(answer.matching), answer.took_ms);
    let among = if asked.filter.trim().is_empty() { "documents" } else { "documents that the filter lets pass" };
    let (first, last) = (asked.offset + 1, asked.offset + answer.hits.len());
    let shown = if answer.hits.is_empty() { "Nothing found".into() } else { format!("Results {first} to {last}") };
    let status = format!("<p class=\"status\" role=\"status\">{shown} among {matching} {among}, {took:.0} ms</p>");
    let list: String = answer.hits.iter().map(|hit| item(hit, asked)).collect();
    let list = if answer.hits.is_empty() {
        String::new()
    } else {
        format!("<ol class=\"hits\" start=\"{first}\">{list}</ol>")
    };
    let before = asked.offset.saturating_sub(HITS);
    let earlier = (asked.offset > 0)
        .then(|| format!("<a rel=\"prev\" href=\"{}\">← Earlier results</a>", asked.again(&asked.filter, before)));
    let later = answer.more.then(|| {
        format!("<a rel=\"next\" href=\"{}\">More results →</a>", asked.again(&asked.filter, asked.offset + HITS))
    });
    let pages: String = [earlier, later].into_iter().flatten().collect();
    let pages =
        if pages.is_empty() { pages } else { format!("<nav class=\"pages\" aria-label=\"Pages\">{pages}</nav>") };
    let facets = facets(answer, asked);
    let results = format!("<section aria-label=\"Results\">{status}{list}{pages}</section>");
    let body = if facets.is_empty() { results } else { format!("<div class=\"with-facets\">{results}{facets}</div>") };
    format!("<h1 class=\"skip\">Results</h1>{body}")
}

fn item(hit: &HitObject, asked: &Asked) -> String {
    let passage = hit.chunk.map(|chunk| CharRange { start: chunk.start, end: chunk.end });
    let length = hit.text.chars().count();
    let whole = CharRange { start: 0, end: length };
    let opened = asked.document(&hit.id, passage.or(Some(whole)));
    let title = escaped(hit.title.as_deref().unwrap_or(&hit.id));
    let mut place = vec![format!("<span>{:.3}</span>", hit.score)];
    if hit.title.is_some() {
        place.push(format!("<span>{}</span>", escaped(&hit.id)));
    }
    if let Some(source) = hit.source.as_ref().filter(|_| passage.is_some()) {
        place.push(format!("<span>line {}</span>", source.line));
    }
    let part = snippet(length, hit.sentence.or(hit.highlights.first().copied()));
    let (before, after) = (if part.start > 0 { "… " } else { "" }, if part.end < length { " …" } else { "" });
    let text = marked(&hit.text, part, &hit.highlights, hit.sentence);
    format!(
        "<li><h2><a class=\"open\" href=\"{opened}\">{title}</a></h2><p class=\"place\">{}</p>\
         <p class=\"text\">{before}{text}{after}</p></li>",
        place.concat()
    )
}

/// The part of a text that is shown: around what answers, if the text is long.
fn snippet(length: usize, answers: Option<CharRange>) -> CharRange {
    let answers = answers.unwrap_or(CharRange { start: 0, end: 0 });
    let room = SNIPPET.saturating_sub(answers.end - answers.start);
    let start = answers.start.saturating_sub(room / 3).min(length.saturating_sub(SNIPPET));
    CharRange { start, end: (start + SNIPPET.max(answers.end - answers.start)).min(length) }
}

fn facets(answer: &SearchAnswer, asked: &Asked) -> String {
    let mut html = String::new();
    for (field, values) in &answer.facets {
        let items: String = values.as_array().into_iter().flatten().map(|value| choice(field, value, asked)).collect();
        if !items.is_empty() {
            html += &format!("<div><h2>{}</h2><ul>{items}</ul></div>", escaped(field));
        }
    }
    if html.is_empty() { html } else { format!("<aside class=\"facets\" aria-label=\"Narrow down\">{html}</aside>") }
}

/// A value of a field: a link that narrows the search down to it, or takes the condition away again.
fn choice(field: &str, value: &Value, asked: &Asked) -> String {
    let (value, count) = (&value["value"], value["count"].as_u64().unwrap_or(0));
    let named = serde_json::to_string(field).unwrap_or_default();
    let plain =
        !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    let condition = format!("{} = {value}", if plain { field } else { &named });
    let filter = asked.filter.trim();
    let (target, pressed) = if filter == condition {
        (String::new(), " aria-current=\"true\"")
    } else if filter.is_empty() {
        (condition, "")
    } else {
        (format!("({filter}) and {condition}"), "")
    };
    let label = value.as_str().map_or_else(|| value.to_string(), String::from);
    let (address, label, count) = (asked.again(&target, 0), escaped(&label), number(count));
    format!("<li><a href=\"{address}\"{pressed}>{label}</a> <span class=\"count\">{count}</span></li>")
}

fn whole(document: &DocumentAnswer, marks: &[CharRange], asked: &Asked) -> String {
    let title = escaped(document.title.as_deref().unwrap_or(&document.id));
    let passage =
        CharRange { start: asked.start.max(document.start), end: asked.end.clamp(document.start, document.end) };
    let length = document.end - document.start;
    let (from, to) = match passage.start < passage.end && (passage.start, passage.end) != (0, document.total_chars) {
        true => (passage.start - document.start, passage.end - document.start),
        false => (0, 0),
    };
    let part = |start, end| marked(&document.text, CharRange { start, end }, marks, None);
    let text = if from < to {
        format!("{}<span class=\"hit\" id=\"hit\">{}</span>{}", part(0, from), part(from, to), part(to, length))
    } else {
        format!("<span id=\"hit\"></span>{}", part(0, length))
    };
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), String::from);
    let fields = document.metadata.iter().filter(|(_, value)| !value.is_null());
    let fields: String =
        fields.map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(&shown(value)))).collect();
    let source = document.source.as_ref().map(|place| format!("<dt>file</dt><dd>{}</dd>", escaped(&place.path)));
    let back = if asked.q.is_empty() { "/".into() } else { asked.again("", 0) };
    let turn = |start: usize, label: &str| {
        let passage = CharRange { start, end: start };
        format!("<a href=\"{}\">{label}</a>", asked.document(&document.id, Some(passage)))
    };
    let earlier = (document.start > 0).then(|| turn(document.start.saturating_sub(length / 2), "← Before this part"));
    let later = document.next_start.map(|next| turn(next + length / 4, "After this part →"));
    let turns: String = [earlier, later].into_iter().flatten().collect();
    format!(
        "<nav class=\"pages\" aria-label=\"Back\"><a href=\"{back}\">← Results</a>{turns}</nav><article><h1>{title}</h1>\
         <p class=\"place\"><span>{}</span><span>{} characters</span></p><dl>{}{fields}</dl>\
         <div class=\"document\" tabindex=\"0\" role=\"region\" aria-label=\"Text\">{text}</div></article>",
        escaped(&document.id),
        number(document.total_chars as u64),
        source.unwrap_or_default(),
    )
}

/// A number with commas.
fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_document_holds_is_shown_and_not_obeyed() {
        let asked = Asked::of("q=%3Cb%3E%22&filter=a+%3D+%22%27%3E%22");
        let evil = "<script>alert(1)</script>".to_owned();
        let hit = HitObject {
            query_id: "1".into(),
            query: evil.clone(),
            rank: 1,
            id: evil.clone(),
            score: 0.5,
            title: Some(evil.clone()),
            text: evil.clone(),
            metadata: serde_json::Map::new(),
            source: None,
            chunk: None,
            highlights: vec![CharRange { start: 1, end: 7 }],
            sentence: None,
            scores: None,
        };
        let facets = serde_json::json!({evil.clone(): [{"value": evil, "count": 3}]});
        let facets = facets.as_object().cloned().unwrap();
        let answer =
            SearchAnswer { commit: "c".into(), took_ms: 1.0, matching: 1234, hits: vec![hit], facets, more: true };
        let page = View::Hits(answer).page(&asked, &["<i>".into(), "b".into()]);
        let own = page.replace(STYLE, "").replace(SCRIPT, "");
        assert_eq!(own.matches("<script>").count(), 1, "{own}");
        assert!(own.contains("1,234 documents") && !own.contains("<i>") && !own.contains("<b>\""), "{own}");
        assert!(own.contains("&lt;<mark>script</mark>&gt;"), "{own}");
    }
}
