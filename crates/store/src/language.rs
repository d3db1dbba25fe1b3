//! The language of an index's words.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Languages whose words can be stemmed (the Snowball algorithms), by name.
const LANGUAGES: [&str; 18] = [
    "arabic",
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "greek",
    "hungarian",
    "italian",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
];

/// The position of English in the list.
const ENGLISH: u8 = 3;

/// The language by whose rules words are stemmed, if they are stemmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(Option<u8>);

impl Language {
    /// Words are not stemmed.
    pub const NONE: Self = Self(None);

    /// All languages, and [`Self::NONE`] at the end.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..LANGUAGES.len() as u8).map(|number| Self(Some(number))).chain([Self::NONE])
    }

    /// The language's name; `None` if words are not stemmed.
    pub fn name(self) -> Option<&'static str> {
        self.0.map(|number| LANGUAGES[usize::from(number)])
    }
}

impl Default for Language {
    fn default() -> Self {
        Self(Some(ENGLISH))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("none"))
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let lower = word.to_lowercase();
        let known = Self::all().find(|language| language.to_string() == lower);
        known.ok_or_else(|| format!("no stemming for {word:?}: expected none, {}", LANGUAGES.join(", ")))
    }
}

impl TryFrom<String> for Language {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        word.parse()
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_is_named_as_it_is_parsed() {
        for language in Language::all() {
            assert_eq!(language.to_string().parse(), Ok(language));
        }
        assert_eq!("English".parse(), Ok(Language::default()));
        assert_eq!(Language::default().name(), Some("english"));
        let unknown = "klingon".parse::<Language>().unwrap_err();
        assert!(unknown.starts_with("no stemming for \"klingon\": expected none, arabic,"), "{unknown}");
    }
}
