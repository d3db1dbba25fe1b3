//! Strings in which a PDF file says something of itself, such as its title.

/// The characters of the bytes 0x18 to 0x1f and 0x80 to 0xa0 in the encoding that PDF has for such strings; the others
/// are those of Latin-1.
const LOW: [char; 8] = ['˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'];
const HIGH: [char; 33] = [
    '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł', 'Œ',
    'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', '\u{fffd}', '€',
];

/// The text of a string: UTF-16 or UTF-8 with a mark at its start, or else PDF's own encoding.
pub(super) fn decoded(bytes: &[u8]) -> String {
    let text = match bytes {
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|&byte| character(byte)).collect(),
    };
    one_line(&text)
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = bytes.as_chunks().0.iter().map(|&pair| unit(pair)).collect();
    String::from_utf16_lossy(&units)
}

fn character(byte: u8) -> char {
    match byte {
        0x18..=0x1f => LOW[usize::from(byte - 0x18)],
        0x80..=0xa0 => HIGH[usize::from(byte - 0x80)],
        other => other.into(),
    }
}

/// The title in a file's XMP metadata, which are XML. Only what programs write is understood, not all of XML.
pub(super) fn xmp_title(xml: &str) -> Option<String> {
    let (_, after) = xml.split_once("<dc:title")?;
    let (_, after) = after.split_once('>')?;
    let (inside, _) = after.split_once("</dc:title>")?;
    let mut text = String::new();
    for piece in inside.split('<') {
        // What stands before the first `<` is no tag; of the others, the tag ends with `>`.
        text.push_str(piece.split_once('>').map_or("", |(_, text)| text));
    }
    // `&amp;` comes last, so that what it makes is not read again.
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    let text = entities.iter().fold(text, |text, (entity, character)| text.replace(entity, character));
    Some(one_line(&text)).filter(|text| !text.is_empty())
}

/// The words of a text, without characters that cannot be shown.
fn one_line(text: &str) -> String {
    let shown: String = text.chars().map(|shown| if shown.is_control() { ' ' } else { shown }).collect();
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_says_its_encoding_at_its_start() {
        assert_eq!(decoded(b"Z\xf6e \x85 \xa0 \x18\x1f\0"), "Zöe – € ˘˜");
        assert_eq!(decoded(b"\xfe\xff\0B\x03\xb1\0\n\0b"), "Bα b");
        assert_eq!(decoded(b"\xff\xfeB\0\xb1\x03"), "Bα");
        assert_eq!(decoded("\u{feff}ß".as_bytes()), "ß");
    }

    #[test]
    fn the_title_is_found_in_xmp() {
        let xml =
            "<a><dc:title>\n<rdf:Alt><rdf:li xml:lang=\"x-default\">Bees &amp;amp; ants</rdf:li></rdf:Alt></dc:title>";
        assert_eq!(xmp_title(xml).as_deref(), Some("Bees &amp; ants"));
        assert_eq!(["", "<dc:title", "<dc:title/>", "<dc:title></dc:title>"].map(xmp_title), [const { None }; 4]);
    }
}
