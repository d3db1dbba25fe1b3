//! A `Dense` module: a linear layer over a text's vector.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::EncoderError;
use crate::json;

/// A linear layer, and the function after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseSpec {
    /// The file with the weights: `linear.weight`, `[outputs, inputs]`, and `linear.bias`.
    pub weights: PathBuf,
    /// The number of inputs.
    pub inputs: usize,
    /// The number of outputs.
    pub outputs: usize,
    /// Whether there is a bias.
    pub biased: bool,
    /// The function after the layer.
    pub activation: DenseActivation,
}

/// The function after a linear layer over a text's vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenseActivation {
    /// No function.
    Identity,
    /// tanh(x)
    Tanh,
    /// max(x, 0)
    Relu,
    /// x·Φ(x), with the error function.
    Gelu,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
}

/// A module's `config.json`.
#[derive(Deserialize)]
struct DenseConfig {
    in_features: usize,
    out_features: usize,
    #[serde(default = "yes")]
    bias: bool,
    #[serde(default)]
    activation_function: String,
}

fn yes() -> bool {
    true
}

impl DenseSpec {
    /// The most inputs or outputs.
    const MOST: usize = 1 << 16;

    /// Reads a module's `config.json`. Its weights are in another file.
    ///
    /// # Errors
    /// The file is unreadable or damaged, or a value in it is not supported.
    pub(super) fn load(path: PathBuf, weights: PathBuf) -> Result<Self, EncoderError> {
        let config: DenseConfig = json::load_required(&path)?;
        let (inputs, outputs) = (config.in_features, config.out_features);
        let of = |what| EncoderError::Model { path: path.clone(), what, source: None };
        if [inputs, outputs].iter().any(|size| !(1..=Self::MOST).contains(size)) {
            return Err(of(format!("a layer of {inputs} inputs and {outputs} outputs, expected 1 to {}", Self::MOST)));
        }
        let activation = DenseActivation::of_torch(&config.activation_function).map_err(of)?;
        Ok(Self { weights, inputs, outputs, biased: config.bias, activation })
    }

    /// The error that something about the weights is wrong.
    pub(crate) fn wrong(&self, what: String) -> EncoderError {
        let path: &Path = &self.weights;
        EncoderError::Model { path: path.into(), what, source: None }
    }
}

impl DenseActivation {
    /// The function of this class of torch, `torch.nn.modules.activation.Tanh` for example. There is none if no class is
    /// named.
    ///
    /// # Errors
    /// The function is not supported.
    pub(crate) fn of_torch(class_path: &str) -> Result<Self, String> {
        match class_path.rsplit('.').next().unwrap_or_default() {
            "" | "Identity" => Ok(Self::Identity),
            "Tanh" => Ok(Self::Tanh),
            "ReLU" => Ok(Self::Relu),
            "GELU" => Ok(Self::Gelu),
            "Sigmoid" => Ok(Self::Sigmoid),
            other => Err(format!("activation {other} is not supported, only Identity, Tanh, ReLU, GELU and Sigmoid")),
        }
    }
}
