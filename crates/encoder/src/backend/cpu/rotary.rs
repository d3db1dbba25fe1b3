//! Rotary positions: queries and keys are rotated by angles that grow with the token's position (Su et al. 2021,
//! *RoFormer*).

use semsearch_kernels::AttentionShape;

use crate::backend::positions::angles;

/// The rotations of each base that was used, for as many positions as the longest text had.
#[derive(Default)]
pub(super) struct Rotations(Vec<Rotation>);

/// The rotations of one base.
struct Rotation {
    base: f64,
    /// Half of a head's components.
    half: usize,
    /// For each position, the cosines of its angles, then their sines: `[positions, 2, half]`.
    turns: Vec<f32>,
}

impl Rotations {
    /// Rotates the queries and keys of one text, `[tokens, 3 · heads · head_dim]`.
    pub(super) fn apply(&mut self, base: f64, shape: AttentionShape, qkv: &mut [f32]) {
        let hidden = shape.heads * shape.head_dim;
        let rotation = self.of(base, shape.head_dim / 2);
        rotation.reach(qkv.len() / (3 * hidden));
        let half = rotation.half;
        for (token, turn) in qkv.chunks_exact_mut(3 * hidden).zip(rotation.turns.chunks_exact(2 * half)) {
            let (cosines, sines) = turn.split_at(half);
            for head in token[..2 * hidden].chunks_exact_mut(shape.head_dim) {
                let (first, second) = head.split_at_mut(half);
                for ((a, b), (cosine, sine)) in first.iter_mut().zip(second).zip(cosines.iter().zip(sines)) {
                    (*a, *b) = (*a * cosine - *b * sine, *b * cosine + *a * sine);
                }
            }
        }
    }

    fn of(&mut self, base: f64, half: usize) -> &mut Rotation {
        let known = self.0.iter().position(|rotation| rotation.base == base && rotation.half == half);
        let at = known.unwrap_or_else(|| {
            self.0.push(Rotation { base, half, turns: Vec::new() });
            self.0.len() - 1
        });
        &mut self.0[at]
    }
}

impl Rotation {
    /// Computes the rotations of positions that are still missing.
    fn reach(&mut self, positions: usize) {
        for position in self.turns.len() / (2 * self.half)..positions {
            let angles = || angles(self.base, self.half, position);
            let turn: Vec<f32> = angles().map(f64::cos).chain(angles().map(f64::sin)).map(|x| x as f32).collect();
            self.turns.extend(turn);
        }
    }
}
