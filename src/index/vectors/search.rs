//! FAISS's searches with parameters, which its crate does not offer for an index of any kind: from several threads at
//! once, and among some keys only.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::ptr;

use faiss::index::id_map::IdMap;
use faiss::index::{Idx, Index as _, IndexImpl, NativeIndex};
use faiss_sys as sys;

/// Keys that must not be found.
pub(super) struct Excluded {
    keys: *mut sys::FaissIDSelectorBatch,
    others: *mut sys::FaissIDSelectorNot,
}

// SAFETY: a selector is not changed once it is made; FAISS reads it from its own threads as well.
unsafe impl Send for Excluded {}
// SAFETY: as above.
unsafe impl Sync for Excluded {}

impl Excluded {
    /// Excludes `keys`.
    pub(super) fn new(keys: &[u64]) -> Result<Self, String> {
        let mut made = Self { keys: ptr::null_mut(), others: ptr::null_mut() };
        // SAFETY: FAISS copies the keys, which are 64 bits as its own are, before the call returns; the second selector
        // refers to the first, which lives as long (`Drop`).
        unsafe {
            check(sys::faiss_IDSelectorBatch_new(&mut made.keys, keys.len(), keys.as_ptr().cast()))?;
            check(sys::faiss_IDSelectorNot_new(&mut made.others, made.keys.cast()))?;
        }
        Ok(made)
    }
}

impl Drop for Excluded {
    fn drop(&mut self) {
        // SAFETY: both are ours alone, made by FAISS or null, which it takes for nothing to do; the destructor is virtual.
        unsafe {
            sys::faiss_IDSelector_free(self.others.cast());
            sys::faiss_IDSelector_free(self.keys.cast());
        }
    }
}

/// What FAISS wants to hear of its inverted lists where a search among them has parameters.
#[derive(Clone, Copy)]
struct Probes(usize);

/// An opened index of any kind with its keys, to search from any thread.
pub(super) struct Searchable(IdMap<IndexImpl>);

impl Searchable {
    pub(super) fn new(index: IndexImpl) -> Result<Self, String> {
        index.into_id_map().map(Self).map_err(|error| error.to_string())
    }

    /// The index as FAISS's crate knows it.
    pub(super) fn index(&self) -> &IdMap<IndexImpl> {
        &self.0
    }

    /// The keys of all vectors, by position.
    pub(super) fn keys(&self) -> &[Idx] {
        self.0.id_map()
    }

    /// The `k` nearest of each of the `count` queries: scores and keys, query after query, keys of -1 where there are
    /// fewer.
    ///
    /// # Errors
    /// FAISS's own words.
    pub(super) fn search(
        &self,
        queries: &[f32],
        count: usize,
        k: usize,
        excluded: Option<&Excluded>,
    ) -> Result<(Vec<f32>, Vec<i64>), String> {
        assert_eq!(queries.len(), count * self.0.d() as usize, "whole queries");
        let (mut scores, mut keys) = (vec![0.0; count * k], vec![-1; count * k]);
        let parameters = excluded.map(|excluded| Parameters::new(excluded, self.probes())).transpose()?;
        let parameters = parameters.as_ref().map_or(ptr::null(), |parameters| parameters.0.cast_const());
        // SAFETY: the slices have the lengths that the counts say. An index that is only searched may be used by several
        // threads (FAISS's wiki, "Threads and asynchronous calls"); the parameters are this call's own.
        check(unsafe {
            sys::faiss_Index_search_with_params(
                self.0.inner_ptr(),
                count as i64,
                queries.as_ptr(),
                k as i64,
                parameters,
                scores.as_mut_ptr(),
                keys.as_mut_ptr(),
            )
        })?;
        Ok((scores, keys))
    }

    /// The vector at a position, as the index gives it back.
    ///
    /// # Errors
    /// FAISS's own words: not every kind can.
    pub(super) fn reconstruct(&self, position: usize) -> Result<Vec<f32>, String> {
        let mut row = vec![0.0; self.0.d() as usize];
        // SAFETY: the row is as long as the index's dimension; FAISS checks the position.
        check(unsafe { sys::faiss_Index_reconstruct(self.0.index_inner_ptr(), position as i64, row.as_mut_ptr()) })?;
        Ok(row)
    }

