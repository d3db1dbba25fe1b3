"""Readers, which ask all the time and remember what they were told, and the judgement of it."""

import contextlib
import json
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from commands import ENVIRONMENT, PATIENCE, PROGRAM, Failed, Outcome, run
from material import normal


class Reader(threading.Thread):
    """Asks by one process a question."""

    # The seconds that an answer may be behind.
    lag = 0

    def __init__(self, world, questions):
        super().__init__(daemon=True)
        self.world, self.questions, self.ended, self.heard = world, questions, threading.Event(), []

    def run(self):
        number = 0
        while not self.ended.is_set():
            question, began = self.questions[number % len(self.questions)], time.monotonic()
            try:
                answer = self.ask(question)
            except Failed as error:
                answer = Outcome(-1, "", str(error))
            self.heard.append((began, time.monotonic(), question, answer))
            number += 1
            time.sleep(0.1)

    def ask(self, question):
        outcome = run([*question, "--store", self.world.address()], self.world.directory)
        return normal(question, outcome.output) if outcome.status == 0 else outcome

    def stop(self):
        self.ended.set()
        if self.is_alive():
            self.join()


class ServeReader(Reader):
    """Asks `semsearch serve`, one process that stays. A new commit is served within a second."""

    lag = 3

    def __init__(self, world, questions):
        super().__init__(world, questions)
        self.bind = f"127.0.0.1:{world.module.free_port()}"
        words = [PROGRAM, "serve", "--bind", self.bind, "--store", world.address()]
        self.process = subprocess.Popen(words, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.wait()

    def ask(self, question):
        address = f"http://{self.bind}/v1/search?{urllib.parse.urlencode(dict(question))}"
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
                answer = json.load(answer)
                return json.dumps([answer["matching"], answer["hits"]])
        except urllib.error.HTTPError as error:
            return Outcome(2, "", json.load(error)["error"]["message"])
        except OSError as error:
            return Outcome(-1, "", f"`semsearch serve` does not answer: {error}")

    def wait(self):
        """Waits until it serves."""
        until = time.monotonic() + PATIENCE
        while not isinstance(self.ask(self.questions[0]), str):
            if time.monotonic() > until:
                self.process.kill()
                raise Failed("`semsearch serve` does not answer")
            time.sleep(0.1)

    def stop(self):
        super().stop()
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)


def judge(world, reader):
    """Each answer must be that of one generation that was there then; an error, that of a server that was down."""
    heard, reader.heard = reader.heard, []
    until = [when for when, _ in world.allowed[1:]] + [float("inf")]
    newest = float("inf")
    for began, ended, question, answer in heard:
        if isinstance(answer, Outcome):
            judge_error(world, (began - reader.lag, ended), question, answer)
            continue
        right = {state for (when, states), end in zip(world.allowed, until, strict=True)
                 for state in states if when <= ended and end >= began - reader.lag}
        known = {state for state, seen in world.expected.items() if seen["answers"][question] == answer}
        if not known & right or began > newest and world.to not in known:
            raise Failed(f"a reader was told what is in {known or 'no generation'}, where {right} is right: "
                         f"{question}: {answer[:2000]}")
        # Who asks after the new generation was seen must see it too.
        if not reader.lag and began > world.began and known & right == {world.to} != {world.before}:
            newest = min(newest, ended)


def judge_error(world, time_, question, answer):
    began, ended = time_
    down = [port for start, end, port in world.downs if start <= ended and end >= began]
    outdated = any(start <= ended and end >= began for start, end in world.vacuums)
    named = any(str(port) in answer.told for port in down)
    if answer.status != 2 or not (named or outdated and "was removed while it was read" in answer.told):
        raise Failed(f"a reader was told {answer} while {down or 'no server'} was down: {question}")
    world.note("reader: " + answer.told)
