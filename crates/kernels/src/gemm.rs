//! Matrix products. A tile of the result stays in registers, while its inputs are read.
//!
//! The weights are stored in panels of 64 columns ([`super::linear`]), which a tile reads from front to back. Every
//! element of the result is one sum in the order of the inputs, in whatever tile it is computed. So a row has the same
//! bits alone and among other rows.

use super::prefetch::prefetch_for_later;
use super::product::Product;
use super::simd::Simd;
use super::stored::Store;

/// The number of columns of a panel.
pub(super) const PANEL: usize = 64;

/// Where the sums of a product go. This is a trait, because a closure would not be compiled for the instruction set of
/// the function into which it is inlined, and so would not be inlined.
pub(super) trait Sink<P: Product> {
    /// Takes the sums of one row of a tile: vectors of consecutive columns. Rows count from 0.
    ///
    /// # Safety
    /// The processor has the instructions of `P`.
    unsafe fn take<const VECTORS: usize>(&mut self, row: usize, sums: &[P::Sum; VECTORS]);

    /// This row's sums are computed next.
    #[inline(always)]
    fn expect(&self, _row: usize) {}
}

/// What is done to sums before they are stored.
pub(super) trait Finish<P: Product>: Copy {
    /// The values to store for the sums of this row, from this column on.
    ///
    /// # Safety
    /// The processor has the instructions of `P`.
    unsafe fn finish<const VECTORS: usize>(
        self,
        sums: &[P::Sum; VECTORS],
        row: usize,
        column: usize,
    ) -> [P::Float; VECTORS];

    /// The sums of this row, from this column on, are computed next: asks the processor for what is read soon.
    #[inline(always)]
    fn expect(self, _row: usize, _column: usize) {}
}

/// Stores the sums as they are.
#[derive(Clone, Copy)]
pub(super) struct Keep;

impl<P: Product<Sum = <P as Product>::Float>> Finish<P> for Keep {
    #[inline(always)]
    unsafe fn finish<const VECTORS: usize>(self, sums: &[P::Sum; VECTORS], _: usize, _: usize) -> [P::Float; VECTORS] {
        *sums
    }
}

/// Asks for the weights that are read next, some of them with each row.
#[derive(Clone, Copy)]
pub(super) struct Ahead<'a, T, F> {
    pub(super) finish: F,
    /// What is read next, after all rows.
    pub(super) next: &'a [T],
    /// How many words of it are asked for with each row.
    pub(super) each: usize,
}

impl<P: Product, F: Finish<P>> Finish<P> for Ahead<'_, P::Word, F> {
    #[inline(always)]
    fn expect(self, row: usize, column: usize) {
        self.finish.expect(row, column);
        let (next, at) = (self.next, row * self.each);
        prefetch_for_later(bytemuck::cast_slice(&next[at.min(next.len())..(at + self.each).min(next.len())]));
    }

    #[inline(always)]
    unsafe fn finish<const VECTORS: usize>(
        self,
        sums: &[P::Sum; VECTORS],
        row: usize,
        column: usize,
    ) -> [P::Float; VECTORS] {
        // SAFETY: as for this function.
        unsafe { self.finish.finish(sums, row, column) }
    }
}

/// Rows that begin `stride` words apart.
#[derive(Clone, Copy)]
pub(super) struct Strided<'a, T> {
    pub(super) start: &'a [T],
    pub(super) stride: usize,
}

/// Stores sums in rows of `T` that begin `stride` of these apart. The sums take `width` of them.
pub(super) struct Target<'a, T, F> {
    pub(super) out: &'a mut [T],
    pub(super) stride: usize,
    pub(super) width: usize,
    /// What is done to the sums before they are stored.
    pub(super) finish: F,
    /// The column number that `finish` gets for the first column.
    pub(super) column: usize,
}

