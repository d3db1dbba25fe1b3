//! A linear layer. Its weights are packed once, or, for a single short text, while they are used.
//!
//! To pack all weights costs as much as encoding a text or two, and takes as much memory again as the weights. A
//! process that answers one question packs a panel, uses it while it is in the cache, and packs the next one in its
//! place. If the model has a prepared form, its weights are packed in a mapped file.

use std::mem;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use semsearch_files::Map;
use semsearch_kernels::{Activation, Columns, Format, Isa, PackedLinear, PackedView, RowsScratch, Stored};

use super::kernels::Kernels;
use crate::architecture::LinearSpec;
use crate::error::EncoderError;
use crate::model::{Floats, Weights};
use crate::prepared::{NewSection, PreparedModel};

/// A linear layer, or several over the same inputs with their outputs side by side.
pub(super) struct Linear {
    /// The names of its parts, which name its section in a prepared form.
    name: String,
    parts: Vec<LinearPart>,
    inputs: usize,
    outputs: usize,
    /// The packed weights, and whether all weights are finite, if the product does not show that in this format.
    packed: OnceLock<(Packed, bool)>,
    prepared: Option<Arc<PreparedModel>>,
}

/// Packed weights: this process packed them, or they are these bytes of a mapped file.
enum Packed {
    Owned(PackedLinear),
    Mapped(Map, Range<usize>),
}

struct LinearPart {
    /// `[outputs, inputs]`
    weight: Floats,
    /// `[outputs]`
    bias: Floats,
}

/// Memory for linear layers.
pub(super) struct LinearScratch {
    kernels: Kernels,
    rows: RowsScratch,
    panel: Option<PackedLinear>,
    /// Whether a number was not finite since this flag was last taken. Some later steps would turn such a number into a
    /// finite one.
    not_finite: bool,
}

impl LinearScratch {
    /// Empty memory, which grows when it is used.
    pub(super) fn new(kernels: Kernels) -> Self {
        Self { kernels, rows: RowsScratch::default(), panel: None, not_finite: false }
    }

    /// Sets the flag if one of the values is not finite.
    pub(super) fn check(&mut self, values: &[impl Stored]) {
        self.not_finite |= !self.kernels.isa.are_finite(values);
    }

    /// Takes the flag: whether a number was not finite since the last call.
    pub(super) fn took_not_finite(&mut self) -> bool {
        mem::take(&mut self.not_finite)
    }
}

/// Whether the weights themselves must be checked: when it is rounded to an integer, a number that is not finite
/// becomes finite.
fn hides(format: Format) -> bool {
    format == Format::Int8
}

impl Linear {
    /// Finds the tensors.
    ///
    /// # Errors
    /// A tensor is missing or has another size than described, or a bias is not finite.
    pub(super) fn load(
        weights: &Weights,
        prepared: Option<&Arc<PreparedModel>>,
        spec: &LinearSpec,
    ) -> Result<Self, EncoderError> {
        let part = |name: &String| {
            let weight = weights.get(&format!("{name}.weight"), spec.inputs * spec.outputs)?;
            Ok(LinearPart { weight, bias: weights.bias(name, spec.outputs, spec.biased)? })
        };
        let parts = spec.parts.iter().map(part).collect::<Result<Vec<_>, EncoderError>>()?;
        Ok(Self {
            name: spec.parts.join(" "),
            outputs: parts.len() * spec.outputs,
            parts,
            inputs: spec.inputs,
            packed: OnceLock::new(),
            prepared: prepared.cloned(),
        })
    }

    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Packs the weights for all later calls, unless the prepared form has them.
    pub(super) fn pack(&self, format: Format) {
        if self.ready(format).is_none() {
            self.packed.get_or_init(|| {
                let (packed, finite) = self.all_packed(format);
                (Packed::Owned(packed), finite)
            });
        }
    }

    fn all_packed(&self, format: Format) -> (PackedLinear, bool) {
        let finite = !hides(format) || self.parts.iter().all(|part| Isa::best().are_finite(&part.weight));
        let packed = match &self.parts[..] {
            [part] => PackedLinear::new(format, &part.weight, &part.bias),
            parts => {
                let joined = |of: fn(&LinearPart) -> &[f32]| parts.iter().map(of).collect::<Vec<_>>().concat();
                PackedLinear::new(format, &joined(|part| &part.weight), &joined(|part| &part.bias))
            }
        };
        (packed, finite)
    }

    /// The weights that are packed already, here or in the prepared form, and whether all are finite.
    fn ready(&self, format: Format) -> Option<(PackedView<'_>, bool)> {
        if self.packed.get().is_none() {
            let prepared = self.prepared.as_ref()?;
            let (map, bytes, finite) = prepared.section(&self.name)?;
            let mapped = Packed::Mapped(map.clone(), bytes);
            if self.view(&mapped, format).is_none() {
                prepared.does_not_fit();
                return None;
            }
            self.packed.get_or_init(|| (mapped, finite));
        }
        let (packed, finite) = self.packed.get()?;
        Some((self.view(packed, format)?, *finite))
    }

    /// The weights as the kernels read them; `None` if the bytes of the prepared form are not those of this layer.
    fn view<'a>(&self, packed: &'a Packed, format: Format) -> Option<PackedView<'a>> {
        match packed {
            Packed::Owned(packed) => Some(packed.view()),
            Packed::Mapped(map, bytes) => PackedView::of_bytes(format, self.inputs, self.outputs, &map[bytes.clone()]),
        }
    }

    /// The section of a prepared form for this layer.
    pub(super) fn section(&self, format: Format) -> NewSection {
        let (packed, finite) = self.all_packed(format);
        NewSection { name: self.name.clone(), bytes: packed.view().parts().concat(), finite }
    }

    /// `out` = activation(`input` · weightsᵀ + bias), for `input` of `[rows, inputs]` and `out` of `[rows, outputs]`.
    pub(super) fn apply(
        &self,
        input: &[impl Stored],
        activation: Activation,
        scratch: &mut LinearScratch,
        out: &mut [impl Stored],
    ) {
        let finite = self.multiply(input, activation, scratch, out);
        scratch.not_finite |= !finite;
    }

    /// Does the same. Returns whether input and weights are finite, if the product does not show it.
    fn multiply(
        &self,
        input: &[impl Stored],
        activation: Activation,
        LinearScratch { kernels: Kernels { isa, format }, rows, panel, .. }: &mut LinearScratch,
        out: &mut [impl Stored],
    ) -> bool {
        let rows = isa.rows(*format, input, self.inputs, rows);
        let (stride, input_finite) = (self.outputs, rows.finite());
        if let Some((weights, finite)) = self.ready(*format) {
            isa.linear(rows, weights, activation, Columns { out, stride, first: 0 });
            return finite && input_finite;
        }
        let panel = panel.get_or_insert_with(|| PackedLinear::empty(*format));
        let (mut first, mut finite) = (0, input_finite);
        for part in &self.parts {
            let columns = part.weight.chunks(PackedLinear::PANEL * self.inputs);
            for (weight, bias) in columns.zip(part.bias.chunks(PackedLinear::PANEL)) {
                finite &= !hides(*format) || isa.are_finite(weight);
                panel.pack(weight, bias);
                isa.linear(rows, panel.view(), activation, Columns { out: &mut *out, stride, first });
                first += bias.len();
            }
        }
        finite
    }
}
