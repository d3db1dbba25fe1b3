"""Runs the program."""

import os
import pathlib
import signal
import subprocess
import typing

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAM = os.path.abspath(os.environ.get("SEMSEARCH", TARGET / "release/semsearch"))
ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
# The seconds after which something hangs.
PATIENCE = 120


class Failed(Exception):
    """A promise was broken."""


class Outcome(typing.NamedTuple):
    status: int
    output: str
    told: str


def run(words, directory, began=lambda process: None):
    """Runs a command to its end. `began` is called with its process."""
    process = subprocess.Popen([PROGRAM, *words], cwd=directory, env=ENVIRONMENT, stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    began(process)
    try:
        output, told = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Failed(f"{' '.join(words)} did not end in {PATIENCE} s") from None
    if "panicked" in told or process.returncode not in (0, 1, 2, -signal.SIGKILL):
        raise Failed(f"{' '.join(words)} ended with {process.returncode}: {told}")
    return Outcome(process.returncode, output, told)
