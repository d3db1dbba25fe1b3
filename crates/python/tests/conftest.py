"""What the tests share: a model, some passages, the program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import semsearch

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def model() -> semsearch.Embedder:
    return semsearch.Embedder(precision="f32")


@pytest.fixture(scope="session")
def records() -> list[dict[str, Any]]:
    with open(ROOT / "examples/passages.jsonl") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def program() -> str:
    found = shutil.which("semsearch")
    assert found, "the program is not on the PATH"
    return found


@pytest.fixture(scope="session")
def run(program: str) -> Any:
    def run(*command: str, stdin: str = "") -> str:
        ran = subprocess.run([program, *command], input=stdin, text=True, capture_output=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
        assert ran.returncode in (0, 1), ran.stderr
        return ran.stdout

    return run


@pytest.fixture
def index(tmp_path: Path, model: semsearch.Embedder, records: list[dict[str, Any]]) -> semsearch.Index:
    with semsearch.Index.create(tmp_path / "index", model) as writer:
        writer.add(records)
    return semsearch.Index.open(tmp_path / "index", model)