impl<P: Product, T: Store<P>, F: Finish<P>> Sink<P> for Target<'_, T, F> {
    #[inline(always)]
    fn expect(&self, row: usize) {
        self.finish.expect(row, self.column);
    }

    #[inline(always)]
    unsafe fn take<const VECTORS: usize>(&mut self, row: usize, sums: &[P::Sum; VECTORS]) {
        let out = &mut self.out[row * self.stride..][..self.width];
        // SAFETY: the caller guarantees the instructions; there is room for what is stored.
        unsafe {
            let values = self.finish.finish(sums, row, self.column);
            if out.len() * T::VALUES == VECTORS * P::Float::LANES {
                T::store(values, out.as_mut_ptr());
            } else {
                let mut all = [T::zeroed(); PANEL];
                T::store(values, all[..VECTORS * P::Float::LANES / T::VALUES].as_mut_ptr());
                out.copy_from_slice(&all[..out.len()]);
            }
        }
    }
}

/// All rows of a product with at most `VECTORS` vectors of columns, one tile of `ROWS` rows after the other: `rows`
/// rows of `a`, each of `depth` words, times `depth` rows of `b`.
///
/// # Safety
/// The processor has the instructions of `P`; `a` has `rows` rows of `depth`, `b` has `depth` rows of
/// `VECTORS · LANES`.
#[inline(always)]
pub(super) unsafe fn product<P: Product, const ROWS: usize, const VECTORS: usize>(
    rows: usize,
    a: Strided<'_, P::Word>,
    b: Strided<'_, P::Word>,
    depth: usize,
    to: &mut impl Sink<P>,
) {
    let mut row = 0;
    while row < rows {
        let a = Strided { start: &a.start[row * a.stride..], stride: a.stride };
        // SAFETY: no tile has more rows than are left; the caller guarantees the rest.
        unsafe {
            match rows - row {
                1 => tile::<P, 1, VECTORS>(row, a, b, depth, to),
                2 if ROWS > 2 => tile::<P, 2, VECTORS>(row, a, b, depth, to),
                3 if ROWS > 3 => tile::<P, 3, VECTORS>(row, a, b, depth, to),
                4 if ROWS > 4 => tile::<P, 4, VECTORS>(row, a, b, depth, to),
                5 if ROWS > 5 => tile::<P, 5, VECTORS>(row, a, b, depth, to),
                _ => tile::<P, ROWS, VECTORS>(row, a, b, depth, to),
            }
        }
        row += ROWS;
    }
}

/// One tile: `ROWS` rows of `a`, each of `depth` words, times `depth` rows of `b`, each of `VECTORS` vectors. `first`
/// is the number of the tile's first row.
///
/// # Safety
/// The processor has the instructions of `P`; `a` has `ROWS` rows of `depth`, `b` has `depth` rows of
/// `VECTORS · LANES`.
#[inline(always)]
#[allow(
    clippy::needless_range_loop,
    reason = "loops that count to constants are unrolled, and their sums stay in registers"
)]
unsafe fn tile<P: Product, const ROWS: usize, const VECTORS: usize>(
    first: usize,
    a: Strided<'_, P::Word>,
    b: Strided<'_, P::Word>,
    depth: usize,
    to: &mut impl Sink<P>,
) {
    let lanes = P::Float::LANES;
    debug_assert!(a.start.len() >= (ROWS - 1) * a.stride + depth);
    debug_assert!(depth == 0 || b.start.len() >= (depth - 1) * b.stride + VECTORS * lanes);
    // SAFETY: the caller guarantees the instructions, and the shapes within which the indices stay.
    unsafe {
        (0..ROWS).for_each(|row| to.expect(first + row));
        let mut sums = [[P::zero(); VECTORS]; ROWS];
        let (rows, mut at) = (a.start.as_ptr(), b.start.as_ptr());
        for step in 0..depth {
            let mut columns = [P::columns(at); VECTORS];
            for vector in 1..VECTORS {
                columns[vector] = P::columns(at.add(vector * lanes));
            }
            for row in 0..ROWS {
                let word = P::row(rows.add(row * a.stride + step));
                for vector in 0..VECTORS {
                    sums[row][vector] = P::multiply_add(word, columns[vector], sums[row][vector]);
                }
            }
            at = at.wrapping_add(b.stride);
        }
        // A loop would count the rows at run time. An array with such an index lies in memory.
        macro_rules! take {
            ($($row:literal)*) => {
                const { assert!(ROWS <= [$($row),*].len()) };
                $(if $row < ROWS {
                    to.take(first + $row, &sums[$row % ROWS]);
                })*
            };
        }
        take!(0 1 2 3 4 5);
    }
}
