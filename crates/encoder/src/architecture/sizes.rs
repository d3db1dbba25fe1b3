//! Limits of the sizes in a `config.json`.

use serde::Deserialize;

use super::spec::NormSpec;

/// The most weights of a model: three times those of the largest BERT. A file that asks for more is damaged, or was
/// made to fill memory.
const MAX_WEIGHTS: u64 = 1 << 30;

/// A size, and its name in the file.
pub(super) type Size<'a> = (&'a str, usize);

/// The sizes of a transformer encoder.
pub(super) struct Sizes<'a> {
    pub(super) vocabulary: Size<'a>,
    pub(super) hidden: Size<'a>,
    pub(super) layers: Size<'a>,
    pub(super) heads: Size<'a>,
    pub(super) intermediate: Size<'a>,
    pub(super) positions: Size<'a>,
    /// `None` if the network has no token types.
    pub(super) types: Option<Size<'a>>,
    pub(super) padding: usize,
    pub(super) epsilon: Small<'a>,
}

/// A small number, and its name in the file.
pub(super) type Small<'a> = (&'a str, f64);

/// The sizes that most families name in the same way.
#[derive(Deserialize)]
pub(super) struct UsualSizes {
    pub(super) vocab_size: usize,
    pub(super) hidden_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) intermediate_size: usize,
    pub(super) max_position_embeddings: usize,
}

impl UsualSizes {
    /// The same sizes with their names, for a network without token types.
    pub(super) fn named<'a>(&self, padding: usize, epsilon: Small<'a>) -> Sizes<'a> {
        Sizes {
            vocabulary: ("vocab_size", self.vocab_size),
            hidden: ("hidden_size", self.hidden_size),
            layers: ("num_hidden_layers", self.num_hidden_layers),
            heads: ("num_attention_heads", self.num_attention_heads),
            intermediate: ("intermediate_size", self.intermediate_size),
            positions: ("max_position_embeddings", self.max_position_embeddings),
            types: None,
            padding,
            epsilon,
        }
    }
}

impl Sizes<'_> {
    /// Checks that no size is 0, that none is so large that it would only fill memory, and that they fit each other.
    pub(super) fn check(&self) -> Result<(), String> {
        let sizes = [
            (self.vocabulary, 10_000_000),
            (self.hidden, 16_384),
            (self.layers, 512),
            (self.heads, 1024),
            (self.intermediate, 131_072),
            (self.positions, 65_536),
            (self.types.unwrap_or(("", 1)), 1024),
        ];
        if let Some(((name, size), most)) = sizes.into_iter().find(|&((_, size), most)| !(1..=most).contains(&size)) {
            return Err(format!("{name} is {size}, expected 1 to {most}"));
        }
        let [words, dim, layers, heads, inner, positions, types] = sizes.map(|((_, size), _)| size as u64);
        let weights = (words + positions + types) * dim + layers * (4 * dim * dim + 2 * dim * inner);
        if weights > MAX_WEIGHTS {
            return Err(format!("{weights} weights are more than any such model has"));
        }
        if dim % heads != 0 {
            return Err(format!("{heads} heads do not divide {dim}"));
        }
        if positions < 3 {
            return Err(format!("{positions} positions are too few for a text"));
        }
        if self.padding as u64 >= words {
            return Err(format!("pad_token_id is {}, but there are {words} words", self.padding));
        }
        let (name, epsilon) = self.epsilon;
        if !(0.0..1.0).contains(&epsilon) {
            return Err(format!("{name} is {epsilon}, expected a small number"));
        }
        Ok(())
    }

    /// How many tokens a text may have if positions are counted from the one after the padding token's number.
    pub(super) fn tokens_after_padding(&self) -> Result<usize, String> {
        let (name, positions) = self.positions;
        match positions.checked_sub(self.padding + 1) {
            Some(tokens) if tokens >= 3 => Ok(tokens),
            _ => Err(format!("{name} is {positions}: too few for a text after padding token {}", self.padding)),
        }
    }

    /// Checks that the heads of this base can be rotated: a head's components are rotated in pairs.
    pub(super) fn check_rotary(&self, name: &str, base: f64) -> Result<(), String> {
        let head_dim = self.hidden.1 / self.heads.1;
        if !head_dim.is_multiple_of(2) {
            return Err(format!("a head has {head_dim} components, which cannot be rotated in pairs"));
        }
        if (1.0..=1e12).contains(&base) { Ok(()) } else { Err(format!("{name} is {base}, expected 1 to 10^12")) }
    }

    /// A normalization of this name, with a bias.
    pub(super) fn norm(&self, name: String) -> NormSpec {
        NormSpec { name, epsilon: self.epsilon.1, biased: true }
    }
}
