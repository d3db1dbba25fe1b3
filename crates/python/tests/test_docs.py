"""The examples of docs/python.md, in their order, and that of README."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import semsearch

PAGE = Path(__file__).parents[3] / "docs/python.md"


def test_the_examples_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for needed in ["pyarrow", "langchain_core", "llama_index.core"]:
        pytest.importorskip(needed)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    assert len(blocks) > 8
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert names["vectors"].shape == (2, 384) and names["one"].shape == (384,)
    assert names["table"]["embedding"].type.list_size == 384
    assert names["hit"].id == "1" and len(names["index"]) == 2

    with semsearch.Index.create(".semsearch", semsearch.Embedder()) as writer:
        writer.add(names["records"])
    (block,) = re.findall(r"^```python\n(.*?)^```", (PAGE.parents[1] / "README.md").read_text(), re.M | re.S)
    of_readme: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), of_readme)
    assert of_readme["hits"][0].id == "1"

    texts = ["a text", "another"]
    expected = semsearch.Embedder().encode(texts)
    chain = names["SemsearchEmbeddings"]()
    assert chain.embed_documents(texts) == expected.tolist() and chain.embed_query("a text") == expected[0].tolist()
    llama = names["SemsearchEmbedding"]()
    assert llama.get_text_embedding_batch(texts) == expected.tolist()
    assert llama.get_query_embedding("a text") == expected[0].tolist()
