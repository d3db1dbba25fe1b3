//! Splits a filter expression into words and symbols, and reports where it is wrong. The parser decides what they mean.

use super::BadFilter;

/// The characters that a bare word cannot contain, besides white space and control characters.
const PUNCTUATION: &str = "()[]{},;\"'`=<>!&|^*~\\";
const QUOTES: [char; 3] = ['"', '\'', '`'];

/// Words that join conditions. They must be quoted where they are meant as fields or values.
const JOINING: [&str; 3] = ["and", "or", "not"];

/// The most characters of the expression that an error shows.
const SHOWN: usize = 30;

/// Reads an expression, from its current position on.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// A string or bare word that stands for a value.
pub(super) struct ScannedWord {
    pub(super) text: String,
    pub(super) quoted: bool,
    /// The byte at which it begins.
    pub(super) at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The byte at which the next word or symbol begins, after white space.
    pub(super) fn next_at(&mut self) -> usize {
        self.at = self.text.len() - self.rest().trim_start().len();
        self.at
    }

    pub(super) fn at_end(&mut self) -> bool {
        self.next_at() == self.text.len()
    }

    /// Takes `symbol` if it comes next; there may be white space before it.
    pub(super) fn eat(&mut self, symbol: &str) -> bool {
        self.next_at();
        self.eat_here(symbol)
    }

    /// Takes `symbol` if it comes next without white space before it.
    pub(super) fn eat_here(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        self.at += if found { symbol.len() } else { 0 };
        found
    }

    /// Takes the words `keywords` if all of them come next, in upper or lower case; otherwise takes none.
    pub(super) fn eat_keywords(&mut self, keywords: &[&str]) -> bool {
        let before = self.at;
        for keyword in keywords {
            self.next_at();
            let word = bare(self.rest(), ":");
            if !word.eq_ignore_ascii_case(keyword) {
                self.at = before;
                return false;
            }
            self.at += word.len();
        }
        true
    }

    /// Takes a keyword and the symbol after it if both come next; otherwise takes neither.
    pub(super) fn eat_call(&mut self, keyword: &str, symbol: &str) -> bool {
        let before = self.at;
        let found = self.eat_keywords(&[keyword]) && self.eat(symbol);
        self.at = if found { self.at } else { before };
        found
    }

    /// Whether a value comes next.
    pub(super) fn at_word(&mut self) -> bool {
        self.next_at();
        let word = bare(self.rest(), "");
        self.rest().starts_with(QUOTES) || !word.is_empty() && !is_joining(word)
    }

    /// Takes a value: a quoted string or a bare word.
    pub(super) fn word(&mut self, expected: &str) -> Result<ScannedWord, BadFilter> {
        if !self.at_word() {
            return Err(self.error(expected));
        }
        let at = self.at;
        if let Some(text) = self.quoted()? {
            return Ok(ScannedWord { text, quoted: true, at });
        }
        let text = bare(self.rest(), "").to_owned();
        self.at += text.len();
        Ok(ScannedWord { text, quoted: false, at })
    }

    /// Takes a path: bare or quoted names with dots between them. As in jq, there may be a dot before the first name
    /// and brackets after any name. These have no meaning here and are skipped.
    pub(super) fn path(&mut self) -> Result<String, BadFilter> {
        let mut path = String::new();
        self.eat(".");
        loop {
            match self.quoted()? {
                Some(name) => path.push_str(&name),
                None => {
                    let name = bare_name(self.rest());
                    if name.is_empty() || path.is_empty() && is_joining(name) {
                        return Err(self.error("a field"));
                    }
                    path.push_str(name);
                    self.at += name.len();
                }
            }
            self.eat_here("[]");
            if self.rest().starts_with("..") || !self.eat_here(".") {
                return Ok(path);
            }
            path.push('.');
        }
    }

