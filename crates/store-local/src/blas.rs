//! The matrix products that FAISS calls in BLAS, under BLAS's names.
//!
//! FAISS trains its quantizers and chooses inverted lists with `sgemm`, learns rotations with `dgemm` and `ssyrk`, and
//! leaves the rest to LAPACK on small matrices. Here these three functions use the `gemm` crate, which candle depends
//! on anyway, on rayon's threads. LAPACK, and the BLAS functions that LAPACK needs, are the reference implementations.
//! An OpenBLAS that suits any processor would add 23 MB to the program for these three functions, and is no faster:
//! `OPQ32,IVF64,PQ32` over 60,000 vectors takes 140 s; Python's faiss with its OpenBLAS takes 150 s.
//!
//! BLAS's conventions are Fortran's: matrices by columns, every argument by its address, 32-bit integers. The letters of
//! an operand are `N` (as it is) and `T` or `C` (transposed).
//!
//! Source: C. L. Lawson et al., "Basic Linear Algebra Subprograms for Fortran Usage", 1979, and its third level,
//! J. J. Dongarra et al., 1990; the reference implementation at <https://www.netlib.org/blas/>.

use std::ffi::{c_char, c_int};

use gemm::Parallelism;

/// A matrix of BLAS: where it begins, and the steps from a row and from a column to the next.
struct Operand<T> {
    start: *const T,
    row: isize,
    column: isize,
}

/// A matrix of BLAS as an operand: transposed if its letter says so.
///
/// # Safety
/// `letter` and `leading` can be read.
unsafe fn operand<T>(letter: *const c_char, start: *const T, leading: *const c_int) -> Operand<T> {
    // SAFETY: as the caller promises.
    let (letter, leading) = unsafe { (*letter as u8, *leading as isize) };
    match letter.to_ascii_uppercase() {
        b'N' => Operand { start, row: 1, column: leading },
        _ => Operand { start, row: leading, column: 1 },
    }
}

macro_rules! product {
    ($name:ident, $float:ty) => {
        /// C := α · op(A) op(B) + β · C, op(A) of shape [m, k], op(B) [k, n], C [m, n].
        ///
        /// # Safety
        /// The conditions of BLAS: every pointer is valid for what it points to, and C overlaps neither A nor B.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            letter_a: *const c_char,
            letter_b: *const c_char,
            m: *const c_int,
            n: *const c_int,
            k: *const c_int,
            alpha: *const $float,
            a: *const $float,
            leading_a: *const c_int,
            b: *const $float,
            leading_b: *const c_int,
            beta: *const $float,
            c: *mut $float,
            leading_c: *const c_int,
        ) {
            // SAFETY: as the caller promises.
            unsafe {
                let (a, b) = (operand(letter_a, a, leading_a), operand(letter_b, b, leading_b));
                let (m, n, k) = (*m as usize, *n as usize, *k as usize);
                multiply((m, n, k), *alpha, a, b, *beta, c, *leading_c as isize);
            }
        }
    };
}

product!(sgemm_, f32);
product!(dgemm_, f64);

/// C := α · A Aᵀ + β · C, with A of shape [n, k]; with the letter `T`, AᵀA in place of A Aᵀ. Only one triangle of C is
/// written, `U`pper or `L`ower.
///
/// # Safety
/// The conditions of BLAS: every pointer is valid for what it points to, and C does not overlap A.
#[unsafe(no_mangle)]
unsafe extern "C" fn ssyrk_(
    triangle: *const c_char,
    letter: *const c_char,
    n: *const c_int,
    k: *const c_int,
    alpha: *const f32,
    a: *const f32,
    leading_a: *const c_int,
    beta: *const f32,
    c: *mut f32,
    leading_c: *const c_int,
) {
    // SAFETY: as the caller promises.
    unsafe {
        let (n, k, leading_c) = (*n as usize, *k as usize, *leading_c as isize);
        let left = operand(letter, a, leading_a);
        let right = Operand { start: a, row: left.column, column: left.row };
        // The whole square is computed, and its triangle is used. This is twice the work, and still many times as fast
        // as the reference implementation.
        let mut square = vec![0.0; n * n];
        multiply((n, n, k), *alpha, left, right, 0.0, square.as_mut_ptr(), n as isize);
        let upper = (*triangle as u8).eq_ignore_ascii_case(&b'U');
        for column in 0..n {
            for row in if upper { 0..column + 1 } else { column..n } {
                let place = c.offset(row as isize + column as isize * leading_c);
                let kept = if *beta == 0.0 { 0.0 } else { *beta * *place };
                *place = square[row + column * n] + kept;
            }
        }
    }
}

