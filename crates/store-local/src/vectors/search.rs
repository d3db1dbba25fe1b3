//! FAISS's searches with parameters: from several threads at once, and among some keys only. FAISS's crate does not
//! offer them for an index of any kind.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::{ptr, slice};

use faiss::index::id_map::IdMap;
use faiss::index::{Idx, Index as _, IndexImpl, NativeIndex};
use faiss_sys as sys;

use super::lists::ListsOf;

/// Selects which keys may be found.
pub(super) struct Selector<'a> {
    selector: *mut sys::FaissIDSelector,
    /// The other FAISS selector that this one refers to, if there is one.
    of: *mut sys::FaissIDSelector,
    /// Our bitmap that the selector refers to.
    bitmap: PhantomData<&'a [u8]>,
}

// SAFETY: a selector is not changed once it is made; FAISS reads it from its own threads as well.
unsafe impl Send for Selector<'_> {}
// SAFETY: as above.
unsafe impl Sync for Selector<'_> {}

impl<'a> Selector<'a> {
    /// Selects all keys except `keys`.
    pub(super) fn without(keys: &[u64]) -> Result<Selector<'static>, String> {
        let mut made = Selector { selector: ptr::null_mut(), of: ptr::null_mut(), bitmap: PhantomData };
        // SAFETY: FAISS copies the keys, which are 64 bits as its own are, before the call returns; the second selector
        // refers to the first, which lives as long (`Drop`).
        unsafe {
            check(sys::faiss_IDSelectorBatch_new((&raw mut made.of).cast(), keys.len(), keys.as_ptr().cast()))?;
            check(sys::faiss_IDSelectorNot_new((&raw mut made.selector).cast(), made.of))?;
        }
        Ok(made)
    }

    /// Selects the keys whose bit is set; the first bit is that of the lowest key.
    pub(super) fn among(bitmap: &'a [u8]) -> Result<Self, String> {
        let mut made = Self { selector: ptr::null_mut(), of: ptr::null_mut(), bitmap: PhantomData };
        // SAFETY: FAISS keeps the bitmap's address and reads as many bytes as it has; it lives as long as this does (`'a`).
        unsafe {
            check(sys::faiss_IDSelectorBitmap_new((&raw mut made.selector).cast(), bitmap.len(), bitmap.as_ptr()))?;
        }
        Ok(made)
    }
}

impl Drop for Selector<'_> {
    fn drop(&mut self) {
        // SAFETY: both are ours alone, made by FAISS or null, which it takes for nothing to do; the destructor is virtual.
        unsafe {
            sys::faiss_IDSelector_free(self.selector);
            sys::faiss_IDSelector_free(self.of);
        }
    }
}

/// How many inverted lists a search examines, if the index has any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probes {
    /// As many as the index is set to.
    Usual,
    /// All.
    All,
}

