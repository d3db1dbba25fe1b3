//! BERT by candle: the reference that other encoders are measured against, and the way to a GPU.
//!
//! A batch is padded to its longest text here, and nowhere else; the mask keeps padding out of attention, and pooling
//! sees only each text's own tokens.

use candle_core::{Device as CandleDevice, Tensor};
use candle_transformers::models::bert::{self, BertModel};

use super::{Device, Encoder, Precision, Vectors, pool};
use crate::error::{Cause, Error, Result};
use crate::model::{BertConfig, HiddenAct, ModelFiles, Pooling, RaggedIds, Weights};

/// Padded tokens in a batch: with more, attention's scores leave the cache; with fewer, matrix products lack rows.
const BATCH_TOKENS: usize = 2048;

/// candle's `BertModel`, in f32.
pub struct CandleEncoder {
    model: BertModel,
    device: CandleDevice,
    dim: usize,
    pad: u32,
}

impl CandleEncoder {
    /// Loads the model's weights to `device`.
    ///
    /// # Errors
    /// The device is not there or not built in; the weights are missing, damaged, or not BERT's.
    pub fn load(model: &ModelFiles, config: &BertConfig, device: Device) -> Result<Self> {
        let device = open(device)?;
        let model = Weights::open(model)?.build(&device, |weights| BertModel::load(weights, &candle_config(config)))?;
        Ok(Self { model, device, dim: config.hidden_size, pad: config.pad_token_id as u32 })
    }

    /// Whether this build knows CUDA and a device answers.
    pub fn has_cuda() -> bool {
        cfg!(feature = "cuda") && CandleDevice::new_cuda(0).is_ok()
    }

    /// The last layer's output, `[texts, longest, dim]`.
    fn forward(&self, ids: &RaggedIds, longest: usize) -> candle_core::Result<Tensor> {
        let shape = (ids.len(), longest);
        let mut padded = vec![self.pad; ids.len() * longest];
        let mut mask = vec![0u32; padded.len()];
        for (text, start) in ids.iter().zip((0..).step_by(longest)) {
            padded[start..][..text.len()].copy_from_slice(text);
            mask[start..][..text.len()].fill(1);
        }
        let padded = Tensor::from_vec(padded, shape, &self.device)?;
        let mask = Tensor::from_vec(mask, shape, &self.device)?;
        self.model.forward(&padded, &padded.zeros_like()?, Some(&mask))
    }
}

impl Encoder for CandleEncoder {
    fn dim(&self) -> usize {
        self.dim
    }

    fn encode(&self, ids: &RaggedIds, pooling: Pooling) -> Result<Vectors> {
        let longest = ids.iter().map(<[u32]>::len).max().unwrap_or(0);
        if longest == 0 {
            return Ok(Vectors::zeros(0, self.dim));
        }
        let hidden = self
            .forward(ids, longest)
            .and_then(|hidden| hidden.flatten_all()?.to_vec1::<f32>())
            .map_err(|source| Error::Encoder { device: self.describe(), source: source.into() })?;
        let texts =
            hidden.chunks_exact(longest * self.dim).zip(ids.iter()).map(|(row, text)| &row[..text.len() * self.dim]);
        if pooling == Pooling::None {
            return Ok(Vectors::new(texts.flatten().copied().collect(), self.dim));
        }
        let mut pooled = Vectors::zeros(ids.len(), self.dim);
        for (tokens, out) in texts.zip(pooled.iter_mut()) {
            pool(tokens, pooling, out);
        }
        Ok(pooled)
    }

    fn batch_tokens(&self) -> usize {
        BATCH_TOKENS
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn describe(&self) -> String {
        match &self.device {
            CandleDevice::Cpu => "cpu, by candle".into(),
            other => format!("{:?}, by candle", other.location()),
        }
    }
}

/// Opens the device, or says why it cannot be had.
fn open(device: Device) -> Result<CandleDevice> {
    let cuda = |number| {
        CandleDevice::new_cuda(number)
            .map_err(|source| Error::Encoder { device: format!("cuda:{number}"), source: Cause::from(source) })
    };
    match device {
        Device::Cpu => Ok(CandleDevice::Cpu),
        Device::Auto => Ok(CandleDevice::cuda_if_available(0).unwrap_or(CandleDevice::Cpu)),
        Device::Cuda(number) if cfg!(feature = "cuda") => cuda(number),
        Device::Cuda(_) => Err(Error::Unsupported(
            "this build has no CUDA: build with `cargo build --release --features cuda`, or use `--device cpu`".into(),
        )),
    }
}

fn candle_config(config: &BertConfig) -> bert::Config {
    bert::Config {
        vocab_size: config.vocab_size,
        hidden_size: config.hidden_size,
        num_hidden_layers: config.num_hidden_layers,
        num_attention_heads: config.num_attention_heads,
        intermediate_size: config.intermediate_size,
        hidden_act: match config.hidden_act {
            HiddenAct::Gelu => bert::HiddenAct::Gelu,
            HiddenAct::GeluNew => bert::HiddenAct::GeluApproximate,
            HiddenAct::Relu => bert::HiddenAct::Relu,
        },
        max_position_embeddings: config.max_position_embeddings,
        type_vocab_size: config.type_vocab_size,
        layer_norm_eps: config.layer_norm_eps,
        pad_token_id: config.pad_token_id,
        // With a model type, candle looks for weights both with and without its prefix.
        model_type: Some("bert".into()),
        ..bert::Config::default()
    }
}
