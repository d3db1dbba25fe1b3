"""The tables of `script/bench index`: builds, searches and extends a large index, and compares it with Python's faiss."""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np

from bench_run import runner

SEMSEARCH, SHARED, THREADS, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
DIM, ADDED, RUNS = 384, 1000, 5
faiss.omp_set_num_threads(THREADS)
run = runner(SEMSEARCH)


def unit_vectors(generator, count):
    rows = generator.standard_normal((count, DIM), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def save(path, generator, first, count):
    """Records and their vectors, some at a time."""
    array = np.lib.format.open_memmap(f"{path}.npy", "w+", np.float32, (count, DIM))
    with open(f"{path}.jsonl", "w") as records:
        for start in range(0, count, 100_000):
            rows = min(100_000, count - start)
            array[start : start + rows] = unit_vectors(generator, rows)
            for number in range(first + start, first + start + rows):
                records.write(json.dumps({"_id": f"p{number}", "text": f"short passage number {number}"}) + "\n")
    array.flush()


def plain_read(array):
    """Seconds that reading all vectors takes, at the memory's speed: every thread sums a part."""
    flat = np.asarray(array).reshape(-1).view(np.uint64)
    parts = np.array_split(flat, THREADS)
    times = []
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(RUNS):
            start = time.perf_counter()
            list(pool.map(np.bitwise_or.reduce, parts))
            times.append(time.perf_counter() - start)
    return min(times)


def main(directory):
    generator = np.random.default_rng(1)
    corpus, more, index = (os.path.join(directory, name) for name in ["corpus", "more", "index"])
    save(corpus, generator, 0, COUNT)
    save(more, generator, COUNT, ADDED)

    seconds, memory, _ = run("index", f"{corpus}.jsonl", "--vectors", f"{corpus}.npy", "-i", index, "-q")
    print(f"| {COUNT:,} passages with given vectors | |\n| --- | --- |")
    print(f"| built | {seconds:.1f} s, {memory:.0f} MB resident |", flush=True)

    vectors = np.array(np.load(f"{corpus}.npy", mmap_mode="r"))
    read = plain_read(vectors)
    question = ["query", "short passage", "-k", "10", "-f", "jsonl", "-i", index]
    cold = [run(*question)[0] for _ in range(RUNS + 1)][1:]
    print(f"| a plain read of the vectors, {THREADS} threads | {read * 1000:.0f} ms |")
    print(f"| a cold query | {statistics.median(cold) * 1000:.0f} ms |", flush=True)

    # The same neighbours by Python's faiss, from our files.
    found = [json.loads(line) for line in run(*question)[2].splitlines()]
    embedded = subprocess.run(
        [SEMSEARCH, "embed", "--lines", "-q"], input=b"short passage\n", stdout=subprocess.PIPE, check=True
    )
    query = np.array([json.loads(embedded.stdout)["embedding"]], np.float32)
    hits = []
    files = sorted(name for name in os.listdir(os.path.join(index, "vectors")) if name.endswith(".faiss"))
    for name in files:
        scores, keys = faiss.read_index(os.path.join(index, "vectors", name)).search(query, 10)
        hits += zip(scores[0].tolist(), keys[0].tolist())
    hits = sorted(hits, reverse=True)[:10]
    same = [f"p{key}" for _, key in hits] == [hit["id"] for hit in found]
    print(f"| the same 10 neighbours by Python's faiss from our {len(files)} files | {'yes' if same else 'NO'} |", flush=True)

    # Flat search: whole processes and the library's own time, measured alternately.
    flat = faiss.IndexFlatIP(DIM)
    flat.add(vectors)
    del vectors
    for count in [1, 100, 1000]:
        queries = unit_vectors(generator, count)
        np.save(os.path.join(directory, "queries.npy"), queries)
        ours, theirs = [], []
        for _ in range(RUNS):
            start = time.perf_counter()
            flat.search(queries, 10)
            theirs.append(time.perf_counter() - start)
            command = ["cargo", "bench", "-q", "--bench", "search", "--", index, os.path.join(directory, "queries.npy")]
            printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            ours.append(float(re.search(r"([\d.]+) ms", printed).group(1)) / 1000)
        mine, other = statistics.median(ours), statistics.median(theirs)
        line = f"semsearch {mine * 1000:.0f} ms, Python's faiss {other * 1000:.0f} ms, {other / mine:.2f} ×"
        print(f"| {count} queries, searched | {line} |", flush=True)
    del flat

    before = {name: os.path.getsize(name) for name in walk(index)}
    seconds, memory, _ = run("index", f"{more}.jsonl", "--vectors", f"{more}.npy", "-i", index, "-q")
    new = sum(os.path.getsize(name) for name in walk(index) if name not in before or name.endswith("manifest.json"))
    share = 100 * new / sum(before.values())
    print(f"| {ADDED:,} more | {seconds:.1f} s, {memory:.0f} MB resident, {new / 1e6:.1f} MB written, {share:.2f} % |")


def walk(directory):
    return [os.path.join(place, name) for place, _, names in os.walk(directory) for name in names]


with tempfile.TemporaryDirectory() as directory:
    main(directory)
