//! The languages whose syntax is known, and how their files are named.

use std::path::Path;

/// A programming language whose syntax is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeLanguage {
    /// C.
    C,
    /// C++.
    Cpp,
    /// Go.
    Go,
    /// Java.
    Java,
    /// JavaScript, with JSX.
    JavaScript,
    /// Python 3.
    Python,
    /// Rust.
    Rust,
    /// TypeScript with JSX.
    Tsx,
    /// TypeScript.
    TypeScript,
}

/// A language, its name, and the extensions of its files. A header `.h` counts as C++: the grammar of C++ understands
/// the headers of both languages.
const LANGUAGES: [(CodeLanguage, &str, &[&str]); 9] = [
    (CodeLanguage::C, "C", &["c"]),
    (CodeLanguage::Cpp, "C++", &["cc", "cpp", "cxx", "c++", "h", "hh", "hpp", "hxx", "ipp", "inl", "tpp", "cu", "cuh"]),
    (CodeLanguage::Go, "Go", &["go"]),
    (CodeLanguage::Java, "Java", &["java"]),
    (CodeLanguage::JavaScript, "JavaScript", &["js", "jsx", "mjs", "cjs"]),
    (CodeLanguage::Python, "Python", &["py", "pyi", "pyw"]),
    (CodeLanguage::Rust, "Rust", &["rs"]),
    (CodeLanguage::Tsx, "TypeScript", &["tsx"]),
    (CodeLanguage::TypeScript, "TypeScript", &["ts", "mts", "cts"]),
];

impl CodeLanguage {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        LANGUAGES.iter().map(|&(language, ..)| language)
    }

    /// The language of a file, by its extension in upper or lower case; `None` if it has another one or none.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        let mut languages = LANGUAGES.iter();
        languages.find(|(.., extensions)| extensions.contains(&extension.as_str())).map(|&(language, ..)| language)
    }

    /// The extensions of its files, in lower case.
    pub fn extensions(self) -> &'static [&'static str] {
        LANGUAGES.iter().find(|&&(language, ..)| language == self).map_or(&[], |&(.., extensions)| extensions)
    }

    /// The name that people know it by; TypeScript with or without JSX is TypeScript.
    pub fn name(self) -> &'static str {
        LANGUAGES.iter().find(|&&(language, ..)| language == self).map_or("", |&(_, name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_says_the_language() {
        let of = |path: &str| CodeLanguage::of(Path::new(path)).map(CodeLanguage::name);
        assert_eq!(of("src/main.rs"), Some("Rust"));
        assert_eq!(of("A.JAVA"), Some("Java"));
        assert_eq!(of("app.d.ts"), Some("TypeScript"));
        assert_eq!(of("App.tsx"), Some("TypeScript"));
        assert_eq!(of("wire.h"), Some("C++"));
        assert_eq!([of("notes.md"), of("Makefile"), of("rs"), of("")], [None; 4]);
    }

    #[test]
    fn no_extension_belongs_to_two_languages() {
        let mut extensions: Vec<_> = LANGUAGES.iter().flat_map(|(.., extensions)| *extensions).collect();
        extensions.sort_unstable();
        assert!(extensions.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(CodeLanguage::all().all(|language| !language.name().is_empty()));
    }
}
