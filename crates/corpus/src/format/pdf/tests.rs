use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;

macro_rules! sample {
    ($include:ident, $name:literal) => {
        $include!(concat!("../../../../../tests/data/documents/", $name))
    };
}

const REPORTLAB: &[u8] = sample!(include_bytes, "reportlab.pdf");
const FPDF: &[u8] = sample!(include_bytes, "fpdf2.pdf");
const SMALL: &[u8] = sample!(include_bytes, "small.pdf");

/// The words of a text, with letters that are drawn as one written as several.
fn words(text: &str) -> Vec<String> {
    let ligatures = [("ﬀ", "ff"), ("ﬁ", "fi"), ("ﬂ", "fl"), ("ﬃ", "ffi"), ("ﬄ", "ffl")];
    let text = ligatures.iter().fold(text.to_owned(), |text, (one, several)| text.replace(one, several));
    text.split_whitespace().map(String::from).collect()
}

/// The text of each page.
fn pages(found: &Extracted) -> Vec<&str> {
    let ends = found.layout.pages.iter().skip(1).copied().chain([found.text.len()]);
    found.layout.pages.iter().zip(ends).map(|(&start, end)| &found.text[start..end]).collect()
}

fn refused(bytes: &[u8]) -> String {
    extract(bytes).unwrap_err()
}

/// A file with one page, whose content is `content`, and with more objects, whose numbers begin with 5.
fn file(content: &[u8], more: &[Vec<u8>]) -> Vec<u8> {
    let resources = "<</Font<</F 4 0 R>>/XObject<</X 5 0 R>>>>";
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Resources{resources}/Contents 6 0 R>>").into_bytes(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec(),
        b"null".to_vec(),
        stream("", content),
    ];
    if let [form, others @ ..] = more {
        objects[4].clone_from(form);
        objects.extend_from_slice(others);
    }
    let mut file = b"%PDF-1.7\n".to_vec();
    for (number, object) in objects.iter().enumerate() {
        file.extend(format!("{} 0 obj\n", number + 1).into_bytes());
        file.extend_from_slice(object);
        file.extend(b"\nendobj\n");
    }
    // Without a table of its objects, which readers make anew.
    file.extend(b"trailer\n<</Root 1 0 R/Size 9>>\n%%EOF\n");
    file
}

fn stream(more: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = format!("<<{more}/Length {}>>stream\n", bytes.len()).into_bytes();
    stream.extend_from_slice(bytes);
    stream.extend(b"\nendstream");
    stream
}

