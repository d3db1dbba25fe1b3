//! Text as HTML. Whatever a document holds is shown, and never obeyed.

use std::fmt::Write;

use crate::search::CharRange;

/// Text for an element or a quoted attribute. Characters that are not to be seen, such as those of terminals' escape
/// sequences, are shown as symbols.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' | '\t' => html.push(c),
            '\r' => {}
            '\u{0}'..='\u{1f}' => html.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')),
            '\u{7f}' => html.push('\u{2421}'),
            '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => html.push('\u{fffd}'),
            c => html.push(c),
        }
    }
    html
}

/// An address of the page with these fields. Fields without a value are left out.
pub(super) fn address(fields: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    fields.iter().filter(|(_, value)| !value.is_empty()).for_each(|(name, value)| {
        query.append_pair(name, value);
    });
    format!("/?{}", query.finish())
}

/// A part of a text, in characters, with the marked places in it. A sentence is set off from what is around it.
pub(super) fn marked(text: &str, part: CharRange, places: &[CharRange], sentence: Option<CharRange>) -> String {
    let chars: Vec<char> = text.chars().skip(part.start).take(part.end - part.start).collect();
    let inside = |at: usize| sentence.is_none_or(|sentence| (sentence.start..sentence.end).contains(&at));
    let is_marked = |at: usize| {
        let next = places.partition_point(|place| place.end <= at);
        places.get(next).is_some_and(|place| place.start <= at)
    };
    let mut html = String::new();
    let mut at = 0;
    while at < chars.len() {
        let look = |at: usize| (inside(part.start + at), is_marked(part.start + at));
        let own = look(at);
        let end = (at..chars.len()).find(|&next| look(next) != own).unwrap_or(chars.len());
        let run = escaped(&chars[at..end].iter().collect::<String>());
        let (is_inside, is_marked) = own;
        let run = if is_marked { format!("<mark>{run}</mark>") } else { run };
        let _ = if is_inside { write!(html, "{run}") } else { write!(html, "<span class=\"around\">{run}</span>") };
        at = end;
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_obeyed() {
        assert_eq!(escaped("<script>alert('1')</script>"), "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
        assert_eq!(escaped("\u{1b}[31mred\u{7}\u{202e}x\r\n\"&"), "␛[31mred␇\u{fffd}x\n&quot;&amp;");
        assert_eq!(address(&[("q", "a&b <"), ("filter", ""), ("id", "../x")]), "/?q=a%26b+%3C&id=..%2Fx");
    }

    #[test]
    fn words_are_marked_and_a_sentence_is_set_off() {
        let place = |start, end| CharRange { start, end };
        let html = marked("é<b one two", place(2, 11), &[place(4, 7)], None);
        assert_eq!(html, "b <mark>one</mark> two");
        let html = marked("One. Two.", place(0, 9), &[place(0, 3)], Some(place(5, 9)));
        assert_eq!(html, "<span class=\"around\"><mark>One</mark></span><span class=\"around\">. </span>Two.");
    }
}
