//! Parses the header of NumPy's npy files, as `numpy.lib.format` specifies it: a magic, a version, a length, and a
//! Python dictionary with three entries.
//!
//! The parser is not recursive, so no header is nested too deeply for it, and it limits each length before it reads.

use std::io::Read;

/// NumPy itself reads no longer header than this. The header of a matrix of floats has some hundred bytes.
const MAX_LENGTH: usize = 10_000;

const MAGIC: &[u8] = b"\x93NUMPY";

/// What a header says about the array after it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NpyHeader {
    /// The type of the numbers as NumPy names it, or the Python expression that describes a compound type.
    pub(super) descr: String,
    /// Whether the first index changes fastest.
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<u64>,
}

impl NpyHeader {
    /// Reads up to the first byte of the data.
    ///
    /// # Errors
    /// A sentence that says why this is no header.
    pub(super) fn read(file: &mut impl Read) -> Result<Self, String> {
        let text = text(file)?;
        HeaderParser { rest: text.trim_end() }.dictionary()
    }
}

/// The dictionary's text.
fn text(file: &mut impl Read) -> Result<String, String> {
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(|error| error.to_string())?;
    if !start.starts_with(MAGIC) {
        return Err("it does not begin with \\x93NUMPY".into());
    }
    // The length has 2 bytes in version 1, and 4 in versions 2 and 3. Text is UTF-8 in version 3, and Latin-1 before.
    let (version, mut length) = (start[6], [0; 4]);
    let width = match version {
        1 => 2,
        2 | 3 => 4,
        _ => return Err(format!("its version is {version}, not 1, 2 or 3")),
    };
    file.read_exact(&mut length[..width]).map_err(|error| error.to_string())?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_LENGTH {
        return Err(format!("a header of {length} bytes"));
    }
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes).map_err(|error| error.to_string())?;
    match version {
        3 => String::from_utf8(bytes).map_err(|error| error.to_string()),
        _ => Ok(bytes.into_iter().map(char::from).collect()),
    }
}

/// Reads a dictionary of Python from its text.
struct HeaderParser<'a> {
    rest: &'a str,
}

