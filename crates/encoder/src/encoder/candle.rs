//! BERT by candle: the reference that other encoders are measured against, on a CPU or a GPU.
//!
//! A batch is padded to its longest text here, and nowhere else; the mask keeps padding out of attention, and pooling
//! sees only each text's own tokens.

use candle_core::{Device as CandleDevice, Tensor};
use candle_transformers::models::bert::{self, BertModel};

use super::{Device, Encoder, Output, Precision, Vectors, cause, check, check_finite, cuda};
use crate::EncoderError;
use crate::model::{BertConfig, HiddenAct, ModelFiles, RaggedIds, Weights};

/// Padded tokens in a batch: with more, attention's scores leave the cache; with fewer, matrix products lack rows.
const BATCH_TOKENS: usize = 2048;

/// candle's `BertModel`, in f32.
pub struct CandleEncoder {
    model: BertModel,
    weights: Weights,
    device: CandleDevice,
    config: BertConfig,
}

impl CandleEncoder {
    /// Loads the model's weights to `device`; on its own account it takes the CPU.
    ///
    /// # Errors
    /// The device is not there or not built in; the weights are missing, damaged, or not BERT's.
    pub fn load(model: &ModelFiles, config: &BertConfig, device: Device) -> Result<Self, EncoderError> {
        let device = match device {
            Device::Cpu | Device::Auto => CandleDevice::Cpu,
            Device::Cuda(number) => cuda::open(number)?,
        };
        let weights = Weights::open(model)?;
        let model = weights
            .build(&device, |weights| BertModel::load(weights, &candle_config(config)))
            .map_err(|source| weights.damaged(cause(source)))?;
        Ok(Self { model, weights, device, config: config.clone() })
    }

    /// The last layer's output, `[texts, longest, dim]`.
    fn forward(&self, ids: &RaggedIds, longest: usize) -> candle_core::Result<Tensor> {
        let shape = (ids.len(), longest);
        let mut padded = vec![self.config.pad_token_id as u32; ids.len() * longest];
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
        self.config.hidden_size
    }

    fn encode(&self, ids: &RaggedIds, output: &Output) -> Result<Vectors, EncoderError> {
        check(ids, self.config.vocab_size, self.config.max_position_embeddings)?;
        let longest = ids.iter().map(<[u32]>::len).max().unwrap_or(0);
        if longest == 0 {
            return Ok(Vectors::zeros(0, output.dim));
        }
        let hidden = self
            .forward(ids, longest)
            .and_then(|hidden| hidden.flatten_all()?.to_vec1::<f32>())
            .map_err(|source| EncoderError::Arithmetic { device: self.describe(), source: cause(source) })?;
        let width = self.dim();
        let mut vectors = Vectors::zeros(ids.iter().map(|text| output.rows(text.len())).sum(), output.dim);
        let mut row = 0;
        for (padded, text) in hidden.chunks_exact(longest * width).zip(ids.iter()) {
            let rows = row..row + output.rows(text.len());
            let tokens = &padded[..text.len() * width];
            // Before pooling, of which one kind passes over what is no number.
            check_finite(tokens, &self.weights, || self.describe(), "")?;
            output.write(tokens, width, vectors.rows_mut(rows.start, rows.end));
            row = rows.end;
        }
        check_finite(vectors.as_slice(), &self.weights, || self.describe(), "")?;
        Ok(vectors)
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
        ..bert::Config::default()
    }
}
