//! Asks the processor for memory before it is read. Nothing else happens, also if the processor has no such instruction.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};

/// The bytes of a line of the cache.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// Asks for bytes that are read soon, into the first-level cache.
pub fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    lines::<_MM_HINT_T0>(bytes);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

/// Asks for bytes that are read later, into the second-level cache: the first one has no room for them.
pub(super) fn prefetch_for_later(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    lines::<_MM_HINT_T1>(bytes);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn lines<const HINT: i32>(bytes: &[u8]) {
    for line in bytes.chunks(LINE) {
        // SAFETY: every x86-64 has the instruction, which never faults.
        unsafe { _mm_prefetch::<HINT>(line.as_ptr().cast()) }
    }
}
