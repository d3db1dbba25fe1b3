//! Which encoder runs a model.

use std::sync::Arc;

use semsearch_kernels::Isa;

use super::options::{Backend, Options};
use crate::architecture::{Architecture, Transformer};
use crate::backend::{Device, Encoder, PackedEncoder, Precision, StaticEncoder, TensorEncoder};
use crate::error::EncoderError;
use crate::model::{ModelConfig, ModelFiles};
use crate::prepared::PreparedModel;

/// An encoder, and the reason why it does not run on a GPU, if [`Device::Auto`] would have chosen a GPU.
pub(super) type Chosen = (Box<dyn Encoder>, Option<EncoderError>);

/// Loads the encoder that the options name, or the best encoder for the device and the model.
///
/// The packed encoder uses the model's prepared form, if there is one.
///
/// An encoder that lacks the precision computes in f32, and reports it ([`Encoder::precision`]).
///
/// # Errors
/// The device cannot be used, the weights are missing or damaged, or the options contradict each other.
pub(super) fn encoder(
    model: &ModelFiles,
    config: &ModelConfig,
    options: &Options,
    prepared: Option<Arc<PreparedModel>>,
) -> Result<Chosen, EncoderError> {
    let network = match (&config.architecture, options.device) {
        (Architecture::Transformer(network), _) => network,
        (Architecture::Static(_), Device::Cuda(_)) => {
            return Err(EncoderError::Unsupported("a model of static embeddings runs only on the CPU".into()));
        }
        (Architecture::Static(_), _) => return Ok((Box::new(StaticEncoder::load(model)?), None)),
    };
    match (options.backend, options.device) {
        (Some(Backend::Packed), Device::Cuda(_)) => {
            Err(EncoderError::Unsupported("the packed encoder runs only on CPUs, not on a GPU".into()))
        }
        (_, device @ Device::Cuda(_)) => Ok((tensor(model, network, options, device)?, None)),
        (Some(Backend::Packed), _) | (_, Device::Cpu) => Ok((on_cpu(model, network, options, prepared)?, None)),
        (_, Device::Auto) if cfg!(feature = "cuda") => match tensor(model, network, options, Device::Auto) {
            Ok(encoder) => Ok((encoder, None)),
            Err(error @ EncoderError::Device { .. }) => Ok((on_cpu(model, network, options, prepared)?, Some(error))),
            Err(error) => Err(error),
        },
        (_, Device::Auto) => Ok((on_cpu(model, network, options, prepared)?, None)),
    }
}

/// The packed encoder, or the encoder with candle's tensors if the options name it.
fn on_cpu(
    model: &ModelFiles,
    network: &Transformer,
    options: &Options,
    prepared: Option<Arc<PreparedModel>>,
) -> Result<Box<dyn Encoder>, EncoderError> {
    if options.backend == Some(Backend::Tensor) {
        return tensor(model, network, options, Device::Cpu);
    }
    let isa = options.isa.unwrap_or_else(Isa::best);
    let precision = options.precision.unwrap_or(Precision::Bf16);
    Ok(Box::new(PackedEncoder::load(model, network, precision, isa, prepared)?))
}

fn tensor(
    model: &ModelFiles,
    network: &Transformer,
    options: &Options,
    device: Device,
) -> Result<Box<dyn Encoder>, EncoderError> {
    // candle has no fast products of short numbers on a CPU. They are used there only if they are asked for.
    let usual = if device == Device::Cpu { Precision::F32 } else { Precision::Bf16 };
    let precision = options.precision.unwrap_or(usual);
    Ok(Box::new(TensorEncoder::load(model, network, device, precision)?))
}
