"""Indexes: written, searched, and the same as the program's."""

from __future__ import annotations

import json
import pickle
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import semsearch

QUESTION = "Who headlined the halftime show?"


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_the_program_finds_the_same(index: semsearch.Index, run: Any, mode: str) -> None:
    printed = run("query", QUESTION, "-k", "5", "--mode", mode, "-f", "jsonl", "-i", index.path, "-q")
    theirs = [(hit["rank"], hit["id"], hit["score"], hit["text"]) for hit in map(json.loads, printed.splitlines())]
    ours = [(hit.rank, hit.id, float(str(np.float32(hit.score))), hit.text) for hit in index.search(QUESTION, k=5, mode=mode)]
    assert ours == theirs and len(ours) == 5


def test_an_index_of_the_program_is_one_of_ours(run: Any, tmp_path: Path, records: list[dict[str, Any]]) -> None:
    lines = "".join(json.dumps(record) + "\n" for record in records)
    run("index", "-", "-i", str(tmp_path / "index"), "-q", stdin=lines)
    index = semsearch.Index.open(tmp_path / "index")
    assert len(index) == len(records) and index.ids() == [record["_id"] for record in records]
    assert index.search(QUESTION, k=1)[0].id == index.search([QUESTION], k=1)[0][0].id
    model = semsearch.Embedder(precision="f32")
    # A record that is there already changes nothing.
    with semsearch.Index.update(tmp_path / "index", model) as writer:
        writer.add(records)
    assert writer.summary is not None and writer.summary["unchanged"] == len(records)


def test_queries_by_vector(index: semsearch.Index, model: semsearch.Embedder) -> None:
    vector = model.encode(QUESTION)
    by_text = [(hit.id, hit.score) for hit in index.search(QUESTION, k=4)]
    assert [(hit.id, hit.score) for hit in index.search(vector, k=4)] == by_text
    several = index.search(np.stack([vector, vector]), k=4)
    assert isinstance(several, list) and [(hit.id, hit.score) for hit in several[1]] == by_text
    assert [hit.id for hit in index.search(vector.tolist(), k=1)] == [by_text[0][0]]  # type: ignore[call-overload]
    for wrong, message in [(vector[:5], "vectors of 5 components"), (vector * np.nan, "not a finite number"), (np.zeros((1, 1, 384)), "a query is")]:
        with pytest.raises(ValueError, match=message):
            index.search(wrong)
    with pytest.raises(ValueError, match="a vector has no words"):
        index.search(vector, mode="hybrid")


def test_metadata_of_every_kind_comes_back(tmp_path: Path, model: semsearch.Embedder) -> None:
    record = {
        "id": "1", "text": "a text", "title": "a title", "year": 2016, "share": 0.1, "is": True, "none": None,
        "large": 2**63, "list": [1, "two", [3.5]], "inner": {"name": "é", "more": {"deep": False}},
    }  # fmt: skip
    with semsearch.Index.create(tmp_path / "index", model) as writer:
        writer.add(record)
    index = semsearch.Index.open(tmp_path / "index", model)
    hit = index.search("a text", filter='inner.name = "é" and year >= 2000')[0]
    kept = {name: value for name, value in record.items() if name not in ("id", "text", "title")}
    assert hit.metadata == kept and hit.title == "a title"
    document = index.get("1")
    assert document is not None and document["metadata"] == kept and document["text"] == "a text"
    assert index.get("2") is None and "1" in index and "2" not in index
    assert index.search("a text", filter="year < 2000") == []


def test_tables(tmp_path: Path, model: semsearch.Embedder) -> None:
    pa = pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    columns = {"id": ["1", "2"], "text": ["a text", "another"], "year": [2015, 2016]}
    expected = None
    for number, table in enumerate([pa.table(columns), pd.DataFrame(columns), pl.DataFrame(columns)]):
        with semsearch.Index.create(tmp_path / str(number), model) as writer:
            writer.add(table)
        hits = semsearch.Index.open(tmp_path / str(number), model).search("a text", filter="year = 2015")
        expected = expected or hits
        assert hits == expected and len(hits) == 1 and hits[0].metadata == {"year": 2015}
    with semsearch.Index.create(tmp_path / "scalars", model) as writer:
        writer.add({"id": 7, "text": "a text", "at": pd.Timestamp("2020-01-02"), "n": np.int64(3), "v": np.arange(2), "gap": float("nan"), "not": pd.NaT, "na": pd.NA})
    kept = semsearch.Index.open(tmp_path / "scalars", model).search("a text")[0].metadata
    assert kept == {"at": "2020-01-02T00:00:00", "n": 3, "v": [0, 1], "gap": None, "not": None, "na": None}


