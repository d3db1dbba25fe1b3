"""A hundred commits by other processes while clients search: each answer is of one commit, and the newest is served soon."""

import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import urllib.request

from server import INDEX, PROGRAM, URL

COMMITS = 100


def search():
    with urllib.request.urlopen(f"{URL}/v1/search?query=generation+number&k=50&mode=hybrid&filter=generation+exists") as answer:
        return json.load(answer)


def state():
    pid = int(os.environ["SEMSEARCH_PID"])
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
    return memory, len(os.listdir(f"/proc/{pid}/fd"))


stop, wrong, seen, slow = threading.Event(), [], {}, []


def client():
    while not stop.is_set():
        answer = search()
        generations = {hit["metadata"]["generation"] for hit in answer["hits"]}
        if len(generations) > 1 or seen.setdefault(answer["commit"], generations) != generations:
            wrong.append((answer["commit"], generations))


with tempfile.TemporaryDirectory() as directory:
    path = pathlib.Path(directory) / "generation.jsonl"

    def commit(generation):
        records = [{"_id": f"g{number}", "text": f"document {number} of generation number {generation}", "generation": generation} for number in range(5)]
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        subprocess.run([PROGRAM, "index", str(path), "-i", INDEX, "-q"], check=True)
        begun = time.monotonic()
        while {hit["metadata"]["generation"] for hit in search()["hits"]} != {generation}:
            assert time.monotonic() - begun < 10, f"generation {generation} is not served"
            time.sleep(0.01)
        slow.append(time.monotonic() - begun)

    for generation in range(1, 6):
        commit(generation)
    before = state()
    clients = [threading.Thread(target=client) for _ in range(4)]
    for one in clients:
        one.start()
    for generation in range(6, 6 + COMMITS):
        commit(generation)
    stop.set()
    for one in clients:
        one.join()
    time.sleep(1)
    after = state()

assert not wrong, wrong[:3]
slow.sort()
print(f"{COMMITS} commits: served {1000 * slow[len(slow) // 2]:.0f} ms after, at most {1000 * slow[-1]:.0f} ms; {len(seen)} commits seen")
print(f"memory {before[0]:.0f} MB before, {after[0]:.0f} MB after; descriptors {before[1]} before, {after[1]} after")
assert slow[-1] < 2 and after[1] <= before[1] + 8 and after[0] < before[0] * 1.5, (slow[-1], before, after)
