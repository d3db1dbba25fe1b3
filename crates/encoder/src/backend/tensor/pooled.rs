//! From token vectors to texts' vectors, on the device.

use candle_core::{DType, Result, Tensor};

use super::same_length::SameLength;
use crate::pooling::{Output, Pooling};

/// Pools, truncates and normalizes as [`Output::write`] does.
pub(super) fn pooled(hidden: &Tensor, groups: &[SameLength], output: &Output) -> Result<Tensor> {
    let pooled = |group: &SameLength| {
        let texts = hidden.narrow(0, group.start, group.rows())?;
        let texts = texts.reshape((group.texts, group.length, ()))?.to_dtype(DType::F32)?;
        match output.pooling {
            Pooling::Cls => texts.narrow(1, 0, 1)?.squeeze(1),
            Pooling::Max => largest(&texts),
            Pooling::Last => texts.narrow(1, group.length - 1, 1)?.squeeze(1),
            Pooling::Mean => texts.mean(1),
            Pooling::None => texts.flatten_to(1),
        }
    };
    let pooled = groups.iter().map(pooled).collect::<Result<Vec<_>>>()?;
    let vectors = Tensor::cat(&pooled, 0)?.narrow(1, 0, output.dim)?.contiguous()?;
    if !output.normalized || output.pooling == Pooling::None {
        return Ok(vectors);
    }
    let lengths = vectors.sqr()?.sum_keepdim(1)?.sqrt()?.maximum(1e-12)?;
    vectors.broadcast_div(&lengths)
}

/// The largest value of each component, or NaN if one of the values is NaN. The maximum alone would ignore NaN, and the
/// fault of a weight would stay hidden.
fn largest(texts: &Tensor) -> Result<Tensor> {
    texts.max(1)? + (texts.sum(1)? * 0.0)?
}