def test_all_or_nothing(index: semsearch.Index, model: semsearch.Embedder) -> None:
    before = index.ids()
    with pytest.raises(ZeroDivisionError):
        with semsearch.Index.update(index.path, model) as writer:
            writer.add({"id": "new", "text": "a new text"})
            _ = 1 / 0
    with pytest.raises(semsearch.RecordError, match="already used at <python>:1"):
        with semsearch.Index.update(index.path, model) as writer:
            writer.add([{"id": "new", "text": "a new text"}, {"id": "new", "text": "another"}])
    for wrong, message in [({"id": "x"}, "no text"), ("a text", "a record is a dict, not str"), ({"id": "x", "text": "a", "f": object()}, "f: object is no value")]:
        with pytest.raises((semsearch.RecordError, TypeError), match=message):
            with semsearch.Index.update(index.path, model) as writer:
                writer.add([{"id": "new", "text": "a new text"}, wrong])
    assert not index.reload() and index.ids() == before
    # A writer that is forgotten commits nothing, and leaves the index to others.
    writer = semsearch.Index.update(index.path, model)
    writer.add({"id": "new", "text": "a new text"})
    with pytest.raises(semsearch.StoreError, match="writing this index") as refused:
        semsearch.Index.update(index.path, model)
    assert refused.value.hint == "`wait=SECONDS` waits for the other process"
    with pytest.warns(ResourceWarning, match="nothing was written"):
        del writer
    with semsearch.Index.update(index.path, model, wait=10) as writer:
        writer.add({"id": "new", "text": "a new text"})
    assert index.reload() and index.ids() == [*before, "new"]
    assert index.remove(["new", "never"]) == 1 and index.ids() == before
    with pytest.raises(ValueError, match="has ended"):
        writer.add({"id": "later", "text": "a"})


def test_create_replace_update(index: semsearch.Index, model: semsearch.Embedder, tmp_path: Path) -> None:
    with pytest.raises(semsearch.StoreError, match="there is an index here already"):
        semsearch.Index.create(index.path, model)
    with pytest.raises(semsearch.StoreError, match="no index here"):
        semsearch.Index.update(tmp_path / "none", model)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/letter.txt").write_text("mine")
    with pytest.raises(semsearch.StoreError, match="not an index, and not empty"):
        semsearch.Index.create(tmp_path / "full", model, replace=True)
    assert (tmp_path / "full/letter.txt").read_text() == "mine"
    with semsearch.Index.create(index.path, model, replace=True, metric="l2", factory="HNSW32") as writer:
        writer.add({"id": "1", "text": "a text"})
    assert index.reload() and index.info["metric"] == "l2" and index.ids() == ["1"]
    for wrong in [
        {"metric": "cos"},
        {"language": "klingon"},
        {"wait": -1.0},
        {"chunk_tokens": 0},
        {"chunk_tokens": 9, "chunk_overlap": 9},
    ]:
        with pytest.raises(ValueError):
            semsearch.Index.create(tmp_path / "new", model, **wrong)  # type: ignore[arg-type]
    with pytest.raises(semsearch.StoreError):
        semsearch.Index.create(tmp_path / "new", model, factory="Nonsense")


