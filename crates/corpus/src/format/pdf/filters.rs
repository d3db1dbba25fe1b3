//! The filters that a stream names, and how much comes out of them.
//!
//! Bytes that end early or are damaged are decoded up to there. What the library does with them is not decided here.

use std::io::Read;

use bstr::ByteSlice;
use flate2::read::{DeflateDecoder, ZlibDecoder};

/// How many bytes before a stream are looked at for the names of its filters.
const DICTIONARY: usize = 16 << 10;

/// How many codes of LZW are known at its start, and how many there can be.
const FIRST: usize = 258;
const MOST_CODES: usize = 4096;

/// How the bytes of a stream are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Hex,
    Base85,
    /// LZW; in its usual form, the length of codes changes one code early.
    Lzw {
        early: bool,
    },
    Flate,
    RunLength,
}

/// The filters in the dictionary at the end of `before`, which stands before a stream, in the order in which they are
/// applied. Those of pictures, and what comes after them, are not decoded here.
pub(super) fn named(before: &[u8]) -> Vec<Filter> {
    let near = &before[before.len().saturating_sub(DICTIONARY)..];
    let dictionary = &near[near.rfind("obj").unwrap_or(0)..];
    let key = |name: &str| {
        let after = |at: usize| dictionary[at + name.len()..].trim_ascii_start();
        dictionary.find_iter(name).map(after).find(|value| value.starts_with(b"/") || value.starts_with(b"["))
    };
    let Some(value) = key("/Filter").or_else(|| key("/F")) else { return Vec::new() };
    let names = match value.strip_prefix(b"[") {
        Some(list) => &list[..list.find_byte(b']').unwrap_or(list.len())],
        None => &value[..1 + value[1..].find_byteset(b"/<>[]() \t\r\n\x0c\0").unwrap_or(value.len() - 1)],
    };
    let early = !dictionary
        .find_iter("/EarlyChange")
        .any(|at| dictionary[at + "/EarlyChange".len()..].trim_ascii_start().starts_with(b"0"));
    names.split_str("/").skip(1).map_while(|name| filter(name.trim_ascii(), early)).collect()
}

fn filter(name: &[u8], early: bool) -> Option<Filter> {
    Some(match name {
        b"ASCIIHexDecode" | b"AHx" => Filter::Hex,
        b"ASCII85Decode" | b"A85" => Filter::Base85,
        b"LZWDecode" | b"LZW" => Filter::Lzw { early },
        b"FlateDecode" | b"Fl" => Filter::Flate,
        b"RunLengthDecode" | b"RL" => Filter::RunLength,
        _ => return None,
    })
}

impl Filter {
    /// What comes out of the filter: all of it, or somewhat more than `most` bytes.
    pub(super) fn decode(self, data: &[u8], most: usize) -> Vec<u8> {
        match self {
            Self::Hex => hex(data),
            Self::Base85 => base_85(data, most),
            Self::Lzw { early } => lzw(data, early, most),
            Self::Flate => flate(data, most),
            Self::RunLength => run_length(data, most),
        }
    }
}

fn flate(data: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let limit = most as u64 + 1;
    let failed = ZlibDecoder::new(data).take(limit).read_to_end(&mut out).is_err();
    if failed && out.is_empty() {
        let _ = DeflateDecoder::new(data).take(limit).read_to_end(&mut out);
    }
    out
}

fn hex(data: &[u8]) -> Vec<u8> {
    let digits = data.iter().filter(|byte| !is_space(**byte)).map_while(|&byte| char::from(byte).to_digit(16));
    let (mut out, mut high) = (Vec::new(), None);
    for digit in digits {
        match high.take() {
            None => high = Some(digit),
            Some(high) => out.push((high << 4 | digit) as u8),
        }
    }
    out.extend(high.map(|high| (high << 4) as u8));
    out
}

fn base_85(data: &[u8], most: usize) -> Vec<u8> {
    let (mut out, mut group) = (Vec::new(), Vec::new());
    for &byte in data.iter().filter(|byte| !is_space(**byte)) {
        match byte {
            b'!'..=b'u' => group.push(byte - b'!'),
            b'z' if group.is_empty() => out.extend([0; 4]),
            _ => break,
        }
        if group.len() == 5 {
            out.extend(word(&group));
            group.clear();
        }
        if out.len() > most {
            return out;
        }
    }
    let more = group.len().saturating_sub(1);
    if more > 0 {
        group.resize(5, 84);
        out.extend(&word(&group)[..more]);
    }
    out
}

