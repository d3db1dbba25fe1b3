"""Sends 3 GB of texts through arrow.py, and shows the memory of Spark's processes of Python meanwhile.

To embed 3 GB of passages takes two cores ten hours. So the texts here are long, and the model is the default one with a limit
of 8 tokens instead of 256: each text is read, sent to Python and split into tokens as a whole, but 8 tokens are embedded.
"""

import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import pyarrow as pa
import pyarrow.parquet as pq
import rows
from check import python_workers
from cluster import Cluster

BYTES = int(float(sys.argv[1]) * 1e9) if len(sys.argv) > 1 else 3_000_000_000
#: Characters of a text, about 40 of the sample passages.
LONG = 20_000
SECONDS = 10


def write(path):
    """Texts of the sample passages with a running number. Returns how many there are, and their bytes."""
    words = " ".join(passage["text"] for passage in rows.passages())
    schema = pa.schema({"_id": pa.int64(), "text": pa.string()})
    size = 0
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for start in itertools.count(0, 1000):
            texts = [f"{number} {words[number % 10_000 :][:LONG]}" for number in range(start, start + 1000)]
            writer.write_table(pa.table([range(start, start + 1000), texts], schema))
            size += sum(len(text.encode()) for text in texts)
            if size >= BYTES:
                return start + 1000, size


def shortened(directory):
    """The default model with a limit of 8 tokens."""
    found = subprocess.run(["semsearch", "model", "path"], check=True, capture_output=True, text=True).stdout.strip()
    shutil.copytree(found, directory)
    (directory / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 8, "do_lower_case": False}))
    return directory


class Watch:
    """Notes every ten seconds the memory of the largest process of Python that runs tasks."""

    def __init__(self):
        self.begun, self.memory, self.pids = time.monotonic(), [], set()

    def __call__(self, cluster):
        after = time.monotonic() - self.begun
        if after < SECONDS * (len(self.memory) + 1):
            return
        workers = python_workers(cluster.below())
        self.pids |= {worker.pid for worker in workers}
        self.memory.append(max((worker.memory for worker in workers), default=0))
        print(f"{after:6.0f} s {self.memory[-1] / 1e6:6.0f} MB", flush=True)


def main():
    with tempfile.TemporaryDirectory(prefix="spark-", ignore_cleanup_errors=True) as made:
        directory = pathlib.Path(made)
        os.environ["SEMSEARCH_MODEL"] = str(shortened(directory / "model"))
        table, output = directory / "large.parquet", directory / "output"
        number, size = write(table)
        print(f"{number:,} texts, {size:,} bytes; {table.stat().st_size:,} bytes of Parquet", flush=True)
        with Cluster(directory, {"spark.sql.files.maxPartitionBytes": "64m"}) as cluster:
            watch = Watch()
            took = cluster.submit(rows.ROOT / "examples/spark/arrow.py", table, output, meanwhile=watch)
            tasks, failed = cluster.tasks()
        written = sum(pq.read_metadata(file).num_rows for file in output.glob("*.parquet"))
        assert written == number and not failed, (written, failed)
        print(f"{written:,} rows in {took:.0f} s, {tasks} tasks, {len(watch.pids)} processes of Python")
        # Less the time in which Spark starts. The first half has the largest batches already.
        memory = [bytes for bytes in watch.memory if bytes]
        first, last = max(memory[: len(memory) // 2]), max(memory[len(memory) // 2 :])
        print(f"at most {first / 1e6:.0f} MB in the first half of the time, {last / 1e6:.0f} MB in the second")
        assert last < 1.25 * first, "the memory grows"


if __name__ == "__main__":
    main()
