"""The records of the tests, and the bits of their vectors."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).resolve().parents[2]


def passages():
    return [json.loads(line) for line in open(ROOT / "examples/passages.jsonl")]


def records(copies):
    """The sample passages, several times, each time with other words at the end."""
    for copy in range(copies):
        for passage in passages():
            yield {"_id": f"{passage['_id']}-{copy}", "text": f"{passage['text']} This is copy {copy}."}


def write(rows, lines, table):
    """The same rows as JSON Lines, and as Parquet with groups of 180 rows."""
    with open(lines, "w") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
    pq.write_table(pa.Table.from_pylist(rows), table, row_group_size=180, compression="none")


def of_table(table):
    """The bytes of each row's vector, by id. An id that comes twice is an error."""
    vectors = np.array(table["embedding"].to_pylist(), dtype="<f4")
    bits = {id: vector.tobytes() for id, vector in zip(table["_id"].to_pylist(), vectors)}
    assert len(bits) == len(table), "an id comes twice"
    return bits


def of_parquet(directory):
    return of_table(pa.concat_tables(pq.read_table(file) for file in sorted(pathlib.Path(directory).glob("*.parquet"))))


def of_lines(*files):
    return of_table(pa.Table.from_pylist([json.loads(line) for file in files for line in open(file)]))


def of_pipe(directory):
    return of_lines(*sorted(pathlib.Path(directory).glob("part-*")))


def of_local_run(lines, output):
    """The vectors that the program computes in one process."""
    subprocess.run(["semsearch", "embed", lines, "-q", "--precision", "f32", "--output", output], check=True)
    return of_lines(output)


def assert_same(name, found, expected):
    differ = [id for id in expected if found.get(id) != expected[id]]
    if differ or len(found) != len(expected):
        sys.exit(f"error: {name}: {len(found)} rows of {len(expected)}; {len(differ)} differ, such as {differ[:3]}")
    print(f"{name}: {len(found):,} rows, and every bit is that of a local run", flush=True)
