//! A linear layer whose weights are packed once, or, for a single short text, as they are used.
//!
//! Packing all weights costs as much as encoding a text or two, and as much memory again as they take. A process that
//! answers one question packs a panel, uses it while it is in the cache, and packs the next in its place.

use std::sync::OnceLock;

use crate::error::Result;
use crate::kernels::{Activation, Columns, Format, Isa, PackedLinear, RowsScratch};
use crate::model::{Floats, Weights};

/// A linear layer, or several over the same inputs with their outputs side by side.
pub(super) struct Linear {
    parts: Vec<Part>,
    inputs: usize,
    outputs: usize,
    packed: OnceLock<PackedLinear>,
}

struct Part {
    /// `[outputs, inputs]`
    weight: Floats,
    /// `[outputs]`
    bias: Floats,
}

/// Memory that linear layers work in.
#[derive(Default)]
pub(super) struct LinearScratch {
    rows: RowsScratch,
    panel: Option<PackedLinear>,
}

impl Linear {
    /// The layers `names`, each of `inputs` and `outputs`.
    pub(super) fn load(weights: &Weights, names: &[String], inputs: usize, outputs: usize) -> Result<Self> {
        let part = |name: &String| -> Result<Part> {
            let weight = weights.get(&format!("{name}.weight"), inputs * outputs)?;
            Ok(Part { weight, bias: weights.get(&format!("{name}.bias"), outputs)? })
        };
        let parts = names.iter().map(part).collect::<Result<Vec<_>>>()?;
        Ok(Self { outputs: parts.len() * outputs, parts, inputs, packed: OnceLock::new() })
    }

    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Packs the weights, for all calls to come.
    pub(super) fn pack(&self, format: Format) {
        self.packed.get_or_init(|| match &self.parts[..] {
            [part] => PackedLinear::new(format, &part.weight, &part.bias),
            parts => {
                let joined = |of: fn(&Part) -> &[f32]| parts.iter().map(of).collect::<Vec<_>>().concat();
                PackedLinear::new(format, &joined(|part| &part.weight), &joined(|part| &part.bias))
            }
        });
    }

    /// `out` = activation(`input` · weightsᵀ + bias), for `input` of `[rows, inputs]` and `out` of `[rows, outputs]`.
    pub(super) fn apply(
        &self,
        (isa, format): (Isa, Format),
        input: &[f32],
        activation: Activation,
        LinearScratch { rows, panel }: &mut LinearScratch,
        out: &mut [f32],
    ) {
        let rows = isa.rows(format, input, self.inputs, rows);
        let stride = self.outputs;
        if let Some(packed) = self.packed.get() {
            return isa.linear(rows, packed, activation, Columns { out, stride, first: 0 });
        }
        let panel = panel.get_or_insert_with(|| PackedLinear::empty(format));
        let mut first = 0;
        for part in &self.parts {
            let columns = part.weight.chunks(PackedLinear::PANEL * self.inputs);
            for (weight, bias) in columns.zip(part.bias.chunks(PackedLinear::PANEL)) {
                panel.pack(weight, bias);
                isa.linear(rows, panel, activation, Columns { out: &mut *out, stride, first });
                first += bias.len();
            }
        }
    }
}
