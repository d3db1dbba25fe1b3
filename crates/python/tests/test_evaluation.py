"""Metrics: the program's, and known ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import semsearch

RUN = {"q1": {"a": 3.0, "b": 2.0, "c": 1.0}, "q2": {"a": 1.0}, "unjudged": {"a": 1.0}}
QRELS = {"q1": {"b": 2, "c": 1}, "q2": {"z": 1}, "missing": {"a": 1}}


def test_known_values() -> None:
    values = semsearch.evaluate(RUN, QRELS, ["mrr@10", "recall@1", "p@5"])
    assert values["mrr@10"] == 0.25 and values["recall@1"] == 0
    assert semsearch.evaluate(RUN, QRELS, "mrr@10") == {"mrr@10": 0.25}
    assert values.per_query["mrr@10"] == {"q1": 0.5, "q2": 0.0}
    assert set(semsearch.evaluate(RUN, QRELS)) >= {"ndcg@10", "map@100"}


def test_the_program_computes_the_same(tmp_path: Path, run: Any) -> None:
    trec = "".join(f"{q} Q0 {d} {rank} {score} x\n" for q, found in RUN.items() for rank, (d, score) in enumerate(found.items(), 1))
    (tmp_path / "run").write_text(trec)
    (tmp_path / "qrels").write_text("".join(f"{q} 0 {d} {grade}\n" for q, grades in QRELS.items() for d, grade in grades.items()))
    printed = json.loads(run("eval", "--run", str(tmp_path / "run"), "--qrels", str(tmp_path / "qrels"), "--format", "json", "-q"))
    assert printed["metrics"] == semsearch.evaluate(tmp_path / "run", tmp_path / "qrels") == semsearch.evaluate(RUN, QRELS)


def test_what_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="metric"):
        semsearch.evaluate(RUN, QRELS, ["accuracy"])
    with pytest.raises(ValueError, match="no query is both"):
        semsearch.evaluate({"x": {"a": 1.0}}, QRELS)
    with pytest.raises(semsearch.Error, match="nothere"):
        semsearch.evaluate("nothere", QRELS)
    with pytest.raises(semsearch.RecordError):
        semsearch.evaluate({"q1": {"a": float("nan")}}, QRELS)
