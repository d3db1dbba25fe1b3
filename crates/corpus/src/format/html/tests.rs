use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::Lines;

fn read(page: &str) -> Extracted {
    extract(page.as_bytes(), None, Syntax::Html).unwrap()
}

fn text(page: &str) -> String {
    read(page).text
}

fn headings(page: &str) -> Vec<(usize, u8, String)> {
    let outline = read(page).layout.outline.unwrap();
    outline.headings().iter().map(|heading| (heading.at, heading.level, heading.title.clone())).collect()
}

/// Each line of the text that is not empty, with the line of the page that it comes from.
fn lines(page: &str) -> Vec<(String, u64)> {
    let found = read(page);
    let starts = std::iter::once(0).chain(found.text.match_indices('\n').map(|(at, _)| at + 1));
    let line = |at: usize| (found.text[at..].split('\n').next().unwrap().to_owned(), at);
    let with_words = starts.map(line).filter(|(words, _)| !words.is_empty());
    with_words.map(|(words, at)| (words, found.layout.lines(&found.text).line(at).unwrap())).collect()
}

/// The words of a text, without the signs that mark items of lists and cells of tables.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().filter(|word| !matches!(*word, "-" | "|")).collect()
}

#[test]
fn pages_have_the_words_that_beautiful_soup_finds() {
    let pages: [(&[u8], &str); 2] = [
        (
            include_bytes!("../../../../../tests/data/documents/page.html"),
            include_str!("../../../../../tests/data/documents/page.txt"),
        ),
        (
            include_bytes!("../../../../../tests/data/documents/docutils.html"),
            include_str!("../../../../../tests/data/documents/docutils.txt"),
        ),
    ];
    for (page, reference) in pages {
        let found = extract(page, None, Syntax::Html).unwrap();
        assert_eq!(words(&found.text), words(reference));
        assert_eq!(found.title.as_deref(), Some("The dance of the bees"));
    }
}

#[test]
fn a_page_has_its_title_its_headings_and_its_blocks() {
    let page = "<!DOCTYPE html><html lang=en-GB><head><title> A\n page </title>\
        <meta name=Description content='What it  is'><meta name=author content='Ada'><meta name=author content=Bo></head>\
        <body><h1>The <em>page</em></h1><p>One\n two<br>three.<div>Four<h3>Sub<br>title</h3>five</div></body></html>";
    let found = read(page);
    assert_eq!(found.title.as_deref(), Some("A page"));
    assert_eq!(found.text, "The page\n\nOne two\nthree.\n\nFour\n\nSub title\n\nfive");
    assert_eq!(headings(page), [(0, 1, "The page".into()), (32, 3, "Sub title".into())]);
    let metadata = r#"{"lang":"en-GB","description":"What it is","author":"Ada"}"#;
    assert_eq!(serde_json::to_string(&found.metadata).unwrap(), metadata);
}

#[test]
fn a_page_without_a_title_has_that_of_its_first_heading() {
    assert_eq!(read("<title> </title><h2>Two</h2><h1>One</h1>").title.as_deref(), Some("One"));
    assert_eq!(read("<header><h1>Top</h1></header><main>x</main>").title.as_deref(), Some("Top"));
    assert_eq!(read("<p>x").title, None);
    assert_eq!(read("<svg><title>Icon</title></svg><title>Page</title>").title.as_deref(), Some("Page"));
}

#[test]
fn character_references_are_those_of_the_standard() {
    let page = "<p>&lt;p&gt; &amp;amp; &eacute; &#8364;&#x20AC;&#128; &notit; \
        &CounterClockwiseContourIntegral; a&nbsp;b &unknown;";
    assert_eq!(text(page), "<p> &amp; é €€€ ¬it; ∳ a\u{a0}b &unknown;");
    assert_eq!(read("<title>A &amp; <b>B</b></title>").title.as_deref(), Some("A & <b>B</b>"));
}

#[test]
fn the_encoding_is_the_one_that_the_page_names() {
    let found = extract(b"<meta charset=cp1251><title>\xcf</title><p>\xcf\xf0\xe8", None, Syntax::Html).unwrap();
    assert_eq!((found.title.as_deref(), found.text.as_str()), (Some("П"), "При"));
}

