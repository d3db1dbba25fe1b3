"""Texts in, vectors out."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import semsearch

TEXTS = ["a text", "another", "Who headlined the halftime show?", "", "é" * 300, "a text"]


def bits(vectors: np.ndarray) -> bytes:
    return np.ascontiguousarray(vectors, dtype=np.float32).tobytes()


@pytest.mark.parametrize("precision", ["f32", "bf16", "int8"])
def test_the_program_makes_the_same_bits(run: Any, records: list[dict[str, Any]], precision: str) -> None:
    try:
        model = semsearch.Embedder(precision=precision)
    except semsearch.ModelError as error:
        assert "products on" in str(error)
        pytest.skip(f"this processor has no {precision} products")
    texts = [record["text"] for record in records]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    printed = run("embed", "-", "--precision", precision, "-q", stdin=lines)
    theirs = np.array([json.loads(line)["embedding"] for line in printed.splitlines()], dtype=np.float32)
    assert bits(model.encode(texts)) == bits(theirs)


def test_a_text_has_the_same_bits_whatever_it_is_encoded_with(model: semsearch.Embedder) -> None:
    together = model.encode(TEXTS)
    assert together.dtype == np.float32 and together.shape == (len(TEXTS), model.dim)
    for text, vector in zip(TEXTS, together):
        assert bits(model.encode(text)) == bits(vector)
    assert model.encode([]).shape == (0, model.dim)


def test_eight_threads_share_a_model(model: semsearch.Embedder, records: list[dict[str, Any]]) -> None:
    texts = [record["text"] for record in records]
    expected = bits(model.encode(texts))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: bits(model.encode(texts)), range(16))) == {expected}


def test_other_threads_go_on_meanwhile(model: semsearch.Embedder, records: list[dict[str, Any]]) -> None:
    texts = [record["text"] for record in records] * 20
    turns = 0
    encoding = threading.Thread(target=model.encode, args=(texts,))
    encoding.start()
    while encoding.is_alive():
        time.sleep(0.001)
        turns += 1
    assert turns > 10


def test_columns_of_other_libraries(model: semsearch.Embedder) -> None:
    pa = pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    expected = bits(model.encode(TEXTS))
    columns = [
        tuple(TEXTS),
        iter(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        pd.Series(TEXTS),
        pd.Series(TEXTS, index=range(9, 9 + len(TEXTS))),
        pl.Series(TEXTS),
        pl.DataFrame({"text": TEXTS})["text"],
        pa.array(TEXTS),
        pa.array(TEXTS, pa.large_string()),
        pa.array(TEXTS, pa.string_view()),
        pa.chunked_array([TEXTS[:2], TEXTS[2:]]),
        pa.array(["left out", *TEXTS]).slice(1),
        pa.table({"text": TEXTS})["text"],
    ]
    for column in columns:
        assert bits(model.encode(column)) == expected, type(column)


def test_vectors_as_a_column_of_arrow(model: semsearch.Embedder) -> None:
    pa = pytest.importorskip("pyarrow")
    vectors = model.encode(TEXTS)
    column = semsearch.to_arrow(vectors)
    assert column.type == pa.list_(pa.float32(), model.dim) and len(column) == len(TEXTS)
    # The same memory.
    assert column.flatten().buffers()[1].address == vectors.ctypes.data
    with pytest.raises(ValueError, match="a matrix"):
        semsearch.to_arrow(vectors[0])


def test_what_is_no_text_is_refused(model: semsearch.Embedder) -> None:
    pa = pytest.importorskip("pyarrow")
    for wrong, kind, message in [
        (["a", 1], TypeError, "text 1 is int"),
        (["a", None], TypeError, "text 1 is NoneType"),
        (b"bytes", TypeError, "not bytes"),
        ({"a": 1}, TypeError, "not dict"),
        (5, TypeError, "not iterable"),
        (pa.array(["a", None]), ValueError, "text 1 is null"),
        (pa.array([1, 2]), TypeError, "a column of Int64"),
        (pa.table({"text": ["a"]}), TypeError, "name one of its columns"),
        (["\ud800"], UnicodeEncodeError, "surrogates"),
        (pa.array([b"\xff"]).cast(pa.binary()).view(pa.string()), ValueError, "(?i)utf"),
    ]:
        with pytest.raises(kind, match=message):
            model.encode(wrong)  # type: ignore[arg-type]


def test_prompts(model: semsearch.Embedder) -> None:
    prompted = semsearch.Embedder(precision="f32", prompts={"query": "query: ", "other": "other: "})
    assert bits(prompted.encode_query("a")) == bits(model.encode("query: a"))
    assert bits(prompted.encode("a", prompt_name="other")) == bits(prompted.encode("a", prompt="other: "))
    assert bits(prompted.encode_document(["a"])) == bits(model.encode(["a"]))
    with pytest.raises(ValueError, match="no prompt 'none': there are 'query', 'document'"):
        model.encode("a", prompt_name="none")
    with pytest.raises(ValueError, match="not both"):
        model.encode("a", prompt_name="query", prompt="b")


def test_arguments_of_sentence_transformers(model: semsearch.Embedder) -> None:
    with pytest.warns(UserWarning, match="batch_size is not needed"):
        vectors = model.encode(["a"], batch_size=32, show_progress_bar=False, normalize_embeddings=True)
    assert bits(vectors) == bits(model.encode(["a"]))
    with pytest.raises(ValueError, match="torch.from_numpy"):
        model.encode(["a"], convert_to_tensor=True)
    assert model.get_sentence_embedding_dimension() == 384
    raw = semsearch.Embedder(precision="f32", normalize=False)
    lengths = np.linalg.norm(raw.encode(TEXTS, normalize_embeddings=True), axis=1)
    assert np.allclose(lengths, 1) and not np.allclose(np.linalg.norm(raw.encode(TEXTS), axis=1), 1)
    assert semsearch.Embedder(precision="f32", truncate_dim=64).encode(["a"]).shape == (1, 64)


def test_progress_is_told_and_may_end_the_work(model: semsearch.Embedder, records: list[dict[str, Any]]) -> None:
    texts = [record["text"] for record in records] * 20
    told: list[tuple[int, int]] = []
    model.encode(texts, progress=lambda done, tokens: told.append((done, tokens)))
    assert told == sorted(told) and told[-1][0] == len(texts)

    def enough(done: int, _: int) -> None:
        if done:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        model.encode(texts, progress=enough)
    assert bits(model.encode("a")) == bits(model.encode("a"))


def test_control_c_ends_the_work() -> None:
    program = """
