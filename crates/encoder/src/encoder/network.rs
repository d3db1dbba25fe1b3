//! BERT in candle's tensors, on packed rows: what a GPU runs.
//!
//! The texts' tokens stand one after the other, as rows of one matrix, and every product over rows is one product. Only
//! attention knows texts: those of one length are attended together, as many as there are of it. So nothing is padded
//! and nothing masked, and a text's vector does not depend on how long its neighbours are.
//!
//! candle's own `BertModel` pads, and in 16 bits its mask is the smallest f32, −∞ there, times the zeros of a text's own
//! tokens, which is no number. So it remains the reference, in f32 ([`super::CandleEncoder`]).

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{LayerNorm, Linear, Module, VarBuilder, ops};

use super::Output;
use crate::model::{BertConfig, HiddenAct, Pooling, RaggedIds};

/// The network, its weights on one device, in one type.
pub(super) struct Network {
    /// `[vocabulary, dim]`
    words: Tensor,
    /// `[positions, dim]`, the first type's embedding added to each.
    positions: Tensor,
    norm: LayerNorm,
    layers: Vec<Layer>,
    heads: usize,
}

struct Layer {
    attention: Attention,
    output: Linear,
    attention_norm: LayerNorm,
    up: Linear,
    activation: HiddenAct,
    down: Linear,
    norm: LayerNorm,
}

struct Attention {
    /// Queries, keys and values in one product, `[3 · dim, dim]`; the queries' part divided by √(a head's dimension).
    qkv: Linear,
    heads: usize,
}

/// Consecutive texts of one length.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    /// Their first row.
    start: usize,
    texts: usize,
    /// Tokens of each.
    length: usize,
}

impl Group {
    fn rows(&self) -> usize {
        self.texts * self.length
    }
}

/// Matrices of a batched product, at most: CUDA counts them in a dimension of its grid that ends here.
const MATRICES: usize = 65_535;

/// The groups of texts that stand in this order, each of at most so many.
fn groups(ids: &RaggedIds, most: usize) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut start = 0;
    for length in ids.iter().map(<[u32]>::len) {
        match groups.last_mut() {
            Some(group) if group.length == length && group.texts < most => group.texts += 1,
            _ => groups.push(Group { start, texts: 1, length }),
        }
        start += length;
    }
    groups
}

impl Network {
    /// Takes the weights, computed with in `dtype`.
    ///
    /// # Errors
    /// A weight is missing or of another shape, or the device has no room.
    pub(super) fn load(weights: &VarBuilder<'_>, config: &BertConfig, dtype: DType) -> Result<Self> {
        let dim = config.hidden_size;
        let embeddings = weights.pp("embeddings");
        let words = embeddings.get((config.vocab_size, dim), "word_embeddings.weight")?;
        let positions = embeddings.get((config.max_position_embeddings, dim), "position_embeddings.weight")?;
        let types = embeddings.get((config.type_vocab_size, dim), "token_type_embeddings.weight")?;
        let layer = |number| Layer::load(&weights.pp(format!("encoder.layer.{number}")), config, dtype);
        Ok(Self {
            words: words.to_dtype(dtype)?,
            positions: positions.broadcast_add(&types.narrow(0, 0, 1)?)?.to_dtype(dtype)?,
            norm: layer_norm(&embeddings.pp("LayerNorm"), config, dtype)?,
            layers: (0..config.num_hidden_layers).map(layer).collect::<Result<_>>()?,
            heads: config.num_attention_heads,
        })
    }

    pub(super) fn device(&self) -> &Device {
        self.words.device()
    }

    /// The texts' vectors, `[rows, output.dim]`, in the order given; texts of one length side by side are the cheapest.
    ///
    /// # Errors
    /// The device fails.
    pub(super) fn encode(&self, ids: &RaggedIds, output: &Output) -> Result<Vec<f32>> {
        let groups = groups(ids, MATRICES / self.heads);
        let hidden = self.forward(ids, &groups)?;
        // One copy from the device a batch; the call returns when it is done.
        finish(&hidden, &groups, output)?.flatten_all()?.to_vec1()
    }

    /// The last layer's output, `[tokens, dim]`.
    fn forward(&self, ids: &RaggedIds, groups: &[Group]) -> Result<Tensor> {
        let tokens: Vec<u32> = ids.iter().flatten().copied().collect();
        let positions: Vec<u32> = ids.iter().flat_map(|text| 0..text.len() as u32).collect();
        let (rows, device) = (tokens.len(), self.device());
        let words = self.words.index_select(&Tensor::from_vec(tokens, rows, device)?, 0)?;
        let positions = self.positions.index_select(&Tensor::from_vec(positions, rows, device)?, 0)?;
        let hidden = self.norm.forward(&(words + positions)?)?;
        self.layers.iter().try_fold(hidden, |hidden, layer| layer.forward(&hidden, groups))
    }
}

impl Layer {
    fn load(weights: &VarBuilder<'_>, config: &BertConfig, dtype: DType) -> Result<Self> {
        let (dim, inner) = (config.hidden_size, config.intermediate_size);
        Ok(Self {
            attention: Attention::load(&weights.pp("attention.self"), config, dtype)?,
            output: linear(&weights.pp("attention.output.dense"), dim, dim, dtype)?,
            attention_norm: layer_norm(&weights.pp("attention.output.LayerNorm"), config, dtype)?,
            up: linear(&weights.pp("intermediate.dense"), dim, inner, dtype)?,
            activation: config.hidden_act,
            down: linear(&weights.pp("output.dense"), inner, dim, dtype)?,
            norm: layer_norm(&weights.pp("output.LayerNorm"), config, dtype)?,
        })
    }

