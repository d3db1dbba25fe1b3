"""Makes the judgements and runs beside this file, and expected.json: what pytrec_eval and scipy say of them.

    pip install pytrec-eval-terrier scipy && python make.py
"""

import json
import pathlib
import random

import numpy as np
import pytrec_eval
from scipy import stats

HERE = pathlib.Path(__file__).parent
MEASURES = {
    "ndcg": "ndcg", "ndcg@3": "ndcg_cut_3", "ndcg@10": "ndcg_cut_10",
    "mrr": "recip_rank", "map": "map", "map@3": "map_cut_3", "map@100": "map_cut_100",
    "recall@1": "recall_1", "recall@3": "recall_3", "recall@10": "recall_10", "recall@100": "recall_100",
    "precision@1": "P_1", "precision@5": "P_5", "success@1": "success_1", "success@5": "success_5",
}
MRR_CUT = 3

# Cases that random numbers seldom give.
QRELS = {
    "graded": {"a": 3, "b": 2, "c": 1, "d": 0, "e": -1},
    "ties": {"a": 1, "b": 0, "c": 2, "B": 1, "é": 1},
    "tied in 32 bits": {"a": 1, "b": 0},
    "negative only": {"a": -1, "b": -2},
    "none relevant": {"a": 0, "b": 0},
    "nothing found": {"x": 1},
    "negative first": {"a": -2, "b": 1, "c": 5},
    "not in the run": {"a": 1},
}
RUN = {
    "graded": {"e": 0.9, "c": 0.8, "unjudged": 0.7, "a": 0.6, "d": 0.5},
    "ties": {"a": 0.5, "b": 0.5, "c": 0.5, "B": 0.5, "é": 0.5, "u v": 0.5, "z": 0.75},
    "tied in 32 bits": {"a": 0.70000001, "b": 0.7},
    "negative only": {"a": 2.0, "b": 1.0},
    "none relevant": {"a": -1.0, "b": -2.0},
    "nothing found": {"y": 1.0, "z": 0.5},
    "negative first": {"a": 3.0, "c": 2.0, "b": 1.0},
    "not judged": {"a": 1.0},
}


def random_query(generator):
    """Judgements of 60 documents, and a run of up to 150 that ties in many places."""
    judged = {f"d{n}": generator.choice([-1, 0, 0, 1, 1, 2, 3]) for n in generator.sample(range(200), 60)}
    found = generator.sample(range(200), generator.randrange(1, 150))
    return judged, {f"d{n}": generator.randrange(40) / 8 + judged.get(f"d{n}", 0) / 4 for n in found}


def write_run(name, run):
    # Ranks that say nothing, as trec_eval takes them; white space in ids as semsearch writes it.
    encode = lambda word: word.replace(" ", "%20")
    rows = [(encode(q), encode(d), score) for q, found in run.items() for d, score in found.items()]
    lines = [f"{query} Q0 {document} 1 {score!r} made\n" for query, document, score in rows]
    (HERE / name).write_text("".join(lines), encoding="utf-8")


def evaluate(qrels, run):
    """For each query of both a value for each of MEASURES, and for mrr@3."""
    values = pytrec_eval.RelevanceEvaluator(
        qrels, {"ndcg", "map", "recip_rank", "ndcg_cut.3,10", "map_cut.3,100", "recall.1,3,10,100", "P.1,5", "success.1,5"}
    ).evaluate(run)
    result = {}
    for query, by_name in values.items():
        result[query] = {ours: by_name[theirs] for ours, theirs in MEASURES.items()}
        # recip_rank has no cut: below rank K there is nothing.
        rank = by_name["recip_rank"]
        result[query][f"mrr@{MRR_CUT}"] = rank if rank > 1 / (MRR_CUT + 0.5) else 0.0
    return result


def main():
    generator = random.Random(7)
    qrels, run, other = dict(QRELS), dict(RUN), {}
    for n in range(12):
        qrels[f"random {n}"], run[f"random {n}"] = random_query(generator)
    for query, found in run.items():
        other[query] = {document: round(score + generator.gauss(0, 0.5), 3) for document, score in found.items()}

    rows = [f"{query}\t{document}\t{grade}\n" for query, of in qrels.items() for document, grade in of.items()]
    (HERE / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows), encoding="utf-8")
    write_run("run.trec", run)
    write_run("other.trec", other)

    first, second = evaluate(qrels, run), evaluate(qrels, other)
    test = lambda metric: stats.ttest_rel([second[q][metric] for q in first], [first[q][metric] for q in first]).pvalue
    metrics = sorted(next(iter(first.values())))
    expected = {
        "queries": first,
        "mean": {metric: float(np.mean([values[metric] for values in first.values()])) for metric in metrics},
        # NaN where no query differs.
        "p_value": {metric: float(test(metric)) for metric in metrics if test(metric) == test(metric)},
        "missing": len(qrels.keys() - run.keys()),
        "unjudged": len(run.keys() - qrels.keys()),
    }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


main()