import os, semsearch
model = semsearch.Embedder()
print("ready", flush=True)
try:
    while True:
        model.encode(["a text of some words, and some more of them"] * 5000)
except KeyboardInterrupt:
    print("interrupted", model.encode("a").shape)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0] == "interrupted (384,)\n"


def test_a_forked_process_is_told(model: semsearch.Embedder) -> None:
    model.encode("a")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            model.encode("a")
            said = "nothing"
        except semsearch.Error as error:
            said = str(error)
        os.write(write, said.encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert 'multiprocessing.get_context("spawn")' in os.read(read, 10_000).decode()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(encoded_elsewhere) == bits(semsearch.Embedder(precision="f32").encode("a"))


def encoded_elsewhere() -> bytes:
    return bits(semsearch.Embedder(precision="f32").encode("a"))


def test_a_model_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(semsearch.ModelError) as refused:
        semsearch.Embedder("nobody/has-this", offline=True)
    assert refused.value.hint is not None and "semsearch model fetch" in refused.value.hint
    assert "hint: " in str(refused.value)
    for wrong in [{"precision": "f8"}, {"device": "tpu"}, {"pooling": "median"}, {"threads": -1}, {"max_length": 0}]:
        with pytest.raises(ValueError):
            semsearch.Embedder(**wrong)  # type: ignore[arg-type]
    with pytest.raises(semsearch.ModelError, match="components were asked for"):
        semsearch.Embedder(truncate_dim=1000)
    monkeypatch.setenv("SEMSEARCH_MODEL", "nobody/has-this")
    with pytest.raises(semsearch.ModelError):
        semsearch.Embedder()


def test_tokens_are_counted(model: semsearch.Embedder) -> None:
    assert model.count_tokens("a text") == 4
    assert model.count_tokens("a " * 1000) == 1002 and model.max_length == 256
