"""Starts clusters of real processes on this machine, and compares what they make with a local run, bit for bit.

Usage: cluster.py ROOT [--large]
"""

import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq

ROOT, LARGE = sys.argv[1], sys.argv[2:] == ["--large"]
SPARK = os.environ["SPARK_HOME"]
EXAMPLES = f"{ROOT}/examples/spark"


def records(copies):
    """The sample passages, several times, each time with other words at the end."""
    with open(f"{ROOT}/examples/passages.jsonl") as lines:
        passages = [json.loads(line) for line in lines]
    return [
        {"_id": f"{copy}-{passage['_id']}", "text": f"{passage['text']} Copy {copy}."}
        for copy in range(copies)
        for passage in passages
    ]


def write_parquet(path, rows, row_group):
    table = pa.table({"_id": [row["_id"] for row in rows], "text": [row["text"] for row in rows]})
    pq.write_table(table, path, row_group_size=row_group)


def bits(pairs):
    """The bytes of each vector, by id."""
    return {id: pa.array(vector, pa.float32()).buffers()[1].to_pybytes()[: 4 * len(vector)] for id, vector in pairs}


def of_parquet(path):
    files = sorted(glob.glob(f"{path}/**/*.parquet", recursive=True)) or [path]
    tables = [pq.read_table(file) for file in files]
    return bits(pair for table in tables for pair in zip(table["_id"].to_pylist(), table["embedding"].to_pylist()))


def of_lines(path):
    rows = (json.loads(line) for file in sorted(glob.glob(f"{path}/part-*")) for line in open(file))
    return bits((row["_id"], row["embedding"]) for row in rows)


def same(name, found, expected):
    differ = [id for id in expected if found.get(id) != expected[id]]
    if len(found) != len(expected) or differ:
        sys.exit(f"error: {name}: {len(found)} rows of {len(expected)}, {len(differ)} differ, such as {differ[:3]}")
    print(f"{name}: {len(found):,} rows, every bit as in a local run", flush=True)


class Spark:
    """A standalone master and two workers of one core each."""

    def __init__(self, directory):
        self.directory, self.processes = directory, []
        self.log = open(f"{directory}/spark.log", "w")
        self.environment = {**os.environ, "SPARK_LOG_DIR": directory, "SPARK_WORKER_DIR": directory, "SPARK_NO_DAEMONIZE": "1"}

    def start(self, kind, *arguments):
        command = [f"{SPARK}/bin/spark-class", f"org.apache.spark.deploy.{kind}", "--host", "127.0.0.1", *arguments]
        self.processes.append(subprocess.Popen(command, stdout=self.log, stderr=self.log, env=self.environment, start_new_session=True))

    def __enter__(self):
        self.start("master.Master", "--port", "0", "--webui-port", "0")
        self.master = self.logged(r"Starting Spark master at (spark://\S+)")
        for _ in range(2):
            self.start("worker.Worker", "--cores", "1", "--memory", "2g", "--webui-port", "0", self.master)
        self.logged(r"Registering worker .*(?s:.*)Registering worker (.*)")
        return self

    def logged(self, pattern):
        for _ in range(600):
            with open(self.log.name) as log:
                found = re.search(pattern, log.read())
            if found:
                return found.group(1)
            time.sleep(0.1)
        sys.exit(f"error: Spark does not start: {open(self.log.name).read()[-2000:]}")

    def submit(self, *arguments, meanwhile=lambda: None):
        settings = {
            "spark.task.maxFailures": 4,
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.files.maxPartitionBytes": "64m" if LARGE else "64k",
            "spark.executor.memory": "1g",
        }
        options = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
        command = [f"{SPARK}/bin/spark-submit", "--master", self.master, *options, *arguments]
        begun = time.monotonic()
        job = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=self.environment, start_new_session=True)
        self.processes.append(job)
        watcher = threading.Thread(target=meanwhile, daemon=True)
        watcher.start()
        if job.wait() != 0:
            told = [line for line in open(self.log.name) if not re.match(r"\S+ \S+ (INFO|WARN) ", line)]
            sys.exit(f"error: {arguments[0]} failed: {''.join(told)[-4000:]}")
        return time.monotonic() - begun

    def descendants(self):
        """The processes that the workers started, by number, with their command lines."""
        parents, commands = {}, {}
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                number = int(path.split("/")[2])
                parents[number] = int(open(path).read().rsplit(")", 1)[1].split()[1])
                commands[number] = open(f"/proc/{number}/cmdline").read().replace("\0", " ")
            except (OSError, ValueError):
                continue
        ours = {process.pid for process in self.processes}

        def is_ours(number):
            while number > 1:
                if number in ours:
                    return True
                number = parents.get(number, 0)
            return False

        return {number: command for number, command in commands.items() if number not in ours and is_ours(number)}

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.poll() is None:
                # The process has a group of its own, with all that it started.
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)


