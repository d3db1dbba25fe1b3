//! Memory for numbers that are read and written in vectors. It begins at a cache line, so that no vector of 64 bytes
//! lies in two lines. Otherwise every one of them would, since large pieces of memory begin 16 bytes after a page.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

/// The numbers of a cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u32; Line::NUMBERS]);

// SAFETY: a line is numbers without a gap, and any bits are numbers.
unsafe impl Zeroable for Line {}
// SAFETY: as above.
unsafe impl Pod for Line {}

impl Line {
    const NUMBERS: usize = 16;
}

/// Room for numbers of four bytes, from a cache line on: for numbers of one type, then perhaps of another.
#[derive(Clone, Default)]
pub struct Space(Vec<Line>);

impl Space {
    /// Room for `count` numbers. The caller overwrites them: they are whatever was there before, or 0.
    pub fn room<T: Pod>(&mut self, count: usize) -> &mut [T] {
        const { assert!(size_of::<T>() == size_of::<u32>()) };
        let lines = count.div_ceil(Line::NUMBERS);
        if self.0.len() < lines {
            self.0 = vec![Line::zeroed(); lines];
        }
        &mut bytemuck::cast_slice_mut(&mut self.0)[..count]
    }
}

/// Numbers of four bytes, from a cache line on.
#[derive(Clone)]
pub struct Memory<T> {
    space: Space,
    /// The number of numbers in use.
    count: usize,
    of: PhantomData<T>,
}

impl<T: Pod> Memory<T> {
    /// Room for `count` numbers. The caller overwrites them: they are whatever was there before, or 0.
    pub fn room(&mut self, count: usize) -> &mut [T] {
        self.count = count;
        self.space.room(count)
    }

    /// Puts these numbers in place of the present ones.
    pub fn copy(&mut self, numbers: &[T]) {
        self.room(numbers.len()).copy_from_slice(numbers);
    }
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self { space: Space::default(), count: 0, of: PhantomData }
    }
}

impl<T: Pod> Deref for Memory<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &bytemuck::cast_slice(&self.space.0)[..self.count]
    }
}

impl<T: Pod> DerefMut for Memory<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.space.0)[..self.count]
    }
}

impl<T> fmt::Debug for Memory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("count", &self.count).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_begins_at_a_cache_line_and_has_what_was_put_there() {
        let mut memory = Memory::default();
        for count in [1, 15, 16, 17, 100_000, 3] {
            let numbers: Vec<f32> = (0..count).map(|number| number as f32).collect();
            memory.copy(&numbers);
            assert_eq!(memory[..], numbers);
            assert!(memory.as_ptr().cast::<Line>().is_aligned());
            assert_eq!(memory.clone()[..], numbers);
        }
    }
}
