"""Kills real processes on real servers while an index in PostgreSQL is written, and checks what such an index promises.

    script/faults --postgres [--quick] [--seed N] [--kills N] [PHASE...]

The servers are a coordinator and two shards (script/postgres). The index goes back and forth between the records A
and B, which differ in a fifth of the documents: changed, added, removed. Two readers ask all the time, one by commands
and one of `semsearch serve`. Each of their answers must be that of one whole generation; an error is right only while
a server is down, and names it. Whatever is killed, the same command is run again until it succeeds. Then the index must
be equal to one that nobody disturbed, and nothing may be left of what was given up.

    moments   a writer, a shard or the coordinator is killed at random moments of every command that writes
    late      a writer or the coordinator is killed while a shard is slow: what the shard was told is done afterwards
    steps     a proxy kills the writer before and after each of its messages, and cuts its connection at each
    twice     a writer of an open generation is killed at its end, and is run again
    replica   a replica takes over reads when its primary is killed; one that is behind gives an error

The program is target/release/semsearch, or SEMSEARCH. A failure names the seed, the phase and the step.
"""

import argparse
import signal
import sys
import time
import traceback

sys.dont_write_bytecode = True

from phases import PHASES  # noqa: E402
from world import World  # noqa: E402


def main():
    parser = argparse.ArgumentParser("script/faults --postgres", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phases", nargs="*", metavar="PHASE", help="only these")
    parser.add_argument("--quick", action="store_true", help="20 kills, and some of the steps")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kills", type=int, help="how many at random moments [default: 240, or 20]")
    parser.add_argument("--errors", action="store_true", help="print all errors that there were")
    plan = parser.parse_args()
    plan.kills = plan.kills or (20 if plan.quick else 240)
    if unknown := set(plan.phases) - set(PHASES):
        parser.error(f"no phase {', '.join(unknown)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("it was told to end"))
    world, phase = World(plan.seed), "setting up"
    try:
        world.open()
        for phase in plan.phases or PHASES:
            began = time.monotonic()
            world.prepare(phase)
            told = PHASES[phase](world, plan)
            world.stop()
            print(f"{phase}: {told}, {time.monotonic() - began:.0f} s", flush=True)
    except BaseException as error:
        traceback.print_exc()
        sys.exit(f"script/faults --postgres --seed {plan.seed}: {phase}: {world.step}: {error}")
    finally:
        world.close()
        for told, times in sorted(world.errors.items()) if plan.errors else ():
            print(f"  {times} x {told}")


main()