def kill_one(spark, wanted, killed):
    """Kills a process that embeds, as soon as one is found that has computed for a while."""
    for _ in range(1200):
        for number, command in spark.descendants().items():
            if re.search(wanted, command):
                with open(f"/proc/{number}/stat") as stat:
                    ticks = int(stat.read().rsplit(")", 1)[1].split()[11])
                # It has computed for a while: it is in the middle of a task.
                if ticks > 60:
                    os.kill(number, signal.SIGKILL)
                    killed.append((number, command[:60]))
                    return
        time.sleep(0.05)


def compare(directory):
    rows = records(40)
    lines, parquet = f"{directory}/records.jsonl", f"{directory}/records.parquet"
    with open(lines, "w") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
    write_parquet(parquet, rows, 360)
    local = f"{directory}/local.jsonl"
    subprocess.run(["semsearch", "embed", lines, "-q", "--output", local], check=True)
    expected = bits((row["_id"], row["embedding"]) for row in map(json.loads, open(local)))
    assert len(expected) == len(rows) == 2880

    with Spark(directory) as spark:
        print(f"Spark: {spark.master}, two workers", flush=True)
        took = spark.submit(f"{EXAMPLES}/pipe.py", lines, f"{directory}/piped")
        same(f"pipe, {took:.0f} s", of_lines(f"{directory}/piped"), expected)
        took = spark.submit(f"{EXAMPLES}/arrow.py", parquet, f"{directory}/arrow.parquet")
        same(f"mapInArrow, {took:.0f} s", of_parquet(f"{directory}/arrow.parquet"), expected)
        for name, wanted, job, read in [
            ("pipe", r"semsearch embed", ["pipe.py", lines, f"{directory}/piped2"], of_lines),
            ("mapInArrow", r"pyspark.*(daemon|worker)", ["arrow.py", parquet, f"{directory}/arrow2.parquet"], of_parquet),
        ]:
            killed = []
            spark.submit(f"{EXAMPLES}/{job[0]}", *job[1:], meanwhile=lambda: kill_one(spark, wanted, killed))
            assert killed, f"{name}: no process was found to kill"
            with open(spark.log.name) as log:
                lost = re.findall(r"Lost task \S+ in stage", log.read())
            assert lost, f"{name}: Spark has not noticed that {killed} is gone"
            same(f"{name}, process {killed[0][0]} killed, {len(lost)} tasks lost so far", read(job[-1]), expected)

    for name, script in [("Ray Data", "ray_data.py"), ("Dask", "dask_frame.py")]:
        out = f"{directory}/{script}.parquet"
        ran = subprocess.run([sys.executable, f"{EXAMPLES}/{script}", parquet, out], capture_output=True, text=True, timeout=300)
        if ran.returncode != 0:
            sys.exit(f"error: {name}: {ran.stderr[-3000:]}")
        same(name, of_parquet(out), expected)


def large(directory):
    """3 GB of texts. They are long, and cut at few tokens, so that reading takes a larger part than embedding."""
    parquet = f"{directory}/large.parquet"
    filler = " ".join(row["text"] for row in records(1))[:30_000]
    schema = pa.schema({"_id": pa.string(), "text": pa.string()})
    bytes_written, number = 0, 0
    with pq.ParquetWriter(parquet, schema, compression="none", use_dictionary=False) as writer:
        while bytes_written < 3_000_000_000:
            texts = [f"{number + at} {filler}" for at in range(500)]
            writer.write_table(pa.table({"_id": [str(number + at) for at in range(500)], "text": texts}, schema))
            bytes_written += sum(map(len, texts))
            number += 500
    print(f"{number:,} texts, {bytes_written:,} bytes", flush=True)
    peaks, done = [], threading.Event()
    with Spark(directory) as spark:

        def watch():
            begun = time.monotonic()
            while not done.is_set():
                total = 0
                for worker, command in spark.descendants().items():
                    if re.search(r"pyspark.*(daemon|worker)", command):
                        try:
                            status = open(f"/proc/{worker}/status").read()
                        except OSError:
                            continue
                        total = max(total, int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) // 1024)
                peaks.append((time.monotonic() - begun, total))
                time.sleep(5)

        took = spark.submit(f"{EXAMPLES}/arrow.py", parquet, f"{directory}/out.parquet", "int8", meanwhile=watch)
        done.set()
    rows = sum(pq.read_metadata(file).num_rows for file in glob.glob(f"{directory}/out.parquet/*.parquet"))
    assert rows == number, rows
    print(f"{rows:,} rows in {took:.0f} s; the largest Python worker's memory:")
    for at, memory in peaks[:: max(1, len(peaks) // 20)]:
        print(f"  after {at:5.0f} s: {memory:5,} MB")


directory = tempfile.mkdtemp(prefix="semsearch-spark-")
try:
    (large if LARGE else compare)(directory)
finally:
    shutil.rmtree(directory, ignore_errors=True)