#[test]
fn white_space_collapses_except_in_preformatted_text() {
    assert_eq!(text(" \n a \t b<b> c</b>d <i> e</i>\n<p>&nbsp;</p>\u{200b} <p>f"), "a b cd e\n\nf");
    let code = "fn main() {\n    let a = 1;\n\n\tb\n}";
    let page = format!("<p>x<pre>\n\n<code>{}\n</code>\n</pre>y", code.replace("let", "<b>let</b>"));
    assert_eq!(text(&page), format!("x\n\n{code}\n\ny"));
    assert_eq!(text("<pre>  a\r\n    b<br>  c</pre>"), "  a\n    b\n  c");
    assert_eq!(text("<pre><div>a</div>\n<div>  b</div></pre>c"), "a\n  b\n\nc");
    assert_eq!(text("<xmp>\n a <b>\n</xmp>c<plaintext>d\n </p>"), " a <b>\n\nc\n\nd\n </p>");
}

#[test]
fn items_of_lists_are_lines_with_a_dash() {
    let page = "a<ul><li>one<li><p>two</p><ol><li>inner</li><li></li><li>last</ol>more</li></ul>b";
    assert_eq!(text(page), "a\n\n- one\n\n- two\n\n- inner\n- last\nmore\n\nb");
    assert_eq!(text("<ul><li>a<ul><li>b<ul><li>c</ul></ul><li>d</ul>"), "- a\n- b\n- c\n- d");
    assert_eq!(text("<dl><dt>a<dd>b<dt>c<dd>d</dl>"), "a\nb\nc\nd");
    assert_eq!(text("<ul><li><h2>a</h2>b</ul>"), "a\n\nb");
}

#[test]
fn a_table_is_rows_of_cells() {
    let page = "x<table><caption>Cap</caption><thead><tr><th>a<th>b</thead><tbody><tr><td><p>1</p><td>2<br>3<tr><td></td>\
        <td>4</td><td></td><td>5</td></tr><tr><td>6<td></table>y";
    assert_eq!(text(page), "x\n\nCap\n\na | b\n1 | 2 3\n| 4 | | 5\n6\n\ny");
    assert_eq!(text("<table><tr><td>a<td>b</td></tr>\n<tr>\n<td>c\n<td>d</table>"), "a | b\nc | d");
    assert_eq!(text("<table><tr><td><pre>1\n2</pre><td><pre>\na\n b</pre></table>"), "1\n2 | a\n b");
}

#[test]
fn a_table_that_arranges_a_page_has_blocks() {
    assert_eq!(text("<table role=presentation><tr><td>a<td>b</table>"), "a\n\nb");
    assert_eq!(text("<table><tr><td><table><tr><td>a<td>b</table>c<td>d</table>e"), "a | b\n\nc\n\nd\n\ne");
    assert_eq!(text("<table><tr><td>a<br><br>b</table>"), "a\n\nb");
    assert_eq!(text("<table><tr><td><h2>a</h2><td>b</table>"), "a\n\nb");
}

#[test]
fn what_is_no_text_of_the_page_is_left_out() {
    for left_out in [
        "<script>if (a < b) '<p>'</script>",
        "<style>a > b</style>",
        "<noscript><p>no</p></noscript>",
        "<template><p>no</p></template>",
        "<nav><ul><li>no</ul></nav>",
        "<svg><title>no</title><style>no</style><g><text>no</text></svg>",
        "<svg/><svg><path/><desc>no</desc></svg>",
        "<select><option>no<option selected>no</select>",
        "<textarea><p>no</textarea><button>no</button><input value=no>",
        "<iframe><p>no</iframe><video>no</video><object>no</object><dialog>no</dialog>",
        "<div hidden>no<div>no</div></div><span hidden>no <span>no</span></span>",
        "<i aria-hidden=TRUE>no</i><p aria-hidden=true>no",
        "<div style='color: red; Display : none'>no</div><p style=visibility:hidden>no",
        "<div role=navigation>no</div><div role=Banner>no</div><form role=search>no</form><p role=contentinfo>no</p>",
        "<header>no</header><footer>no</footer><aside>no</aside><search>no</search>",
        "<!-- no --><?no?><!no><br>",
    ] {
        assert_eq!(text(&format!("<p>before</p>{left_out}<p>after</p>")), "before\n\nafter", "{left_out}");
    }
    assert_eq!(text("a<span hidden>no</span>b<i aria-hidden=true><b>no</b></i>c"), "abc");
    assert_eq!(text("a<button>no</button>b"), "a b");
}

