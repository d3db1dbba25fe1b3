"""Vectors as a column of Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


def to_arrow(vectors: npt.NDArray[np.float32]) -> pa.FixedSizeListArray:
    """The rows of a matrix as a column of Arrow, for a table or a Parquet file. Nothing is copied.

    Args:
        vectors: float32, ``[rows, dim]``.

    Returns:
        A ``pyarrow.FixedSizeListArray`` of ``rows`` lists of ``dim`` floats.

    Raises:
        ImportError: pyarrow is not installed.
        ValueError: ``vectors`` is not a matrix.
    """
    import pyarrow as pa

    if vectors.ndim != 2:
        raise ValueError(f"vectors are a matrix, not an array of {vectors.ndim} dimensions")
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