/// An opened index of any kind with its keys, which can be searched from any thread.
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

    /// The `k` nearest of each of the `count` queries: scores and keys, query after query. If there are fewer, the
    /// remaining keys are -1.
    ///
    /// # Errors
    /// FAISS's message.
    pub(super) fn search(
        &self,
        queries: &[f32],
        count: usize,
        k: usize,
        selector: Option<(&Selector<'_>, Probes)>,
    ) -> Result<(Vec<f32>, Vec<i64>), String> {
        assert_eq!(queries.len(), count * self.0.d() as usize, "whole queries");
        let (mut scores, mut keys) = (vec![0.0; count * k], vec![-1; count * k]);
        let parameters =
            selector.map(|(selector, probes)| Parameters::new(selector, self.lists(probes))).transpose()?;
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

    /// The centroids of the inverted lists, `[lists, dim]`; `None` for an index that has no lists, or keeps their centroids in
    /// another way.
    pub(super) fn centroids(&self) -> Option<&[f32]> {
        // SAFETY: the pointers are those of indexes which live as long as this one; a cast gives null for one of another kind,
        // and the floats are as many as FAISS says.
        unsafe {
            let lists = sys::faiss_IndexIVF_cast(self.0.index_inner_ptr());
            if lists.is_null() {
                return None;
            }
            let flat = sys::faiss_IndexFlat_cast(sys::faiss_IndexIVF_quantizer(lists));
            if flat.is_null() {
                return None;
            }
            let (mut floats, mut count) = (ptr::null_mut(), 0);
            sys::faiss_IndexFlat_xb(flat, &mut floats, &mut count);
            (!floats.is_null()).then(|| slice::from_raw_parts(floats, count))
        }
    }

    /// The inverted lists that are searched for each of the `count` queries, nearest first: their numbers, and what FAISS
    /// computed for their centroids.
    ///
    /// # Errors
    /// FAISS's message.
    pub(super) fn nearest_lists(&self, queries: &[f32], count: usize) -> Result<(Vec<i64>, Vec<f32>), String> {
        assert_eq!(queries.len(), count * self.0.d() as usize, "whole queries");
        let probes = self.probes();
        let (mut numbers, mut distances) = (vec![-1; count * probes], vec![0.0; count * probes]);
        // SAFETY: an index with probes has lists and their quantizer, which has the same dimension; the slices have the lengths
        // that the counts say.
        check(unsafe {
            let quantizer = sys::faiss_IndexIVF_quantizer(sys::faiss_IndexIVF_cast(self.0.index_inner_ptr()));
            let (count, probes) = (count as i64, probes as i64);
            sys::faiss_Index_search(
                quantizer,
                count,
                queries.as_ptr(),
                probes,
                distances.as_mut_ptr(),
                numbers.as_mut_ptr(),
            )
        })?;
        Ok((numbers, distances))
    }

    /// As [`Searchable::search`], in these lists of each query.
    ///
    /// # Errors
    /// FAISS's message.
    pub(super) fn search_lists(
        &self,
        queries: &[f32],
        count: usize,
        k: usize,
        ListsOf { numbers, distances }: ListsOf<'_>,
    ) -> Result<(Vec<f32>, Vec<i64>), String> {
        assert_eq!(queries.len(), count * self.0.d() as usize, "whole queries");
        assert!(numbers.len() == count * self.probes() && distances.len() == numbers.len(), "the lists of each query");
        let (mut scores, mut positions) = (vec![0.0; count * k], vec![-1; count * k]);
        // SAFETY: an index with probes has lists; the slices have the lengths that the counts say. The numbers are those of lists
        // of this index, because it has the centroids of the one that found them; FAISS checks them.
        check(unsafe {
            sys::faiss_IndexIVF_search_preassigned(
                sys::faiss_IndexIVF_cast(self.0.index_inner_ptr()),
                count as i64,
                queries.as_ptr(),
                k as i64,
                numbers.as_ptr(),
                distances.as_ptr(),
                scores.as_mut_ptr(),
                positions.as_mut_ptr(),
                0,
            )
        })?;
        let key =
            |position: &i64| usize::try_from(*position).ok().and_then(|position| self.keys().get(position)?.get());
        Ok((scores, positions.iter().map(|position| key(position).map_or(-1, |key| key as i64)).collect()))
    }

    /// How many lists a search examines; 0 for an index without lists.
    fn probes(&self) -> usize {
        let most = self.lists(Probes::All).unwrap_or(0);
        self.lists(Probes::Usual).unwrap_or(0).min(most)
    }

    /// The vector at a position, as the index gives it back.
    ///
    /// # Errors
    /// FAISS's message: not every kind of index gives vectors back.
    pub(super) fn reconstruct(&self, position: usize) -> Result<Vec<f32>, String> {
        let mut row = vec![0.0; self.0.d() as usize];
        // SAFETY: the row is as long as the index's dimension; FAISS checks the position.
        check(unsafe { sys::faiss_Index_reconstruct(self.0.index_inner_ptr(), position as i64, row.as_mut_ptr()) })?;
        Ok(row)
    }

    /// Reads the vectors from position `first` on until `rows` is full.
    ///
    /// # Errors
    /// FAISS's message: not every kind of index gives vectors back.
    pub(super) fn reconstruct_range(&self, first: usize, rows: &mut [f32]) -> Result<(), String> {
        let count = rows.len() / self.0.d() as usize;
        // SAFETY: there is room for `count` rows of the index's dimension; FAISS checks the positions.
        check(unsafe {
            sys::faiss_Index_reconstruct_n(self.0.index_inner_ptr(), first as i64, count as i64, rows.as_mut_ptr())
        })
    }

    /// The bytes of a vector's code, if FAISS gives them.
    pub(super) fn code_size(&self) -> Option<u64> {
        let mut bytes = 0;
        // SAFETY: the pointer is that of an index which lives.
        let status = unsafe { sys::faiss_Index_sa_code_size(self.0.index_inner_ptr(), &mut bytes) };
        (status == 0).then_some(bytes as u64)
    }

    /// Whether the index holds only the vectors, which it compares one by one and gives back as they were.
    pub(super) fn is_flat(&self) -> bool {
        // SAFETY: the pointer is that of an index which lives; the cast gives null for one of another kind.
        unsafe { !sys::faiss_IndexFlat_cast(self.0.index_inner_ptr()).is_null() }
    }

    /// How many inverted lists `probes` stands for; `None` for an index without lists.
    fn lists(&self, probes: Probes) -> Option<usize> {
        // SAFETY: the pointer is that of an index which lives; the cast gives null for one of another kind.
        unsafe {
            let lists = sys::faiss_IndexIVF_cast(self.0.index_inner_ptr());
            match probes {
                _ if lists.is_null() => None,
                Probes::Usual => Some(sys::faiss_IndexIVF_nprobe(lists)),
                Probes::All => Some(sys::faiss_IndexIVF_nlist(lists)),
            }
        }
    }
}

/// Parameters of one search: `IndexIDMap` changes them while it searches.
struct Parameters(*mut sys::FaissSearchParameters);

impl Parameters {
    /// The parameters of a search with `selector` in this many inverted `lists`. The selector must live as long as
    /// these.
    fn new(selector: &Selector<'_>, lists: Option<usize>) -> Result<Self, String> {
        let mut made = Self(ptr::null_mut());
        // SAFETY: FAISS keeps the selector's address, which `search` holds a reference to until it returns. Parameters of
        // inverted lists begin as all others do.
        check(unsafe {
            match lists {
                None => sys::faiss_SearchParameters_new(&mut made.0, selector.selector),
                Some(lists) => {
                    sys::faiss_SearchParametersIVF_new_with((&raw mut made.0).cast(), selector.selector, lists, 0)
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

/// Sets how many threads FAISS uses for calls from this thread.
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
    // SAFETY: FAISS keeps the message of this thread's last error until the next one, and there was an error.
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
