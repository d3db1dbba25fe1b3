//! Vectors of one dimension, in one block of memory.

/// Vectors of equal dimension, one after the other.
///
/// Invariant: `data.len()` is a multiple of `dim`, and `dim` is not 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors {
    data: Vec<f32>,
    dim: usize,
}

impl Vectors {
    /// Rows of `dim` components.
    ///
    /// # Panics
    /// If `data` does not consist of whole rows.
    pub fn new(data: Vec<f32>, dim: usize) -> Self {
        assert!(dim > 0 && data.len().is_multiple_of(dim), "{} floats are not rows of {dim}", data.len());
        Self { data, dim }
    }

    /// `rows` rows that are all zeros.
    pub fn zeros(rows: usize, dim: usize) -> Self {
        Self::new(vec![0.0; rows * dim], dim)
    }

    /// All rows, one after the other.
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// The number of components of a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.data.len() / self.dim
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Row `index`.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.data[index * self.dim..][..self.dim]
    }

    /// Rows `start..end`, one after the other.
    pub fn rows(&self, start: usize, end: usize) -> &[f32] {
        &self.data[start * self.dim..end * self.dim]
    }

    /// Rows `start..end`, for writing.
    pub fn rows_mut(&mut self, start: usize, end: usize) -> &mut [f32] {
        &mut self.data[start * self.dim..end * self.dim]
    }

    /// Every row, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.data.chunks_exact(self.dim)
    }

    /// Every row, for writing.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [f32]> {
        self.data.chunks_exact_mut(self.dim)
    }

    /// Copies these rows, in this order.
    pub fn gather(&self, rows: &[usize]) -> Self {
        Self::new(rows.iter().flat_map(|&row| self.row(row)).copied().collect(), self.dim)
    }

    /// Adds the rows of `more`, of the same dimension, after the others.
    pub fn append(&mut self, more: Self) {
        debug_assert_eq!(self.dim, more.dim);
        if self.is_empty() {
            // The usual case: nothing has to be copied.
            *self = more;
        } else {
            self.data.extend_from_slice(&more.data);
        }
    }

    /// All components, row after row.
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "not rows of 3")]
    fn vectors_are_whole_rows() {
        Vectors::new(vec![0.0; 4], 3);
    }

    #[test]
    fn rows_are_gathered_and_appended_in_order() {
        let mut vectors = Vectors::new(vec![1.0, 2.0, 3.0, 4.0], 2).gather(&[1, 0, 1]);
        vectors.append(Vectors::zeros(1, 2));
        assert_eq!(vectors.as_slice(), [3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0]);
        assert_eq!((vectors.len(), vectors.row(1)), (4, &[1.0, 2.0][..]));
    }
}