    fn forward(&self, hidden: &Tensor, groups: &[Group]) -> Result<Tensor> {
        let context = self.output.forward(&self.attention.forward(hidden, groups)?)?;
        let hidden = self.attention_norm.forward(&(context + hidden)?)?;
        let inner = self.up.forward(&hidden)?;
        let inner = match self.activation {
            HiddenAct::Gelu => inner.gelu_erf()?,
            HiddenAct::GeluNew => inner.gelu()?,
            HiddenAct::Relu => inner.relu()?,
        };
        self.norm.forward(&(self.down.forward(&inner)? + hidden)?)
    }
}

impl Attention {
    fn load(weights: &VarBuilder<'_>, config: &BertConfig, dtype: DType) -> Result<Self> {
        let dim = config.hidden_size;
        let scale = ((dim / config.num_attention_heads) as f64).sqrt().recip();
        let parts = [("query", scale), ("key", 1.0), ("value", 1.0)]
            .map(|(name, scale)| {
                let weights = weights.pp(name);
                Ok(((weights.get((dim, dim), "weight")? * scale)?, (weights.get(dim, "bias")? * scale)?))
            })
            .into_iter()
            .collect::<Result<Vec<_>>>()?;
        let (matrices, biases): (Vec<Tensor>, Vec<Tensor>) = parts.into_iter().unzip();
        let together = |parts: &[Tensor]| Tensor::cat(parts, 0)?.to_dtype(dtype);
        let qkv = Linear::new(together(&matrices)?, Some(together(&biases)?));
        Ok(Self { qkv, heads: config.num_attention_heads })
    }

    /// softmax(q kᵀ) v for every head of every text, `[tokens, dim]`.
    fn forward(&self, hidden: &Tensor, groups: &[Group]) -> Result<Tensor> {
        let qkv = self.qkv.forward(hidden)?;
        let contexts = groups
            .iter()
            .map(|group| self.attend(&qkv.narrow(0, group.start, group.rows())?, group))
            .collect::<Result<Vec<_>>>()?;
        match &contexts[..] {
            [one] => Ok(one.clone()),
            several => Tensor::cat(several, 0),
        }
    }

    /// The same for texts of one length.
    fn attend(&self, qkv: &Tensor, group: &Group) -> Result<Tensor> {
        let dim = qkv.dim(1)? / 3;
        // [3, texts, heads, length, a head's dimension]
        let qkv = qkv
            .reshape((group.texts, group.length, 3, self.heads, dim / self.heads))?
            .permute((2, 0, 3, 1, 4))?
            .contiguous()?;
        let (queries, keys, values) = (qkv.get(0)?, qkv.get(1)?, qkv.get(2)?);
        let weights = softmax(&queries.matmul(&keys.t()?)?)?;
        weights.matmul(&values)?.transpose(1, 2)?.reshape((group.rows(), dim))
    }
}

/// The softmax of each row. On a GPU candle adds a row's numbers up in 32 bits; on a CPU it would in their own.
fn softmax(scores: &Tensor) -> Result<Tensor> {
    match scores.device() {
        Device::Cpu => ops::softmax_last_dim(&scores.to_dtype(DType::F32)?)?.to_dtype(scores.dtype()),
        _ => ops::softmax_last_dim(scores),
    }
}

/// Pools, cuts and normalizes as [`Output::write`] does, on the device.
fn finish(hidden: &Tensor, groups: &[Group], output: &Output) -> Result<Tensor> {
    let pooled = |group: &Group| {
        let texts = hidden.narrow(0, group.start, group.rows())?;
        let texts = texts.reshape((group.texts, group.length, ()))?.to_dtype(DType::F32)?;
        match output.pooling {
            Pooling::Cls => texts.narrow(1, 0, 1)?.squeeze(1),
            Pooling::Max => texts.max(1),
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

fn linear(weights: &VarBuilder<'_>, inputs: usize, outputs: usize, dtype: DType) -> Result<Linear> {
    let weight = weights.get((outputs, inputs), "weight")?.to_dtype(dtype)?;
    Ok(Linear::new(weight, Some(weights.get(outputs, "bias")?.to_dtype(dtype)?)))
}

fn layer_norm(weights: &VarBuilder<'_>, config: &BertConfig, dtype: DType) -> Result<LayerNorm> {
    // What files that were converted from TensorFlow's call them.
    let get = |name, older| {
        let name = if weights.contains_tensor(name) { name } else { older };
        weights.get(config.hidden_size, name)?.to_dtype(dtype)
    };
    Ok(LayerNorm::new(get("weight", "gamma")?, get("bias", "beta")?, config.layer_norm_eps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_neighbours_of_one_length_as_many_as_may_be() {
        let mut ids = RaggedIds::default();
        [7, 7, 3, 7].iter().for_each(|&length| ids.push(&vec![1; length]));
        let group = |start, texts, length| Group { start, texts, length };
        assert_eq!(groups(&ids, 2), [group(0, 2, 7), group(14, 1, 3), group(17, 1, 7)]);
        assert_eq!(groups(&ids, 1), [group(0, 1, 7), group(7, 1, 7), group(14, 1, 3), group(17, 1, 7)]);
    }
}
