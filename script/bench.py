"""The tables of script/bench: semsearch and ONNX Runtime in turn, and the cold query."""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

SEMSEARCH, SHARED, THREADS = sys.argv[1:]
MODEL = os.environ["SEMSEARCH_MODEL"]
QUESTION = "Who headlined the halftime show for Super Bowl 50?"
RUNS = 3
COLD_RUNS = 20
# ONNX Runtime's best batch size for each set.
SETS = [("passages", "corpus.jsonl", 8), ("questions", "queries.jsonl", 64)]


def speed(command, **environment):
    """The tokens a second that a program prints."""
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    return float(re.search(r"([\d.]+) tokens/s", run.stdout).group(1))


def ours(texts, precision):
    command = ["cargo", "bench", "-q", "--bench", "throughput", "--", MODEL, os.path.abspath(texts), precision]
    return speed(command, RAYON_NUM_THREADS=THREADS)


def peer(texts, precision, batch):
    script = os.path.join(SHARED, "bench", "peer_ort.py")
    command = [sys.executable, script, "--model", MODEL, "--texts", texts, "--precision", precision]
    return speed(command + ["--batch", str(batch), "--threads", THREADS])


def against_the_peer():
    print("| texts | precision | semsearch, tokens/s | ONNX Runtime, tokens/s | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for name, file, batch in SETS:
        texts = os.path.join(SHARED, "data", "squad", file)
        found = {}
        for _ in range(RUNS):
            for precision in ["f32", "int8"]:
                found.setdefault(("peer", precision), []).append(peer(texts, precision, batch))
            for precision in ["f32", "bf16", "int8"]:
                found.setdefault(("ours", precision), []).append(ours(texts, precision))
        median = {key: statistics.median(values) for key, values in found.items()}
        for precision, other in [("f32", "f32"), ("bf16", "f32"), ("int8", "int8")]:
            mine, theirs = median["ours", precision], median["peer", other]
            print(f"| {name} | {precision} | {mine:,.0f} | {other} {theirs:,.0f} | {mine / theirs:.2f} × |", flush=True)


def cold(directory):
    print("\n| a question, cold | median of 20 | memory |\n| --- | --- | --- |")
    index = os.path.join(directory, "index")
    passages = os.path.join(SHARED, "data", "squad", "corpus.jsonl")
    subprocess.run([SEMSEARCH, "index", passages, "-i", index, "-q", "--precision", "auto"], check=True)
    for precision in ["f32", "bf16", "int8"]:
        command = [SEMSEARCH, "query", QUESTION, "-k", "3", "-i", index, "--precision", precision]
        seconds, memory = [], 0
        for _ in range(COLD_RUNS + 1):
            start = time.perf_counter()
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            seconds.append(time.perf_counter() - start)
            memory = max(memory, usage.ru_maxrss)
            if status != 0:
                sys.exit(f"error: {' '.join(command)}: status {status}")
        # The first run fills the page cache.
        median = statistics.median(seconds[1:]) * 1000
        print(f"| {precision} | {median:.0f} ms | {memory / 1024:.0f} MB |", flush=True)


with tempfile.TemporaryDirectory() as directory:
    against_the_peer()
    cold(directory)
