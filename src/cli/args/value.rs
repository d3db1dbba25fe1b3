//! Parsers of the values of options, with their errors.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use semsearch::corpus::Encoding;

use crate::cli::output::OutputFormat;

/// A parser of the names in a table of output formats. The help describes each; the value is the table's entry.
pub(super) fn one_of<W: Clone + Send + Sync>(
    table: &'static [OutputFormat<W>],
) -> impl TypedValueParser<Value = &'static OutputFormat<W>> {
    let names = table.iter().map(|format| PossibleValue::new(format.name).help(format.help));
    PossibleValuesParser::new(names.collect::<Vec<_>>())
        .try_map(|word| table.iter().find(|format| format.name == word).ok_or("expected a format"))
}

/// Names with their help.
pub(super) fn described<const N: usize>(values: [(&'static str, &'static str); N]) -> [PossibleValue; N] {
    values.map(|(name, help)| PossibleValue::new(name).help(help))
}

/// A file for a picture.
pub(super) fn svg(word: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(word);
    match path.extension() {
        Some(extension) if !extension.eq_ignore_ascii_case("svg") => Err("pictures are SVG: name it .svg".into()),
        _ => Ok(path),
    }
}

/// A number of bytes, perhaps with a unit.
#[cfg(feature = "serve")]
pub(super) fn bytes(word: &str) -> Result<usize, String> {
    let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let factor = match word[end..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kib" => Some(1 << 10),
        "m" | "mib" => Some(1 << 20),
        "g" | "gib" => Some(1 << 30),
        "kb" => Some(1000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        _ => None,
    };
    let number = word[..end].parse::<usize>().ok().filter(|&number| number > 0);
    let size = number.zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    size.ok_or_else(|| "expected a size, as 16MiB".into())
}

/// A number of seconds, perhaps with a fraction.
pub(super) fn seconds(word: &str) -> Result<Duration, String> {
    let number: Option<f64> = word.parse().ok();
    number.and_then(|number| Duration::try_from_secs_f64(number).ok()).ok_or_else(|| "expected seconds".into())
}

/// A number from 0 to 1.
pub(super) fn weight(word: &str) -> Result<f32, String> {
    word.parse()
        .ok()
        .filter(|weight| (0.0..=1.0).contains(weight))
        .ok_or_else(|| "expected a number from 0 to 1".into())
}

/// A number of threads. A very large number would take minutes to start and gain nothing.
pub(super) fn threads(word: &str) -> Result<usize, String> {
    const MOST: usize = 1024;
    positive(word)
        .and_then(|number| if number > MOST { Err(format!("at most {MOST} are possible")) } else { Ok(number) })
}

/// A whole number.
pub(super) fn whole(word: &str) -> Result<usize, String> {
    word.parse().map_err(|_| "expected a whole number".into())
}

/// A whole number from 1.
pub(super) fn positive(word: &str) -> Result<usize, String> {
    match word.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("expected a whole number from 1".into()),
    }
}

/// Understands the name of an encoding, as the Encoding Standard lists them.
pub(super) fn encoding(name: &str) -> Result<&'static Encoding, String> {
    let known = Encoding::for_label(name.as_bytes());
    known.ok_or_else(|| {
        format!("no encoding {name:?}: expected a name such as latin1, windows-1251, shift_jis or utf-16le")
    })
}
