//! Finds streams that decompress to too much, before the library decompresses them whole.
//!
//! The bytes after each word `stream` are decompressed piece by piece, and counted. This finds what is compressed by
//! Deflate, once or several times over, which is all that programs write today. Where a stream names other filters, each
//! of them is applied too. Encrypted streams are not seen through, nor filters whose names are not beside the stream.

use std::borrow::Cow;
use std::io::Read;

use bstr::ByteSlice;
use flate2::read::{DeflateDecoder, ZlibDecoder};

use super::columns::{self, Columns};
use super::filters::{self, Filter};
use super::limits::Limits;

/// How many bytes one stream may decompress to. A picture of a page at 600 dots per inch has 105 MB.
const MOST: u64 = 256 << 20;

/// How many bytes all streams may decompress to.
const MOST_TOGETHER: u64 = 2 << 30;

/// How often a stream may be compressed over again.
const LAYERS: usize = 4;

/// Fails if a stream of the file, or all together, decompress to too much, take too long, or have too long rows.
pub(super) fn check(bytes: &[u8], limits: &Limits) -> Result<(), String> {
    columns::check(bytes)?;
    let mut together = 0;
    for at in bytes.find_iter(b"stream") {
        let data = bytes.get(at + b"stream".len()..).unwrap_or_default();
        let Some(data) = [&b"\r\n"[..], b"\n", b"\r"].iter().find_map(|end| data.strip_prefix(*end)) else { continue };
        for layers in 1..=LAYERS {
            let (count, inner) = decompressed(data, layers, limits)?;
            add(&mut together, count)?;
            if !inner {
                break;
            }
        }
        check_filters(data, &filters::named(&bytes[..at]), &mut together, limits)?;
    }
    Ok(())
}

/// The same for one stream whose filters are not, or not only, Deflate.
fn check_filters(data: &[u8], filters: &[Filter], together: &mut u64, limits: &Limits) -> Result<(), String> {
    if filters.len() <= LAYERS && filters.iter().all(|filter| *filter == Filter::Flate) {
        return Ok(());
    }
    let mut data = Cow::Borrowed(data);
    for filter in filters {
        limits.streams_clock()?;
        data = Cow::Owned(filter.decode(&data, MOST as usize));
        add(together, data.len() as u64)?;
        columns::check(&data)?;
    }
    Ok(())
}

/// Counts what came out of a filter.
fn add(together: &mut u64, count: u64) -> Result<(), String> {
    *together += count;
    if count > MOST {
        return Err(format!("one of its streams is more than {} MiB when it is decompressed", MOST >> 20));
    }
    if *together > MOST_TOGETHER {
        return Err(format!("its streams are more than {} GiB when they are decompressed", MOST_TOGETHER >> 30));
    }
    Ok(())
}

/// How many bytes come out when so many layers of compression are taken off, and whether they look compressed again.
/// Bytes that end or are damaged are counted up to there.
fn decompressed(data: &[u8], layers: usize, limits: &Limits) -> Result<(u64, bool), String> {
    limits.streams_clock()?;
    let zlib = data.first_chunk().is_some_and(is_zlib);
    let mut source: Box<dyn Read + '_> = match zlib {
        true => Box::new(ZlibDecoder::new(data)),
        // Readers of PDF take the bytes as they come, if there is no header of zlib.
        false => Box::new(DeflateDecoder::new(data)),
    };
    for _ in 1..layers {
        source = Box::new(ZlibDecoder::new(source));
    }
    let mut start = [0; 2];
    if source.read_exact(&mut start).is_err() {
        return Ok((0, false));
    }
    let (mut count, mut buffer) = (start.len() as u64, vec![0; 64 << 10]);
    let mut columns = Columns::default();
    columns.pass(&start)?;
    while count <= MOST
        && let Ok(more @ 1..) = source.read(&mut buffer)
    {
        count += more as u64;
        columns.pass(&buffer[..more])?;
        limits.streams_clock()?;
    }
    Ok((count, is_zlib(&start)))
}

/// Whether these are the first two bytes that zlib writes.
fn is_zlib(start: &[u8; 2]) -> bool {
    start[0] & 0x0f == 8 && u16::from_be_bytes(*start).is_multiple_of(31)
}
