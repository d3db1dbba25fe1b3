"""What is done to the index: kills at random moments, kills at each step, and a replica that takes over."""

import time

from commands import Failed, Outcome
from kills import kill_late, kill_server, kill_writer, start_server
from material import normal
from proxy import Proxy
from readers import judge

KINDS = ["build", "together", "commit", "remove", "vacuum"]


def flat(commands):
    return [words for command in commands for words in (command if isinstance(command[0], list) else [command])]


def several(world, commands):
    """Runs commands until they succeed. Those of an inner list run at once."""
    for command in commands:
        at_once = command if isinstance(command[0], list) else [command]
        for done in [world.pool.submit(world.insist, words) for words in at_once]:
            done.result()


def change(world, what, kill=None):
    """Makes one change, with a kill at a random moment of it. Returns whether something was hit."""
    world.begin("together" if what == "commit" else what)
    commands = world.commands(world.what)
    if what == "commit":
        several(world, commands[:2])
        commands = commands[2:]
    began = time.monotonic()
    killer = world.pool.submit(kill, world.random.random() * world.lengths[what]) if kill else None
    several(world, commands)
    if killer:
        killer.result()
    else:
        world.lengths[what] = time.monotonic() - began
    world.finish()
    return world.hits > 0


def moments(world, plan):
    return at_random(world, plan.kills, ["writer", "writer", "shard1", "shard2", "coordinator"])


def late(world, plan):
    return at_random(world, plan.kills // 4, ["late writer", "late coordinator"])


def at_random(world, count, victims):
    """Kills at random moments of all commands that write."""
    world.lengths, killed, tried = {}, dict.fromkeys(victims, 0), 0
    while sum(killed.values()) < count:
        if tried % 40 == 0:
            # How long commands take depends on what else the machine does.
            world.step = "a change that nothing disturbs"
            for what in KINDS:
                change(world, what)
        tried += 1
        what, victim = world.random.choice(KINDS), world.random.choice(victims)
        if what == "remove" and world.state.endswith("-"):
            what = "build"
        world.step = f"kill {sum(killed.values()) + 1}: {victim}, during {what} from {world.state}"
        pause = world.random.random() * world.random.choice([0, 1])

        def kill(moment, victim=victim, pause=pause):
            time.sleep(moment)
            if victim == "writer":
                kill_writer(world)
            elif victim.startswith("late"):
                kill_late(world, victim.split()[1], 4 * pause)
            else:
                kill_server(world, victim, pause)

        killed[victim] += change(world, what, kill)
    told = ", ".join(f"{name} {times}" for name, times in killed.items())
    return f"{sum(killed.values())} kills in {tried} changes ({told})"


def steps(world, plan):
    """Kills and cuts at each message of a build, and of a generation that is begun, written and committed."""
    proxy, told = Proxy(world), []
    for what in ("build", "together"):
        world.step = f"{what} through the proxy"
        proxy.arm()
        world.begin(what)
        for words in flat(world.commands(what)):
            world.must(words, proxy.address)
        world.finish()
        last, hits = proxy.count, 0
        numbers = sorted(world.random.sample(range(1, last + 1), 6)) if plan.quick else range(1, last + 1)
        for number in numbers:
            for how in ("before", "after", "cut"):
                world.step = f"{what}, {how} message {number} of {last}"
                hits += step(world, proxy, what, (number, how))
        told.append(f"{what}: {hits} at {len(numbers)} of {last} messages")
    return ", ".join(told)


def disturb(world, how):
    """What is done at a message: the writer is killed before or after it, or the connection is cut within it."""

    def act(client, server, unit):
        if how == "cut":
            server.sendall(unit[: world.random.randrange(len(unit) + 1)])
            return Proxy.end(client, server)
        if how == "after":
            server.sendall(unit)
        return kill_writer(world)

    return act


def step(world, proxy, what, where):
    """Makes a change that is disturbed at one message, and again without. Returns whether it came to this message."""
    number, how = where
    world.begin(what)
    proxy.arm(number, disturb(world, how))
    for words in flat(world.commands(what)):
        outcome = world.attempt(words, proxy.address)
        if outcome.status == 2 and how == "cut" and outcome.told.startswith("error: "):
            world.note("cut: " + outcome.told)
        elif outcome.status > 0:
            raise Failed(f"{' '.join(words)} ended with {outcome.status}: {outcome.told}")
        if outcome.status:
            break
    hit = proxy.count >= number
    proxy.arm()
    several(world, flat(world.commands(what)))
    world.finish(thorough=number % 10 == 0)
    return hit


def twice(world, plan):
    """Two writers of one generation; one of them is killed at its end, and is run again."""
    proxy, last, rounds = Proxy(world), 0, 6 if plan.quick else 40
    for number in range(rounds):
        world.step = f"round {number + 1}"
        world.begin("together")
        begin, (first, second), commit = world.commands("together")
        world.insist(begin)
        proxy.arm(last - number % 5 if last else None, disturb(world, "after"))
        outcome = world.attempt(first, proxy.address)
        if outcome.status > 0:
            raise Failed(f"{' '.join(first)} ended with {outcome.status}: {outcome.told}")
        last = last or proxy.count
        several(world, [[first, second], commit])
        world.finish()
    return f"{rounds} rounds"


def replica(world, plan):
    """Kills a primary that has a replica, while readers ask, and while it is written."""
    failed, answered, rounds = 0, 0, 2 if plan.quick else 10
    for number in range(rounds):
        world.step = f"round {number + 1}"
        for reader in world.readers:
            reader.heard = []
        time.sleep(2)
        world.servers.kill("shard1")
        killed = time.monotonic()
        time.sleep(4)
        for reader in world.readers:
            heard, reader.heard = reader.heard, []
            wrong = [entry for entry in heard if isinstance(entry[3], Outcome)]
            if len(wrong) > 1 or any(began > killed for began, *_ in wrong):
                raise Failed(f"questions failed after the primary was killed at {killed}: {wrong}")
            if not any(began > killed for began, *_ in heard):
                raise Failed("no question was answered")
            failed, answered = failed + len(wrong), answered + len(heard) - len(wrong)
            reader.heard = [entry for entry in heard if entry not in wrong]
            judge(world, reader)
        start_server(world, "shard1")
    behind(world)
    told = at_random(world, 2 * rounds, ["shard1"])
    return f"{rounds} kills, {answered} answers, {failed} errors; while it was written, {told}"


def behind(world):
    """A replica that has not got the newest generation gives an error until it has got it."""
    world.step = "a replica that is behind"
    world.sql("replica", "SELECT pg_wal_replay_pause()")
    world.begin("build")
    several(world, world.commands("build"))
    world.finish()
    down = [time.monotonic(), float("inf"), world.servers.ports["shard1"]]
    world.downs.append(down)
    world.servers.kill("shard1")
    for question in world.questions:
        outcome = world.attempt(question)
        if outcome.status != 2 or "is behind" not in outcome.told:
            raise Failed(f"{' '.join(question)} ended with {outcome.status}: {outcome.told}")
    world.sql("replica", "SELECT pg_wal_replay_resume()")
    world.insist(world.questions[0])
    for question in world.questions:
        answer = normal(question, world.must(question).output)
        if answer != world.expected[world.state]["answers"][question]:
            raise Failed(f"the replica does not answer as its primary: {question}: {answer[:2000]}")
    start_server(world, "shard1")
    down[1] = time.monotonic()


PHASES = {"moments": moments, "late": late, "steps": steps, "twice": twice, "replica": replica}
