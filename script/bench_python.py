"""Speed of the Python module beside the program's and sentence-transformers', on the same passages and threads.

    python3 script/bench_python.py PROGRAM MODEL PASSAGES [COUNT]

MODEL is a directory. It needs the module semsearch; sentence-transformers is left out where it is not installed. Each is run
three times in turn, and the medians are printed. What loading takes is not counted: for the program, a run with one passage
is subtracted.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import semsearch

program, model, passages = sys.argv[1:4]
count = int(sys.argv[4]) if len(sys.argv) > 4 else 700
threads = len(os.sched_getaffinity(0))
with open(passages) as lines:
    texts = [json.loads(line)["text"] for line in lines][:count]


def seconds(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def by_program(precision):
    output = os.path.join(tempfile.gettempdir(), f"bench-{os.getpid()}.npy")

    def run(some):
        records = "".join(json.dumps({"text": text}) + "\n" for text in some)
        command = [program, "embed", "-", "-q", "--model", model, "--precision", precision, "--output", output]
        return seconds(lambda: subprocess.run(command, input=records, text=True, check=True))

    took = run(texts) - run(texts[:1])
    os.remove(output)
    return took


def main():
    runs, tokens = {}, 0
    precisions = ["f32", "bf16", "int8"]
    ours = {precision: semsearch.Embedder(model, precision=precision) for precision in precisions}
    tokens = sum(min(ours["f32"].count_tokens(text), ours["f32"].max_length) for text in texts)
    theirs = None
    try:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        theirs = SentenceTransformer(model, device="cpu")
    except ImportError:
        pass
    for embedder in ours.values():
        embedder.encode(texts[:50])
    for _ in range(3):
        for precision in precisions:
            runs.setdefault(f"module, {precision}", []).append(seconds(lambda: ours[precision].encode(texts)))
            runs.setdefault(f"program, {precision}", []).append(by_program(precision))
        if theirs is not None:
            runs.setdefault("sentence-transformers, f32", []).append(seconds(lambda: theirs.encode(texts)))
    print(f"{count} passages, {tokens:,} tokens, {threads} threads")
    for name, took in runs.items():
        print(f"| {name} | {tokens / statistics.median(took):,.0f} tokens/s | {statistics.median(took):.2f} s |")


main()
