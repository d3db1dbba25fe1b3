"""The tables of script/bench: semsearch in turn with ONNX Runtime and OpenVINO, and the cold query."""

import os
import platform
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
PRECISIONS = ["f32", "bf16", "int8"]
# Each peer with the precisions that it has. ONNX Runtime has no products of bf16 on a CPU.
PEERS = {"ONNX Runtime": ("peer_ort.py", ["f32", "int8"]), "OpenVINO": ("peer_openvino.py", PRECISIONS)}
# The best batch size of each peer for each set of texts.
SETS = [
    ("passages", "corpus.jsonl", {"ONNX Runtime": 8, "OpenVINO": 8}),
    ("questions", "queries.jsonl", {"ONNX Runtime": 64, "OpenVINO": 32}),
]
# Now and then OpenVINO stops for good.
PATIENCE = 900
TRIES = 3


def machine():
    """The processor, and its instructions that matter here."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf8") as file:
            info = file.read()
        name = re.search(r"model name\s*: (.*)", info)
        flags = re.search(r"(?:flags|Features)\s*: (.*)", info)
        wanted = ["avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8"]
        found = [flag for flag in wanted if flags and flag in flags[1].split()]
        return ", ".join([name[1] if name else platform.machine(), *found])
    return platform.processor() or platform.machine()


def speed(command, **environment):
    """The tokens a second that a program prints."""
    for left in reversed(range(TRIES)):
        try:
            run = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True, timeout=PATIENCE, env={**os.environ, **environment}
            )
            return float(re.search(r"([\d.]+) tokens/s", run.stdout).group(1))
        except subprocess.TimeoutExpired:
            print(f"{command[1]} took {PATIENCE} s and was stopped; {left} tries are left", file=sys.stderr)
    sys.exit(f"error: {' '.join(command)} does not end")


def ours(texts, precision):
    command = ["cargo", "bench", "-q", "--bench", "throughput", "--", MODEL, os.path.abspath(texts), precision]
    return speed(command, RAYON_NUM_THREADS=THREADS)


def peer(name, texts, precision, batch):
    script = os.path.join(SHARED, "bench", PEERS[name][0])
    command = [sys.executable, script, "--model", MODEL, "--texts", texts, "--precision", precision]
    return speed(command + ["--batch", str(batch), "--threads", THREADS])


def against_peers():
    names = list(PEERS)
    print(f"| texts | precision | semsearch, tokens/s | {', tokens/s | '.join(names)}, tokens/s | ratio to the faster |")
    print("| --- | --- | --- |" + " --- |" * (len(names) + 1))
    for name, file, batches in SETS:
        texts = os.path.join(SHARED, "data", "squad", file)
        found = {}
        for _ in range(RUNS):
            for precision in PRECISIONS:
                found.setdefault(("semsearch", precision), []).append(ours(texts, precision))
                for other in names:
                    if precision in PEERS[other][1]:
                        found.setdefault((other, precision), []).append(peer(other, texts, precision, batches[other]))
        median = {key: statistics.median(values) for key, values in found.items()}
        for precision in PRECISIONS:
            mine, theirs = median["semsearch", precision], [median.get((other, precision)) for other in names]
            shown = " | ".join("-" if other is None else f"{other:,.0f}" for other in theirs)
            ratio = mine / max(other for other in theirs if other is not None)
            print(f"| {name} | {precision} | {mine:,.0f} | {shown} | {ratio:.2f} × |", flush=True)


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


print(f"{machine()}; {THREADS} threads; medians of {RUNS} runs in turns\n")
with tempfile.TemporaryDirectory() as directory:
    against_peers()
    cold(directory)
