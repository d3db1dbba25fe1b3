"""A matrix of similarities, which a notebook shows as a heat map."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Optional, Sequence, Union

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ._embedder import Embedder

Matrix = npt.NDArray[np.float32]

#: A larger matrix is shown in part.
LARGEST = 50


class Similarity(np.ndarray[Any, np.dtype[np.float32]]):
    """A matrix of cosines, ``[n, m]``, float32. ``rows`` and ``columns`` are the texts, if there are any."""

    rows: Optional[Sequence[str]]
    columns: Optional[Sequence[str]]

    def __array_finalize__(self, made_from: Any) -> None:
        # A part of the matrix has other rows, so the labels are not kept.
        self.rows = None
        self.columns = None

    def _repr_html_(self) -> str:
        if self.ndim != 2:
            return f"<pre>{escape(repr(np.asarray(self)))}</pre>"
        height, width = min(self.shape[0], LARGEST), min(self.shape[1], LARGEST)
        columns = [_label(self.columns, at) for at in range(width)]
        head = "".join(f'<th style="max-width:12em;overflow:hidden;text-overflow:ellipsis">{name}</th>' for name in columns)
        body = "".join(
            f'<tr><th style="text-align:left;max-width:20em;overflow:hidden;text-overflow:ellipsis">'
            f"{_label(self.rows, row)}</th>{''.join(_cell(float(self[row, at])) for at in range(width))}</tr>"
            for row in range(height)
        )
        rest = "" if (height, width) == self.shape else f"<caption>the first {height} × {width} of {self.shape[0]} × {self.shape[1]}</caption>"
        return f'<table style="white-space:nowrap">{rest}<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>'


def _label(names: Optional[Sequence[str]], at: int) -> str:
    return escape(names[at]) if names is not None else str(at)


def _cell(value: float) -> str:
    """A cell: the higher the value, the darker. A person who sees no colours reads the number."""
    share = max(0.0, min(1.0, value))
    lightness = 97 - 57 * share
    ink = "#fff" if lightness < 60 else "#111"
    return f'<td style="text-align:right;background:hsl(215 70% {lightness:.0f}%);color:{ink}">{value:.3f}</td>'


def similarity(
    embedder: Embedder,
    first: Union[Matrix, Sequence[str]],
    second: Union[Matrix, Sequence[str]],
) -> Similarity:
    """The cosine of each of ``first`` with each of ``second``."""
    rows, left = _vectors(embedder, first)
    columns, right = (rows, left) if second is first else _vectors(embedder, second)
    matrix = (left @ right.T).view(Similarity)
    matrix.rows, matrix.columns = rows, columns
    return matrix


def _vectors(embedder: Embedder, given: Union[Matrix, Sequence[str]]) -> tuple[Optional[Sequence[str]], Matrix]:
    """The texts, if texts were given, and vectors of length 1."""
    labels: Optional[Sequence[str]] = None
    if isinstance(given, np.ndarray):
        vectors = np.atleast_2d(given)
    else:
        labels = [given] if isinstance(given, str) else list(given)
        if all(isinstance(label, str) for label in labels):
            vectors = embedder.encode(labels)
        else:
            labels, vectors = None, np.atleast_2d(np.asarray(given, dtype=np.float32))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Matrix = (vectors / np.maximum(lengths, np.float32(1e-12))).astype(np.float32)
    return labels, scaled