#[test]
fn what_only_looks_as_if_it_were_left_out_stays() {
    assert_eq!(text("<p aria-hidden=false>a<p hidden=until-found>b<dialog open>c</dialog>"), "a\n\nb\n\nc");
    assert_eq!(
        text(
            "<h3><button>Why?</button></h3>\
        <details><summary><button>How?</button></summary>So"
        ),
        "Why?\n\nHow?\n\nSo"
    );
    assert_eq!(text("<article><header>a</header>b<aside>c</aside><footer>d</footer></article>"), "a\n\nb\n\nc\n\nd");
    assert_eq!(text("<x-y><template shadowrootmode=open><p>a</p></template></x-y>b"), "a\n\nb");
    assert_eq!(text("<math><mi>x</mi><mo>=</mo><mn>1</mn><annotation>no</annotation></math>"), "x=1");
    assert_eq!(text("<ruby>漢<rp>(<rt>kan<rp>)</ruby>字"), "漢字");
    assert_eq!(text("a <img alt='a  cat' src=x><img alt=''> b"), "a a cat b");
}

#[test]
fn the_mark_that_links_to_a_heading_is_no_part_of_it() {
    let page = "<h2><a href=#a>§</a>Use of C#<a href='#b'> ¶ </a></h2>\
        <h2><a href=#c>A word</a> more</h2><h2><a href=x>#</a></h2>";
    assert_eq!(text(page), "Use of C#\n\nA word more\n\n#");
    assert_eq!(headings(page).len(), 3);
}

#[test]
fn what_a_heading_with_a_link_has_comes_in_its_order() {
    for (heading, expected) in [
        ("<a href=#a>one <img alt=two> three</a>", "one two three"),
        ("<a href=#a>one<img alt=two></a>three", "one two three"),
        ("<a href=#a><img alt=one>two</a><img alt=three>", "one two three"),
        ("one <a href=#a><img alt='#'></a> two<a href=#b><br>three</a>", "one two three"),
        ("<a href=#a>one<br>two</a> three", "one two three"),
        ("one<a href=#a><div>two</div>three</a>", "one two three"),
        ("<a href=#a><button>one</button><div>two</div></a>three", "one two three"),
        ("one<a href=#a>¶<br></a> two three", "one two three"),
        ("one <a href=#a>t<b>w</b><wbr>o</a> three<a href=#b> <br> <br>¶</a>", "one two three"),
    ] {
        let page = format!("<h2>{heading}</h2>four");
        assert_eq!(text(&page), format!("{expected}\n\nfour"), "{heading}");
        assert_eq!(headings(&page), [(0, 2, expected.to_owned())], "{heading}");
    }
    assert_eq!(text("<h1><a href=#a>one<p>two"), "one\n\ntwo");
    assert_eq!(text("<h1><a href=#a>one<pre>two"), "one\n\ntwo");
    assert_eq!(text("<h1><a href=#a>one<xmp>two"), "one\n\ntwo");
}

#[test]
fn the_text_is_that_of_the_main_part_or_of_the_article() {
    assert_eq!(text("<p>no<main><article>a</article><article>b</article></main><p>no"), "a\n\nb");
    assert_eq!(text("<p>no<div role=main>a<main>b</main></div>"), "a\n\nb");
    assert_eq!(text("<main>a</main><p>b<main>c</main>"), "a\n\nb\n\nc");
    assert_eq!(text("<p>no<article>a longer text<article>comment</article></article>"), "a longer text\n\ncomment");
    assert_eq!(text("<p>The text of the page<article>teaser</article>"), "The text of the page\n\nteaser");
    assert_eq!(text("<main> </main><p>a"), "a");
    assert_eq!(text("<body role=main hidden><p>a"), "a");
}

