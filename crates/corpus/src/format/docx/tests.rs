use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

const SAMPLE: &[u8] = include_bytes!("../../../../../tests/data/documents/python-docx.docx");
const REFERENCE: &str = include_str!("../../../../../tests/data/documents/python-docx.txt");

/// An archive with these parts.
fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A part whose outermost element is `root`.
fn part(root: &str, inside: &str) -> String {
    let word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
    let compatibility = "http://schemas.openxmlformats.org/markup-compatibility/2006";
    let math = "http://schemas.openxmlformats.org/officeDocument/2006/math";
    format!(r#"<w:{root} xmlns:w="{word}" xmlns:mc="{compatibility}" xmlns:m="{math}">{inside}</w:{root}>"#)
}

/// A document with this body.
fn document(body: &str) -> Vec<u8> {
    archive(&[("word/document.xml", part("document", &format!("<w:body>{body}</w:body>")).as_bytes())])
}

/// The text of a document with this body.
fn text(body: &str) -> String {
    extract(&document(body)).unwrap().text
}

fn refused(bytes: &[u8]) -> String {
    extract(bytes).unwrap_err()
}

fn paragraph(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

fn headings(found: &Extracted) -> Vec<(u8, &str)> {
    let outline = found.layout.outline.as_ref().unwrap();
    outline.headings().iter().map(|heading| (heading.level, heading.title.as_str())).collect()
}

/// The words of a text without the marks of lists and tables.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().filter(|word| !matches!(*word, "-" | "|")).collect()
}

#[test]
fn a_document_of_python_docx_has_the_words_that_python_docx_finds() {
    let found = extract(SAMPLE).unwrap();
    assert_eq!(words(&found.text), words(REFERENCE));
    assert_eq!(found.title.as_deref(), Some("The dance of the bees"));
    assert_eq!(found.metadata["author"], "Zoë Größe");
    assert_eq!(headings(&found), [(1, "Dance"), (2, "In the dark"), (1, "Hive")]);
    for heading in found.layout.outline.as_ref().unwrap().headings() {
        assert!(found.text[heading.at..].starts_with(&format!("{}\n\n", heading.title)));
    }
    assert_eq!((found.layout.lines.clone(), found.layout.pages.len()), (Lines::None, 0));
    let list = "\n\n- workers\n- drones\n- a queen\n- clean cells\n- feed larvae\n\nplant | nectar | pollen\nclover | ";
    assert!(found.text.contains(list), "{}", found.text);
}

#[test]
fn paragraphs_have_an_empty_line_between_them() {
    let body = [paragraph("One &amp; two"), paragraph(""), paragraph("three&#x20AC;")].concat();
    assert_eq!(text(&body), "One & two\n\nthree€");
    assert_eq!(text("<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c\nd</w:t></w:r></w:p>"), "a\tb\nc d");
    assert_eq!(text(""), "");
}

#[test]
fn what_was_deleted_is_left_out_and_what_was_inserted_stays() {
    let run = |text: &str| format!("<w:r><w:t>{text}</w:t></w:r>");
    let body = format!(
        "<w:p>{}<w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins>{}</w:ins><w:moveFrom>{}</w:moveFrom></w:p>",
        run("a "),
        run("new"),
        run("moved")
    );
    assert_eq!(text(&body), "a new");
    let joined = format!("<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>{}</w:p>{}", run("one "), paragraph("two"));
    assert_eq!(text(&joined), "one two");
}

#[test]
fn a_paragraph_whose_end_was_deleted_goes_on_only_within_its_cell_its_box_or_its_note() {
    let open_end = |text: &str| {
        let properties = "<w:pPr><w:pStyle w:val=\"Heading1\"/><w:rPr><w:del/></w:rPr></w:pPr>";
        format!("<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>")
    };
    let cell = |text: &str| format!("<w:tc>{text}</w:tc>");
    let table = |cells: &[String]| format!("<w:tbl><w:tr>{}</w:tr></w:tbl>", cells.concat());
    let [a, b] = ["a", "b"].map(open_end);
    let (c, d) = (paragraph("c"), paragraph("d"));
    assert_eq!(text(&format!("{}{c}", table(&[cell(&a), cell(&b), cell(&d)]))), "a | b | d\n\nc");
    assert_eq!(text(&format!("{a}{}{c}", table(&[cell(&b)]))), "a\n\nb\n\nc");
    assert_eq!(text(&table(&[cell(&format!("{a}{}{c}", table(&[cell(&b)])))])), "a b c");
    let text_box = format!("<w:p><w:r><w:t>around</w:t><w:txbxContent>{c}{a}</w:txbxContent></w:r></w:p>{d}");
    assert_eq!(text(&text_box), "around\n\nc\n\na\n\nd");
    let notes = format!("<w:footnote>{a}</w:footnote><w:footnote>{c}</w:footnote>");
    let found = extract(&archive(&[
        ("word/document.xml", part("document", &format!("{d}{b}")).as_bytes()),
        (
            "word/_rels/document.xml.rels",
            br#"<Relationships><Relationship Type="x/footnotes" Target="n.xml"/></Relationships>"#,
        ),
        ("word/n.xml", part("footnotes", &notes).as_bytes()),
    ]))
    .unwrap();
    assert_eq!(found.text, "d\n\nb\n\na\n\nc");
    // A paragraph that does not go on keeps its own style; one that does has the style of the last.
    assert_eq!(headings(&found), [(1, "b"), (1, "a")]);
    assert_eq!(headings(&extract(&document(&format!("{a}{c}"))).unwrap()), []);
}

#[test]
fn fields_show_their_results_and_links_their_text() {
    let field = |kind: &str| format!(r#"<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>"#);
    let run = |text: &str| format!("<w:r><w:t>{text}</w:t></w:r>");
    let command = "<w:r><w:instrText>PAGEREF x</w:instrText></w:r>";
    let body = format!(
        "<w:p><w:hyperlink>{}</w:hyperlink>{}{command}{}{}{}{}{}</w:p>{}",
        run("link "),
        field("begin"),
        [field("begin"), field("separate"), run("hidden"), field("end")].concat(),
        field("separate"),
        run("shown"),
        field("end"),
        run("."),
        paragraph("after")
    );
    assert_eq!(text(&body), "link shown.\n\nafter");
    // A command that never ends hides no more than its paragraph.
    assert_eq!(text(&format!("<w:p>{}{}</w:p>{}", field("begin"), run("x"), paragraph("after"))), "after");
}

#[test]
fn a_text_box_is_read_once_after_its_paragraph() {
    let text_box = |text: &str| format!("<w:txbxContent>{}{}</w:txbxContent>", paragraph(text), paragraph("end"));
    let body = format!(
        "{}<w:p><w:r><mc:AlternateContent><mc:Choice>{}</mc:Choice><mc:Fallback>{}</mc:Fallback></mc:AlternateContent>\
         <w:t>around</w:t></w:r></w:p>",
        paragraph("before"),
        text_box("box"),
        text_box("box")
    );
    assert_eq!(text(&body), "before\n\naround\n\nbox\n\nend");
}

#[test]
fn a_prefix_may_be_declared_where_it_is_used() {
    let compatibility = "http://schemas.openxmlformats.org/markup-compatibility/2006";
    let choice = |prefix: &str| {
        let inside = format!(
            "<{prefix}:Choice>{0}</{prefix}:Choice><{prefix}:Fallback>{0}</{prefix}:Fallback>",
            "<w:r><w:t>once </w:t></w:r>"
        );
        format!(r#"<{prefix}:AlternateContent xmlns:{prefix}="{compatibility}">{inside}</{prefix}:AlternateContent>"#)
    };
    let body = format!("<w:p>{}{}{}</w:p>", choice("mc"), choice("x"), choice("y"));
    assert_eq!(text(&body), "once once once");
    // It holds within its element.
    assert_eq!(text(r#"<w:p><w:r><w:t>a</w:t></w:r></w:p><w:p xmlns:w="other"><w:r><w:t>no</w:t></w:r></w:p>"#), "a");
    let math = "http://schemas.openxmlformats.org/officeDocument/2006/math";
    let twice = format!(
        r#"<w:p><w:r xmlns:q="{math}"><q:t>a</q:t></w:r><w:r><q:t>no</q:t></w:r><w:r><w:t>b</w:t></w:r></w:p>"#
    );
    assert_eq!(text(&twice), "ab");
    let deep: String = (0..200)
        .map(|_| r#"<a xmlns:w="other"><a xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">"#)
        .collect();
    assert_eq!(refused(&document(&deep)), "its XML declares more than 64 prefixes inside one another");
}

#[test]
fn a_table_is_one_line_per_row() {
    let cell = |text: &str| format!("<w:tc><w:tcPr/>{text}</w:tc>");
    let row = |cells: &[&str]| format!("<w:tr>{}</w:tr>", cells.iter().map(|text| cell(text)).collect::<String>());
    let table = |rows: &[String]| format!("<w:tbl>{}</w:tbl>", rows.concat());
    let [a, b] = ["a", "b"].map(paragraph);
    let inner = table(&[row(&[&a, &b]), row(&[&b])]);
    let two = format!("{a}{b}");
    let outer = table(&[row(&[&inner, &a]), row(&["", ""]), row(&[&two, "", &b])]);
    let body = format!("{a}{outer}{}{b}", table(&[row(&[&a])]));
    assert_eq!(text(&body), "a\n\na b b | a\na b |  | b\n\na\n\nb");
}

#[test]
fn headings_are_found_by_style_name_by_what_a_style_is_based_on_and_by_level() {
    let styles = r#"<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
        <w:style w:styleId="mine"><w:name w:val="Mine"/><w:basedOn w:val="berschrift1"/></w:style>
        <w:style w:styleId="loop"><w:name w:val="Loop"/><w:basedOn w:val="loop"/></w:style>
        <w:style w:styleId="leveled"><w:name w:val="L"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
        <w:style w:styleId="Titel"><w:name w:val="Title"/></w:style>"#;
    let styled = |style: &str, more: &str| {
        let text = "<w:r><w:t>x</w:t><w:br/><w:t>y</w:t></w:r>";
        format!(r#"<w:p><w:pPr><w:pStyle w:val="{style}"/>{more}</w:pPr>{text}</w:p>"#)
    };
    let body = [
        styled("Titel", ""),
        styled("mine", ""),
        styled("berschrift1", r#"<w:outlineLvl w:val="9"/>"#),
        styled("leveled", ""),
        styled("loop", r#"<w:outlineLvl w:val="1"/>"#),
        styled("loop", ""),
    ];
    let body = part("document", &format!("<w:body>{}</w:body>", body.concat()));
    let styles = part("styles", styles);
    let found = extract(&archive(&[("word/document.xml", body.as_bytes()), ("word/styles.xml", styles.as_bytes())]));
    let found = found.unwrap();
    assert_eq!(headings(&found), [(1, "x y"), (3, "x y"), (2, "x y")]);
    assert_eq!(found.text, "x\ny\n\nx y\n\nx\ny\n\nx y\n\nx y\n\nx\ny");
    assert_eq!(found.title.as_deref(), Some("x y"));
    // Without styles, the ids of the styles have to do.
    let found = extract(&document(&styled("Heading2", ""))).unwrap();
    assert_eq!((headings(&found), &found.title), (vec![(2, "x y")], &None));
}

#[test]
fn notes_stand_at_the_end_and_headers_nowhere() {
    let relation = |kind: &str| format!(r#"<Relationship Type="http://x/{kind}" Target="{kind}.xml"/>"#);
    let relations = format!("<Relationships>{}{}</Relationships>", relation("footnotes"), relation("header"));
    let notes = format!(
        r#"<w:footnote w:type="separator">{}</w:footnote><w:footnote w:id="1">{}</w:footnote>"#,
        paragraph("line"),
        paragraph("note")
    );
    let found = extract(&archive(&[
        ("word/document.xml", part("document", &paragraph("text")).as_bytes()),
        ("word/_rels/document.xml.rels", relations.as_bytes()),
        ("word/footnotes.xml", part("footnotes", &notes).as_bytes()),
        ("word/header.xml", part("hdr", &paragraph("header")).as_bytes()),
    ]));
    assert_eq!(found.unwrap().text, "text\n\nnote");
}

#[test]
fn a_formula_is_its_characters() {
    assert_eq!(text("<w:p><m:oMath><m:r><m:t>a=b</m:t></m:r></m:oMath></w:p>"), "a=b");
}

#[test]
fn what_is_no_document_says_so() {
    assert!(refused(b"").starts_with("its archive is damaged"));
    assert!(refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more").starts_with("it is encrypted"));
    assert_eq!(refused(&archive(&[])), "it holds no text document");
    assert_eq!(refused(&archive(&[("word/document.xml", b"<workbook/>")])), "it holds no text document");
    assert_eq!(refused(&archive(&[("word/document.xml", b"")])), "it holds no text document");
}

#[test]
fn entities_and_deep_nesting_are_refused() {
    let declared = r#"<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>"#;
    assert_eq!(refused(&archive(&[("word/document.xml", declared.as_bytes())])), "its XML declares a document type");
    assert_eq!(refused(&document(&paragraph("&b;"))), r#"its XML refers to the unknown entity "b""#);
    let deep = "<w:p><w:r>".repeat(1_000_000);
    assert_eq!(refused(&document(&deep)), "its XML is nested more than 1000 levels deep");
    let open = part("document", "<w:p>").replace("</w:document>", "");
    assert_eq!(refused(&archive(&[("word/document.xml", open.as_bytes())])), "its XML ends early");
}

#[test]
fn parts_that_decompress_to_too_much_are_refused() {
    let many = vec![b' '; 33 << 20];
    let large = |root: &str| [part(root, "").replace("</", " </").as_bytes(), &many].concat();
    let styles = large("styles");
    let one = archive(&[("word/document.xml", &large("document")), ("word/styles.xml", part("styles", "").as_bytes())]);
    assert_eq!(extract(&one).unwrap().text, "");
    let both = archive(&[("word/document.xml", &large("document")), ("word/styles.xml", &styles)]);
    assert!(both.len() < 100 << 10);
    assert_eq!(refused(&both), "its parts are more than 64 MiB when they are decompressed");
}

#[test]
fn many_open_fields_and_paragraphs_take_no_quadratic_time() {
    let start = Instant::now();
    let field =
        r#"<w:p><w:r><w:fldChar w:fldCharType="begin"/><w:fldChar w:fldCharType="separate"/><w:t>x</w:t></w:r></w:p>"#;
    assert!(text(&field.repeat(300_000)).len() > 300_000);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn what_is_cut_is_an_error() {
    for end in (0..SAMPLE.len()).step_by(97) {
        assert!(!refused(&SAMPLE[..end]).is_empty());
    }
}

#[test]
fn what_is_damaged_is_an_error_or_a_document() {
    let whole = extract(SAMPLE).unwrap();
    let mut refused = 0;
    for at in (0..SAMPLE.len()).step_by(97) {
        let mut changed = SAMPLE.to_vec();
        changed[at] ^= 0xff;
        // What is not read, such as the theme, may be damaged.
        match extract(&changed) {
            Ok(found) => assert!(found.text == whole.text || found.metadata != whole.metadata, "byte {at}"),
            Err(reason) => refused += usize::from(!reason.is_empty()),
        }
    }
    assert!(refused > 20, "{refused}");
}
