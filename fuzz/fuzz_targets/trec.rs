//! Judgements and runs are read, or refused, without a panic, and every metric of what was read is a number from 0 to 1.

#![no_main]

use libfuzzer_sys::fuzz_target;
use semsearch_eval::{Qrels, RankingMetric, Run, evaluate};
use semsearch_fuzz::show;

/// What stands between judgements and run.
const BORDER: &[u8] = b"\n=\n";

/// Sums of metrics are rounded.
const ALMOST: f64 = 1e-9;

fuzz_target!(|data: &[u8]| {
    let border = data.windows(BORDER.len()).position(|window| window == BORDER);
    let (judgements, run) = border.map_or((data, data), |at| (&data[..at], &data[at + BORDER.len()..]));
    let judgements = Qrels::read(judgements, &"qrels".into()).inspect_err(|error| show(error));
    let run = Run::read(run, &"run".into()).inspect_err(|error| show(error));
    let (Ok(judgements), Ok(run)) = (judgements, run) else { return };

    let more = ["ndcg", "mrr", "map", "precision@3", "success@2"].map(|word| word.parse().unwrap());
    let metrics: Vec<RankingMetric> = RankingMetric::DEFAULT.into_iter().chain(more).collect();
    let evaluation = evaluate(&run, &judgements, &metrics);
    assert_eq!(evaluation.queries.len() + evaluation.missing, judgements.queries().count());
    assert_eq!(evaluation.queries.len() + evaluation.unjudged, run.queries().count());
    for (query, values) in &evaluation.queries {
        for (metric, value) in metrics.iter().zip(values) {
            assert!((0.0..=1.0 + ALMOST).contains(value), "{metric} of {query:?} is {value}");
        }
    }
});
