"""The table of `script/bench approximate`: approximate indexes beside exact search, ours and others, on the same vectors.

The vectors are those of the sentences of SQuAD's passages, each repeated with other noise; the queries are its questions.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import faiss
import hnswlib
import numpy as np
from usearch.index import Index

from bench_run import runner

SEMSEARCH, SHARED, THREADS, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
ASKED = sys.argv[5:] or ["Flat", "IVF4096,SQ8", "HNSW32"]
DIM, NEAREST, NOISE = 384, 10, 0.02
# One question of so many is asked. An exact search in ten million vectors takes seconds.
EVERY = 20 if COUNT <= 1_000_000 else 100
# How thoroughly IVF and HNSW look.
LISTS, CANDIDATES = 16, 64
faiss.omp_set_num_threads(THREADS)
run = runner(SEMSEARCH)


def texts(name):
    with open(os.path.join(SHARED, "data", "squad", name)) as lines:
        return [json.loads(line)["text"] for line in lines]


def embedded(directory, name, lines):
    source, vectors = (os.path.join(directory, f"{name}.{kind}") for kind in ["jsonl", "npy"])
    with open(source, "w") as file:
        file.writelines(json.dumps({"_id": str(number), "text": text}) + "\n" for number, text in enumerate(lines))
    run("embed", source, "-o", vectors, "--precision", "f32", "-q")
    return np.load(vectors)


def repeated(directory, base):
    """Records, and their vectors: those of `base` in turn, with noise, and of length 1."""
    generator = np.random.default_rng(5)
    vectors = np.lib.format.open_memmap(os.path.join(directory, "all.npy"), "w+", np.float32, (COUNT, DIM))
    with open(os.path.join(directory, "all.jsonl"), "w") as records:
        for start in range(0, COUNT, 100_000):
            numbers = np.arange(start, min(COUNT, start + 100_000))
            rows = base[numbers * 7919 % len(base)]
            rows = rows + generator.standard_normal(rows.shape, dtype=np.float32) * NOISE
            vectors[numbers] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
            records.writelines(json.dumps({"_id": str(number), "text": f"passage {number}"}) + "\n" for number in numbers)
    vectors.flush()


def anonymous():
    """Memory of this process that is no file's, in MB."""
    with open("/proc/self/status") as status:
        return int(re.search(r"RssAnon:\s+(\d+) kB", status.read()).group(1)) / 1024


def flat(vectors):
    index = faiss.IndexFlatIP(DIM)
    index.add(vectors)
    return lambda query: index.search(query, NEAREST)[1][0]


def lists(vectors):
    index = faiss.index_factory(DIM, "IVF4096,SQ8", faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    index.nprobe = LISTS
    return lambda query: index.search(query, NEAREST)[1][0]


def graph(vectors):
    index = faiss.IndexHNSWFlat(DIM, 32, faiss.METRIC_INNER_PRODUCT)
    index.add(vectors)
    index.hnsw.efSearch = CANDIDATES
    return lambda query: index.search(query, NEAREST)[1][0]


def graph_of_hnswlib(vectors):
    index = hnswlib.Index("ip", DIM)
    index.init_index(COUNT, M=32, ef_construction=40)
    index.add_items(vectors, num_threads=THREADS)
    index.set_ef(CANDIDATES)
    return lambda query: index.knn_query(query, NEAREST, num_threads=1)[0][0]


def graph_of_usearch(vectors):
    options = {"connectivity": 32, "expansion_add": 40, "expansion_search": CANDIDATES}
    index = Index(ndim=DIM, metric="ip", dtype="f32", **options)
    index.add(np.arange(COUNT), np.asarray(vectors), threads=THREADS)
    return lambda query: index.search(query[0], NEAREST).keys


OTHERS = [
    ("Flat", "Python's faiss", flat),
    ("IVF4096,SQ8", "Python's faiss", lists),
    ("HNSW32", "Python's faiss", graph),
    ("HNSW32", "hnswlib", graph_of_hnswlib),
    ("HNSW32", "usearch", graph_of_usearch),
]
OURS = [("Flat", []), ("IVF4096,SQ8", [f"nprobe={LISTS}"]), ("HNSW32", [f"ef_search={CANDIDATES}"])]


def row(index, by, built, memory, found, exact, milliseconds):
    recall = np.mean([len(set(some) & set(all)) / NEAREST for some, all in zip(found, exact)])
    print(f"| {index} | {by} | {built:.0f} s | {memory:,.0f} MB | {recall:.3f} | {milliseconds:.2f} ms |", flush=True)


def others(vectors, queries):
    """The rows of Python's faiss, hnswlib and usearch. Returns the exact neighbours."""
    exact = None
    for index, by, build in OTHERS:
        # The exact neighbours are always needed.
        if index != "Flat" and index not in ASKED:
            continue
        before, start = anonymous(), time.perf_counter()
        search = build(vectors)
        built, memory = time.perf_counter() - start, anonymous() - before
        found, times = [], []
        for query in queries:
            start = time.perf_counter()
            keys = search(query[None])
            times.append((time.perf_counter() - start) * 1000)
            found.append([int(key) for key in keys])
        exact = exact or found
        row(index, by, built, memory, found, exact, statistics.median(times))
        del search
    return exact


def ours(directory, exact):
    """The rows of semsearch. Its memory is the most that building took."""
    place = lambda name: os.path.join(directory, name)
    for factory, effort in OURS:
        if factory not in ASKED:
            continue
        vectors = ["--vectors", place("all.npy"), "--factory", factory]
        seconds, memory, _ = run("index", place("all.jsonl"), *vectors, "-i", place(factory), "-q")
        files = [place(name) for name in [factory, "questions.npy", "keys"]]
        command = ["cargo", "bench", "-q", "--bench", "search", "--", *files, *effort]
        # Twice: the first one reads the files into memory.
        for _ in range(2):
            printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        with open(place("keys")) as lines:
            found = [[int(key) for key in line.split()] for line in lines]
        row(factory, "semsearch", seconds, memory, found, exact, float(re.search(r"([\d.]+) ms", printed).group(1)))


def main(directory):
    sentences = [part for text in texts("corpus.jsonl") for part in re.split(r"(?<=[.!?]) (?=[A-Z])", text)]
    repeated(directory, embedded(directory, "sentences", sentences))
    queries = embedded(directory, "questions", texts("queries.jsonl")[::EVERY])
    vectors = np.load(os.path.join(directory, "all.npy"), mmap_mode="r")
    print(f"{COUNT:,} vectors of {len(sentences):,} sentences with noise, {len(queries)} queries, {THREADS} threads\n")
    print("| index | by | built in | memory | recall@10 | one search |\n| --- | --- | --- | --- | --- | --- |", flush=True)
    ours(directory, others(vectors, queries))


with tempfile.TemporaryDirectory() as directory:
    main(directory)