/// C := α · A B + β · C, with C by columns.
///
/// # Safety
/// A, B and C can be read, and C written, in shapes [m, k], [k, n] and [m, n].
unsafe fn multiply<T: Copy + PartialEq + Default + 'static>(
    (m, n, k): (usize, usize, usize),
    alpha: T,
    a: Operand<T>,
    b: Operand<T>,
    beta: T,
    c: *mut T,
    leading: isize,
) {
    // With β = 0, C is not read, because it may hold anything, NaN too.
    let read = beta != T::default();
    // SAFETY: as the caller promises. The crate swaps the names of the factors: its α is BLAS's β.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c,
            leading,
            1,
            read,
            a.start,
            a.column,
            a.row,
            b.start,
            b.column,
            b.row,
            beta,
            alpha,
            false,
            false,
            false,
            Parallelism::Rayon(0),
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // The names are those that FAISS uses, so the tests call the functions that the linker chose.
    unsafe extern "C" {
        #[link_name = "sgemm_"]
        fn linked_sgemm(
            letter_a: *const c_char,
            letter_b: *const c_char,
            m: *const c_int,
            n: *const c_int,
            k: *const c_int,
            alpha: *const f32,
            a: *const f32,
            leading_a: *const c_int,
            b: *const f32,
            leading_b: *const c_int,
            beta: *const f32,
            c: *mut f32,
            leading_c: *const c_int,
        );
    }

    /// Small whole numbers, whose sums are exact in any order.
    fn matrix(len: usize) -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec((-8i8..8).prop_map(f32::from), len)
    }

    fn at(matrix: &[f32], leading: usize, transposed: bool, row: usize, column: usize) -> f32 {
        if transposed { matrix[column + row * leading] } else { matrix[row + column * leading] }
    }

    fn letter(transposed: bool) -> c_char {
        if transposed { b'T' as c_char } else { b'N' as c_char }
    }

    const SIDE: usize = 12;

    proptest! {
        #[test]
        fn products_are_those_of_the_definition(
            (m, n, k) in (1..9usize, 1..9usize, 0..9usize),
            (ta, tb) in (any::<bool>(), any::<bool>()),
            (alpha, beta) in (-2i8..3, -2i8..3),
            a in matrix(SIDE * SIDE), b in matrix(SIDE * SIDE), c in matrix(SIDE * SIDE),
        ) {
            let (alpha, beta) = (f32::from(alpha), f32::from(beta));
            let mut found = c.clone();
            let [mi, ni, ki, leading] = [m, n, k, SIDE].map(|n| n as c_int);
            // SAFETY: matrices of SIDE rows hold any of SIDE or fewer.
            unsafe {
                linked_sgemm(
                    &letter(ta), &letter(tb), &mi, &ni, &ki, &alpha, a.as_ptr(), &leading, b.as_ptr(), &leading, &beta,
                    found.as_mut_ptr(), &leading,
                );
            }
            for row in 0..SIDE {
                for column in 0..SIDE {
                    let old = c[row + column * SIDE];
                    let sum: f32 = (0..k).map(|i| at(&a, SIDE, ta, row, i) * at(&b, SIDE, tb, i, column)).sum();
                    let expected = if row < m && column < n { alpha * sum + beta * old } else { old };
                    prop_assert_eq!(found[row + column * SIDE], expected);
                }
            }
        }

        #[test]
        fn symmetric_products_fill_their_triangle_alone(
            (n, k) in (1..9usize, 0..9usize),
            (upper, transposed) in (any::<bool>(), any::<bool>()),
            beta in -2i8..3,
            a in matrix(SIDE * SIDE), c in matrix(SIDE * SIDE),
        ) {
            let beta = f32::from(beta);
            let mut found = c.clone();
            let [ni, ki, leading] = [n, k, SIDE].map(|n| n as c_int);
            let triangle = if upper { b'U' as c_char } else { b'L' as c_char };
            // SAFETY: as above.
            unsafe {
                ssyrk_(
                    &triangle, &letter(transposed), &ni, &ki, &1.0, a.as_ptr(), &leading, &beta, found.as_mut_ptr(),
                    &leading,
                );
            }
            for row in 0..SIDE {
                for column in 0..SIDE {
                    let old = c[row + column * SIDE];
                    let within = row < n && column < n && if upper { row <= column } else { row >= column };
                    let sum: f32 =
                        (0..k).map(|i| at(&a, SIDE, transposed, row, i) * at(&a, SIDE, transposed, column, i)).sum();
                    prop_assert_eq!(found[row + column * SIDE], if within { sum + beta * old } else { old });
                }
            }
        }
    }

    #[test]
    fn what_was_there_is_not_read_where_it_counts_nothing() {
        let mut c = [f32::NAN];
        let (one, n) = (1.0, 1 as c_int);
        // SAFETY: matrices of one number.
        unsafe {
            let letter = letter(false);
            sgemm_(&letter, &letter, &n, &n, &n, &one, &2.0, &n, &3.0, &n, &0.0, c.as_mut_ptr(), &n);
        }
        assert_eq!(c, [6.0]);
    }
}
