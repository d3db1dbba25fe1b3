//! The items of a sample of each language, and their borders.

use proptest::prelude::*;

use crate::{CodeLanguage, Outline};

use super::CodeLanguage::*;

/// The items of a text: each with its path and its first and last line, trimmed.
fn items(text: &str, language: CodeLanguage) -> Vec<(String, String, String)> {
    let outline = Outline::of_code(text, language);
    let found = super::items(text, language).into_iter().map(|(range, ..)| {
        let lines: Vec<_> = text[range.clone()].lines().map(str::trim).collect();
        (outline.path(range.start), lines[0].to_owned(), lines[lines.len() - 1].to_owned())
    });
    found.collect()
}

fn assert_items(language: CodeLanguage, text: &str, expected: &[(&str, &str, &str)]) {
    let found = items(text, language);
    let found: Vec<_> =
        found.iter().map(|(path, first, last)| (path.as_str(), first.as_str(), last.as_str())).collect();
    assert_eq!(found, expected, "{language:?}");
}

#[test]
fn items_of_rust() {
    let text = "//! About this file.\n\nuse std::fmt;\n\n/// A client.\n#[derive(Clone)]\npub struct Client;\n\n\
                mod net {\n    impl<T> fmt::Display for Client<T> {\n        // How it is shown.\n\n        \
                /// Shows it.\n        \
                fn fmt(&self) {\n            a();\n        } // end\n        const fn b() {}\n    }\n}\n\n\
                macro_rules! m {\n    () => {}\n}\n";
    let expected = [
        ("struct Client", "/// A client.", "pub struct Client;"),
        ("mod net", "mod net {", "}"),
        ("mod net > impl fmt::Display for Client<T>", "impl<T> fmt::Display for Client<T> {", "}"),
        ("mod net > impl fmt::Display for Client<T> > fn fmt", "/// Shows it.", "}"),
        ("mod net > impl fmt::Display for Client<T> > fn b", "const fn b() {}", "const fn b() {}"),
        ("macro m", "macro_rules! m {", "}"),
    ];
    assert_items(Rust, text, &expected);
}

#[test]
fn items_of_python() {
    let text = "import a\n\n# A shape.\n@final\nclass Shape(Base):\n    \"\"\"Doc.\"\"\"\n\n    x = 1\n\n    \
                @property\n    \
                async def area(self):\n        def inner():\n            return 1\n        return inner()\n\n\
                # Free.\ndef free(): pass\n";
    let expected = [
        ("class Shape", "# A shape.", "return inner()"),
        ("class Shape > def area", "@property", "return inner()"),
        ("class Shape > def area > def inner", "def inner():", "return 1"),
        ("def free", "# Free.", "def free(): pass"),
    ];
    assert_items(Python, text, &expected);
}

#[test]
fn items_of_javascript() {
    let text = "/** A queue. */\nexport default class Queue extends Base {\n  handle = () => {\n    go();\n  };\n\n  \
                // Adds.\n  async add(x) {\n    run(x);\n  }\n}\n\n// Sends.\n\
                export const send = async (a) => {\n  b(a);\n};\n\
                const n = 1;\nfunction* all() {}\n";
    let expected = [
        ("class Queue", "/** A queue. */", "}"),
        ("class Queue > handle", "handle = () => {", "}"),
        ("class Queue > add", "// Adds.", "}"),
        ("send", "// Sends.", "}"),
        ("function all", "function* all() {}", "function* all() {}"),
    ];
    assert_items(JavaScript, text, &expected);
}

#[test]
fn items_of_typescript() {
    let text = "namespace net {\n  /** Options. */\n  export interface Options<T> {\n    a: T;\n  }\n}\n\n\
                export abstract class A {\n  \
                abstract run(): void;\n  private go = (x: number): void => {\n    x;\n  };\n}\n\n\
                export enum E { A, B }\ntype Id = string;\n\
                declare function f(x: number): void;\n";
    let expected = [
        ("namespace net", "namespace net {", "}"),
        ("namespace net > interface Options", "/** Options. */", "}"),
        ("class A", "export abstract class A {", "}"),
        ("class A > run", "abstract run(): void", "abstract run(): void"),
        ("class A > go", "private go = (x: number): void => {", "}"),
        ("enum E", "export enum E { A, B }", "export enum E { A, B }"),
        ("type Id", "type Id = string;", "type Id = string;"),
        ("function f", "declare function f(x: number): void;", "declare function f(x: number): void;"),
    ];
    assert_items(TypeScript, text, &expected);
    assert_items(Tsx, "function App() {\n  return <b>x</b>;\n}\n", &[("function App", "function App() {", "}")]);
}

#[test]
fn items_of_go() {
    let text = "package a\n\n// Client talks.\ntype Client struct {\n\tname string\n}\n\n// Send sends.\n\
                func (c *Client) Send(x int) error {\n\t\
                return nil\n}\n\ntype (\n\tA int\n\t// B is b.\n\tB struct {\n\t\tx int\n\t}\n)\n\nfunc main() {}\n";
    let expected = [
        ("type Client", "// Client talks.", "}"),
        ("func (c *Client) Send", "// Send sends.", "}"),
        ("type A", "type (", "A int"),
        ("type B", "// B is b.", "}"),
        ("func main", "func main() {}", "func main() {}"),
    ];
    assert_items(Go, text, &expected);
}

