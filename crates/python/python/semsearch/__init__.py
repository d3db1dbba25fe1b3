"""Semantic search: texts to vectors, indexes of passages, searches by meaning and by words.

>>> import semsearch
>>> model = semsearch.Embedder()
>>> vectors = model.encode(["a text", "another"])
>>> vectors.shape
(2, 384)

An index is the directory that the program ``semsearch`` reads and writes too. Importing this module takes no thread and
loads no model.
"""

from __future__ import annotations

from ._arrow import to_arrow
from ._embedder import Embedder
from ._errors import Error, FilterError, ModelError, RecordError, StoreError
from ._evaluation import Evaluation, evaluate
from ._index import Hit, Hits, Index, Writer
from ._semsearch import VERSION as __version__

__all__ = [
    "Embedder",
    "Error",
    "Evaluation",
    "FilterError",
    "Hit",
    "Hits",
    "Index",
    "ModelError",
    "RecordError",
    "StoreError",
    "Writer",
    "__version__",
    "evaluate",
    "to_arrow",
]
