//! Linear layers over texts' vectors, in f32 on the CPU, whatever device runs the network: a text has one vector, and so
//! this is little work.

use std::sync::atomic::AtomicBool;

use semsearch_kernels::{Activation, Columns, Format, Isa, PackedLinear, RowsScratch};

use super::cpu::PackedEncoder;
use super::device::Precision;
use super::encoder::Encoder;
use crate::error::EncoderError;
use crate::model::{DenseActivation, DenseSpec, RaggedIds, Weights};
use crate::pooling::{Output, Pooling};
use crate::vectors::Vectors;

/// A linear layer, and the function after it.
pub(crate) struct Dense {
    linear: PackedLinear,
    activation: DenseActivation,
}

impl Dense {
    /// A layer with these weights, `[outputs, inputs]`, and biases, `[outputs]`.
    pub(crate) fn new(weights: &[f32], biases: &[f32], activation: DenseActivation) -> Self {
        Self { linear: PackedLinear::new(Format::F32, weights, biases), activation }
    }

    /// Reads the weights of a module.
    ///
    /// # Errors
    /// There is no such file, it is damaged, or it does not have the tensors of the module.
    fn load(spec: &DenseSpec) -> Result<Self, EncoderError> {
        if !spec.weights.exists() {
            return Err(spec.wrong("the module has no such file, and no other file of weights is read".into()));
        }
        let weights = Weights::open_file(spec.weights.clone(), &[""], "linear.weight")?;
        let weight = weights.get_finite("linear.weight", spec.inputs * spec.outputs)?;
        let bias = weights.bias("linear", spec.outputs, spec.biased)?;
        Ok(Self::new(&weight, &bias, spec.activation))
    }

    /// The layer's output, `[rows, outputs]`, for `rows`, `[rows, inputs]`.
    ///
    /// # Errors
    /// A number is too large for 32 bits.
    pub(crate) fn apply(&self, rows: &[f32]) -> Result<Vec<f32>, EncoderError> {
        let (isa, mut scratch) = (Isa::best(), RowsScratch::default());
        let (inputs, stride) = (self.linear.inputs(), self.linear.outputs());
        let mut out = vec![0.0; rows.len() / inputs * stride];
        let activation = match self.activation {
            DenseActivation::Relu => Activation::Relu,
            DenseActivation::Gelu => Activation::Gelu,
            _ => Activation::None,
        };
        let columns = Columns { out: &mut out, stride, first: 0 };
        isa.linear(isa.rows(Format::F32, rows, inputs, &mut scratch), self.linear.view(), activation, columns);
        match self.activation {
            DenseActivation::Tanh => out.iter_mut().for_each(|value| *value = value.tanh()),
            DenseActivation::Sigmoid => out.iter_mut().for_each(|value| *value = sigmoid(*value)),
            _ => {}
        }
        if out.iter().all(|value| value.is_finite()) {
            return Ok(out);
        }
        let source = "a number after the pooling is out of range".into();
        Err(EncoderError::Arithmetic { device: "cpu".into(), source })
    }
}

/// 1 / (1 + e⁻ˣ)
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// An encoder whose texts' vectors pass through linear layers.
pub(crate) struct DenseEncoder {
    inner: Box<dyn Encoder>,
    layers: Vec<Dense>,
}

impl DenseEncoder {
    /// Reads the layers of the modules after `inner`. Without modules, the encoder is `inner` itself.
    ///
    /// # Errors
    /// A module's weights are missing or damaged, or its inputs are not what comes before it.
    pub(crate) fn over(inner: Box<dyn Encoder>, specs: &[DenseSpec]) -> Result<Box<dyn Encoder>, EncoderError> {
        if specs.is_empty() {
            return Ok(inner);
        }
        let mut dim = inner.dim();
        for spec in specs {
            if spec.inputs != dim {
                return Err(
                    spec.wrong(format!("the layer has {} inputs, and what is before it makes {dim}", spec.inputs))
                );
            }
            dim = spec.outputs;
        }
        let layers = specs.iter().map(Dense::load).collect::<Result<_, _>>()?;
        Ok(Box::new(Self { inner, layers }))
    }
}

impl Encoder for DenseEncoder {
    fn dim(&self) -> usize {
        self.layers.last().map_or(self.inner.dim(), |layer| layer.linear.outputs())
    }

    fn encode(&self, ids: &RaggedIds, output: &Output) -> Result<Vectors, EncoderError> {
        Ok(self.encode_until(ids, output, &AtomicBool::new(false))?.0)
    }

    fn encode_until(
        &self,
        ids: &RaggedIds,
        output: &Output,
        stop: &AtomicBool,
    ) -> Result<(Vectors, Vec<bool>), EncoderError> {
        if output.pooling == Pooling::None {
            let what = "this model has linear layers after the pooling, so it makes no vector for each token";
            return Err(EncoderError::Unsupported(what.into()));
        }
        let pooled = Output { dim: self.inner.dim(), normalized: false, ..*output };
        let (vectors, done) = self.inner.encode_until(ids, &pooled, stop)?;
        let rows = self.layers.iter().try_fold(vectors.as_slice().to_vec(), |rows, layer| layer.apply(&rows))?;
        let mut cut = Vectors::zeros(ids.len(), output.dim);
        for (text, row) in rows.chunks_exact(self.dim()).enumerate() {
            let to = cut.rows_mut(text, text + 1);
            to.copy_from_slice(&row[..output.dim]);
            output.finish(to);
        }
        Ok((cut, done))
    }

    fn word_vectors(&self, ids: &[u32]) -> Result<Vectors, EncoderError> {
        self.inner.word_vectors(ids)
    }

    fn batch_tokens(&self) -> usize {
        self.inner.batch_tokens()
    }

    fn in_flight(&self) -> usize {
        self.inner.in_flight()
    }

    fn precision(&self) -> Precision {
        self.inner.precision()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn packed(&self) -> Option<&PackedEncoder> {
        self.inner.packed()
    }
}
