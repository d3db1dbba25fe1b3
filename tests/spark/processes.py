"""Looks at processes through /proc: those that others started, what they have computed, and their memory."""

import os
import pathlib
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Process(NamedTuple):
    pid: int
    parent: int
    command: str
    #: Seconds of a core that it has used.
    seconds: float
    #: Bytes of memory that it has in use.
    memory: int
    #: When it was started. A number may be given to another process later.
    begun: int


def everything():
    """All processes by number."""
    found = {}
    for directory in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (directory / "stat").read_text().rsplit(")", 1)[1].split()
            command = (directory / "cmdline").read_text(errors="replace").replace("\0", " ").strip()
        except OSError:
            continue  # It has ended meanwhile.
        if fields[0] != "Z":
            seconds = (int(fields[11]) + int(fields[12])) / TICKS
            pid = int(directory.name)
            found[pid] = Process(pid, int(fields[1]), command, seconds, int(fields[21]) * PAGE, int(fields[19]))
    return found


def below(pids):
    """The processes that the given ones started, and those that these started, and so on."""
    processes, wanted, grown = everything(), set(pids), True
    while grown:
        more = {process.pid for process in processes.values() if process.parent in wanted} - wanted
        wanted |= more
        grown = bool(more)
    return {pid: processes[pid] for pid in wanted - set(pids) if pid in processes}


def left(before):
    """Those of the processes that still run."""
    now = everything()
    return [now[pid] for pid, process in before.items() if pid in now and now[pid].begun == process.begun]
