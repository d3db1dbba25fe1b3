//! candle's errors as causes of ours.

use semsearch_files::Cause;

/// An error of candle's without the calls that led to it, which candle adds where the environment has backtraces on.
pub(super) fn cause(error: candle_core::Error) -> Cause {
    match error {
        candle_core::Error::WithBacktrace { inner, .. } => cause(*inner),
        other => other.into(),
    }
}
