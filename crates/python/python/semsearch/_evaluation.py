"""How good a ranking is, by trec_eval's definitions."""

from __future__ import annotations

import os
from typing import Mapping, Sequence, Union

from ._semsearch import evaluate as _evaluate

Run = Union[str, os.PathLike[str], Mapping[str, Mapping[str, float]]]
Qrels = Union[str, os.PathLike[str], Mapping[str, Mapping[str, int]]]

#: The metrics that are computed if none are named, the same as those of ``semsearch eval``.
METRICS = ("ndcg@10", "mrr@10", "recall@1", "recall@3", "recall@10", "recall@100", "map@100")


class Evaluation(dict[str, float]):
    """The mean of each metric, by its name. ``per_query`` has the values of each query, by metric and query."""

    per_query: dict[str, dict[str, float]]


def evaluate(run: Run, qrels: Qrels, metrics: Union[str, Sequence[str]] = METRICS) -> Evaluation:
    """Compares what was found with what is relevant.

    Args:
        run: A file in TREC's form, or for each query a score for each document that was found.
        qrels: A file in BEIR's or TREC's form, or for each query the grades of documents; above 0 is relevant.
        metrics: Such as ``"ndcg@10"``, ``"mrr@10"``, ``"recall@100"``, ``"map@100"``, ``"p@5"``.

    Returns:
        The means over the queries that are both in the run and in the judgements.

    Raises:
        ValueError: There is no such metric, or no query is in both.
        RecordError: A line of a file cannot be read.
    """
    if isinstance(metrics, str):
        metrics = [metrics]
    evaluation = Evaluation()
    evaluation.per_query = {}
    for name, mean, values in _evaluate(_table(run), _table(qrels), list(metrics)):
        evaluation[name] = mean
        evaluation.per_query[name] = dict(values)
    return evaluation


def _table(table: Union[Run, Qrels]) -> Union[str, dict[str, dict[str, float]]]:
    if isinstance(table, (str, os.PathLike)):
        return os.fspath(table)
    return {str(query): dict(of_query) for query, of_query in table.items()}
