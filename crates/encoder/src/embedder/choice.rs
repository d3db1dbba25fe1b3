//! Which encoder runs a model.

use super::{EncoderKind, Options};
use crate::EncoderError;
use crate::encoder::{CandleEncoder, Device, Encoder, GpuEncoder, PackedEncoder, Precision};
use crate::model::{ModelConfig, ModelFiles};
use semsearch_kernels::Isa;

/// Loads the encoder asked for, or the best for the device and the model; and why a GPU that would have been taken is
/// not.
///
/// One that lacks the precision computes in f32, and says so ([`Encoder::precision`]).
pub(super) fn encoder(
    model: &ModelFiles,
    config: &ModelConfig,
    options: &Options,
) -> Result<(Box<dyn Encoder>, Option<EncoderError>), EncoderError> {
    let precision = options.precision.unwrap_or(Precision::Bf16);
    let gpu = |device| GpuEncoder::load(model, &config.bert, device, precision);
    let alone = |encoder: Box<dyn Encoder>| Ok((encoder, None));
    match (options.encoder, options.device) {
        (Some(EncoderKind::Candle), device) => alone(Box::new(CandleEncoder::load(model, &config.bert, device)?)),
        (Some(EncoderKind::Packed), Device::Cuda(_)) => {
            Err(EncoderError::Unsupported("the packed encoder runs on CPUs: leave out the encoder or the GPU".into()))
        }
        (Some(EncoderKind::Gpu), device) | (None, device @ Device::Cuda(_)) => alone(Box::new(gpu(device)?)),
        (None, Device::Auto) if cfg!(feature = "cuda") => match gpu(Device::Auto) {
            Ok(encoder) => alone(Box::new(encoder)),
            Err(error @ EncoderError::Device { .. }) => Ok((on_cpu(model, config, options, precision)?, Some(error))),
            Err(error) => Err(error),
        },
        (None | Some(EncoderKind::Packed), Device::Auto | Device::Cpu) => {
            alone(on_cpu(model, config, options, precision)?)
        }
    }
}

/// The encoder for CPUs, or the reference for models that it cannot run.
fn on_cpu(
    model: &ModelFiles,
    config: &ModelConfig,
    options: &Options,
    precision: Precision,
) -> Result<Box<dyn Encoder>, EncoderError> {
    if PackedEncoder::supports(&config.bert) {
        let isa = options.isa.unwrap_or_else(Isa::best);
        Ok(Box::new(PackedEncoder::load(model, &config.bert, precision, isa)?))
    } else if options.encoder == Some(EncoderKind::Packed) {
        let message = "the packed encoder runs models with the activation gelu: use `--encoder candle`";
        Err(EncoderError::Unsupported(message.into()))
    } else {
        Ok(Box::new(CandleEncoder::load(model, &config.bert, Device::Cpu)?))
    }
}
