"""An index in PostgreSQL that goes back and forth between two sets of records, and what must be true of it."""

import concurrent.futures
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time

import material
from commands import PATIENCE, ROOT, Failed, run
from kills import end_servers
from readers import Reader, ServeReader, judge

OTHER = {"A": "B", "B": "A", "A-": "B", "B-": "A"}
WAIT = ["--wait", str(PATIENCE)]


def postgres():
    """The module script/postgres."""
    loader = importlib.machinery.SourceFileLoader("postgres", str(ROOT / "script/postgres"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("postgres", loader))
    loader.exec_module(module)
    return module


class World:
    """The servers, the index, its readers, and what is known of them.

    The index is in one of four states: it has the records A or B, or A- or B-, which lack those that `remove` took."""

    def __init__(self, seed):
        self.random, self.step, self.module = random.Random(seed), "setting up", postgres()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="faults-postgres-"))
        self.servers = self.module.Servers(self.directory / "servers")
        self.pool = concurrent.futures.ThreadPoolExecutor(8)
        self.questions, self.served = material.questions()
        # Commands that may be killed, and how often something was hit.
        self.running, self.hits = [], 0
        self.readers, self.errors, self.schema, self.state, self.expected = [], {}, "undisturbed", None, {}
        # When readers may see which states, when which server was down, and when `vacuum` ran.
        self.allowed, self.downs, self.vacuums = [], [], []

    def open(self):
        """Starts the servers, and learns from an index that nobody disturbs what is to be expected."""
        os.chmod(self.directory, 0o755)
        self.servers.up(2)
        for letter in "AB":
            material.write(letter, self.directory / letter)
        self.create()
        for state in ("A", "B", "A", "A-", "B", "B-", "A"):
            self.reach(state)
            seen = self.look()
            reader = ServeReader(self, self.served)
            seen["answers"] |= {question: reader.ask(question) for question in self.served}
            reader.stop()
            if state == "A" and "B-" in self.expected and seen != self.expected["A"]:
                raise Failed("the index is not the same when it is made again")
            self.expected[state] = seen
        self.must(["store", "drop"])

    def prepare(self, phase):
        """Makes the index that a phase disturbs, and starts its readers."""
        self.schema = phase
        if phase == "replica":
            self.servers.replica("replica", "shard1")
            self.servers.start("replica")
        self.create("+127.0.0.1:{replica}" if phase == "replica" else "")
        for state in ("A", "B", "A"):
            self.reach(state)
        self.allowed, self.downs, self.vacuums = [(0.0, {"A"})], [], []
        self.began, self.before, self.to = time.monotonic(), "A", "A"
        self.readers = [Reader(self, self.questions), ServeReader(self, self.served)]
        for reader in self.readers:
            reader.start()

    def stop(self):
        """Stops the readers, and removes the index."""
        while self.readers:
            self.readers.pop().stop()
        self.must(["store", "drop"])

    def close(self):
        """Ends everything that was started."""
        self.pool.shutdown()
        for reader in self.readers:
            reader.stop()
        end_servers(self.servers)
        shutil.rmtree(self.directory, ignore_errors=True)

    def create(self, replica=""):
        servers = "127.0.0.1:{shard1}" + replica + ",127.0.0.1:{shard2}"
        self.must(["store", "create", "--servers", servers.format(**self.servers.ports)])

    def reach(self, state):
        """Goes to a state, while nothing is disturbed."""
        self.state = state
        self.take(state)
        self.must(self.commands("remove" if state.endswith("-") else "build")[0])

    def take(self, state):
        """Puts the records A or B where they are indexed from."""
        for path in (self.directory / state[0]).iterdir():
            shutil.copy(path, self.directory / path.name)

    def look(self, thorough=True):
        """All that the index answers, and what it holds; if not thorough, a part of it."""
        asked = self.questions if thorough else self.random.sample(self.questions, 2)
        answers = {question: material.normal(question, self.must(question).output) for question in asked}
        self.must(["verify"])
        if not thorough:
            return {"answers": answers}
        listed = self.must(["ls", "-f", "jsonl"]).output.splitlines()
        ids, path = [json.loads(line)["id"] for line in listed], self.directory / "vectors.npy"
        self.must(["export", "-o", str(path)])
        return {"answers": answers, "order": ids, "vectors": dict(zip(ids, material.read_vectors(path), strict=True))}

    # Commands

    def address(self, port=None):
        port = port or self.servers.ports["coordinator"]
        return f"postgresql://semsearch@127.0.0.1:{port}/postgres?schema={self.schema}"

    def commands(self, what):
        """The commands of a change. Those of an inner list run at once."""
        parts = [["index", material.PARTS[n], "--vectors", f"part{n + 1}.npy", "--prune", *WAIT] for n in (0, 1)]
        return {
            "build": [["index", *material.PARTS, "--vectors", "all.npy", "--prune", *WAIT]],
            "together": [["store", "begin", *WAIT], parts, ["store", "commit", *WAIT]],
            "remove": [["remove", "--filter", "gone = true", *WAIT]],
            "vacuum": [["store", "vacuum", *WAIT]],
        }[what]

    def attempt(self, words, address=None):
        """Runs a command once. It may be killed."""
        processes = []

        def began(process):
            processes.append(process)
            self.running.append(process)

        try:
            return run([*words, "--store", address or self.address()], self.directory, began)
        finally:
            for process in processes:
                self.running.remove(process)

    def must(self, words, address=None):
        """Runs a command that nothing disturbs."""
        outcome = self.attempt(words, address)
        if outcome.status != 0:
            raise Failed(f"{' '.join(words)}: {outcome.told or outcome.status}")
        return outcome

    def insist(self, words):
        """Runs a command again and again until it succeeds, or says that it did before."""
        until, tried = time.monotonic() + PATIENCE, False
        while True:
            outcome = self.attempt(words)
            before = outcome.status == 1 if words[0] == "remove" else "is open already" in outcome.told
            if outcome.status == 0 or tried and before:
                return
            if outcome.status == 2:
                self.note(outcome.told)
            if time.monotonic() > until:
                raise Failed(f"{' '.join(words)} does not succeed: {outcome.told}")
            tried = True
            time.sleep(0.1)

    def note(self, told):
        """Remembers an error, without its numbers."""
        told = "".join("0" if letter.isdigit() else letter for letter in told.splitlines()[0])
        self.errors[told] = self.errors.get(told, 0) + 1

    # A change, from its begin to the judgement

    def begin(self, what):
        """Begins a change. Readers may now see the state before or after it."""
        self.to = {"remove": self.state + "-", "vacuum": self.state}.get(what, OTHER[self.state])
        self.take(self.to)
        self.what, self.hits, self.before, self.began = what, 0, self.state, time.monotonic()
        self.downs = [down for down in self.downs if down[1] > self.began - 10]
        self.allowed = [*self.allowed[-4:], (self.began, {self.state, self.to})]
        if what == "vacuum":
            self.vacuums = [[self.began, float("inf")]]

    def finish(self, thorough=True):
        """Checks everything after a change that succeeded in the end."""
        for window in self.vacuums:
            window[1] = min(window[1], time.monotonic())
        self.allowed.append((time.monotonic(), {self.to}))
        self.state = self.to
        seen, expected = self.look(thorough), self.expected[self.state]
        for question, answer in seen["answers"].items():
            if answer != expected["answers"][question]:
                told = f"{question}: {answer[:2000]}"
                raise Failed(f"the answer is not that of an undisturbed build of {self.state}: {told}")
        compared = ["vectors", "order"] if self.what == "build" else ["vectors"]
        if thorough and any(seen[name] != expected[name] for name in compared):
            raise Failed(f"the documents or vectors are not those of an undisturbed build of {self.state}")
        self.insist(["store", "begin", *WAIT])
        self.check_rows()
        self.must(["store", "abort", *WAIT])
        for reader in self.readers:
            judge(self, reader)

    def sql(self, name, statement):
        words = [self.module.binaries() / "psql", "-h", "127.0.0.1", "-p", str(self.servers.ports[name])]
        words += ["-U", "semsearch", "-d", "postgres", "-XAt", "-c", statement]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{name}: {statement}: {done.stderr}")
        return done.stdout.strip()

    def check_rows(self):
        """After the next begin, no document is there twice, and nothing is left of what was given up."""
        of = self.schema
        aborted = f"SELECT coalesce(string_agg(number::text, ','), '-1') FROM {of}.generations WHERE state = 'aborted'"
        known = self.sql("coordinator", f"SELECT committed, oldest, ({aborted}) FROM {of}.store")
        committed, oldest, aborted = known.split("|")
        # Only `store vacuum` must leave nothing that is older.
        oldest = oldest if self.what == "vacuum" else -1
        seen = f"{of}.passages WHERE added <= {committed} AND removed > {committed}"
        tables = {
            "twice": f"(SELECT FROM {seen} GROUP BY id HAVING count(*) > 1) twice",
            "passages": f"{of}.passages WHERE added IN ({aborted}) OR removed IN ({aborted}) OR removed <= {oldest}",
            **{table: f"{of}.{table} WHERE generation IN ({aborted})" for table in ("words", "terms", "removals")},
        }
        self.check_empty("coordinator", {"batches": f"{of}.batches WHERE generation IN ({aborted})"})
        for shard in ("shard1", "shard2"):
            self.check_empty(shard, tables)

    def check_empty(self, server, tables):
        counts = self.sql(server, "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in tables.values()))
        found = {name: count for name, count in zip(tables, counts.split("|"), strict=True) if count != "0"}
        if found:
            raise Failed(f"{server} has rows that must not be there: {found}")
