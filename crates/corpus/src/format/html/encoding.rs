//! The encoding of a page: what its byte order mark, the caller or the page itself says, in this order, or a guess.

use std::borrow::Cow;
use std::convert::Infallible;

use bstr::ByteSlice;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use super::super::decoding::told;
use super::attributes::{Attribute, Attributes};

/// How many bytes of a page may say which encoding it has.
const PROLOGUE: usize = 1024;

/// The text of a page. What is not of its encoding becomes U+FFFD.
pub(super) fn decode<'a>(bytes: &'a [u8], encoding: Option<&'static Encoding>) -> Cow<'a, str> {
    let declared = || declared(&bytes[..bytes.len().min(PROLOGUE)]).map(|found| (found, 0));
    match told(bytes, encoding).or_else(declared) {
        Some((encoding, mark)) => encoding.decode_without_bom_handling(&bytes[mark..]).0,
        None => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
        },
    }
}

/// The encoding that the first bytes of a page name.
fn declared(start: &[u8]) -> Option<&'static Encoding> {
    let found = in_declaration(start).or_else(|| in_meta(start));
    // A page that could be read this far has one byte for each character of its tags.
    found.map(|found| if found == UTF_16LE || found == UTF_16BE { UTF_8 } else { found })
}

/// The encoding that the declaration `<?xml …?>` at the start of a page names.
fn in_declaration(start: &[u8]) -> Option<&'static Encoding> {
    let (declaration, _) = start.trim_ascii_start().strip_prefix(b"<?xml")?.split_once_str("?>")?;
    let label = value_of("encoding", std::str::from_utf8(declaration).ok()?)?;
    Encoding::for_label_no_replacement(label.as_bytes())
}

/// The encoding that a `meta` element names.
fn in_meta(start: &[u8]) -> Option<&'static Encoding> {
    let (mut found, mut is_meta, mut attributes) = (None, false, Attributes::default());
    let emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                is_meta = name == b"meta";
                attributes.clear();
            }
            CallbackEvent::AttributeName { name } => attributes.add(name),
            CallbackEvent::AttributeValue { value } => attributes.set(value),
            CallbackEvent::CloseStartTag { .. } if is_meta && found.is_none() => found = named_by(&attributes),
            _ => {}
        }
        None
    });
    // The input is in memory, so reading it cannot fail.
    let _: Result<(), Infallible> = Tokenizer::new_with_emitter(start, emitter).finish();
    found
}

/// The encoding that the attributes of a `meta` element name.
fn named_by(attributes: &Attributes) -> Option<&'static Encoding> {
    let label = match attributes.words(Attribute::Charset) {
        Some(label) => label,
        None if attributes.is(Attribute::HttpEquiv, "content-type") => {
            value_of("charset", attributes.get(Attribute::Content)?)?
        }
        None => return None,
    };
    Encoding::for_label_no_replacement(label.as_bytes())
}

/// The value of `charset` in `text/html; charset=utf-8`, for example.
fn value_of<'a>(name: &str, content: &'a str) -> Option<&'a str> {
    let at = content.to_ascii_lowercase().find(name)?;
    let value = content[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    match quote {
        Some(quote) => value[1..].split(quote).next(),
        None => value.split(|letter: char| letter == ';' || letter.is_ascii_whitespace()).next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Cow<'_, str> {
        decode(bytes, None)
    }

    #[test]
    fn a_page_names_its_encoding_in_a_meta_element_or_its_xml_declaration() {
        for start in [
            "<meta charset=windows-1251>",
            "<META CHARSET = ' Windows-1251 '/>",
            "<meta name=a content=b><meta http-equiv=Content-Type content='text/html; charset=windows-1251'>",
            "<meta content='text/html;charset=\"cp1251\"' http-equiv=content-type>",
            "<?xml version='1.0' encoding = 'windows-1251' ?><meta charset=utf-8>",
            "<?xml version='1.0'?><meta charset=cp1251>",
            "<!-- <meta charset=utf-8> --><meta charset=nonsense><meta charset=cp1251>",
        ] {
            let page = [start.as_bytes(), b"\xcf\xf0\xe8\xe2\xe5\xf2"].concat();
            assert_eq!(decoded(&page), format!("{start}Привет"));
        }
        let late = [" ".repeat(PROLOGUE).as_bytes(), b"<meta charset=cp1251>\xcf"].concat();
        assert!(decoded(&late).ends_with('Ï'));
    }

    #[test]
    fn a_page_that_names_none_is_utf_8_or_else_windows_1252() {
        assert_eq!(decoded("Größe".as_bytes()), "Größe");
        assert_eq!(decoded(b"Gr\xf6\xdfe \x80"), "Größe €");
        assert_eq!(decoded(b"<meta charset=utf-8>\xf6"), "<meta charset=utf-8>\u{fffd}");
        assert_eq!(decoded("<meta charset=utf-16>ö".as_bytes()), "<meta charset=utf-16>ö");
    }

    #[test]
    fn a_byte_order_mark_says_more_than_the_caller_and_the_caller_more_than_the_page() {
        let cp1251 = Encoding::for_label(b"cp1251");
        assert_eq!(decoded("\u{feff}<meta charset=cp1251>ö".as_bytes()), "<meta charset=cp1251>ö");
        assert_eq!(decoded(b"\xff\xfea\0\xf6\0"), "aö");
        assert_eq!(decoded(b"\xfe\xff\0a\0\xf6"), "aö");
        assert_eq!(decode(b"<meta charset=utf-8>\xcf", cp1251), "<meta charset=utf-8>П");
        assert_eq!(decode("\u{feff}ö".as_bytes(), cp1251), "ö");
        assert_eq!(decode(b"\xff\xfea\0\xf6\0", cp1251), "aö");
        // What is UTF-8 is not in the encoding that the caller names.
        assert_eq!(decode("<meta charset=koi8-r>ö".as_bytes(), cp1251), "<meta charset=koi8-r>ö");
        assert_eq!(decode(b"a\0b\0", Some(UTF_16LE)), "ab");
        assert_eq!(decode("\u{feff}ö".as_bytes(), Some(UTF_8)), "ö");
    }
}
