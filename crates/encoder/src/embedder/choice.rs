//! Which encoder runs a model.

use semsearch_kernels::Isa;

use super::options::{Backend, Options};
use crate::backend::{Device, Encoder, PackedEncoder, Precision, TensorEncoder};
use crate::error::EncoderError;
use crate::model::{ModelConfig, ModelFiles};

/// An encoder, and the reason why it does not run on a GPU, if [`Device::Auto`] would have chosen a GPU.
pub(super) type Chosen = (Box<dyn Encoder>, Option<EncoderError>);

/// Loads the encoder that the options name, or the best encoder for the device and the model.
///
/// An encoder that lacks the precision computes in f32, and reports it ([`Encoder::precision`]).
///
/// # Errors
/// The device cannot be used, the weights are missing or damaged, or the options contradict each other.
pub(super) fn encoder(model: &ModelFiles, config: &ModelConfig, options: &Options) -> Result<Chosen, EncoderError> {
    match (options.backend, options.device) {
        (Some(Backend::Packed), Device::Cuda(_)) => {
            Err(EncoderError::Unsupported("the packed encoder runs only on CPUs, not on a GPU".into()))
        }
        (_, device @ Device::Cuda(_)) => Ok((tensor(model, config, options, device)?, None)),
        (Some(Backend::Packed), _) | (_, Device::Cpu) => Ok((on_cpu(model, config, options)?, None)),
        (_, Device::Auto) if cfg!(feature = "cuda") => match tensor(model, config, options, Device::Auto) {
            Ok(encoder) => Ok((encoder, None)),
            Err(error @ EncoderError::Device { .. }) => Ok((on_cpu(model, config, options)?, Some(error))),
            Err(error) => Err(error),
        },
        (_, Device::Auto) => Ok((on_cpu(model, config, options)?, None)),
    }
}

/// The packed encoder, or the encoder with candle's tensors if the options name it or the packed encoder cannot run the
/// model.
fn on_cpu(model: &ModelFiles, config: &ModelConfig, options: &Options) -> Result<Box<dyn Encoder>, EncoderError> {
    let is_packed = PackedEncoder::supports(&config.architecture);
    match options.backend {
        Some(Backend::Packed) if !is_packed => Err(EncoderError::Unsupported(
            "the packed encoder runs only models with the activation gelu; candle's encoder runs others".into(),
        )),
        Some(Backend::Packed) | None if is_packed => {
            let isa = options.isa.unwrap_or_else(Isa::best);
            let precision = options.precision.unwrap_or(Precision::Bf16);
            Ok(Box::new(PackedEncoder::load(model, &config.architecture, precision, isa)?))
        }
        _ => tensor(model, config, options, Device::Cpu),
    }
}

fn tensor(
    model: &ModelFiles,
    config: &ModelConfig,
    options: &Options,
    device: Device,
) -> Result<Box<dyn Encoder>, EncoderError> {
    let precision = match (device, options.backend) {
        // candle has no fast products of short numbers on a CPU. They are used there only if they are asked for.
        (Device::Cpu, None) => Precision::F32,
        (Device::Cpu, Some(_)) => options.precision.unwrap_or(Precision::F32),
        _ => options.precision.unwrap_or(Precision::Bf16),
    };
    Ok(Box::new(TensorEncoder::load(model, &config.architecture, device, precision)?))
}