    /// Takes a quoted string, if one begins at the current position. A quote inside it is doubled, or has a backslash
    /// before it.
    fn quoted(&mut self) -> Result<Option<String>, BadFilter> {
        let Some(quote) = self.rest().chars().next().filter(|first| QUOTES.contains(first)) else { return Ok(None) };
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.next_char() {
                None => return Err(self.error(&format!("the closing {quote}"))),
                Some('\\') => text.push(self.escaped()?),
                Some(char) if char != quote => text.push(char),
                Some(_) if self.eat_here(quote.encode_utf8(&mut [0; 4])) => text.push(quote),
                Some(_) => return Ok(Some(text)),
            }
        }
    }

    /// Takes what follows a backslash, as in JSON.
    fn escaped(&mut self) -> Result<char, BadFilter> {
        let at = self.at;
        let escaped = match self.next_char() {
            Some(char @ ('"' | '\'' | '`' | '\\' | '/')) => Some(char),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('u') => self.unicode(),
            _ => None,
        };
        let expected = "a quote, a backslash or one of n, r, t, b, f and u0000 after the backslash";
        escaped.ok_or_else(|| self.error_at(at, expected))
    }

    /// Takes the four digits of `\u`, and a second escape if the character is a pair of surrogates.
    fn unicode(&mut self) -> Option<char> {
        let first = self.four_digits()?;
        let second = if (0xd800..0xdc00).contains(&first) && self.eat_here("\\u") { self.four_digits() } else { None };
        char::decode_utf16([first].into_iter().chain(second)).next()?.ok()
    }

    fn four_digits(&mut self) -> Option<u16> {
        let digits = self.rest().get(..4)?;
        let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let unit = u16::from_str_radix(digits, 16).ok().filter(|_| hexadecimal)?;
        self.at += digits.len();
        Some(unit)
    }

    fn next_char(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// The error that something else was expected next.
    pub(super) fn error(&mut self, expected: &str) -> BadFilter {
        let at = self.next_at();
        self.error_at(at, expected)
    }

    /// The error that something else was expected at byte `at`.
    pub(super) fn error_at(&self, at: usize, expected: &str) -> BadFilter {
        let (before, rest) = self.text.split_at(at);
        BadFilter { expected: expected.into(), found: found(rest), byte: at, character: before.chars().count() + 1 }
    }
}

/// The word, string or character with which `rest` begins, for a message.
fn found(rest: &str) -> String {
    let Some(first) = rest.chars().next() else { return "the end".into() };
    let length = match bare(rest, "").len() {
        0 if QUOTES.contains(&first) => rest[1..].find(first).map_or(rest.len(), |closing| closing + 2),
        0 => first.len_utf8(),
        word => word,
    };
    let token = &rest[..length];
    let mut shown: String =
        token.chars().take(SHOWN).map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect();
    if token.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// The bare word with which `text` begins. It ends before any of `stops`, and before the two dots of a range.
fn bare<'a>(text: &'a str, stops: &str) -> &'a str {
    let ends = |(at, char): &(usize, char)| {
        let separates = char.is_whitespace() || char.is_control() || PUNCTUATION.contains(*char);
        separates || stops.contains(*char) || text[*at..].starts_with("..")
    };
    &text[..text.char_indices().find(ends).map_or(text.len(), |(at, _)| at)]
}

/// The bare name of a field, without a dot, with which `text` begins. A sign is not accepted before it, because it
/// would look like Lucene's.
fn bare_name(text: &str) -> &str {
    if text.starts_with(['-', '+']) { "" } else { bare(text, ":.") }
}

/// Whether a path can be written without quotes.
pub(super) fn is_bare_path(path: &str) -> bool {
    let joining = path.split('.').next().is_some_and(is_joining);
    !joining && path.split('.').all(|name| !name.is_empty() && bare_name(name) == name)
}

fn is_joining(word: &str) -> bool {
    JOINING.iter().any(|joining| word.eq_ignore_ascii_case(joining))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Result<String, String> {
        Scanner::new(text).path().map_err(|error| error.to_string())
    }

    fn word(text: &str) -> Result<String, String> {
        Scanner::new(text).word("a value").map(|word| word.text).map_err(|error| error.to_string())
    }

    #[test]
    fn paths_are_names_with_dots_bare_or_quoted() {
        for (text, expected) in [
            ("a.b = 1", "a.b"),
            (" .a.b:1", "a.b"),
            ("tags[].name", "tags.name"),
            ("'first name'.x", "first name.x"),
            ("a.`b c`=", "a.b c"),
            ("größe>1", "größe"),
            ("a..b", "a"),
        ] {
            assert_eq!(path(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(path("-a"), Err("expected a field at character 1, found `-a`".into()));
        assert_eq!(path("a. = 1"), Err("expected a field at character 4, found `=`".into()));
    }

    #[test]
    fn strings_know_escapes_and_doubled_quotes() {
        assert_eq!(word(r#" "a\"b\\\n\u00e9\uD83D\uDE00" "#).as_deref(), Ok("a\"b\\\né😀"));
        assert_eq!(word("'it''s' x").as_deref(), Ok("it's"));
        assert_eq!(word("''").as_deref(), Ok(""));
    }

    #[test]
    fn bare_words_end_before_symbols_white_space_and_ranges() {
        for (text, expected) in [("1990..2000", "1990"), ("a.b:c/d-e)", "a.b:c/d-e"), ("x*", "x"), ("ü b", "ü")] {
            assert_eq!(word(text).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_is_wrong_with_a_string_is_said_with_its_place() {
        let escape = "expected a quote, a backslash or one of n, r, t, b, f and u0000 after the backslash";
        for text in [r#""\q""#, r#""\u12""#, r#""\ud800""#, r#""\u+123""#] {
            let message = word(text).unwrap_err();
            assert!(message.starts_with(&format!("{escape} at character 3, found `")), "{message}");
        }
        assert_eq!(word("'abc"), Err("expected the closing ' at character 5, found the end".into()));
        assert_eq!(word("'ab\\"), Err(format!("{escape} at character 5, found the end")));
    }
}
