"""Clients that send a header or a body slowly, or read slowly: others are answered meanwhile."""

import subprocess
import time
import urllib.request

from server import URL

KINDS = {
    "headers": ["-H", "-u", f"{URL}/v1/models"],
    "bodies": ["-B", "-t", "POST", "-s", "8192", "-u", f"{URL}/v1/search"],
    "reading": ["-X", "-w", "10", "-y", "20", "-n", "5", "-z", "32", "-k", "3", "-u", f"{URL}/?q=a"],
}

for kind, more in KINDS.items():
    command = ["slowhttptest", "-c", "900", "-r", "300", "-i", "5", "-l", "20", "-x", "24", "-p", "3", *more]
    attack = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(4)
    times = []
    for _ in range(60):
        begun = time.monotonic()
        with urllib.request.urlopen(f"{URL}/v1/search?query=halftime&k=3", timeout=10) as answer:
            assert answer.status == 200
        times.append(time.monotonic() - begun)
        time.sleep(0.1)
    attack.terminate()
    attack.wait()
    print(f"900 clients with slow {kind}: 60 searches meanwhile, the slowest {1000 * max(times):.0f} ms")
