//! Which texts are tokenized together, and which are encoded together.

use std::cmp::Reverse;

use crate::model::RaggedIds;

/// Divides the texts into parts of consecutive ones, each of no more than `limit` bytes, or of one text.
pub(super) fn parts<T: AsRef<str>>(texts: &[T], limit: usize) -> Vec<&[T]> {
    let (mut parts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, text) in texts.iter().enumerate() {
        bytes += text.as_ref().len();
        if bytes > limit && index > start {
            parts.push(&texts[start..index]);
            (start, bytes) = (index, text.as_ref().len());
        }
    }
    parts.push(&texts[start..]);
    parts
}

/// Divides the texts into batches, the longest texts first. A batch has at most `budget` tokens when its texts are padded to
/// its longest one, or it has one text.
pub(super) fn batches(ids: &RaggedIds, budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by_key(|&text| Reverse(ids.get(text).len()));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for text in order {
        match batches.last_mut() {
            Some(batch) if batch.len() < room => batch.push(text),
            _ => {
                room = budget / ids.get(text).len().max(1);
                batches.push(vec![text]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ragged(lengths: &[usize]) -> RaggedIds {
        let mut ids = RaggedIds::default();
        lengths.iter().for_each(|&length| ids.push(&vec![length as u32; length]));
        ids
    }

    proptest! {
        #[test]
        fn batches_hold_every_text_once_within_the_budget(lengths in prop::collection::vec(1..300usize, 0..200)) {
            let budget = 512;
            let batches = batches(&ragged(&lengths), budget);
            let mut all: Vec<usize> = batches.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
            for batch in &batches {
                let longest = batch.iter().map(|&text| lengths[text]).max().unwrap();
                prop_assert!(batch.len() == 1 || batch.len() * longest <= budget);
            }
        }
    }

    #[test]
    fn parts_are_all_of_the_texts_in_their_order() {
        let texts = [1, 9, 1, 8, 18, 1, 1].map(|length| "x".repeat(length));
        let lengths: Vec<usize> = parts(&texts, 9).iter().map(|part| part.len()).collect();
        assert_eq!(lengths, [1, 1, 2, 1, 2]);
        assert_eq!(parts(&texts, 9).concat(), texts);
        assert_eq!(parts::<String>(&[], 9).concat(), [""; 0]);
    }

    #[test]
    fn texts_of_like_length_share_a_batch() {
        assert_eq!(batches(&ragged(&[2, 100, 3, 100]), 200), vec![vec![1, 3], vec![2, 0]]);
    }
}