    /// The vectors from position `first` on that `rows` has room for.
    ///
    /// # Errors
    /// FAISS's own words: not every kind can.
    pub(super) fn reconstruct_range(&self, first: usize, rows: &mut [f32]) -> Result<(), String> {
        let count = rows.len() / self.0.d() as usize;
        // SAFETY: there is room for `count` rows of the index's dimension; FAISS checks the positions.
        check(unsafe {
            sys::faiss_Index_reconstruct_n(self.0.index_inner_ptr(), first as i64, count as i64, rows.as_mut_ptr())
        })
    }

    /// Bytes of a vector's code, where FAISS can say.
    pub(super) fn code_size(&self) -> Option<u64> {
        let mut bytes = 0;
        // SAFETY: the pointer is that of an index which lives.
        let status = unsafe { sys::faiss_Index_sa_code_size(self.0.index_inner_ptr(), &mut bytes) };
        (status == 0).then_some(bytes as u64)
    }

    /// Whether the vectors are all there is: searched one by one, and given back as they were.
    pub(super) fn is_flat(&self) -> bool {
        // SAFETY: the pointer is that of an index which lives; the cast gives null for one of another kind.
        unsafe { !sys::faiss_IndexFlat_cast(self.0.index_inner_ptr()).is_null() }
    }

    fn probes(&self) -> Option<Probes> {
        // SAFETY: the pointer is that of an index which lives; the cast gives null for one of another kind.
        unsafe {
            let lists = sys::faiss_IndexIVF_cast(self.0.index_inner_ptr());
            if lists.is_null() { None } else { Some(Probes(sys::faiss_IndexIVF_nprobe(lists))) }
        }
    }
}

/// Parameters of one search: `IndexIDMap` changes them while it searches.
struct Parameters(*mut sys::FaissSearchParameters);

impl Parameters {
    /// Their keys live as long as what they are made of.
    fn new(excluded: &Excluded, probes: Option<Probes>) -> Result<Self, String> {
        let mut made = Self(ptr::null_mut());
        // SAFETY: FAISS keeps the selector's address, which `search` holds a reference to until it returns. Parameters of
        // inverted lists begin as all others do.
        check(unsafe {
            match probes {
                None => sys::faiss_SearchParameters_new(&mut made.0, excluded.others.cast()),
                Some(Probes(lists)) => {
                    sys::faiss_SearchParametersIVF_new_with((&raw mut made.0).cast(), excluded.others.cast(), lists, 0)
                }
            }
        })?;
        Ok(made)
    }
}

impl Drop for Parameters {
    fn drop(&mut self) {
        // SAFETY: ours alone, made by FAISS or null; the destructor is virtual.
        unsafe { sys::faiss_SearchParameters_free(self.0) }
    }
}

/// Has FAISS use `threads` threads for what this thread asks of it.
pub(super) fn use_threads(threads: usize) {
    // SAFETY: OpenMP's function has this signature (OpenMP 5.0, 3.2.1), takes any positive number, and touches nothing
    // but the runtime's own setting for this thread. FAISS links the runtime, and the crate has no call for it.
    unsafe extern "C" {
        safe fn omp_set_num_threads(threads: c_int);
    }
    omp_set_num_threads(threads.clamp(1, 1024) as c_int);
}

/// How many processors OpenMP sees.
pub(super) fn processors() -> usize {
    // SAFETY: OpenMP's function has this signature (OpenMP 5.0, 3.2.3) and only reads.
    unsafe extern "C" {
        safe fn omp_get_num_procs() -> c_int;
    }
    omp_get_num_procs().max(1) as usize
}

fn check(status: c_int) -> Result<(), String> {
    if status == 0 {
        return Ok(());
    }
    // SAFETY: FAISS keeps the words of this thread's last error, which there was, until the next.
    let words = unsafe {
        let message = sys::faiss_get_last_error();
        if message.is_null() {
            "no reason given".into()
        } else {
            CStr::from_ptr(message).to_string_lossy().into_owned()
        }
    };
    Err(words)
}
