"""A cluster of Spark on this machine: a master, two workers of one core each, and what they start, as real processes."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import processes

SPARK = os.environ["SPARK_HOME"]


class Cluster:
    def __init__(self, directory, settings=()):
        self.directory, self.started, self.jobs = pathlib.Path(directory), [], 0
        self.log = open(self.directory / "cluster.log", "w")
        self.events = self.directory / "events"
        self.events.mkdir()
        self.settings = {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.executor.memory": "1g",
            # Each task is then a small part of a file, so that there are several.
            "spark.sql.files.maxPartitionBytes": "64k",
            # What happened to each task, for `lost`.
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": self.events.as_uri(),
            "spark.eventLog.compress": "false",
            "spark.eventLog.rolling.enabled": "false",
            **dict(settings),
        }

    def __enter__(self):
        try:
            self._start("master.Master")
            self.master = self._logged(r"Starting Spark master at (spark://\S+)")
            for worker in (1, 2):
                place = f"{self.directory}/worker-{worker}"
                self._start("worker.Worker", "--cores", "1", "--memory", "2g", "-d", place, self.master)
            self._logged(r"(?s)Registering worker .*(Registering worker) ")
        except BaseException:
            self.__exit__()
            raise
        print(f"Spark: {self.master}, workers {', '.join(str(worker.pid) for worker in self.started[1:])}", flush=True)
        return self

    def __exit__(self, *_):
        """Ends what was started, the newest first, and what was started by that."""
        everything = processes.below([process.pid for process in self.started])
        for process in reversed(self.started):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for _ in range(50):
            if not processes.left(everything):
                return
            time.sleep(0.1)
        for process in processes.left(everything):
            print(f"note: process {process.pid} did not end by itself: {process.command[:80]}")
            os.kill(process.pid, signal.SIGKILL)

    def submit(self, *arguments, meanwhile=lambda cluster: None):
        """Runs a job to its end. `meanwhile` is called again and again while it runs. Returns the seconds."""
        settings = [word for setting in self.settings.items() for word in ("--conf", "=".join(setting))]
        command = [f"{SPARK}/bin/spark-submit", "--master", self.master, *settings, *map(str, arguments)]
        begun, self.jobs = time.monotonic(), self.jobs + 1
        with open(self.directory / f"job-{self.jobs}.log", "w+") as log:
            job = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self.started.append(job)
            while job.poll() is None:
                meanwhile(self)
                time.sleep(0.05)
            if job.returncode != 0:
                log.seek(0)
                lines = [line for line in log if not re.match(r"\S+ \S+ (INFO|WARN) ", line)]
                sys.exit(f"error: {arguments[0]} failed:\n{''.join(lines)[-4000:]}")
        self.started.remove(job)
        return time.monotonic() - begun

    def tasks(self):
        """How the tasks of the last job ended: the number of those that succeeded, and why each of the others did not."""
        newest = max(self.events.glob("app-*"), key=lambda path: path.name)
        events = [json.loads(line) for line in open(newest)]
        ends = [event["Task End Reason"] for event in events if event["Event"] == "SparkListenerTaskEnd"]
        failed = [end for end in ends if end["Reason"] != "Success"]
        return len(ends) - len(failed), failed

    def below(self):
        """The processes that the workers started."""
        return processes.below([process.pid for process in self.started[1:3]])

    def _start(self, kind, *arguments):
        command = [f"{SPARK}/bin/spark-class", f"org.apache.spark.deploy.{kind}", "--host", "127.0.0.1"]
        command += ["--port", "0", "--webui-port", "0", *arguments]
        self.started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log))

    def _logged(self, pattern):
        """Waits until the master or a worker has logged this."""
        for _ in range(600):
            log = pathlib.Path(self.log.name).read_text()
            if found := re.search(pattern, log):
                return found.group(1)
            time.sleep(0.1)
        sys.exit(f"error: Spark does not start:\n{log[-2000:]}")
