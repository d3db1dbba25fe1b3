//! The living vectors of several segments, in ascending order of their keys.

use semsearch_store::StoreError;

use super::VectorSegment;

/// Calls `each` with the living vectors of several segments and their keys, in ascending order over all segments.
pub(crate) fn merged<'a, E: From<StoreError>>(
    segments: impl IntoIterator<Item = &'a VectorSegment>,
    mut each: impl FnMut(u64, &[f32]) -> Result<(), E>,
) -> Result<(), E> {
    /// How many vectors of a segment are in memory at a time.
    const AHEAD: usize = 256;
    struct Cursor<'a> {
        segment: &'a VectorSegment,
        position: usize,
        /// The vectors that come next, in reverse order.
        ahead: Vec<(u64, Vec<f32>)>,
    }
    impl Cursor<'_> {
        fn fill(&mut self) -> Result<(), StoreError> {
            while self.ahead.is_empty() && self.position < self.segment.len() {
                let count = AHEAD.min(self.segment.len() - self.position);
                self.ahead = self.segment.live(self.position, count)?;
                self.ahead.reverse();
                self.position += count;
            }
            Ok(())
        }
    }
    let cursor = |segment| Cursor { segment, position: 0, ahead: Vec::new() };
    let mut cursors: Vec<Cursor> = segments.into_iter().map(cursor).collect();
    loop {
        cursors.iter_mut().try_for_each(Cursor::fill)?;
        let next = cursors.iter_mut().filter(|cursor| !cursor.ahead.is_empty());
        let Some(cursor) = next.min_by_key(|cursor| cursor.ahead.last().map(|(key, _)| *key)) else { return Ok(()) };
        let Some((key, row)) = cursor.ahead.pop() else { return Ok(()) };
        each(key, &row)?;
    }
}