/// The text of a page with this content.
fn text(content: &str) -> String {
    extract(&file(content.as_bytes(), &[])).unwrap().text
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn files_of_two_programs_have_the_words_that_pypdf_finds() {
    let samples = [(REPORTLAB, sample!(include_str, "reportlab.txt"), 2), (FPDF, sample!(include_str, "fpdf2.txt"), 3)];
    for (bytes, reference, count) in samples {
        let found = extract(bytes).unwrap();
        let expected: Vec<_> = reference.split_terminator('\u{c}').map(words).collect();
        assert_eq!(expected.len(), count);
        assert_eq!(pages(&found).into_iter().map(words).collect::<Vec<_>>(), expected);
        assert_eq!(found.title.as_deref(), Some("The dance of the bees"));
        assert_eq!(found.metadata["author"], "Zoë Größe");
        assert_eq!(found.layout.lines, Lines::None);
        assert!(found.layout.outline.is_some());
    }
}

#[test]
fn paragraphs_and_headings_have_an_empty_line_between_them_and_lines_have_none() {
    let found = extract(REPORTLAB).unwrap();
    let start = "Dance\n\nA forager that has found flowers\ndances when she comes home.\nThe angle";
    assert!(found.text.starts_with(start), "{}", found.text);
    assert!(found.text.contains("street Straße der Bienen.\n\nIn a hive live"));
    assert!(found.text.contains("nectar.\n\nPlants\n\nplant nectar pollen\n"), "{}", found.text);
}

#[test]
fn a_page_on_its_side_has_the_text_of_one_that_is_not() {
    let upright = extract(SMALL).unwrap().text;
    assert!(upright.starts_with("In a hive live about forty thousand workers"));
    assert_eq!(extract(sample!(include_bytes, "rotated.pdf")).unwrap().text, upright);
}

#[test]
fn an_encrypted_file_opens_only_without_a_password() {
    let open = extract(sample!(include_bytes, "owner-password.pdf")).unwrap();
    assert_eq!(open.text, extract(SMALL).unwrap().text);
    assert_eq!(refused(sample!(include_bytes, "user-password.pdf")), "it is encrypted");
}

#[test]
fn gaps_are_spaces_and_what_is_drawn_out_of_order_is_put_in_order_within_its_line() {
    let line = "BT /F 10 Tf 20 200 Td [(one) -50 (two) -400 (three)] TJ ET";
    assert_eq!(text(line), "onetwo three");
    assert_eq!(text("BT /F 10 Tf 90 200 Td (last) Tj -70 0 Td (first) Tj ET"), "first last");
    // An exponent, and a line that is drawn twice to be bold.
    assert_eq!(text("BT /F 10 Tf 20 200 Td (x) Tj /F 7 Tf 5 3 Td (2) Tj ET"), "x2");
    assert_eq!(text("BT /F 10 Tf 20 200 Td (b) Tj 0.3 0 Td (b) Tj ET"), "b");
    assert_eq!(text("BT /F 10 Tf 12 TL 20 200 Td (a) Tj (b) ' 1 2 (c) \" T* (d) Tj ET"), "a\nb\nc\nd");
}

#[test]
fn double_letters_are_two_however_narrow_they_are() {
    let words = "all jjj iii hill ffi";
    for set in ["100 Tz", "40 Tz", "70 Tz -0.3 Tc", "-0.9 Tc"] {
        assert_eq!(text(&format!("BT /F 10 Tf {set} 20 200 Td ({words}) Tj ET")), words, "{set}");
    }
    // A whole string that is drawn twice.
    assert_eq!(text("BT /F 10 Tf 20 200 Td (bold ill) Tj 0.3 0 Td (bold ill) Tj ( text) Tj ET"), "bold ill text");
    assert_eq!(text("BT /F 10 Tf 20 200 Td (a dog) Tj 0.3 -0.2 Td (a dog) Tj -0.3 0 Td (a dog) Tj ET"), "a dog");
    // Drawn twice to be bold, narrow letters too.
    assert_eq!(text("BT /F 10 Tf 60 Tz 20 200 Td (l) Tj 0.3 0 Td (l) Tj ET"), "l");
}

#[test]
fn text_that_is_turned_is_read_along_its_lines() {
    let turned = |matrix: &str| text(&format!("BT /F 10 Tf {matrix} 100 100 Tm (one two) Tj 0 -12 Td (three) Tj ET"));
    for matrix in ["1 0 0 1", "0 1 -1 0", "-1 0 0 -1", "0 -1 1 0"] {
        assert_eq!(turned(matrix), "one two\nthree", "{matrix}");
    }
}

#[test]
fn a_soft_hyphen_joins_the_halves_of_a_word_where_it_is_sure() {
    let lines = |first: &str, second: &str| {
        let encoding = "<</Type/Encoding/Differences[1/sfthyphen]>>";
        let font = format!("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding{encoding}>>");
        let content = format!("BT /F 10 Tf 20 200 Td ({first}) Tj 0 -12 Td ({second}) Tj ET");
        let bytes = String::from_utf8(file(content.as_bytes(), &[])).unwrap();
        extract(bytes.replace("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", &font).as_bytes()).unwrap().text
    };
    assert_eq!(lines(r"work\001", "ers fly"), "workers fly");
    assert_eq!(lines("work-", "ers fly"), "work-\ners fly");
    assert_eq!(lines(r"work\001", "Bees"), "work-\nBees");
    assert_eq!(lines(r"well\001known work\001", "ers"), "well-known work-\ners");
}

#[test]
fn a_form_is_drawn_where_it_is_used_and_not_forever() {
    let form = stream("/Subtype/Form/BBox[0 0 9 9]", b"BT /F 10 Tf 20 200 Td (x) Tj ET /X Do");
    assert_eq!(extract(&file(b"/X Do", &[form])).unwrap().text, "x");
    let start = Instant::now();
    let many = "/X Do ".repeat(10);
    let form = stream("/Subtype/Form/BBox[0 0 9 9]", many.as_bytes());
    assert_eq!(refused(&file(many.as_bytes(), &[form])), "a page takes more than 2 seconds to read");
    let form = stream("/Subtype/Form/BBox[0 0 9 9]", format!("BT /F 1 Tf (x) Tj ET {many}").as_bytes());
    assert!(refused(&file(many.as_bytes(), &[form])).starts_with("a page "));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn what_is_no_pdf_says_so() {
    let expected = "it is no PDF file, or neither its cross-reference table nor its pages can be found";
    assert_eq!([&b""[..], b"%PDF-1.7\n", b"PK"].map(refused), [expected; 3]);
}

#[test]
fn a_stream_that_decompresses_to_too_much_is_refused() {
    let zeros = deflated(&vec![0; 300 << 20]);
    let bomb = file(b"", &[stream("/Filter/FlateDecode", &zeros)]);
    assert!(bomb.len() < 400 << 10);
    let expected = "one of its streams is more than 256 MiB when it is decompressed";
    assert_eq!(refused(&bomb), expected);
    // Compressed twice; without the header of zlib.
    assert_eq!(refused(&file(b"", &[stream("/Filter[/FlateDecode/FlateDecode]", &deflated(&zeros))])), expected);
    assert_eq!(refused(&file(b"", &[stream("/Filter/FlateDecode", &zeros[2..])])), expected);
}

/// Codes of LZW, which are 9 to 12 bits long, as bytes.
fn lzw(codes: impl Iterator<Item = (u32, u32)>) -> Vec<u8> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u64, 0);
    for (code, width) in codes {
        (held, bits) = (held << width | u64::from(code), bits + width);
        while bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes.push((held << (8 - bits)) as u8);
    bytes
}

/// Zeros in LZW: each code stands for one zero more than the last.
fn lzw_zeros(rounds: usize) -> Vec<u8> {
    let width = |size| {
        if size >= 2047 {
            12
        } else if size >= 1023 {
            11
        } else if size >= 511 {
            10
        } else {
            9
        }
    };
    let round = || {
        let growing = (258..4090).map(move |code| (code, width(code)));
        [(256, 9), (0, 9)].into_iter().chain(growing).chain([(256, 12)])
    };
    lzw((0..rounds).flat_map(|_| round()))
}

#[test]
fn a_bomb_inside_several_filters_is_refused() {
    let expected = "one of its streams is more than 256 MiB when it is decompressed";
    let hex = |bytes: &[u8]| bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect::<Vec<_>>();
    let zeros = deflated(&vec![0; 300 << 20]);
    let runs = [129, 0].repeat(3 << 20);
    for (filters, bytes) in [
        ("[/ASCIIHexDecode/FlateDecode]", hex(&zeros)),
        ("[/AHx /AHx /Fl]", hex(&hex(&zeros))),
        ("/LZWDecode", lzw_zeros(50)),
        ("[/FlateDecode/LZWDecode]", deflated(&lzw_zeros(50))),
        ("[/FlateDecode/RunLengthDecode]", deflated(&runs)),
        ("[/ASCIIHexDecode/RunLengthDecode]", hex(&runs)),
        ("/RunLengthDecode", runs.clone()),
        ("[/FlateDecode/ASCII85Decode]", deflated(&vec![b'z'; 80 << 20])),
    ] {
        assert_eq!(refused(&file(b"", &[stream(&format!("/Filter{filters}"), &bytes)])), expected, "{filters}");
    }
}

#[test]
fn streams_with_old_filters_are_read() {
    let content = b"BT /F 10 Tf 20 200 Td (bees) Tj ET";
    let codes = [(256, 9)].into_iter().chain(content.iter().map(|&byte| (byte.into(), 9))).chain([(257, 9)]);
    let hex: String = lzw(codes).iter().map(|byte| format!("{byte:02X} ")).collect();
    let bytes = String::from_utf8(file(format!("{hex}>").as_bytes(), &[])).unwrap();
    let at = bytes.rfind("<</Length").unwrap();
    let bytes = format!("{}<</Filter[/ASCIIHexDecode/LZWDecode]{}", &bytes[..at], &bytes[at + 2..]);
    assert_eq!(extract(bytes.as_bytes()).unwrap().text, "bees");
}

#[test]
fn a_stream_with_rows_longer_than_any_memory_is_refused() {
    let content = deflated(b"BT /F 10 Tf 20 200 Td (x) Tj ET");
    let form =
        |parameters: &str| stream(&format!("/Subtype/Form/Filter/FlateDecode/DecodeParms {parameters}"), &content);
    let long = "<</Predictor 12/Columns 2147483647/Colors 31>>";
    let expected = "one of its streams has rows of more than 1048576 columns";
    assert_eq!(refused(&file(b"/X Do", &[form(long)])), expected);
    assert_eq!(
        refused(&file(
            b"/X Do",
            &[form("<</Predictor 12/Columns 8 0 R>>"), b"".into(), b"".into(), b"2147483647".into()]
        )),
        expected
    );
    // In an object inside a stream.
    let objects = stream("/Type/ObjStm/N 1/First 4/Filter/FlateDecode", &deflated(format!("9 0 {long}").as_bytes()));
    assert_eq!(refused(&file(b"/X Do", &[form("9 0 R"), objects])), expected);
    assert_eq!(extract(&file(b"/X Do", &[form("<</Columns 1>>")])).unwrap().text, "x");
}

#[test]
fn many_streams_that_end_in_nothing_take_no_longer_than_a_file_may() {
    let start = Instant::now();
    // Blocks of Deflate that are read and give nothing, then one that gives the word with which the next stream begins.
    let unit = [&b"stream\n"[..], &b"\0\0\0\xff\xff".repeat(2_000), b"\0\x07\0\xf8\xff"].concat();
    let bytes = file(b"", &[stream("", &unit.repeat(2_000))]);
    assert_eq!(refused(&bytes), "its streams take more than 6 seconds to decompress");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn nesting_cycles_and_lies_end_as_an_error_or_a_text() {
    let start = Instant::now();
    let deep = [b"[".repeat(1 << 20), b"<</A".repeat(1 << 20), b"(".repeat(1 << 20)];
    for deep in deep {
        let _ = extract(&file(&deep, &[]));
        let _ = extract(&file(b"", &[deep]));
    }
    let whole = String::from_utf8(file(b"BT /F 10 Tf 20 200 Td (x) Tj ET", &[])).unwrap();
    assert_eq!(extract(whole.as_bytes()).unwrap().text, "x");
    for (from, to) in [
        ("/Kids[3 0 R]", "/Kids[2 0 R 3 0 R 3 0 R]"),
        ("/Kids[3 0 R]", "/Kids 2 0 R"),
        ("/Pages 2 0 R", "/Pages 1 0 R"),
        ("/Parent 2 0 R", "/Parent 3 0 R"),
        ("/Contents 6 0 R", "/Contents[6 0 R 3 0 R 7 0 R]"),
        ("/Length 31", "/Length 4294967295"),
        ("/Length 31", "/Length 6 0 R"),
        ("/Root 1 0 R", "/Root 9 0 R/Prev 9/Encrypt 3 0 R"),
    ] {
        let changed = whole.replace(from, to);
        assert_ne!(changed, whole);
        let _ = extract(changed.as_bytes()).is_ok_and(|found| found.text.len() > 100);
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn what_is_damaged_or_cut_is_an_error_or_a_text_and_takes_no_long_time() {
    for whole in [REPORTLAB, FPDF, SMALL] {
        let most = 2 * extract(whole).unwrap().text.len();
        for at in (0..whole.len()).step_by(97) {
            let mut changed = whole.to_vec();
            changed[at] ^= 0xff;
            for bytes in [&changed[..], &whole[..at]] {
                let start = Instant::now();
                match extract(bytes) {
                    Ok(found) => assert!(found.text.len() <= most, "byte {at}"),
                    Err(reason) => assert!(!reason.is_empty(), "byte {at}"),
                }
                assert!(start.elapsed() < Duration::from_secs(10), "byte {at}");
            }
        }
    }
}

#[test]
fn fonts_with_widths_without_end_and_content_without_end_are_refused() {
    let start = Instant::now();
    let whole = String::from_utf8(file(b"BT /F 10 Tf 20 200 Td (x) Tj ET", &[])).unwrap();
    let list = format!("[{}]", "0 65535 500 ".repeat(100_000));
    for widths in
        ["/W[0 4294967295 500]", "/W2[0 4294967295 1 1 1]", &format!("/W{list}"), &format!("/W 9 0 R/A{list}")]
    {
        let descendant = format!("<</Type/Font/Subtype/CIDFontType2/BaseFont/X{widths}>>");
        let font = format!("<</Type/Font/Subtype/Type0/Encoding/Identity-H/DescendantFonts[{descendant}]>>");
        let changed = whole.replace("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", &font);
        let changed = changed.replace("trailer", &format!("9 0 obj {list} endobj trailer"));
        assert_eq!(refused(changed.as_bytes()), "its fonts have more than 8388608 widths");
    }
    let again = format!("/Contents[{}]", "6 0 R ".repeat(300_000));
    let content = vec![b' '; 10_000];
    let many = String::from_utf8(file(&content, &[])).unwrap().replace("/Contents 6 0 R", &again);
    assert_eq!(refused(many.as_bytes()), "a page has more than 128 MiB of operations");
    assert!(start.elapsed() < Duration::from_secs(10));
}
