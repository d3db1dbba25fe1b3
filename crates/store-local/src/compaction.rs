//! Chooses which segments of an index are rewritten as one, for vectors and documents alike.
//!
//! Segments are put into tiers by size. A tier's segments are eight times as large as those of the tier before (a
//! log-structured merge, as in O'Neil et al. 1996). Eight segments of a tier become one of the next. So a vector is
//! rewritten once for each tier, and the number of segments grows with the logarithm of the number of commits. Large
//! segments are left alone. A segment of which more than a quarter is dead is rewritten by itself.

/// How many segments of a tier become one.
const FAN: usize = 8;

/// A segment's size, in vectors or documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// All entries, including dead ones.
    pub(super) all: u64,
    /// The living entries.
    pub(super) live: u64,
}

/// The next segments to rewrite as one, by position; `None` if there is nothing to do. The new segment has at most
/// `large` entries, unless it is one segment rewritten by itself.
pub(super) fn choose(sizes: &[Size], large: u64) -> Option<Vec<usize>> {
    if let Some(worn) = sizes.iter().position(|size| (size.all - size.live) * 4 > size.all) {
        return Some(vec![worn]);
    }
    let tier = |size: &Size| size.live.max(1).ilog(FAN as u64);
    let small = |at: &usize| sizes[*at].live * 2 <= large;
    let top = (0..sizes.len()).filter(small).map(|at| tier(&sizes[at])).max()?;
    (0..=top).find_map(|wanted| {
        let members: Vec<usize> = (0..sizes.len()).filter(small).filter(|&at| tier(&sizes[at]) == wanted).collect();
        if members.len() < FAN {
            return None;
        }
        let mut sum = 0;
        let fitting = members.into_iter().take_while(|&at| {
            sum += sizes[at].live;
            sum <= large
        });
        let group: Vec<usize> = fitting.collect();
        (group.len() > 1).then_some(group)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sizes(live: &[u64]) -> Vec<Size> {
        live.iter().map(|&live| Size { all: live, live }).collect()
    }

    #[test]
    fn eight_of_a_tier_become_one_and_large_ones_stay() {
        assert_eq!(choose(&sizes(&[1; 7]), 1000), None);
        assert_eq!(choose(&sizes(&[1; 8]), 1000), Some((0..8).collect()));
        assert_eq!(choose(&sizes(&[600, 1, 600, 2, 3, 4, 5, 6, 7, 1]), 1000), Some(vec![1, 3, 4, 5, 6, 7, 8, 9]));
        assert_eq!(choose(&sizes(&[600; 20]), 1000), None);
        // The new segment has no more entries than a large one.
        assert_eq!(choose(&sizes(&[400; 8]), 1000), Some(vec![0, 1]));
    }

    #[test]
    fn a_segment_that_is_more_than_a_quarter_dead_is_rewritten() {
        let with_dead = |dead: u64| vec![Size { all: 2000, live: 2000 }, Size { all: 4000, live: 4000 - dead }];
        assert_eq!(choose(&with_dead(1000), 1000), None);
        assert_eq!(choose(&with_dead(1001), 1000), Some(vec![1]));
        assert_eq!(choose(&[Size { all: 3, live: 0 }], 1000), Some(vec![0]));
    }

    proptest! {
        #[test]
        fn commits_of_any_size_leave_few_segments_and_rewrite_little(added in prop::collection::vec(1..200u64, 1..300)) {
            let large = 2000;
            let (mut segments, mut rewritten) = (Vec::new(), 0);
            for &size in &added {
                segments.push(Size { all: size, live: size });
                while let Some(group) = choose(&segments, large) {
                    let sum = group.iter().map(|&at| segments[at].live).sum();
                    prop_assert!(sum <= large);
                    rewritten += sum;
                    segments = segments.iter().enumerate().filter(|(at, _)| !group.contains(at)).map(|(_, size)| *size).collect();
                    segments.push(Size { all: sum, live: sum });
                }
            }
            let total: u64 = added.iter().sum();
            prop_assert_eq!(segments.iter().map(|size| size.live).sum::<u64>(), total);
            // There are at most seven segments in each of four tiers, besides those too large to be merged.
            prop_assert!(segments.len() as u64 <= 28 + total / (large / 2) + 1, "{} segments", segments.len());
            prop_assert!(rewritten <= 5 * total, "{rewritten} of {total}");
        }
    }
}
