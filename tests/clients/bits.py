"""Vectors under load are those of `semsearch embed`, to the last bit: bits.py TEXTS [PRECISION...]

TEXTS is JSON Lines with `text`. A server of its own runs for each precision; clients ask for the texts in parts of many sizes, while
others search and embed.
"""

import base64
import concurrent.futures
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import urllib.request

PROGRAM, INDEX = os.environ["SEMSEARCH_PROGRAM"], os.environ["SEMSEARCH_SERVED_INDEX"]
texts = [json.loads(line)["text"].replace("\n", " ") for line in open(sys.argv[1])][:10_000]


def ask(url, path, body):
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def reference(precision):
    with tempfile.TemporaryDirectory() as directory:
        output = pathlib.Path(directory) / "v.npy"
        subprocess.run([PROGRAM, "embed", "--lines", "-q", "--precision", precision, "--output", str(output)], input="\n".join(texts), text=True, check=True)
        data = output.read_bytes()
    dim = 384 * 4
    return [data[len(data) - (len(texts) - row) * dim :][:dim] for row in range(len(texts))]


for precision in sys.argv[2:] or ["f32", "bf16", "int8"]:
    expected = reference(precision)
    server = subprocess.Popen([PROGRAM, "serve", "--bind", "127.0.0.1:0", "-i", INDEX, "--precision", precision, "--model-alias", "m", "-q"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    url = server.stdout.readline().strip().rstrip("/")
    while True:
        try:
            urllib.request.urlopen(url + "/ready")
            break
        except OSError:
            pass
    parts, start = [], 0
    while start < len(texts):
        end = start + random.choice([1, 1, 2, 5, 30])
        parts.append((start, min(end, len(texts))))
        start = end
    random.shuffle(parts)

    def different(part):
        answer = ask(url, "/v1/embeddings", {"model": "m", "input": texts[slice(*part)], "encoding_format": "base64"})
        if part[0] % 3 == 0:
            ask(url, "/v1/search", {"query": texts[part[0]], "mode": "hybrid"})
        return sum(base64.b64decode(item["embedding"]) != expected[part[0] + at] for at, item in enumerate(answer["data"]))

    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        count = sum(pool.map(different, parts))
    server.terminate()
    server.wait()
    print(f"{precision}: {count} of {len(texts)} vectors differ")
    assert count == 0
