//! A file's bytes in the order in which FAISS reads them. No length is trusted before the file is known to be that
//! long.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Why a file is not handed to FAISS.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file cannot be read.
    Read(io::Error),
    /// The file has a kind of index that is not opened.
    Kind(String),
    /// The file holds an impossible value.
    Wrong(String),
}

pub(super) type Checked<T = ()> = Result<T, Fault>;

pub(super) fn wrong<T>(what: impl Into<String>) -> Checked<T> {
    Err(Fault::Wrong(what.into()))
}

/// Checks a condition on the value of this name.
pub(super) fn expect(name: &str, holds: bool) -> Checked {
    if holds { Ok(()) } else { wrong(format!("invalid {name}")) }
}

/// Checks that two numbers are the same.
pub(super) fn same(name: &str, found: u64, expected: u64) -> Checked {
    if found == expected { Ok(()) } else { wrong(format!("{name}: {found} instead of {expected}")) }
}

/// The bits of the f32 2⁶⁰. Floats below it have finite squares and sums.
const TOO_LARGE: u32 = (127 + 60) << 23;

/// Bytes that are read at a time.
const WINDOW: usize = 1 << 16;

/// A file that is being checked.
pub(super) struct Source<'a> {
    file: &'a File,
    length: u64,
    position: u64,
    /// Some bytes, and where in the file they stand.
    window: Vec<u8>,
    start: u64,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a File) -> Checked<Self> {
        let length = file.metadata().map_err(Fault::Read)?.len();
        Ok(Self { file, length, position: 0, window: Vec::new(), start: 0 })
    }

    /// How many bytes are left.
    pub(super) fn rest(&self) -> u64 {
        self.length - self.position
    }

    /// Skips bytes, which must exist.
    pub(super) fn skip(&mut self, bytes: u64) -> Checked {
        if bytes > self.rest() {
            return wrong(format!("it ends {} bytes too early", bytes - self.rest()));
        }
        self.position += bytes;
        Ok(())
    }

    fn bytes<const N: usize>(&mut self) -> Checked<[u8; N]> {
        let at = self.position;
        self.skip(N as u64)?;
        if at < self.start || self.position > self.start + self.window.len() as u64 {
            let length = (self.length - at).min(WINDOW as u64);
            self.window.resize(length as usize, 0);
            self.file.read_exact_at(&mut self.window, at).map_err(Fault::Read)?;
            self.start = at;
        }
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.window[(at - self.start) as usize..][..N]);
        Ok(bytes)
    }

    /// Fills `items` with the next bytes.
    pub(super) fn fill<T: bytemuck::Pod>(&mut self, items: &mut [T]) -> Checked {
        let at = self.position;
        self.skip(size_of_val(items) as u64)?;
        self.file.read_exact_at(bytemuck::cast_slice_mut(items), at).map_err(Fault::Read)
    }

    /// The four letters with which an index or a transformation begins.
    pub(super) fn kind(&mut self) -> Checked<[u8; 4]> {
        self.bytes()
    }

    pub(super) fn byte(&mut self) -> Checked<u8> {
        Ok(self.bytes::<1>()?[0])
    }

    /// A C++ `bool`, for which only two values are valid.
    pub(super) fn flag(&mut self, name: &str) -> Checked<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => wrong(format!("{name}: {other} instead of 0 or 1")),
        }
    }

    pub(super) fn i32(&mut self) -> Checked<i32> {
        Ok(i32::from_le_bytes(self.bytes()?))
    }

    pub(super) fn u32(&mut self) -> Checked<u32> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    pub(super) fn u64(&mut self) -> Checked<u64> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    pub(super) fn f32(&mut self) -> Checked<f32> {
        Ok(f32::from_le_bytes(self.bytes()?))
    }

    /// An `i32` that counts something, from 1 to `most`.
    pub(super) fn count(&mut self, name: &str, most: i32) -> Checked<u64> {
        let found = self.i32()?;
        expect(name, (1..=most).contains(&found))?;
        Ok(found as u64)
    }

    /// The length of a vector whose items have `size` bytes each. The file holds all of them.
    pub(super) fn length(&mut self, name: &str, size: u64) -> Checked<u64> {
        let length = self.u64()?;
        match length.checked_mul(size) {
            Some(bytes) if bytes <= self.rest() => Ok(length),
            _ => wrong(format!("{name}: {length}, which is more than the file holds")),
        }
    }

    /// Skips a vector of `expected` items.
    pub(super) fn vector(&mut self, name: &str, size: u64, expected: u64) -> Checked {
        let length = self.length(name, size)?;
        same(name, length, expected)?;
        self.skip(length * size)
    }

    /// A vector of at most `most` items.
    pub(super) fn short<T: bytemuck::Pod>(&mut self, name: &str, most: u64) -> Checked<Vec<T>> {
        let length = self.length(name, size_of::<T>() as u64)?;
        expect(name, length <= most)?;
        let mut items = vec![T::zeroed(); length as usize];
        self.fill(&mut items)?;
        Ok(items)
    }

    /// Calls `each` with the next `count` items, some at a time.
    pub(super) fn walk<T: bytemuck::Pod>(&mut self, count: u64, mut each: impl FnMut(&[T]) -> Checked) -> Checked {
        /// A buffer of this size stays in the second-level cache.
        const BYTES: usize = 1 << 17;
        let most = (BYTES / size_of::<T>()) as u64;
        let mut items = vec![T::zeroed(); count.min(most) as usize];
        let mut left = count;
        while left > 0 {
            let now = left.min(most);
            let items = &mut items[..now as usize];
            self.fill(items)?;
            each(items)?;
            left -= now;
        }
        Ok(())
    }

    /// Checks `count` floats, none of which may be too large, infinite or NaN.
    pub(super) fn floats(&mut self, name: &str, count: u64) -> Checked {
        self.walk(count, |bits: &[u32]| {
            let largest = bits.iter().fold(0, |largest: u32, bits| largest.max(bits & 0x7fff_ffff));
            expect(name, largest < TOO_LARGE)
        })
    }

    /// Checks a vector of `expected` floats in the same way.
    pub(super) fn finite(&mut self, name: &str, expected: u64) -> Checked {
        let length = self.length(name, 4)?;
        same(name, length, expected)?;
        self.floats(name, length)
    }
}
