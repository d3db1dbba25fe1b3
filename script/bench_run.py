"""Runs of semsearch, with their time and their memory: what the scripts of `script/bench` share."""

import re
import subprocess
import sys
import threading
import time


def runner(semsearch):
    """A function that runs this program: seconds, peak resident memory in MB, standard output."""

    def run(*command):
        start = time.perf_counter()
        child = subprocess.Popen([semsearch, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        peak = [0]

        def watch():
            # Not `ru_maxrss`: a child's value begins with that of its parent.
            while child.poll() is None:
                try:
                    with open(f"/proc/{child.pid}/status") as status:
                        found = re.search(r"VmHWM:\s+(\d+) kB", status.read())
                except OSError:
                    return
                peak[0] = int(found.group(1)) if found else peak[0]
                time.sleep(0.01)

        watcher = threading.Thread(target=watch)
        watcher.start()
        output, _ = child.communicate()
        seconds = time.perf_counter() - start
        watcher.join()
        if child.returncode != 0:
            sys.exit(f"error: semsearch {' '.join(command)}: status {child.returncode}")
        return seconds, peak[0] / 1024, output

    return run
