//! Source code: a file is one record. Its language follows from its extension, and says where it may be cut.

use std::ops::ControlFlow;

use super::content::InputContent;
use super::reader::Reader;
use super::text::read_text;
use crate::record::RecordSink;
use crate::{CodeLanguage, Markup};

/// Extensions of languages whose syntax is not known. Their code is cut by lines.
pub(super) const EXTENSIONS: [&str; 103] = [
    // Of the languages in `code/language.rs`.
    "c", "cc", "cpp", "cxx", "c++", "h", "hh", "hpp", "hxx", "ipp", "inl", "tpp", "cu", "cuh", "go", "java", "js",
    "jsx", "mjs", "cjs", "py", "pyi", "pyw", "rs", "tsx", "ts", "mts", "cts", // Others.
    "asm", "awk", "bash", "bat", "bzl", "clj", "cljs", "cmake", "cmd", "coffee", "cr", "cs", "css", "d", "dart", "el",
    "elm", "erl", "ex", "exs", "f", "f90", "fish", "fs", "fsx", "gd", "glsl", "gradle", "groovy", "hcl", "hlsl", "hrl",
    "hs", "hx", "jl", "kt", "kts", "less", "lisp", "lua", "m", "mk", "ml", "mli", "mm", "nim", "nix", "pas", "php",
    "pl", "pm", "proto", "ps1", "purs", "r", "rb", "rkt", "s", "sass", "scala", "scm", "scss", "sh", "sol", "sql",
    "svelte", "swift", "tcl", "tf", "v", "vb", "vhd", "vue", "wgsl", "zsh",
];

/// Reads an input as one file of code.
pub(super) struct CodeReader;

impl Reader for CodeReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        let language = content.file().and_then(CodeLanguage::of);
        read_text(content, sink, |_| (Markup::Code(language), None))
    }

    fn markup(&self) -> Option<Markup> {
        Some(Markup::Code(None))
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::tests::read_all;
    use super::*;
    use crate::Input;

    #[test]
    fn the_extension_says_the_language() {
        let markup = |name: &str| {
            let found = read_all(&CodeReader, b"x = 1\n", &Input::File(name.into()));
            found[0].as_ref().unwrap().markup
        };
        assert_eq!(markup("a.py"), Some(Markup::Code(Some(CodeLanguage::Python))));
        assert_eq!(markup("a.rb"), Some(Markup::Code(None)));
    }

    #[test]
    fn every_language_whose_syntax_is_known_has_its_extensions_here() {
        for extension in EXTENSIONS {
            assert!(extension.chars().all(|character| !character.is_uppercase()), "{extension}");
        }
        let known = EXTENSIONS.iter().filter(|extension| CodeLanguage::of(format!("a.{extension}").as_ref()).is_some());
        assert_eq!(known.count(), CodeLanguage::all().map(|language| language.extensions().len()).sum::<usize>());
    }
}
