"""The same as arrow.py with Ray Data: batches of Arrow go through actors, and each actor holds a model.

    python examples/spark/ray_data.py IN.parquet OUT
"""

import sys

import ray
import semsearch


class Embedding:
    def __init__(self):
        # Ray gives each actor one core, so the model takes one thread.
        self.model = semsearch.Embedder(precision="f32", threads=1)

    def __call__(self, table):
        return table.append_column("embedding", semsearch.to_arrow(self.model.encode(table["text"])))


ray.init(include_dashboard=False)
# One core is left to the tasks that read and write.
actors = max(1, int(ray.cluster_resources()["CPU"]) - 1)
passages = ray.data.read_parquet(sys.argv[1])
# If an actor dies, Ray starts another one, which embeds the same batch.
embedded = passages.map_batches(
    Embedding, batch_format="pyarrow", batch_size=2048, compute=ray.data.ActorPoolStrategy(size=actors)
)
embedded.write_parquet(sys.argv[2])
