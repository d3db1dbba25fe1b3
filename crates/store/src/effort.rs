//! How thoroughly an index that is not exact is searched.

/// How many candidates a search examines. `None` leaves the choice to the index.
///
/// Source: FAISS's parameters of the same names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// How many inverted lists a search examines (IVF factories).
    pub nprobe: Option<usize>,
    /// How many candidates a search keeps (HNSW factories).
    pub ef_search: Option<usize>,
}