#[test]
fn a_header_with_the_title_is_part_of_the_text() {
    assert_eq!(text("<header><h1>a</h1>b<nav>no</nav></header><p>c<footer>no</footer>"), "a\n\nb\n\nc");
    assert_eq!(text("<header>no</header><h1>a</h1><p>c"), "a\n\nc");
}

#[test]
fn the_text_of_a_page_is_never_lost_altogether() {
    for page in ["<nav>a</nav>", "<div hidden>a</div>", "<noscript>a</noscript>", "<aside>a</aside><main></main>"] {
        assert_eq!(text(page), "a", "{page}");
    }
    assert_eq!(text("<header><nav>a</nav>b</header><script>no</script>"), "a\n\nb");
    assert_eq!(text("<title>t</title><script>no"), "");
    assert_eq!(extract(b"", None, Syntax::Html).unwrap().text, "");
}

#[test]
fn tags_that_are_not_closed_end_where_browsers_end_them() {
    assert_eq!(text("<div><nav>no</div>a"), "a");
    assert_eq!(text("<p hidden>no<p>a</p></p>b"), "a\n\nb");
    assert_eq!(text("<h2>a<h3>b</h2>c"), "a\n\nb\n\nc");
    assert_eq!(headings("<h1>a<p>b<h2>c").into_iter().map(|found| found.2).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(text("<table><tr><td><div>a</table>b</div></td>c"), "a\n\nbc");
    assert_eq!(text("<svg><g><p>a</p>"), "a");
    assert_eq!(text("<svg><foreignObject><p>no</p></foreignObject></svg>a"), "a");
    assert_eq!(text("<p>a</b></div></span>b</br>c</p></p>d <"), "ab\nc\n\nd <");
    assert_eq!(text("<ul><li hidden>no<li>a</ul><div><select><option>no</div>b"), "- a\n\nb");
}

#[test]
fn every_element_of_xhtml_can_end_with_its_start_tag() {
    let body = "<head><script src='a.js'/><title/><style/></head><body><p>a</p><iframe/><textarea/><div hidden='hidden'/>\
        b<nav/>c<br></br>d<h2/><h2>e<a href='#e'/> f</h2><select/><span hidden=''>no<span/>no</span><xmp/>g<table/>h";
    let expected = "a\n\nb\n\nc\nd\n\ne f\n\ng\n\nh";
    for start in [
        "<?xml version='1.0'?><!DOCTYPE html><html>",
        "<!DOCTYPE html><html lang='en' xmlns='http://www.w3.org/1999/xhtml'>",
    ] {
        assert_eq!(text(&format!("{start}{body}")), expected, "{start}");
    }
    assert_eq!(extract(body.as_bytes(), None, Syntax::Xhtml).unwrap().text, expected);
    // In HTML, only SVG and formulas end like this.
    assert_eq!(text("<title/>a</title><p>b<i/>c<div hidden/>no</div>d"), "bc\n\nd");
    assert_eq!(text("a <svg/>b <math/>c"), "a b c");
    assert_eq!(read("<title/>a</title>").title.as_deref(), Some("a"));
}

#[test]
fn each_line_knows_its_line_in_the_page() {
    let page = "<title>\n</title>\n<p>\n one\n two\n<!--\n-->three<br>\nfour &amp;\nfive</p>\n\
        <pre>\n\na\n\n b\n</pre>\n<ul>\n<li>\nc</ul>";
    let expected = [("one two three", 4), ("four & five", 8), ("a", 12), (" b", 14), ("- c", 18)];
    let expected = expected.map(|(words, line)| (words.to_owned(), line));
    assert_eq!(lines(page), expected);
    assert_eq!(lines(&page.replace('\n', "\r\n")), expected);
    let found = read(page);
    assert_eq!(found.layout.lines(&found.text).line(found.text.find("two").unwrap()), Some(5));
}

#[test]
fn lines_of_a_part_are_those_of_the_whole_page() {
    let page = "<p>no\n<main><h1>a</h1>b\n</main>\n<p>no\n";
    assert_eq!(lines(page), [("a".to_owned(), 2), ("b".to_owned(), 2)]);
    assert_eq!(headings(page), [(0, 1, "a".into())]);
    let page = "<h1>a</h1><aside>\n<h2>no</h2></aside>b\n<img\nalt=c><h2>d</h2>";
    let expected = [("a", 1), ("b c", 2), ("d", 4)].map(|(words, line)| (words.to_owned(), line));
    assert_eq!(lines(page), expected);
    assert_eq!(headings(page)[1], (8, 2, "d".into()));
}

#[test]
fn what_is_hidden_stays_hidden_at_any_depth() {
    let parts = [
        ("<nav><div>no</div><ul><li><a>no</a>no<b>no</b></ul>no</nav>", ""),
        ("<nav>no<div>no</nav>", ""),
        ("<nav><nav>no</nav>no</nav>", ""),
        ("<div hidden><div>no</div>no</div>", ""),
        ("<span hidden>no<span>no</span>no<b>no</b>no</span>", ""),
        ("<b><span hidden>no</b>no</span>", ""),
        ("<p hidden>no<b>no</b>no<p>yes</p>", "yes"),
        ("<p hidden>no</p>yes", "yes"),
        ("<ul><li hidden>no<ul><li>no</ul>no<li>yes</ul>", "yes"),
        ("<table><tr><td hidden>no<td>yes<tr hidden><td>no<td>no<tr><td>yes</table>", "yes yes"),
        ("<h2 hidden>no<h3>yes</h3>", "yes"),
        ("<svg><title>no</title><text>no</text><style>no</style></svg>", ""),
        ("<svg><foreignObject><p>no</p><div>no</div></foreignObject><g>no</g></svg>", ""),
        ("<svg><g>no<p>yes</p>", "yes"),
        ("<math><mi>yes</mi><annotation>no</annotation></math>", "yes"),
        ("<select><option>no<option>no</select><button>no</button>", ""),
        ("<template><p>no</p></template><video>no</video>", ""),
        ("<div><nav>no</div>", ""),
        ("<script>no</script><img hidden alt=no><img alt=yes>", "yes"),
    ];
    for (part, expected) in parts {
        let expected: Vec<_> =
            ["before"].into_iter().chain(expected.split_whitespace()).chain(["after", "end"]).collect();
        for depth in (0..10).chain(250..260).chain([1_000, 10_000]) {
            let (start, end) = ("<div>".repeat(depth), "</div>".repeat(depth));
            let found = text(&format!("{start}<div>before {part}</div><p>after</p>{end}end"));
            assert_eq!(words(&found), expected, "{depth} {part}");
            let found = text(&format!(
                "<nav>{start}<div>no{part}no</div>no{end}no</nav><div hidden>{start}no{end}no</div>\
                before<i hidden>{0}no{1}no</i> after end",
                "<i>".repeat(depth),
                "</i>".repeat(depth)
            ));
            assert_eq!(found, "before after end", "{depth} {part}");
        }
    }
}

/// Pages of this many tags, which must take no time to speak of.
const MANY: usize = 1_000_000;

#[test]
fn a_million_tags_in_one_another_are_read_like_any_others() {
    let soup = [
        "<div>",
        "<p>",
        "<b>",
        "<b id=1>a<p>",
        "<ul><li>",
        "<table><tr><td>",
        "<a hidden>",
        "<svg>",
        "<svg><desc>",
        "<nav>",
        "<h1>a",
        "<button>",
        "<template>",
        "<select><option>",
        "<ruby><rt>",
        "<td>",
        "</div>",
        "<span hidden></b>",
        "<main>",
        "<article><header>",
        "<math><mi>",
        "<dl><dt><dd>",
        "<font color=red>a</p>",
        "<pre>\n",
        "<h1><table>",
        "<svg/>",
        "<form><input>",
    ];
    for tags in soup {
        let start = Instant::now();
        let found = extract(format!("<p>before{}<p>after", tags.repeat(MANY)).as_bytes(), None, Syntax::Html).unwrap();
        assert!(found.text.contains("before") || found.text.contains("after"), "{tags}");
        assert!(start.elapsed() < Duration::from_secs(30), "{tags}: {:?}", start.elapsed());
    }
}

#[test]
fn a_million_attributes_are_one_tag() {
    let attributes: String = (0..MANY).map(|number| format!(" a{number}=b hidden")).collect();
    assert_eq!(text(&format!("<p>a<p{attributes}>no<p>b")), "a\n\nb");
}

/// Checks that the headings and the lines are in order, and where a character of the text begins.
fn check(found: &Extracted) -> Result<(), TestCaseError> {
    let text = &found.text;
    let Lines::Known(lines) = &found.layout.lines else { panic!("a page has lines") };
    prop_assert!(lines.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{lines:?}");
    prop_assert!(lines.iter().all(|&(at, line)| at < text.len() && text.is_char_boundary(at) && line > 0));
    prop_assert_eq!(lines.first().map(|first| first.0), (!text.is_empty()).then_some(0));
    let outline = found.layout.outline.as_ref().unwrap();
    prop_assert!(outline.headings().is_sorted_by(|a, b| a.at < b.at));
    for heading in outline.headings() {
        let line = text[heading.at..].split('\n').next().unwrap();
        // A very long heading has a title of its first words.
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_long = line.chars().count() > 256;
        prop_assert!(line == heading.title || (is_long && line.starts_with(&heading.title)), "{line} {heading:?}");
        prop_assert!(heading.at == 0 || text[..heading.at].ends_with("\n\n"));
    }
    prop_assert!(text.trim_matches('\n') == text && !text.contains("\0"));
    Ok(())
}

/// A tag, a text, or something like them.
fn piece() -> impl Strategy<Value = String> {
    const NAMES: &[&str] = &[
        "p", "div", "h1", "h2", "ul", "li", "table", "tr", "td", "th", "pre", "b", "a", "span", "main", "article",
        "header", "aside", "nav", "svg", "math", "mi", "title", "script", "button", "select", "option", "br", "hr",
        "img", "template", "caption", "ruby", "rt", "xmp", "body", "section", "dl", "dd",
    ];
    const ATTRIBUTES: &[&str] = &["", " hidden", " alt=x", " href=#x", " role=main", " role=none", "/"];
    let start = (prop::sample::select(NAMES), prop::sample::select(ATTRIBUTES));
    prop_oneof![
        4 => start.prop_map(|(name, attributes)| format!("<{name}{attributes}>")),
        2 => prop::sample::select(NAMES).prop_map(|name| format!("</{name}>")),
        3 => prop::sample::select(&["a", " b ", "\n", "\r\n", "c\nd", "&amp;", "&#10;", "¶", "&nbsp;", "\0", "\r", "é"][..])
            .prop_map(String::from),
        1 => prop::sample::select(&["<!--", "-->", "<", "<![CDATA[", "]]>", "&", "<!x>", "<a b='"][..]).prop_map(String::from),
    ]
}

/// Cases of each property.
const CASES: u32 = 2_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn any_bytes_have_a_text(bytes: Vec<u8>) {
        check(&extract(&bytes, None, Syntax::Html).unwrap())?;
        check(&extract(&bytes, Some(encoding_rs::UTF_16LE), Syntax::Html).unwrap())?;
    }

    #[test]
    fn any_tags_have_a_text_whose_lines_are_known(pieces in prop::collection::vec(piece(), 0..60)) {
        let page = pieces.concat();
        check(&extract(page.as_bytes(), None, Syntax::Xhtml).unwrap())?;
        let found = read(&page);
        check(&found)?;
        let Lines::Known(lines) = &found.layout.lines else { panic!("a page has lines") };
        let count = page.matches('\n').count() as u64 + 1;
        prop_assert!(lines.iter().all(|&(_, line)| line <= count));
    }

    #[test]
    fn words_come_from_their_lines(pieces in prop::collection::vec(piece(), 0..60)) {
        let mut page = String::new();
        for piece in &pieces {
            let line = page.matches('\n').count() + 1;
            page.push_str(&if piece == "a" { format!(" w{line} ") } else { piece.clone() });
        }
        let found = read(&page);
        let exact = !pieces.iter().any(|piece| matches!(piece.as_str(), "\r" | "&#10;"));
        for (at, _) in found.text.match_indices('w').filter(|_| exact) {
            let word: String = found.text[at + 1..].chars().take_while(char::is_ascii_digit).collect();
            let line = found.layout.lines(&found.text).line(at).unwrap();
            prop_assert!(word.parse() == Ok(line), "{word} {line} {page:?} {:?} {:?}", found.text, found.layout);
        }
    }
}
