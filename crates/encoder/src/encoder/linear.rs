//! A linear layer whose weights are packed once, or, for a single short text, as they are used.
//!
//! Packing all weights costs as much as encoding a text or two, and as much memory again as they take. A process that
//! answers one question packs a panel, uses it while it is in the cache, and packs the next in its place.

use std::mem;
use std::sync::OnceLock;

use crate::EncoderError;
use crate::model::{Floats, Weights};
use semsearch_kernels::{Activation, Columns, Format, Isa, PackedLinear, RowsScratch};

/// A linear layer, or several over the same inputs with their outputs side by side.
pub(super) struct Linear {
    parts: Vec<Part>,
    inputs: usize,
    outputs: usize,
    /// With whether all weights are finite, where the format does not show it in what comes out.
    packed: OnceLock<(PackedLinear, bool)>,
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
    /// Whether there was a number that is none, since this was last asked. Some steps after it would make one of it again.
    not_finite: bool,
}

impl LinearScratch {
    /// Looks for what is no finite number.
    pub(super) fn check(&mut self, values: &[f32]) {
        self.not_finite |= !are_finite(values);
    }

    /// Whether any was found since this was last asked.
    pub(super) fn took_not_finite(&mut self) -> bool {
        mem::take(&mut self.not_finite)
    }
}

fn are_finite(values: &[f32]) -> bool {
    // Without an end in between, so that several are looked at at once.
    values.iter().fold(true, |finite, value| finite & value.is_finite())
}

/// Whether the weights have to be looked at themselves: rounded to whole numbers, what is none becomes one.
fn hides(format: Format) -> bool {
    format == Format::Int8
}

impl Linear {
    /// The layers `names`, each of `inputs` and `outputs`.
    pub(super) fn load(
        weights: &Weights,
        names: &[String],
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, EncoderError> {
        let part = |name: &String| -> Result<Part, EncoderError> {
            let weight = weights.get(&format!("{name}.weight"), inputs * outputs)?;
            Ok(Part { weight, bias: weights.get_finite(&format!("{name}.bias"), outputs)? })
        };
        let parts = names.iter().map(part).collect::<Result<Vec<_>, EncoderError>>()?;
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
        self.packed.get_or_init(|| {
            let finite = !hides(format) || self.parts.iter().all(|part| are_finite(&part.weight));
            let packed = match &self.parts[..] {
                [part] => PackedLinear::new(format, &part.weight, &part.bias),
                parts => {
                    let joined = |of: fn(&Part) -> &[f32]| parts.iter().map(of).collect::<Vec<_>>().concat();
                    PackedLinear::new(format, &joined(|part| &part.weight), &joined(|part| &part.bias))
                }
            };
            (packed, finite)
        });
    }

    /// `out` = activation(`input` · weightsᵀ + bias), for `input` of `[rows, inputs]` and `out` of `[rows, outputs]`.
    pub(super) fn apply(
        &self,
        (isa, format): (Isa, Format),
        input: &[f32],
        activation: Activation,
        scratch: &mut LinearScratch,
        out: &mut [f32],
    ) {
        let finite = self.multiply((isa, format), input, activation, scratch, out);
        scratch.not_finite |= !finite;
        scratch.check(out);
    }

    /// The same, and whether the weights are finite, as far as what comes out does not show it.
    fn multiply(
        &self,
        (isa, format): (Isa, Format),
        input: &[f32],
        activation: Activation,
        LinearScratch { rows, panel, .. }: &mut LinearScratch,
        out: &mut [f32],
    ) -> bool {
        let rows = isa.rows(format, input, self.inputs, rows);
        let stride = self.outputs;
        if let Some((packed, finite)) = self.packed.get() {
            isa.linear(rows, packed, activation, Columns { out, stride, first: 0 });
            return *finite;
        }
        let panel = panel.get_or_insert_with(|| PackedLinear::empty(format));
        let (mut first, mut finite) = (0, true);
        for part in &self.parts {
            let columns = part.weight.chunks(PackedLinear::PANEL * self.inputs);
            for (weight, bias) in columns.zip(part.bias.chunks(PackedLinear::PANEL)) {
                finite &= !hides(format) || are_finite(weight);
                panel.pack(weight, bias);
                isa.linear(rows, panel, activation, Columns { out: &mut *out, stride, first });
                first += bias.len();
            }
        }
        finite
    }
}
