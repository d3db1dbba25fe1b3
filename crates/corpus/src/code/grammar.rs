//! The grammar of each language, and which of its nodes are items.
//!
//! An item is what a reader looks for by name: a function, a type, a module. Its title is its keyword and its name, as
//! in `fn send`; the name alone where the language has no keyword, as for a method in Java.

use tree_sitter::Language;

use super::CodeLanguage;

/// A kind of node that is an item.
pub(super) struct ItemKind {
    /// The node's kind in the grammar.
    pub(super) node: &'static str,
    /// What its title begins with; may be empty.
    pub(super) keyword: &'static str,
    /// The fields of the node that are its name, each with what follows it in the title. A field may be absent, but not
    /// all of them.
    pub(super) name: &'static [(&'static str, &'static str)],
    /// What else the node must have to be an item.
    pub(super) needs: Needs,
}

/// What a node must have to be an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Only a name.
    Name,
    /// A body: `struct a {…}`, but not `struct a b;`.
    Body,
    /// A value that is a function or a class: `const send = () => {…}`.
    Function,
}

const NAME: &[(&str, &str)] = &[("name", "")];
const DECLARATOR: &[(&str, &str)] = &[("declarator", "")];

const fn item(node: &'static str, keyword: &'static str) -> ItemKind {
    ItemKind { node, keyword, name: NAME, needs: Needs::Name }
}

const fn with_body(node: &'static str, keyword: &'static str) -> ItemKind {
    ItemKind { node, keyword, name: NAME, needs: Needs::Body }
}

const fn named(node: &'static str, keyword: &'static str, name: &'static [(&'static str, &'static str)]) -> ItemKind {
    ItemKind { node, keyword, name, needs: Needs::Name }
}

const fn function_value(node: &'static str, name: &'static [(&'static str, &'static str)]) -> ItemKind {
    ItemKind { node, keyword: "", name, needs: Needs::Function }
}

const RUST: &[ItemKind] = &[
    item("mod_item", "mod"),
    item("struct_item", "struct"),
    item("enum_item", "enum"),
    item("union_item", "union"),
    item("trait_item", "trait"),
    item("function_item", "fn"),
    item("function_signature_item", "fn"),
    item("macro_definition", "macro"),
    named("impl_item", "impl", &[("trait", " for "), ("type", "")]),
];

const PYTHON: &[ItemKind] = &[item("class_definition", "class"), item("function_definition", "def")];

const JAVASCRIPT: &[ItemKind] = &[
    item("class_declaration", "class"),
    item("function_declaration", "function"),
    item("generator_function_declaration", "function"),
    item("method_definition", ""),
    function_value("variable_declarator", NAME),
    function_value("field_definition", &[("property", "")]),
];

const TYPESCRIPT: &[ItemKind] = &[
    item("class_declaration", "class"),
    item("abstract_class_declaration", "class"),
    item("interface_declaration", "interface"),
    item("enum_declaration", "enum"),
    item("type_alias_declaration", "type"),
    item("internal_module", "namespace"),
    item("module", "module"),
    item("function_declaration", "function"),
    item("function_signature", "function"),
    item("generator_function_declaration", "function"),
    item("method_definition", ""),
    item("abstract_method_signature", ""),
    function_value("variable_declarator", NAME),
    function_value("public_field_definition", NAME),
];

const GO: &[ItemKind] = &[
    item("type_spec", "type"),
    item("function_declaration", "func"),
    named("method_declaration", "func", &[("receiver", " "), ("name", "")]),
];

const JAVA: &[ItemKind] = &[
    item("class_declaration", "class"),
    item("interface_declaration", "interface"),
    item("enum_declaration", "enum"),
    item("record_declaration", "record"),
    item("annotation_type_declaration", "@interface"),
    item("method_declaration", ""),
    item("constructor_declaration", ""),
    item("compact_constructor_declaration", ""),
];

const C: &[ItemKind] = &[
    with_body("struct_specifier", "struct"),
    with_body("union_specifier", "union"),
    with_body("enum_specifier", "enum"),
    named("type_definition", "typedef", DECLARATOR),
    named("function_definition", "", DECLARATOR),
];

const CPP: &[ItemKind] = &[
    item("namespace_definition", "namespace"),
    with_body("class_specifier", "class"),
    with_body("struct_specifier", "struct"),
    with_body("union_specifier", "union"),
    with_body("enum_specifier", "enum"),
    item("concept_definition", "concept"),
    named("type_definition", "typedef", DECLARATOR),
    named("function_definition", "", DECLARATOR),
];

impl CodeLanguage {
    /// Its grammar.
    pub(super) fn grammar(self) -> Language {
        match self {
            Self::C => tree_sitter_c::LANGUAGE.into(),
            Self::Cpp => tree_sitter_cpp::LANGUAGE.into(),
            Self::Go => tree_sitter_go::LANGUAGE.into(),
            Self::Java => tree_sitter_java::LANGUAGE.into(),
            Self::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
            Self::Python => tree_sitter_python::LANGUAGE.into(),
            Self::Rust => tree_sitter_rust::LANGUAGE.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        }
    }

    /// The kinds of its nodes that are items.
    pub(super) fn item_kinds(self) -> &'static [ItemKind] {
        match self {
            Self::C => C,
            Self::Cpp => CPP,
            Self::Go => GO,
            Self::Java => JAVA,
            Self::JavaScript => JAVASCRIPT,
            Self::Python => PYTHON,
            Self::Rust => RUST,
            Self::Tsx | Self::TypeScript => TYPESCRIPT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammars_have_the_kinds_and_fields_that_the_table_names() {
        for language in CodeLanguage::all() {
            let grammar = language.grammar();
            for kind in language.item_kinds() {
                assert_ne!(grammar.id_for_node_kind(kind.node, true), 0, "{language:?} has no {}", kind.node);
                for (field, _) in kind.name {
                    assert!(grammar.field_id_for_name(field).is_some(), "{language:?} has no field {field}");
                }
            }
        }
    }
}
