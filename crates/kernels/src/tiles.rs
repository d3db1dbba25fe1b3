//! Matrix products in tiles of registers (AMX): Intel servers since 2023.
//!
//! A tile has sixteen rows of sixteen words. One instruction multiplies a tile of rows with a tile of columns and adds the
//! products to a tile of sums: 8,192 products of bf16, or 16,384 of bytes. Rows and panels of columns are read as they are
//! stored for other instruction sets ([`super::linear`]).
//!
//! Rust has no stable functions for these instructions, so they are written in assembly. Between products, no tile holds
//! anything, and none is configured.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use super::avx512::{Bf16, VnniInt8};
use super::gemm::{Sink, Strided};
use super::product::Product;
use super::simd::Simd;

/// The rows of a tile, and the words of each.
pub(super) const SIDE: usize = 16;

/// The columns of the sums that are computed together: two tiles.
pub(super) const COLUMNS: usize = 2 * SIDE;

/// The bytes of a word.
const WORD: usize = 4;

/// Whether the processor has tiles of bf16 and of bytes, and the system lets this process use them.
pub(super) fn are_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        // Intel's manual, volume 2, CPUID: in leaf 7, bits 22, 24 and 25 of EDX are AMX-BF16, AMX-TILE and AMX-INT8.
        const ALL: u32 = 1 << 22 | 1 << 24 | 1 << 25;
        #[allow(unused_unsafe, reason = "older compilers call these functions unsafe")]
        // SAFETY: every x86-64 has the instruction.
        let has_all = unsafe { __cpuid_count(0, 0).eax >= 7 && __cpuid_count(7, 0).edx & ALL == ALL };
        has_all && is_permitted()
    })
}

/// Asks Linux for the tiles. A process gets the memory for them, 8 KB a thread, only if it asks
/// (Documentation/arch/x86/xstate.rst).
#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const TILE_DATA: libc::c_long = 18;
    // SAFETY: the call reads and writes no memory of this process.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0 }
}

/// No other system is known to give them to a process.
#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}

/// How many rows and bytes each of the eight tiles has (Intel's manual, volume 1, table 18-3).
#[repr(C, align(64))]
struct Config {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes: [u16; 16],
    rows: [u8; 16],
}

impl Config {
    /// Tiles 0 to 3 hold sums, 4 and 5 columns, 6 and 7 rows.
    fn new(rows: usize) -> Self {
        let mut config = Self { palette: 1, start_row: 0, reserved: [0; 14], bytes: [0; 16], rows: [rows as u8; 16] };
        config.bytes[..8].fill((SIDE * WORD) as u16);
        config.rows[4..6].fill(SIDE as u8);
        config.rows[8..].fill(0);
        config
    }
}

/// The sums of a block, two tiles below two others: `[2 · SIDE, COLUMNS]` words.
#[repr(C, align(64))]
pub(super) struct Sums(MaybeUninit<[[u32; COLUMNS]; 2 * SIDE]>);

/// What a block of sums is computed from.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// The first rows of two tiles.
    rows: [*const u32; 2],
    /// The bytes from one row to the next.
    row_stride: usize,
    columns: *const u32,
    /// The bytes from one row of columns to the next.
    column_stride: usize,
    /// How many tiles follow one another in a row.
    steps: usize,
}

/// A format whose products tiles compute.
pub(super) trait TileProduct: Product<Word = u32> {
    /// Writes the sums of both tiles of rows, multiplied with two tiles of columns.
    ///
    /// # Safety
    /// The processor has tiles, which are configured; the block's memory is as large as it says.
    unsafe fn two(block: Block, to: &mut Sums);
    /// Writes those of the first tile of rows alone.
    ///
    /// # Safety
    /// As for `two`.
    unsafe fn one(block: Block, to: &mut Sums);
    /// A vector of sums.
    ///
    /// # Safety
    /// The processor has the format's instructions; there are `LANES` words.
    unsafe fn sums(from: *const u32) -> Self::Sum;
}

