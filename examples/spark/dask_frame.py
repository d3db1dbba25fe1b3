"""The same as arrow.py with Dask: each partition is a table of pandas, and each worker process holds a model.

    python examples/spark/dask_frame.py IN.parquet OUT
"""

import sys

import dask.dataframe
import embedding  # the file beside this one
import pyarrow as pa
from distributed import Client

if __name__ == "__main__":
    # This starts a worker process for each core. For a cluster, put the address of its scheduler here.
    client = Client(threads_per_worker=1, dashboard_address=None)
    # Each worker gets the file that says what to do there.
    client.upload_file(embedding.__file__)
    passages = dask.dataframe.read_parquet(sys.argv[1], split_row_groups=True)
    # Dask wants to know the columns before it has any.
    columns = {**passages.dtypes, "embedding": object}
    embedded = passages.map_partitions(embedding.frame_with_vectors, meta=columns)
    # If a worker dies, Dask starts another one, which embeds the same partition.
    embedded.to_parquet(sys.argv[2], schema={"embedding": pa.list_(pa.float32())})
    client.close()
