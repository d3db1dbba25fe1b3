"""What a worker process of Spark or Dask does: it loads the model once, and adds vectors to its part of a table.

`arrow.py` and `dask_frame.py` send this file to the workers. A worker imports it once, so the model below stays loaded from
one task to the next. A model in the main script would not: its functions are sent anew with each task.
"""

import functools

import pyarrow as pa
import semsearch


@functools.cache
def model():
    # The cluster gives each worker process one core, so the model takes one thread.
    # "bf16" is about twice as fast as "f32", and "int8" about three times. The vectors are nearly the same.
    return semsearch.Embedder(precision="f32", threads=1)


def batches_with_vectors(batches):
    """Batches of Arrow that have a column "text", with a column "embedding" added."""
    for batch in batches:
        vectors = semsearch.to_arrow(model().encode(batch["text"]))
        # Spark reads lists of any length only. The type changes here, and no number is copied.
        yield batch.append_column("embedding", vectors.cast(pa.list_(pa.float32())))


def frame_with_vectors(frame):
    """The same for a table of pandas."""
    return frame.assign(embedding=list(model().encode(frame["text"])))
