"""The tables of `script/bench serve`: a server on one core, and its clients on another.

Usage: bench_serve.py PROGRAM SHARED [REQUESTS]
"""

import asyncio
import http.client
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM, SHARED = sys.argv[1], sys.argv[2]
REQUESTS = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
SERVER, CLIENT = sorted(os.sched_getaffinity(0))[:2]
os.sched_setaffinity(0, {CLIENT})
PINNED = ["taskset", "-c", str(SERVER)]


def lines(path, field):
    return [json.loads(line)[field] for line in open(path)]


class Server:
    """A server with one thread on a core of its own."""

    def __init__(self, index, *more):
        command = [*PINNED, PROGRAM, "serve", "--bind", "127.0.0.1:0", "--threads", "1", "-i", index, "--model-alias", "m", "-q", *more]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.host, self.port = self.process.stdout.readline().strip().removeprefix("http://").rstrip("/").split(":")
        while self.status("/ready") != 200:
            time.sleep(0.02)

    def status(self, path):
        connection = http.client.HTTPConnection(self.host, int(self.port))
        connection.request("GET", path)
        return connection.getresponse().status

    async def once(self, path):
        client = await Client.open(self)
        return await client.send("GET", path, b"")

    def memory(self):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.process.pid}/status").read()).group(1)) / 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Client:
    """A connection that stays open."""

    @classmethod
    async def open(cls, server):
        self = cls()
        self.server = server
        self.reader, self.writer = await asyncio.open_connection(server.host, server.port)
        return self

    async def send(self, method, path, body):
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head).group(1))
        return head + await self.reader.readexactly(length)

    async def post(self, path, body):
        """The status, the seconds it took, and the answer."""
        body = json.dumps(body).encode()
        begun = time.perf_counter()
        answer = await self.send("POST", path, body)
        return int(answer[9:12]), time.perf_counter() - begun, answer


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] * 1000


async def closed(server, clients, seconds, path, body):
    """Clients that each send a request as soon as the one before is answered."""
    times, end = [], time.perf_counter() + seconds

    async def one(number):
        client = await Client.open(server)
        step = number
        while time.perf_counter() < end:
            status, took, answer = await client.post(path, body(step))
            assert status == 200, answer[:300]
            times.append(took)
            step += clients

    begun = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(clients)))
    return times, len(times) / (time.perf_counter() - begun)


