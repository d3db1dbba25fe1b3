//! Converts candle's errors to causes of ours.

use semsearch_files::Cause;

/// candle's error without the backtrace, which candle adds if the environment enables backtraces.
pub(super) fn cause(error: candle_core::Error) -> Cause {
    match error {
        candle_core::Error::WithBacktrace { inner, .. } => cause(*inner),
        other => other.into(),
    }
}
