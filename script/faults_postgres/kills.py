"""Kills processes, and starts servers again."""

import contextlib
import os
import pathlib
import signal
import subprocess
import time

from commands import Failed


def kill_writer(world):
    """Kills one of the commands that run."""
    running = [process for process in list(world.running) if process.poll() is None]
    if running:
        world.random.choice(running).kill()
        world.hits += 1


def kill_server(world, name, pause):
    """Kills all processes of a server, and starts it again after a pause."""
    world.hits += bool(world.running)
    down = [time.monotonic(), float("inf"), world.servers.ports[name]]
    world.downs.append(down)
    world.servers.kill(name)
    time.sleep(pause)
    start_server(world, name)
    down[1] = time.monotonic()


def start_server(world, name):
    for _ in range(20):
        with contextlib.suppress(SystemExit):
            return world.servers.start(name)
        time.sleep(0.2)
    raise Failed(f"{name} does not start again")


def kill_late(world, victim, pause):
    """Kills a writer or the coordinator while a shard is slow: what the shard was told is done only after a pause."""
    stopped, until = [], time.monotonic() + 1
    while not stopped and world.running and time.monotonic() < until:
        stopped = writing(world, world.random.choice(["shard1", "shard2"]))
    try:
        for number in stopped:
            os.kill(number, signal.SIGSTOP)
        time.sleep(0.05)
        if victim == "writer":
            kill_writer(world)
        else:
            kill_server(world, "coordinator", 0)
        time.sleep(pause)
    finally:
        for number in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGCONT)


def writing(world, name):
    """The processes of a server that write for somebody at this moment, by what they show as their title."""
    words = ["pgrep", "-a", "-P", str(world.servers.process(name))]
    shown = subprocess.run(words, capture_output=True, text=True).stdout.splitlines()
    titles = ("INSERT", "COMMIT", "DO", "DELETE", "UPDATE", "idle in transaction")
    return [int(line.split()[0]) for line in shown if line.endswith(titles)]


def end_servers(servers):
    """Ends all servers for good."""
    for name in servers.ports:
        process = servers.process(name)
        with contextlib.suppress(OSError):
            # A number that was left by a dead server may be that of another process now.
            if process and str(servers.data(name)).encode() in pathlib.Path(f"/proc/{process}/cmdline").read_bytes():
                servers.kill(name)