def own_speed(questions):
    """Questions a second by `embed --lines` on the same core. What loading takes is measured with one question, and left out."""
    def took(texts):
        begun = time.perf_counter()
        subprocess.run([*PINNED, PROGRAM, "embed", "--lines", "-q", "--threads", "1", "--output", "/dev/null", "--output-format", "jsonl"],
                       input="\n".join(texts), text=True, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun
    return len(questions) / (took(questions) - min(took(questions[:1]) for _ in range(5)))


def own_time(index, questions):
    """Seconds of a search in a process that stays: a question is written to its input, and the hits are read."""
    command = [*PINNED, PROGRAM, "query", "-f", "jsonl", "-k", "1", "-q", "--threads", "1", "-i", index, "--queries", "/dev/stdin"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    times = []
    for question in questions:
        begun = time.perf_counter()
        process.stdin.write(question + "\n")
        process.stdin.flush()
        process.stdout.readline()
        times.append(time.perf_counter() - begun)
    process.stdin.close()
    process.wait()
    return times[5:]


async def open_loop(server, rate, count, body):
    """Requests at a rate of their own, whatever the answers. Returns the statuses and the times of what was answered."""
    statuses, times, idle = {}, [], []
    gate, failures = asyncio.Semaphore(900), []

    async def one(number):
        async with gate:
            client = idle.pop() if idle else await Client.open(server)
            if client.reader.at_eof():
                # The server closes connections on which nothing was asked for a while.
                client = await Client.open(server)
            status, took, answer = await client.post("/v1/search", body(number))
            statuses[status] = statuses.get(status, 0) + 1
            if status == 200:
                times.append(took)
            else:
                assert b"retry-after" in answer.lower(), answer[:300]
            idle.append(client)

    begun, tasks = time.perf_counter(), set()
    for number in range(count):
        wait = begun + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(number))
        tasks.add(task)
        task.add_done_callback(lambda task: (tasks.discard(task), failures.append(task.exception()) if task.exception() else None))
        while len(tasks) > 2000:
            await asyncio.sleep(0.001)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not failures, failures[:3]
    return statuses, times


async def main(index):
    passages = lines(f"{SHARED}/data/squad/corpus.jsonl", "text")
    questions = lines(f"{SHARED}/data/squad/queries.jsonl", "text")
    question = lambda step: {"input": questions[step % len(questions)], "model": "m", "encoding_format": "base64"}
    search = lambda step: {"query": questions[step % len(questions)], "k": 10}
    print("| a server with one thread, clients on another core | |\n| --- | --- |")
    with Server(index) as server:
        rates = []
        for _ in range(3):
            own = own_speed(questions[:3000])
            times, rate = await closed(server, 32, 6, "/v1/embeddings", question)
            rates.append((rate / own, rate, own, percentile(times, 0.99), 1.5 * 32 / rate * 1000))
        share, rate, own, p99, most = sorted(rates)[1]
        print(f"| 32 clients, a question each | {rate:.0f}/s, {100 * share:.0f}% of `embed --lines` ({own:.0f}/s); p99 {p99:.1f} ms (limit {most:.1f}) |", flush=True)
        gaps = []
        for _ in range(3):
            own = statistics.median(own_time(index, questions[:400]))
            times, _ = await closed(server, 1, 4, "/v1/search", lambda step: {"query": questions[step % 400], "k": 1})
            gaps.append((statistics.median(times) * 1000 - own * 1000, statistics.median(times) * 1000, own * 1000))
        gap, over, own = sorted(gaps)[1]
        print(f"| one client | p50 {over:.2f} ms, the engine's own time {own:.2f} ms, {gap:+.2f} ms |", flush=True)
        quiet, _ = await closed(server, 1, 8, "/v1/search", search)
        stop = time.perf_counter() + 9

        async def bulk(first):
            client = await Client.open(server)
            while time.perf_counter() < stop:
                texts = [passages[(first + number) % len(passages)] for number in range(512)]
                await client.post("/v1/embeddings", {"input": texts, "model": "m", "encoding_format": "base64"})

        loads = [asyncio.create_task(bulk(first)) for first in (0, 700)]
        await asyncio.sleep(1)
        beside, _ = await closed(server, 1, 7, "/v1/search", search)
        await asyncio.gather(*loads)
        metrics = (await server.once("/metrics")).decode()
        rate = float(re.search(r"encoder_tokens_per_second ([\d.e+]+)", metrics).group(1))
        quantum = 192 / rate * 1000
        limit = percentile(quiet, 0.99) + 2 * quantum
        print(f"| search beside two clients of 512 passages each | p99 {percentile(beside, 0.99):.1f} ms, quiet {percentile(quiet, 0.99):.1f} ms, a quantum {quantum:.1f} ms (limit {limit:.1f}) |", flush=True)
    with Server(index, "--max-wait", "1") as server:
        _, capacity = await closed(server, 16, 4, "/v1/search", search)
        await open_loop(server, 2 * capacity, 2000, search)
        before, files = server.memory(), server.descriptors()
        begun = time.perf_counter()
        statuses, times = await open_loop(server, 2 * capacity, REQUESTS, search)
        rate = REQUESTS / (time.perf_counter() - begun)
        await asyncio.sleep(2)
        print(f"| twice the capacity ({2 * capacity:.0f}/s asked, {rate:.0f}/s sent), {REQUESTS:,} requests | {statuses}; p99 of answers {percentile(times, 0.99):.0f} ms; memory {before:.0f} MB before, {server.memory():.0f} MB after; descriptors {files} before, {server.descriptors()} after |")


with tempfile.TemporaryDirectory() as directory:
    index = os.path.join(directory, "index")
    subprocess.run([PROGRAM, "index", f"{SHARED}/data/squad/corpus.jsonl", "-i", index, "-q"], check=True)
    asyncio.run(main(index))
