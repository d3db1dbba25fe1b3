//! The headings of a Markdown text or the items of a code, and which of them a place in it belongs to.
//!
//! What stands under a heading ends at the next heading of the same or a smaller level. An item of code, such as a
//! function or a type, has an end of its own.
//!
//! In Markdown, only headings of the document itself count, not those in code, quotes or lists. YAML front matter at
//! the top is no heading, although by CommonMark alone its last line would be one. HTML's `<h1>` is ignored.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::{CodeLanguage, Markup, code};

/// The separator between the headings of a path.
pub const SEPARATOR: &str = " > ";

/// The most characters of a title. A heading is repeated wherever something stands below it, so a paragraph that is
/// marked as a heading would be repeated in every part of its document.
const TITLE_CHARS: usize = 256;

/// A Markdown text's events, each with its range in bytes and the number of blocks and spans around it.
pub(crate) fn events(text: &str) -> impl Iterator<Item = (Event<'_>, Range<usize>, usize)> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut open = 0_usize;
    Parser::new_ext(text, options).into_offset_iter().map(move |(event, range)| {
        if matches!(event, Event::End(_)) {
            open = open.saturating_sub(1);
        }
        let depth = open;
        if matches!(event, Event::Start(_)) {
            open += 1;
        }
        (event, range, depth)
    })
}

/// A heading, or an item of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// Its start, in bytes. An item of code starts with the comments and attributes right above it.
    pub at: usize,
    /// 1 for the outermost; up to 6 in Markdown and HTML, up to 8 in code.
    pub level: u8,
    /// Its text without markup, on one line; empty if the heading has no text. Of a very long text, its first words.
    pub title: String,
    /// The index of the closest heading above it that has a smaller level.
    parent: Option<usize>,
    /// The end of an item of code, in bytes. A heading has none.
    end: Option<usize>,
}

/// The headings or the items of a text, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    headings: Vec<Heading>,
}

impl Outline {
    /// Finds the headings of a Markdown text.
    pub fn of(text: &str) -> Self {
        let mut outline = Self::default();
        let mut title: Option<String> = None;
        for (event, range, depth) in events(text) {
            match event {
                Event::Start(Tag::Heading { level, .. }) if depth == 0 => {
                    title = Some(String::new());
                    outline.push(range.start, level as u8, None);
                }
                Event::End(TagEnd::Heading(_)) if depth == 0 => outline.entitle(title.take()),
                Event::Text(words) | Event::Code(words) => title.iter_mut().for_each(|title| title.push_str(&words)),
                Event::SoftBreak | Event::HardBreak => title.iter_mut().for_each(|title| title.push(' ')),
                _ => {}
            }
        }
        outline
    }

    /// Finds the items of a code: functions, types and modules. Their titles are as in `impl Client` or `fn send`: the
    /// keyword and the name, or the name alone where the language has no keyword. There are none if the text has more
    /// than 512 KiB or is no code of the language, and without the feature `code`.
    pub fn of_code(text: &str, language: CodeLanguage) -> Self {
        let mut outline = Self::default();
        for (range, level, title) in code::items(text, language) {
            outline.push(range.start, level, Some(range.end));
            outline.entitle(Some(title));
        }
        outline
    }

    /// Finds what a text has by the way it is written: headings, items or nothing.
    pub fn of_markup(text: &str, markup: Markup) -> Self {
        match markup {
            Markup::Markdown => Self::of(text),
            Markup::Code(Some(language)) => Self::of_code(text, language),
            Markup::Plain | Markup::Code(None) => Self::default(),
        }
    }

    /// Adds a heading after all others: it starts at byte `at`, its level is 1 or more, and `title` is its text.
    pub(crate) fn add(&mut self, at: usize, level: u8, title: &str) {
        self.push(at, level, None);
        self.entitle(Some(title.to_owned()));
    }

    /// All headings, or all items.
    pub fn headings(&self) -> &[Heading] {
        &self.headings
    }

    /// The first heading of level 1 that is not empty.
    pub fn title(&self) -> Option<&str> {
        let mut titles =
            self.headings.iter().filter(|heading| heading.level == 1).map(|heading| heading.title.as_str());
        titles.find(|title| !title.is_empty())
    }

    /// The titles of the headings above the byte `at`, outermost first: `Guide > Install > Linux`. The last heading is
    /// the one that contains `at` or comes before it. The path is empty before the first heading. In code, it names the
    /// items that contain `at`: `impl Client > fn send`.
    pub fn path(&self, at: usize) -> String {
        let mut path = Vec::new();
        let mut next = self.headings.partition_point(|heading| heading.at <= at).checked_sub(1);
        while let Some(heading) = next.and_then(|number| self.headings.get(number)) {
            if heading.end.is_none_or(|end| at < end) {
                path.push(heading.title.as_str());
            }
            next = heading.parent;
        }
        path.retain(|title| !title.is_empty());
        path.reverse();
        path.join(SEPARATOR)
    }

