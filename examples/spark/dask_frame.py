"""The same with Dask: each partition is a table of pandas, and each worker process holds one model.

    python examples/spark/dask_frame.py IN.parquet OUT [PRECISION]
"""

import functools
import sys

import dask.dataframe
import pyarrow
import semsearch
from distributed import Client


@functools.cache
def model(precision):
    return semsearch.Embedder(precision=precision, threads=1)


def embedded(part, precision):
    return part.assign(embedding=list(model(precision).encode(part["text"])))


if __name__ == "__main__":
    # Processes, not threads: a worker that dies is replaced, and its partitions are computed again.
    client = Client(n_workers=2, threads_per_worker=1, dashboard_address=None)
    precision = sys.argv[3] if len(sys.argv) > 3 else "f32"
    frame = dask.dataframe.read_parquet(sys.argv[1], split_row_groups=True)
    meta = frame._meta.assign(embedding=None)
    frame.map_partitions(embedded, precision, meta=meta).to_parquet(sys.argv[2], schema={"embedding": pyarrow.list_(pyarrow.float32())})
    client.close()
