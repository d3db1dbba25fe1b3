//! A model's weights as candle's tensors on one device, in one type.

use candle_core::{DType, Device, DeviceLocation, Tensor};
use candle_nn::{LayerNorm, Linear};

use super::cuda::unusable;
use crate::architecture::{LinearSpec, NormSpec, TableSpec};
use crate::error::EncoderError;
use crate::model::Weights;

/// The source of the tensors, and where they are copied to.
pub(super) struct Loader<'a> {
    pub(super) weights: &'a Weights,
    pub(super) device: &'a Device,
    /// The type of the numbers in the network.
    pub(super) dtype: DType,
    /// The number of components of a token's vector.
    pub(super) hidden_size: usize,
}

impl Loader<'_> {
    /// A table of embeddings, `[rows, hidden_size]`, in f32.
    ///
    /// # Errors
    /// The tensor is missing or has another size than described, or the device does not take it.
    pub(super) fn table(&self, spec: &TableSpec) -> Result<Tensor, EncoderError> {
        let values = self.weights.get(&spec.name, spec.rows * self.hidden_size)?;
        self.done(Tensor::from_slice(&values, (spec.rows, self.hidden_size), self.device))
    }

    /// A linear layer, with its parts side by side. The first outputs, as many as `scaled` says, are multiplied by its
    /// factor.
    ///
    /// # Errors
    /// A tensor is missing or has another size than described, or the device does not take it.
    pub(super) fn linear(&self, spec: &LinearSpec, scaled: Option<(usize, f32)>) -> Result<Linear, EncoderError> {
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        for part in &spec.parts {
            let values = self.weights.get(&format!("{part}.weight"), spec.outputs * spec.inputs)?;
            weight.extend_from_slice(&values);
            bias.extend_from_slice(&self.weights.bias(part, spec.outputs, spec.biased)?);
        }
        if let Some((outputs, factor)) = scaled {
            weight[..outputs * spec.inputs].iter_mut().for_each(|value| *value *= factor);
            bias[..outputs].iter_mut().for_each(|value| *value *= factor);
        }
        let shape = (spec.parts.len() * spec.outputs, spec.inputs);
        Ok(Linear::new(self.tensor(&weight, shape)?, Some(self.tensor(&bias, shape.0)?)))
    }

    /// A normalization.
    ///
    /// # Errors
    /// A tensor is missing or has another size than described, or the device does not take it.
    pub(super) fn norm(&self, spec: &NormSpec) -> Result<LayerNorm, EncoderError> {
        let (weight, bias) = self.weights.norm(spec, self.hidden_size)?;
        let tensor = |values: &[f32]| self.tensor(values, self.hidden_size);
        Ok(LayerNorm::new(tensor(&weight)?, tensor(&bias)?, spec.epsilon))
    }

    /// Converts the values to the type of the network, on the device.
    fn tensor(&self, values: &[f32], shape: impl Into<candle_core::Shape>) -> Result<Tensor, EncoderError> {
        self.done(Tensor::from_slice(values, shape.into(), self.device).and_then(|tensor| tensor.to_dtype(self.dtype)))
    }

    /// Converts candle's error: the device does not accept a tensor.
    pub(super) fn done<T>(&self, made: candle_core::Result<T>) -> Result<T, EncoderError> {
        made.map_err(|source| unusable(&place(self.device), "it does not take the model's weights".into(), source))
    }
}

/// The device's name on the command line.
pub(super) fn place(device: &Device) -> String {
    match device.location() {
        DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        _ => "cpu".into(),
    }
}