    /// The path of a part of the text: that of its first byte that is no white space.
    pub fn path_of(&self, text: &str, part: Range<usize>) -> String {
        let blanks = text.get(part.clone()).map_or(0, |part| part.len() - part.trim_start().len());
        let at = part.start + blanks;
        self.path(if at < part.end { at } else { part.start })
    }

    fn push(&mut self, at: usize, level: u8, end: Option<usize>) {
        let mut parent = self.headings.len().checked_sub(1);
        while let Some(above) = parent.and_then(|number| self.headings.get(number)) {
            if above.level < level {
                break;
            }
            parent = above.parent;
        }
        self.headings.push(Heading { at, level, title: String::new(), parent, end });
    }

    /// Sets the title of the last heading.
    fn entitle(&mut self, words: Option<String>) {
        if let (Some(heading), Some(words)) = (self.headings.last_mut(), words) {
            heading.title = in_one_line(&words);
        }
    }
}

/// The words of a heading on one line. If there are more than a title may have, the last ones are left out.
fn in_one_line(words: &str) -> String {
    let mut line = String::new();
    let mut left = TITLE_CHARS;
    for word in words.split_whitespace() {
        let space = usize::from(!line.is_empty());
        let chars = space + word.chars().take(TITLE_CHARS + 1).count();
        if chars > left && !line.is_empty() {
            break;
        }
        line.push_str(&" "[..space]);
        line.extend(word.chars().take(TITLE_CHARS));
        left = left.saturating_sub(chars);
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Vec<(usize, u8, String)> {
        Outline::of(text).headings.into_iter().map(|heading| (heading.at, heading.level, heading.title)).collect()
    }

    #[test]
    fn titles_are_words_without_markup() {
        let text = "# The *fast* `way` ##\n\nTwo\nlines\n=====\n\n## [Link](x) {#id}\n\n####### seven\n";
        let expected = [(0, 1, "The fast way".into()), (23, 1, "Two lines".into()), (40, 2, "Link".into())];
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn what_stands_in_code_quotes_lists_or_front_matter_is_no_heading() {
        let text =
            "---\ntitle: Front\n---\n\n```sh\n# comment\n```\n\n    # indented\n\n> # quoted\n\n- # item\n\n# Real\n";
        assert_eq!(shown(text), [(text.find("# Real").unwrap(), 1, "Real".into())]);
        assert_eq!(Outline::of(text).title(), Some("Real"));
    }

    #[test]
    fn a_path_names_the_headings_a_place_stands_under() {
        let text = "intro\n\n# Guide\n\na\n\n## Install\n\nb\n\n### Linux\n\nc\n\n##\n\nd\n\n## Use\n\ne\n";
        let outline = Outline::of(text);
        let path = |word| outline.path(text.find(word).unwrap());
        assert_eq!(path("intro"), "");
        assert_eq!(path("# Guide"), "Guide");
        assert_eq!(path("\nc\n"), "Guide > Install > Linux");
        assert_eq!(path("\nd\n"), "Guide");
        assert_eq!(path("\ne\n"), "Guide > Use");
        assert_eq!(outline.path(usize::MAX), "Guide > Use");
    }

    #[test]
    fn a_title_has_the_first_words_of_a_very_long_heading() {
        let title = |text: &str| Outline::of(text).headings[0].title.clone();
        assert_eq!(title(&format!("# {}", "word ".repeat(1000))), ["word"; 51].join(" "));
        assert_eq!(title(&format!("# {}", "é".repeat(1000))), "é".repeat(TITLE_CHARS));
        assert_eq!(title(&format!("# {} b", "é".repeat(300))), "é".repeat(TITLE_CHARS));
        let just = format!("{} b", "a".repeat(TITLE_CHARS - 2));
        assert_eq!(title(&format!("# {just} c")), just);
    }

    #[test]
    fn a_title_is_the_first_heading_of_level_1_with_words() {
        assert_eq!(Outline::of("## Two\n\n#\n\n# One\n\n# Other\n").title(), Some("One"));
        assert_eq!(Outline::of("## Two\n").title(), None);
    }

    proptest! {
        #[test]
        fn a_path_is_what_a_stack_of_headings_holds(levels in prop::collection::vec(1_usize..=6, 0..20)) {
            let (mut text, mut stack, mut expected) = (String::from("start\n\n"), Vec::new(), vec![(0, String::new())]);
            for (number, &level) in levels.iter().enumerate() {
                stack.truncate(level - 1);
                stack.resize(level - 1, String::new());
                stack.push(format!("H{number}"));
                let path: Vec<_> = stack.iter().filter(|title| !title.is_empty()).cloned().collect();
                expected.push((text.len(), path.join(" > ")));
                text.push_str(&format!("{} H{number}\n\n```\n# code\n```\n\n", "#".repeat(level)));
            }
            let outline = Outline::of(&text);
            for (at, path) in expected {
                prop_assert_eq!(outline.path(at + 1), path);
            }
        }

        #[test]
        fn any_text_has_an_outline(text in any::<String>(), at: usize) {
            let outline = Outline::of(&text);
            prop_assert!(outline.headings().iter().all(|heading| text.is_char_boundary(heading.at)));
            outline.path(at);
        }
    }
}
