"""What a newcomer does after `pip install`: the program, then the module. Usage: installed.py DIRECTORY RECORDS"""

import subprocess
import sys
import threading

directory, records = sys.argv[1:]
index = f"{directory}/index"


def run(*command: str) -> str:
    return subprocess.run(["semsearch", *command], check=True, stdout=subprocess.PIPE, text=True).stdout


run("index", records, "-i", index, "-q")
print(run("query", "Who headlined the halftime show?", "-k", "1", "-i", index))

# The shortest of several starts: others may have to read the library from the disk.
took = []
for _ in range(5):
    command = "import time; begun = time.perf_counter(); import semsearch; print(time.perf_counter() - begun)"
    took.append(float(subprocess.run([sys.executable, "-c", command], check=True, stdout=subprocess.PIPE, text=True).stdout))
print(f"import: {1000 * min(took):.0f} ms")

import semsearch  # noqa: E402

with open("/proc/self/status") as status:
    assert "Threads:\t1\n" in status.read(), "a thread was started by the import"
assert threading.active_count() == 1 and "numpy" not in sys.modules

model = semsearch.Embedder()
vectors = model.encode(["a text", "another"], progress=True)
assert vectors.shape == (2, 384) and str(vectors.dtype) == "float32"
assert model.similarity(vectors, vectors).shape == (2, 2)
found = semsearch.Index.open(index, model=model)
for hit in found.search("who headlined", k=3, mode="hybrid", filter="not year exists"):
    print(f"{hit.score:.3f} {hit.id} {hit.text[:60]}")
assert len(found.search("who headlined", k=3)) == 3
with semsearch.Index.create(f"{directory}/new", model=model) as writer:
    writer.add([{"id": "1", "text": "a text"}, {"id": "2", "text": "another"}])
assert len(semsearch.Index.open(f"{directory}/new")) == 2
assert semsearch.evaluate({"q": {"a": 1.0}}, {"q": {"a": 1}}, ["ndcg@10"]) == {"ndcg@10": 1.0}