/// Products by the instruction of this name.
macro_rules! tile_product {
    ($product:ty, $multiply:literal) => {
        impl<const TILES: bool> TileProduct for $product {
            #[inline(always)]
            unsafe fn two(Block { rows, row_stride, columns, column_stride, steps }: Block, Sums(to): &mut Sums) {
                // SAFETY: the caller guarantees the instructions and the memory.
                unsafe {
                    asm!(
                        "tilezero tmm0",
                        "tilezero tmm1",
                        "tilezero tmm2",
                        "tilezero tmm3",
                        "2:",
                        "tileloadd tmm4, [{columns} + {column_stride}]",
                        "tileloadd tmm6, [{upper} + {row_stride}]",
                        concat!($multiply, " tmm0, tmm6, tmm4"),
                        "tileloadd tmm5, [{columns} + {column_stride} + 64]",
                        concat!($multiply, " tmm1, tmm6, tmm5"),
                        "tileloadd tmm7, [{lower} + {row_stride}]",
                        concat!($multiply, " tmm2, tmm7, tmm4"),
                        concat!($multiply, " tmm3, tmm7, tmm5"),
                        "add {upper}, 64",
                        "add {lower}, 64",
                        "add {columns}, {step}",
                        "dec {steps}",
                        "jnz 2b",
                        "tilestored [{to} + {to_stride}], tmm0",
                        "tilestored [{to} + {to_stride} + 64], tmm1",
                        "tilestored [{to} + {to_stride} + 2048], tmm2",
                        "tilestored [{to} + {to_stride} + 2112], tmm3",
                        upper = inout(reg) rows[0] => _,
                        lower = inout(reg) rows[1] => _,
                        columns = inout(reg) columns => _,
                        steps = inout(reg) steps => _,
                        row_stride = in(reg) row_stride,
                        column_stride = in(reg) column_stride,
                        step = in(reg) SIDE * column_stride,
                        to = in(reg) to.as_mut_ptr(),
                        to_stride = in(reg) COLUMNS * WORD,
                        options(nostack),
                    );
                }
            }

            #[inline(always)]
            unsafe fn one(Block { rows, row_stride, columns, column_stride, steps }: Block, Sums(to): &mut Sums) {
                // SAFETY: the caller guarantees the instructions and the memory.
                unsafe {
                    asm!(
                        "tilezero tmm0",
                        "tilezero tmm1",
                        "2:",
                        "tileloadd tmm4, [{columns} + {column_stride}]",
                        "tileloadd tmm6, [{rows} + {row_stride}]",
                        concat!($multiply, " tmm0, tmm6, tmm4"),
                        "tileloadd tmm5, [{columns} + {column_stride} + 64]",
                        concat!($multiply, " tmm1, tmm6, tmm5"),
                        "add {rows}, 64",
                        "add {columns}, {step}",
                        "dec {steps}",
                        "jnz 2b",
                        "tilestored [{to} + {to_stride}], tmm0",
                        "tilestored [{to} + {to_stride} + 64], tmm1",
                        rows = inout(reg) rows[0] => _,
                        columns = inout(reg) columns => _,
                        steps = inout(reg) steps => _,
                        row_stride = in(reg) row_stride,
                        column_stride = in(reg) column_stride,
                        step = in(reg) SIDE * column_stride,
                        to = in(reg) to.as_mut_ptr(),
                        to_stride = in(reg) COLUMNS * WORD,
                        options(nostack),
                    );
                }
            }

            #[inline(always)]
            unsafe fn sums(from: *const u32) -> Self::Sum {
                // SAFETY: the caller guarantees the instructions and the words.
                unsafe { from.cast::<Self::Sum>().read() }
            }
        }
    };
}

tile_product!(Bf16<TILES>, "tdpbf16ps");
tile_product!(VnniInt8<TILES>, "tdpbusd");

/// All rows of a product with two tiles of columns: `rows` rows of `a`, each of `depth` words, times `depth` rows of `b`.
/// Every sum adds up in the order of the inputs, in whatever block it is computed.
///
/// # Safety
/// [`are_available`], and the processor has the instructions of `P`; there is a row; `a` has `rows` rows of `depth`, which are
/// whole tiles, and `b` has `depth` rows of [`COLUMNS`].
#[inline(always)]
pub(super) unsafe fn product<P: TileProduct>(
    rows: usize,
    a: Strided<'_, u32>,
    b: Strided<'_, u32>,
    depth: usize,
    to: &mut impl Sink<P>,
) {
    const { assert!(P::Float::LANES == SIDE) };
    debug_assert!(rows > 0 && depth > 0 && depth.is_multiple_of(SIDE));
    debug_assert!(a.start.len() >= (rows - 1) * a.stride + depth);
    debug_assert!(b.start.len() >= (depth - 1) * b.stride + COLUMNS);
    let config = Config::new(rows.min(SIDE));
    let mut sums = Sums(MaybeUninit::uninit());
    // SAFETY: the caller guarantees the instructions; the configuration is 64 bytes.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const config, options(nostack, readonly)) };
    let mut row = 0;
    while row < rows {
        // A tile for which too few rows are left begins earlier. The sums of rows before `row` are not taken again.
        let starts = [row, row + SIDE].map(|start| start.min(rows.saturating_sub(SIDE)));
        let block = Block {
            rows: starts.map(|start| a.start[start * a.stride..].as_ptr()),
            row_stride: a.stride * WORD,
            columns: b.start.as_ptr(),
            column_stride: b.stride * WORD,
            steps: depth / SIDE,
        };
        let next = rows.min(row + 2 * SIDE);
        (row..next).for_each(|row| to.expect(row));
        // SAFETY: the caller guarantees the instructions; from each start, there are the rows of a tile as it is configured.
        unsafe {
            if next - row > SIDE {
                P::two(block, &mut sums)
            } else {
                P::one(block, &mut sums)
            }
            for row in row..next {
                let at = if row < starts[0] + SIDE { row - starts[0] } else { SIDE + row - starts[1] };
                let sums = sums.0.as_ptr().cast::<u32>().add(at * COLUMNS);
                to.take(row, &[P::sums(sums), P::sums(sums.add(SIDE))]);
            }
        }
        row = next;
    }
    // SAFETY: the caller guarantees the instructions.
    unsafe { asm!("tilerelease", options(nomem, nostack)) };
}
