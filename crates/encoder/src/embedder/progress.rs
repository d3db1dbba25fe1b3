//! The progress of a call.

/// Receives the progress of a call, from any of the threads that work on it.
pub trait Progress: Send {
    /// `texts` more texts, of `tokens` tokens together, are done.
    fn done(&mut self, texts: usize, tokens: usize);

    /// A batch did not fit into the device's memory. From now on a batch has at most `tokens` tokens.
    fn smaller_batches(&mut self, _tokens: usize) {}
}

/// Ignores the progress.
impl Progress for () {
    fn done(&mut self, _: usize, _: usize) {}
}
