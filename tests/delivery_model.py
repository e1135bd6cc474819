"""The delivery model: two processes, partitions that move, kills at every step; what must never happen is counted.

Run as a module it prints the table of docs/delivery.md:

    python tests/delivery_model.py 1000
"""

from __future__ import annotations

import random
import sys
from collections import Counter

from delivery_log import CAPACITY, Broken, Harm, Log, Receiver, Truth, harms_of, written_log
from delivery_process import Disk, Killed, Process, World

from crackle_stream.alerting import AlertPolicy, RaiseAfter
from crackle_stream.model import Partition
from crackle_stream.schedule import CoolingSchedule

STEPS = 200
SCHEDULES = (
    CoolingSchedule(4, 10.0),
    CoolingSchedule(3, None),
    CoolingSchedule(None, 5.0),
    CoolingSchedule(20, None),
)
ACTS = {
    "read": 40,
    "cool": 22,
    "idle": 10,
    "ask": 2,
    "commit": 8,
    "send": 8,
    "acknowledge": 5,
    "move": 2,
    "kill": 2,
    "other": 5,
}
"""What happens next, by weight."""

NEEDS_A_DISK = frozenset({Broken.NOT_FENCED, Broken.OUTBOX_KEPT_AFTER_A_MOVE})
NEEDS_NO_DISK = frozenset(
    {
        Broken.SETTLES_WHEN_COOLED,
        Broken.STATE_AS_OF_NOW,
        Broken.CUTS_NOT_LISTED,
        Broken.MERGES_WHILE_CATCHING_UP,
        Broken.STREAM_TIME_FORGOTTEN,
        Broken.GRID_FROM_THE_START,
        Broken.REFILLS_NOTHING,
        Broken.LATE_IDS_OF_THE_MOMENT,
        Broken.SILENCE_IS_BELIEVED,
    }
)
"""With a disk news is safe once the checkpoint is, and first attempted once the broker has the position behind it: what
its window was cut from does not come again, so rules about cutting it again the same way guard nothing there."""


def the_silences(rng: random.Random) -> tuple[tuple[float, float], ...]:
    """None; one that ends, that begins, or that does both; or one after the other."""
    begins, ends = sorted((rng.uniform(1, STEPS), rng.uniform(1, STEPS)))
    many = tuple((float(step), step + 6.0) for step in range(0, 2 * STEPS, 9))
    return rng.choice(((), (), ((-1.0, ends),), ((begins, 1e9),), ((begins, ends),), many))


class Run:
    """One seeded run, from an empty log to rest."""

    def __init__(self, seed: int, broken: Broken | None = None, *, disks: bool, partitions: int = 1) -> None:
        self.rng = rng = random.Random(seed)
        other = random.Random(f"of what is held back in run {seed}")
        twice = rng.random() < 0.4
        longest = 3 * CAPACITY if twice else CAPACITY
        names = [Partition("results", number) for number in range(partitions)]
        logs: dict[Partition, Log] = {name: written_log(rng, name.number or 0, longest) for name in names}
        self.world = World(
            logs,
            {name: Truth(log) for name, log in logs.items()},
            Receiver(),
            rng,
            rng.choice(SCHEDULES),
            AlertPolicy(
                min_confidence=0.5,
                repeat_interval=rng.choice((20.0, 1e9)),
                resolve_after=rng.randint(1, 3),
                raise_after=RaiseAfter(2, 3) if twice else RaiseAfter(),
            ),
            broken,
            explaining=other.random() < 0.4,
            silences=the_silences(other),
        )
        self.processes = [Process(self.world, Disk(f"{number:016x}") if disks else None) for number in (1, 2)]
        self.owner: dict[Partition, int] = {}

    def harms(self) -> Counter[Harm]:
        """What went wrong in it."""
        self.world.deadly = 0.06
        for _ in range(STEPS):
            try:
                self._step()
            except Killed:
                self._died()
        self.world.deadly = 0.0
        self._come_to_rest()
        found = (harms_of(truth, self.world.receiver, self.world.silences) for truth in self.world.truths.values())
        return sum(found, Counter[Harm]())

    def _step(self) -> None:
        rng = self.rng
        self.world.now += 1
        partition = rng.choice(list(self.world.logs))
        log = self.world.logs[partition]
        if rng.random() < 0.5:
            log.end = min(len(log.rows), log.end + rng.randint(1, 6))
        if partition not in self.owner:
            self._assign(partition, rng.randrange(2))
        self.working = self.owner[partition]
        process = self.processes[self.working]
        tenure = process.tenures[partition]
        act = rng.choices(list(ACTS), list(ACTS.values()))[0]
        if act == "read":
            tenure.read(min(rng.randint(1, 10), log.end - tenure.next))
        elif act == "idle":
            if tenure.caught_up:
                tenure.extra_cut("idle")
        elif act == "ask":
            tenure.extra_cut("asked")
        elif act == "cool":
            tenure.cool()
        elif act == "commit":
            tenure.commit()
        elif act == "send":
            tenure.send()
            process.send()
        elif act == "acknowledge":
            tenure.acknowledge()
        elif act == "move":
            process.revoke(partition)
            del self.owner[partition]
        elif act == "kill":
            raise Killed
        else:
            self.working = 1 - self.working
            self.processes[self.working].send()

    def _assign(self, partition: Partition, number: int) -> None:
        self.working = number
        self.processes[number].assign(partition)
        self.owner[partition] = number

    def _died(self) -> None:
        """Its partitions go to whoever is assigned next, itself perhaps."""
        self.processes[self.working].die()
        self.owner = {name: number for name, number in self.owner.items() if number != self.working}

    def _come_to_rest(self) -> None:
        """The log ends, nothing fails any more, and everything is worked off."""
        for partition, log in self.world.logs.items():
            log.end = len(log.rows)
            if partition not in self.owner:
                self._assign(partition, self.rng.randrange(2))
            process = self.processes[self.owner[partition]]
            tenure = process.tenures[partition]
            while not tenure.caught_up:
                tenure.read(min(4, log.end - tenure.next))
                while tenure.waiting:
                    tenure.cool()
            tenure.extra_cut("end")
            while tenure.waiting:
                tenure.cool()
            left = True
            while left:
                tenure.commit()
                before = len(tenure.news)
                while tenure.news and tenure.may_send:
                    tenure.send()
                while tenure.flying:
                    tenure.acknowledge()
                left = len(tenure.news) < before
            tenure.commit()
            for one in self.processes:
                one.send()


VARIANTS = tuple(
    (broken, disks)
    for disks in (False, True)
    for broken in (None, *Broken)
    if broken not in (NEEDS_NO_DISK if disks else NEEDS_A_DISK)
)
"""The rules and each of them left out, without and with state directories."""


def heading() -> str:
    return "\n".join(["| variant | runs | " + " | ".join(Harm) + " |", "|---|" + "---|" * (len(Harm) + 1)])


def line(broken: Broken | None, disks: bool, seeds: int) -> str:
    """Shares of a variant's runs with each harm."""
    hit = Counter[Harm]()
    for seed in range(seeds):
        hit.update(Run(seed, broken, disks=disks, partitions=1 + seed % 2).harms().keys())
    shares = " | ".join(f"{hit[harm] / seeds:.1%}" if hit[harm] else "0" for harm in Harm)
    return f"| {broken or '**the rules**'}, {'state directory' if disks else 'no state'} | {seeds} | {shares} |"


if __name__ == "__main__":
    print(heading())
    for variant in VARIANTS:
        print(line(*variant, seeds=int(sys.argv[1]) if len(sys.argv) > 1 else 1000), flush=True)