/// The four bytes that five digits to the base 85 stand for.
fn word(digits: &[u8]) -> [u8; 4] {
    digits.iter().fold(0_u32, |word, &digit| word.wrapping_mul(85).wrapping_add(digit.into())).to_be_bytes()
}

fn run_length(mut data: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((&length, rest)) = data.split_first().filter(|(length, _)| **length != 128 && out.len() <= most) {
        let taken = if length < 128 { usize::from(length) + 1 } else { 1 };
        let Some((bytes, rest)) = rest.split_at_checked(taken) else { break };
        let times = if length < 128 { 1 } else { 257 - usize::from(length) };
        (0..times).for_each(|_| out.extend_from_slice(bytes));
        data = rest;
    }
    out
}

fn lzw(data: &[u8], early: bool, most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    // Each code from `FIRST` stands for a part of what came out, by its start and length; and so does the last one.
    let (mut table, mut last) = (Vec::<(usize, usize)>::new(), None);
    let (mut source, mut held, mut bits) = (data.iter(), 0_usize, 0);
    while out.len() <= most {
        let size = FIRST + table.len();
        let width = match size + usize::from(early) {
            2048.. => 12,
            1024.. => 11,
            512.. => 10,
            _ => 9,
        };
        while bits < width {
            let Some(&byte) = source.next() else { return out };
            held = (held << 8 | usize::from(byte)) & 0xff_ffff;
            bits += 8;
        }
        bits -= width;
        let (code, start) = ((held >> bits) & ((1 << width) - 1), out.len());
        match (code, last) {
            (256, _) => {
                last = None;
                table.clear();
                continue;
            }
            (0..256, _) => out.push(code as u8),
            (FIRST.., _) if code < size => {
                let (from, length) = table[code - FIRST];
                out.extend_from_within(from..from + length);
            }
            (FIRST.., Some((from, length))) if code == size => {
                out.extend_from_within(from..from + length);
                out.push(out[from]);
            }
            _ => return out,
        }
        table.extend(last.filter(|_| size < MOST_CODES).map(|(from, length)| (from, length + 1)));
        last = Some((start, out.len() - start));
    }
    out
}

/// Whether the byte is white space in PDF.
fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LZW: Filter = Filter::Lzw { early: true };

    #[test]
    fn the_filters_are_those_that_the_dictionary_before_a_stream_names() {
        let early = Filter::Lzw { early: false };
        for (before, expected) in [
            ("1 0 obj<</Filter/FlateDecode/Length 9>>", &[Filter::Flate][..]),
            ("/Filter/LZWDecode obj <</Filter [ /A85\n/FlateDecode ]>>", &[Filter::Base85, Filter::Flate]),
            ("obj<</F/AHx/Length 9>>", &[Filter::Hex]),
            ("obj<</Filter[/LZW/RL/DCTDecode/Fl]/DecodeParms[<</EarlyChange 0>>]>>", &[early, Filter::RunLength]),
            ("obj<</FilterX/Fl/Filter 9 0 R>>", &[]),
            ("obj<</Filter/", &[]),
            ("", &[]),
        ] {
            assert_eq!(named(before.as_bytes()), expected, "{before}");
        }
    }

    #[test]
    fn each_filter_decodes_as_its_standard_says() {
        let decode = |filter: Filter, data: &[u8]| filter.decode(data, 1000);
        assert_eq!(decode(Filter::Hex, b"4 1\n42 5>63"), b"ABP");
        assert_eq!(decode(Filter::Base85, b"87cUR\nD]i,\"Ebo80~>x"), b"Hello World!");
        assert_eq!(decode(Filter::Base85, b"z87cUR~>"), b"\0\0\0\0Hell");
        assert_eq!(decode(Filter::Base85, b"87cUR63~>"), b"HellB");
        assert_eq!(decode(Filter::RunLength, &[2, b'a', b'b', b'c', 254, b'd', 128, 0, b'e']), b"abcddd");
        // The example of the standard.
        assert_eq!(decode(LZW, &[0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01]), b"-----A---B");
    }

    #[test]
    fn what_comes_out_is_bounded_and_damage_ends_it() {
        for filter in [Filter::Hex, Filter::Base85, LZW, Filter::Flate, Filter::RunLength] {
            for data in [&[0; 9000][..], &[0xff; 9000], &[b'z'; 9000], b"", b"1", b"\x80", &[129; 9000]] {
                assert!(filter.decode(data, 100).len() <= 9000, "{filter:?}");
            }
        }
    }
}