impl HeaderParser<'_> {
    fn dictionary(mut self) -> Result<NpyHeader, String> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.take('}') {
            let key = self.string()?;
            self.expect(':')?;
            match key.as_str() {
                "descr" => descr = Some(self.descr()?),
                "fortran_order" => fortran_order = Some(self.boolean()?),
                "shape" => shape = Some(self.shape()?),
                _ => return Err(format!("its header has an entry {key:?}")),
            }
            if !self.take(',') {
                self.expect('}')?;
                break;
            }
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) if self.rest.trim_start().is_empty() => {
                Ok(NpyHeader { descr, fortran_order, shape })
            }
            (Some(_), Some(_), Some(_)) => Err("its header goes on after the dictionary".into()),
            _ => Err("its header lacks one of descr, fortran_order and shape".into()),
        }
    }

    /// A string, or everything up to the comma or brace that ends a compound description.
    fn descr(&mut self) -> Result<String, String> {
        let text = self.rest.trim_start();
        if text.starts_with(['\'', '"']) {
            return self.string();
        }
        let (mut depth, mut quote) = (0, None);
        for (at, character) in text.char_indices() {
            match (quote, character) {
                (Some(open), _) => quote = (character != open).then_some(open),
                (None, '\'' | '"') => quote = Some(character),
                (None, '(' | '[' | '{') => depth += 1,
                (None, ',' | '}') if depth == 0 => {
                    self.rest = &text[at..];
                    return Ok(text[..at].trim_end().to_owned());
                }
                (None, ')' | ']' | '}') => depth -= 1,
                _ => {}
            }
        }
        Err("its header has no end".into())
    }

    fn string(&mut self) -> Result<String, String> {
        let text = self.rest.trim_start();
        let quote =
            text.chars().next().filter(|quote| "'\"".contains(*quote)).ok_or_else(|| self.unexpected("a string"))?;
        let (string, rest) = text[1..].split_once(quote).ok_or("a string in its header has no end")?;
        self.rest = rest;
        Ok(string.to_owned())
    }

    fn boolean(&mut self) -> Result<bool, String> {
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.trim_start().strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.unexpected("True or False"))
    }

    fn shape(&mut self) -> Result<Vec<u64>, String> {
        let mut shape = Vec::new();
        self.expect('(')?;
        while !self.take(')') {
            shape.push(self.number()?);
            if !self.take(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }

    /// A number, perhaps with the `L` that Python 2 wrote.
    fn number(&mut self) -> Result<u64, String> {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number = text[..end].parse().map_err(|_| self.unexpected("a number"))?;
        self.rest = text[end..].strip_prefix('L').unwrap_or(&text[end..]);
        Ok(number)
    }

    /// Skips `wanted` if it comes next.
    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.take(wanted) { Ok(()) } else { Err(self.unexpected(&format!("{wanted:?}"))) }
    }

    fn unexpected(&self, wanted: &str) -> String {
        let found: String = self.rest.trim_start().chars().take(20).collect();
        format!("its header has {found:?} in place of {wanted}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Headers of each version that NumPy wrote; `tests/data/npy/make.py` makes them.
    #[test]
    fn what_numpy_writes_is_read() {
        let read = |bytes: &[u8]| NpyHeader::read(&mut &bytes[..]).unwrap();
        let header = |descr: &str, fortran_order, shape: &[u64]| NpyHeader {
            descr: descr.into(),
            fortran_order,
            shape: shape.into(),
        };
        let plain = header("<f4", false, &[3, 2]);
        assert_eq!(read(include_bytes!("../../../tests/data/npy/floats.npy")), plain);
        assert_eq!(read(include_bytes!("../../../tests/data/npy/floats-2.npy")), plain);
        assert_eq!(read(include_bytes!("../../../tests/data/npy/floats-3.npy")), plain);
        assert_eq!(read(include_bytes!("../../../tests/data/npy/fortran.npy")), header("<f4", true, &[3, 2]));
        assert_eq!(read(include_bytes!("../../../tests/data/npy/doubles.npy")), header("<f8", false, &[3]));
        assert_eq!(read(include_bytes!("../../../tests/data/npy/scalar.npy")), header("<i8", false, &[]));
        let compound = "[('name', '<U4'), ('at, {', '<f4', (2,))]";
        assert_eq!(read(include_bytes!("../../../tests/data/npy/compound.npy")), header(compound, false, &[1]));
    }

    /// A file of version 1 with this dictionary.
    fn file(text: &str) -> Vec<u8> {
        [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat()
    }

    #[test]
    fn what_is_no_header_is_refused_with_its_reason() {
        let said = |bytes: &[u8]| NpyHeader::read(&mut &bytes[..]).unwrap_err();
        assert_eq!(said(b"PK\x03\x04 and more"), "it does not begin with \\x93NUMPY");
        assert_eq!(said(b"\x93NUMPY\x09\x00"), "its version is 9, not 1, 2 or 3");
        assert_eq!(said(&file("[]")), "its header has \"[]\" in place of '{'");
        assert_eq!(said(&file("{'descr': '<f4', }")), "its header lacks one of descr, fortran_order and shape");
        assert_eq!(said(&file("{'shape': (-1, 2)}")), "its header has \"-1, 2)}\" in place of a number");
        assert_eq!(said(&file("{'order': 'C'}")), "its header has an entry \"order\"");
        assert_eq!(said(&file(&format!("{{'descr': {}", "[".repeat(9_000)))), "its header has no end");
    }

    proptest! {
        #[test]
        fn a_dictionary_reads_the_same_however_it_is_spaced_and_ordered(
            shape in prop::collection::vec(any::<u64>(), 0..5),
            fortran_order: bool,
            space in "[ \n\t]{0,3}",
            quote in "['\"]",
            first in 0usize..3,
        ) {
            let numbers: String = shape.iter().map(|number| format!("{space}{number}{space},")).collect();
            let order = if fortran_order { "True" } else { "False" };
            let mut entries = [
                format!("{quote}descr{quote}{space}:{space}{quote}<f4{quote}"),
                format!("{quote}fortran_order{quote}:{space}{order}"),
                format!("{quote}shape{quote}:{space}({numbers}{space})"),
            ];
            entries.rotate_left(first);
            let text = format!("{space}{{{space}{}{space}}}{space}\n", entries.join(&format!("{space},{space}")));
            let header = NpyHeader::read(&mut &file(&text)[..]).unwrap();
            prop_assert_eq!(header, NpyHeader { descr: "<f4".into(), fortran_order, shape });
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, text in "[{}()\\[\\]'\":,a-zA-Z0-9 é]{0,60}") {
            let _ = NpyHeader::read(&mut &[MAGIC, &[3, 0], &bytes[..]].concat()[..]);
            let _ = NpyHeader::read(&mut &file(&text)[..]);
            let _ = NpyHeader::read(&mut &file(&format!("{{'descr': {text}"))[..]);
        }
    }
}