def test_chunks_prompts_and_fields(tmp_path: Path, model: semsearch.Embedder) -> None:
    sentences = [f"Sentence {number} says something about subject {number * 7}." for number in range(100)]
    with semsearch.Index.create(
        tmp_path / "index", model, chunk=True, chunk_tokens=64, chunk_overlap=8, text_field="story", id_field="key", query_prompt="query: "
    ) as writer:
        writer.add({"key": "long", "story": " ".join(sentences)})
    index = semsearch.Index.open(tmp_path / "index", model)
    assert len(index) == 1 and index.info["passages"] > 5 and index.info["query_prompt"] == "query: "
    hits = index.search("subject 350", mode="lexical", chunks=True)
    assert "Sentence 50 " in hits[0].text and hits[0].chunk is not None and hits[0].chunk[0] > 0
    whole = index.get("long")
    assert whole is not None and whole["text"] == " ".join(sentences)


def test_what_is_easily_overlooked_is_told(tmp_path: Path, model: semsearch.Embedder) -> None:
    with pytest.warns(UserWarning, match="no record has the field 'bdoy'"):
        with semsearch.Index.create(tmp_path / "a", model, text_field="bdoy") as writer:
            writer.add({"id": "1", "text": "a", "body": "b"})
    with pytest.warns(UserWarning, match="1 texts were cut at the model's limit: `chunk=True`"):
        with semsearch.Index.create(tmp_path / "b", model) as writer:
            writer.add({"id": "1", "text": "word " * 1000})
    index = semsearch.Index.open(tmp_path / "b", model)
    shutil.rmtree(tmp_path / "b")
    with pytest.raises(semsearch.StoreError, match="no index here"):
        index.remove(["1"])
    assert not (tmp_path / "b").exists()


def test_threads_search_while_another_writes(index: semsearch.Index, model: semsearch.Embedder) -> None:
    expected = index.search(QUESTION, k=3)
    stop = threading.Event()

    def write() -> None:
        for number in range(5):
            with semsearch.Index.update(index.path, model) as writer:
                writer.add({"id": f"new {number}", "text": f"nothing of interest {number}"})
        stop.set()

    def search(_: int) -> bool:
        found = True
        while not stop.is_set():
            index.reload()
            found &= index.search(QUESTION, k=3) == expected
        return found

    with ThreadPoolExecutor(5) as pool:
        searching = pool.map(search, range(4))
        pool.submit(write).result()
        assert all(searching)
    index.reload()
    assert len([id for id in index.ids() if id.startswith("new")]) == 5


def test_wrong_questions(index: semsearch.Index) -> None:
    for options, message in [({"mode": "fuzzy"}, "no mode"), ({"k": 0}, "k: 0 is less than 1"), ({"offset": -1}, "offset: -1 is less"), ({"alpha": 2.0}, "from 0 to 1"), ({"fusion": "sum"}, "no fusion")]:
        with pytest.raises(ValueError, match=message):
            index.search(QUESTION, **options)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="the query is empty"):
        index.search(" ")
    for query in [None, 5, b"a", ["a", None]]:
        with pytest.raises(TypeError, match="a query is a text|queries are all"):
            index.search(query)  # type: ignore[call-overload]
    for query in [("a", "b"), (text for text in "ab"), np.array(["a", "b"])]:
        assert len(index.search(query, k=1)) == 2  # type: ignore[call-overload]
    with pytest.warns(UserWarning, match="no document has the field 'yaer' of the filter: fields are"):
        assert index.search(QUESTION, filter="yaer = 2001") == []
    with pytest.raises(TypeError, match="model is an Embedder, not str"):
        semsearch.Index.update(index.path, "all-MiniLM-L6-v2")  # type: ignore[arg-type]
    with pytest.raises(semsearch.FilterError, match=r"year >> 3\n +\^") as refused:
        index.search(QUESTION, filter="year >> 3")
    assert isinstance(refused.value, ValueError) and refused.value.hint is not None
    again = pickle.loads(pickle.dumps(refused.value))
    assert str(again) == str(refused.value) and again.hint == refused.value.hint
    with pytest.raises(semsearch.StoreError, match="nprobe|IVF"):
        index.search(QUESTION, nprobe=4)


def test_a_damaged_index(index: semsearch.Index, model: semsearch.Embedder) -> None:
    vectors = next((Path(index.path) / "vectors").glob("*"))
    vectors.write_bytes(vectors.read_bytes()[:-1])
    with pytest.raises(semsearch.StoreError, match="damaged|cut off"):
        semsearch.Index.open(index.path, model).search(QUESTION)
