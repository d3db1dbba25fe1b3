//! A batch divided into groups. One core encodes one group at a time.

use crate::model::{RaggedIds, TextIds};
use crate::pooling::Output;
use crate::vectors::Vectors;

/// The most tokens of a group, unless one text alone has more.
const GROUP_TOKENS: usize = 144;

/// A group of texts, and the place for its vectors.
pub(super) struct GroupWork<'a> {
    /// The texts.
    pub(super) texts: Vec<TextIds<'a>>,
    /// The rows of its texts, one after the other.
    pub(super) out: &'a mut [f32],
    /// Whether each text has its vector.
    pub(super) done: &'a mut [bool],
}

impl GroupWork<'_> {
    /// Writes the group's rows, computed from its token vectors, `[tokens, width]`.
    pub(super) fn write(&mut self, hidden: &[f32], width: usize, output: &Output) {
        let (mut hidden, mut out) = (hidden, &mut self.out[..]);
        for text in &self.texts {
            let (tokens, hidden_after) = hidden.split_at(text.len() * width);
            let (rows, out_after) = out.split_at_mut(output.rows(text.len()) * output.dim);
            output.write(tokens, width, rows);
            (hidden, out) = (hidden_after, out_after);
        }
    }
}

/// Divides a batch into groups of consecutive texts, each with its part of `vectors` and of `done`.
pub(super) fn divide<'a>(
    ids: &'a RaggedIds,
    output: &Output,
    vectors: &'a mut Vectors,
    done: &'a mut [bool],
) -> Vec<GroupWork<'a>> {
    let (mut vectors, mut done) = (vectors.rows_mut(0, vectors.len()), done);
    let with_place = |texts: Vec<TextIds<'a>>| {
        let rows: usize = texts.iter().map(|text| output.rows(text.len())).sum();
        let out = vectors.split_off_mut(..rows * output.dim).unwrap_or_default();
        let done = done.split_off_mut(..texts.len()).unwrap_or_default();
        GroupWork { texts, out, done }
    };
    groups(ids).into_iter().map(with_place).collect()
}

/// Groups consecutive texts, as long as they have no more than [`GROUP_TOKENS`] tokens together.
fn groups(ids: &RaggedIds) -> Vec<Vec<TextIds<'_>>> {
    let mut groups: Vec<Vec<TextIds<'_>>> = Vec::new();
    let mut tokens = 0;
    for text in ids.texts() {
        match groups.last_mut() {
            Some(group) if tokens + text.len() <= GROUP_TOKENS => group.push(text),
            _ => {
                groups.push(vec![text]);
                tokens = 0;
            }
        }
        tokens += text.len();
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pooling::Pooling;

    fn ragged(lengths: &[usize]) -> RaggedIds {
        let mut ids = RaggedIds::default();
        lengths.iter().for_each(|&length| ids.push(&vec![1; length]));
        ids
    }

    #[test]
    fn groups_keep_the_order_and_stay_small_unless_one_text_is_large() {
        let ids = ragged(&[60, 60, 60, 200, 1]);
        let lengths: Vec<Vec<usize>> =
            groups(&ids).iter().map(|group| group.iter().map(|text| text.len()).collect()).collect();
        assert_eq!(lengths, [vec![60, 60], vec![60], vec![200], vec![1]]);
    }

    #[test]
    fn each_group_has_the_place_of_its_own_texts() {
        let ids = ragged(&[90, 3, 60]);
        for (pooling, rows) in [(Pooling::Mean, [2, 1]), (Pooling::None, [93, 60])] {
            let output = Output { pooling, dim: 2, normalized: false };
            let mut vectors = Vectors::zeros(rows.iter().sum(), 2);
            let mut done = [false; 3];
            let groups = divide(&ids, &output, &mut vectors, &mut done);
            let places: Vec<(usize, usize)> =
                groups.iter().map(|group| (group.out.len() / 2, group.done.len())).collect();
            assert_eq!(places, [(rows[0], 2), (rows[1], 1)]);
        }
    }
}