#[test]
fn items_of_java() {
    let text = "package a;\n\n/** A. */\n@Deprecated\npublic class A<T> implements B {\n    \
                private int x;\n\n    A() {}\n\n    /**\n     * Runs.\n     */\n    \
                @Override\n    public void run() {\n        go();\n    }\n\n    enum E { X }\n}\n\n\
                record P(int x) {}\n";
    let expected = [
        ("class A", "/** A. */", "}"),
        ("class A > A", "A() {}", "A() {}"),
        ("class A > run", "/**", "}"),
        ("class A > enum E", "enum E { X }", "enum E { X }"),
        ("record P", "record P(int x) {}", "record P(int x) {}"),
    ];
    assert_items(Java, text, &expected);
}

#[test]
fn items_of_c() {
    let text = "#include <a.h>\n\nstruct node;\n\n/* A node. */\nstruct node {\n    int x;\n};\n\n\
                typedef struct {\n    int y;\n} pair;\n\n\
                // Finds it.\nstatic struct node *find(struct node *n, int x)\n{\n    return n;\n}\n\n\
                int (*pick(int a))(int) {\n    return 0;\n}\n";
    let expected = [
        ("struct node", "/* A node. */", "}"),
        ("typedef pair", "typedef struct {", "} pair;"),
        ("find", "// Finds it.", "}"),
        ("pick", "int (*pick(int a))(int) {", "}"),
    ];
    assert_items(C, text, &expected);
}

#[test]
fn items_of_cpp() {
    let text = "namespace a::b {\n// A box.\ntemplate <typename T>\nclass Box : public Base {\npublic:\n    \
                ~Box() {}\n    T &get() const {\n        \
                return x;\n    }\n};\n\nint &Box::at(int i) {\n    return i;\n}\n\ntemplate <>\n\
                bool operator==(const A &a, const A &b) {\n    return true;\n}\n}\n";
    let expected = [
        ("namespace a::b", "namespace a::b {", "}"),
        ("namespace a::b > class Box", "// A box.", "}"),
        ("namespace a::b > class Box > ~Box", "~Box() {}", "~Box() {}"),
        ("namespace a::b > class Box > get", "T &get() const {", "}"),
        ("namespace a::b > Box::at", "int &Box::at(int i) {", "}"),
        ("namespace a::b > operator==", "template <>", "}"),
    ];
    assert_items(Cpp, text, &expected);
}

#[test]
fn a_comment_that_is_apart_or_behind_code_belongs_to_no_item() {
    let text = "// About all.\n\nfn a() {} // about a\nfn b() {\n}\n";
    assert_items(Rust, text, &[("fn a", "fn a() {}", "fn a() {}"), ("fn b", "fn b() {", "}")]);
}

#[test]
fn what_stands_after_an_item_is_not_in_it() {
    let text = "class A:\n    def b(self):\n        c\n\nd = 1\n";
    let outline = Outline::of_code(text, Python);
    assert_eq!(outline.path(text.find("c\n").unwrap()), "class A > def b");
    assert_eq!(outline.path(text.find("d =").unwrap()), "");
    let part = text.find("    def").unwrap()..text.len();
    assert_eq!(outline.path(part.start), "class A");
    assert_eq!(outline.path_of(text, part), "class A > def b");
}

proptest! {
    /// The naive twin of a path: all items that contain the place, in their order.
    #[test]
    fn a_path_is_the_items_around_a_place(
        text in "(mod a \\{\n|impl b \\{\n|// c\n|#\\[d\\]\n|fn e\\(\\) \\{\n|struct F;|\\}\n|\n|class G:\n\
                |    def h\\(\\):\n|  x;\n|ü){0,40}",
        language in prop::sample::select(CodeLanguage::all().collect::<Vec<_>>()),
        at in 0_usize..500,
    ) {
        let items = super::items(&text, language);
        prop_assert!(items.iter().all(|(range, ..)| text.get(range.clone()).is_some_and(|item| !item.is_empty())));
        prop_assert!(items.is_sorted_by_key(|(range, ..)| range.start));
        let around = items.iter().filter(|(range, ..)| range.contains(&at)).map(|(.., title)| title.as_str());
        prop_assert_eq!(Outline::of_code(&text, language).path(at), around.collect::<Vec<_>>().join(" > "));
    }
}

#[test]
fn items_of_code_with_errors_are_in_the_order_of_their_starts() {
    let code = "mespace a {\n// A box.\ntemplate <typenamee\0\0\0class Box {\n    \u{fffd}\u{fffd}~}\n    T &get() const t i) {\n    \
                returi;\n}\n";
    for language in CodeLanguage::all() {
        for start in 0..code.len() {
            let Some(text) = code.get(start..) else { continue };
            let outline = Outline::of_code(text, language);
            assert!(outline.headings().is_sorted_by_key(|item| item.at), "{language:?}: {text:?}");
        }
    }
}
