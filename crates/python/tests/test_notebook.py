"""What a notebook shows: HTML, in which nothing of a text is markup."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np

import semsearch

HOSTILE = ["<script>alert(1)</script>", 'a" onmouseover="alert(1)', "&lt;b&gt;", "</table><img src=x onerror=alert(1)>"]


class Seen(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, object]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attributes)

    def handle_data(self, text: str) -> None:
        self.text += text


TABLE = {"table", "thead", "tbody", "tr", "th", "td", "caption"}


def test_a_heat_map(model: semsearch.Embedder) -> None:
    matrix = model.similarity(HOSTILE)
    assert matrix.shape == (4, 4) and matrix.dtype == np.float32 and np.allclose(np.diag(matrix), 1)
    seen = Seen(matrix._repr_html_())
    assert seen.tags <= TABLE and seen.attributes == {"style"}
    assert all(text in seen.text for text in HOSTILE) and "1.000" in seen.text
    vectors = model.encode(HOSTILE)
    assert np.array_equal(model.similarity(vectors, vectors), matrix)
    assert np.allclose(model.similarity(vectors[0], HOSTILE[1:]), matrix[:1, 1:])
    assert np.array_equal(matrix @ vectors, np.asarray(matrix) @ vectors)
    # A part of it has other rows.
    assert "<script>" not in Seen(matrix[1:]._repr_html_()).text and "pre" in Seen(matrix[0]._repr_html_()).tags
    large = model.similarity(np.ones((60, 4), dtype=np.float32))
    assert "the first 50 × 50 of 60 × 60" in large._repr_html_()


def test_hits(tmp_path: Path, model: semsearch.Embedder) -> None:
    with semsearch.Index.create(tmp_path / "index", model) as writer:
        writer.add({"id": text, "title": text, "text": text} for text in HOSTILE)
    hits = semsearch.Index.open(tmp_path / "index", model).search("alert", k=4)
    seen = Seen(hits._repr_html_())
    assert seen.tags <= TABLE | {"b", "br"} and seen.attributes == {"style"} and all(text in seen.text for text in HOSTILE)
    assert "nothing found" in semsearch.Hits()._repr_html_()
