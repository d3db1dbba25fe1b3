"""The same with Ray Data: an actor holds the model, and batches of Arrow pass through it.

    python examples/spark/ray_data.py IN.parquet OUT [PRECISION]
"""

import sys

import pyarrow
import ray
import semsearch


class Embed:
    def __init__(self, precision):
        self.model = semsearch.Embedder(precision=precision, threads=1)

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        vectors = self.model.encode(table["text"])
        return table.append_column("embedding", semsearch.to_arrow(vectors))


ray.init(include_dashboard=False)
# One core is left for reading and writing.
actors = max(1, int(ray.cluster_resources()["CPU"]) - 1)
precision = sys.argv[3] if len(sys.argv) > 3 else "f32"
records = ray.data.read_parquet(sys.argv[1])
embedded = records.map_batches(
    Embed, fn_constructor_args=[precision], batch_format="pyarrow", batch_size=2048, concurrency=actors
)
embedded.write_parquet(sys.argv[2])
