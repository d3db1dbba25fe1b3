"""Runs the examples for Spark, Ray and Dask, kills processes in the middle, and compares the vectors with a local run."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import processes
import rows
from cluster import Cluster

EXAMPLES = rows.ROOT / "examples/spark"
#: A process that has used a core for so many seconds has started, and embeds. Those of Ray and Dask import more.
BUSY, BUSY_OTHERS = 1.5, 4


def nothing(_):
    return []


def python_workers(found):
    """The processes of Python that run tasks: a daemon of Spark's starts them, and has the same command line."""
    daemons = {pid for pid, process in found.items() if "pyspark.daemon" in process.command}
    return [found[pid] for pid in daemons if found[pid].parent in daemons]


def programs(found):
    return [process for process in found.values() if process.command.startswith("semsearch embed")]


def executors(found):
    """The Java processes that have a busy process of Python."""
    busy = [process for process in python_workers(found) if process.seconds > BUSY]
    return [found[found[process.parent].parent]._replace(seconds=process.seconds) for process in busy]


class Killer:
    """Kills one busy process of a kind, once, and sees whether another one takes its place."""

    def __init__(self, kind, busy=BUSY):
        self.kind, self.busy, self.killed, self.seen, self.replaced = kind, busy, None, set(), False

    def __call__(self, cluster):
        self.look(cluster.below())

    def look(self, found):
        present = self.kind(found)
        if self.killed:
            self.replaced |= bool({process.pid for process in present} - self.seen)
            return
        self.seen |= {process.pid for process in present}
        busy = [process for process in present if process.seconds > self.busy]
        if busy:
            self.killed = busy[0]
            os.kill(self.killed.pid, signal.SIGKILL)


def on_spark(directory, lines, table, expected):
    kinds = [
        ("pipe", lines, rows.of_pipe, None),
        ("arrow", table, rows.of_parquet, None),
        ("pipe", lines, rows.of_pipe, programs),
        ("arrow", table, rows.of_parquet, python_workers),
        ("arrow", table, rows.of_parquet, executors),
    ]
    with Cluster(directory) as cluster:
        for number, (example, source, read, kind) in enumerate(kinds):
            output, killer = directory / f"{example}-{number}", Killer(kind or nothing)
            took = cluster.submit(EXAMPLES / f"{example}.py", source, output, meanwhile=killer)
            tasks, failed = cluster.tasks()
            name = f"{example}.py: {took:.0f} s, {tasks} tasks"
            if kind:
                assert killer.killed, f"{name}: no process was found to kill"
                assert failed, f"{name}: no task failed when process {killer.killed.pid} was killed"
                name += f", {killer.killed.pid} ({kind.__name__}) killed"
                name += f", {len(failed)} run again ({failed[0]['Reason']})"
            else:
                assert not failed, f"{name}: {failed}"
            rows.assert_same(name, read(output), expected)
        with_an_empty_partition(cluster, directory, lines)


def with_an_empty_partition(cluster, directory, lines):
    """Spark makes two partitions of one record."""
    source, output = directory / "one.jsonl", directory / "empty"
    source.write_text(lines.read_text().split("\n")[0] + "\n")
    cluster.submit(EXAMPLES / "pipe.py", source, output)
    assert len(rows.of_pipe(output)) == 1 and len(list(output.glob("part-*"))) == 2
    print("pipe.py: a partition without records has no vectors", flush=True)


def ray_actors(found):
    return [process for process in found.values() if process.command.startswith("ray::") and "Embedding" in process.command]


def dask_workers(found):
    return [process for process in found.values() if "multiprocessing.spawn" in process.command]


def run(example, table, output, killer):
    """Runs an example that starts its own processes. Returns the seconds."""
    begun, seen = time.monotonic(), {}
    with open(f"{output}.log", "w+") as log:
        job = subprocess.Popen([sys.executable, example, table, output], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while job.poll() is None:
            now = processes.below([job.pid])
            seen.update(now)
            killer.look(now)
            time.sleep(0.05)
            if time.monotonic() - begun > 300:
                job.kill()
        log.seek(0)
        if job.returncode != 0:
            sys.exit(f"error: {example} failed:\n{log.read()[-4000:]}")
    for process in processes.left(seen):
        print(f"note: process {process.pid} did not end by itself: {process.command[:80]}")
    return time.monotonic() - begun


def on_others(directory, table, expected):
    """Ray and Dask, as they are and with a worker killed."""
    for example, kind in [("ray_data", None), ("dask_frame", None), ("ray_data", ray_actors), ("dask_frame", dask_workers)]:
        output, killer = directory / f"{example}{'-killed' if kind else ''}", Killer(kind or nothing, BUSY_OTHERS)
        name = f"{example}.py: {run(EXAMPLES / f'{example}.py', table, output, killer):.0f} s"
        if kind:
            assert killer.killed, f"{name}: no process was found to kill"
            assert killer.replaced, f"{name}: no process took the place of {killer.killed.pid}"
            name += f", {killer.killed.pid} ({kind.__name__}) killed and replaced"
        rows.assert_same(name, rows.of_parquet(output), expected)


def main():
    """`spark` or `others` runs these alone."""
    wanted = sys.argv[1:] or ["spark", "others"]
    with tempfile.TemporaryDirectory(prefix="spark-", ignore_cleanup_errors=True) as made:
        directory = pathlib.Path(made)
        os.environ["RAY_TMPDIR"] = made
        lines, table = directory / "records.jsonl", directory / "records.parquet"
        rows.write(list(rows.records(20)), lines, table)
        expected = rows.of_local_run(lines, directory / "local.jsonl")
        if "spark" in wanted:
            on_spark(directory, lines, table, expected)
        if "others" in wanted:
            on_others(directory, table, expected)


if __name__ == "__main__":
    main()
