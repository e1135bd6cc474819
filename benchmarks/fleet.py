"""A model of many processes in one consumer group: how many it takes, what they hold, and what a rebalance leaves.

Three small parts, each with a closed form that a test holds it to:

- work: records a second x processor seconds a record gives processes, and with cores machines and memory;
- waits: a process is one server, for Python runs one thread at a time; windows of its partitions that end together
  wait for each other (Lindley's recursion over their arrivals);
- a rebalance: all partitions stand still for a pause, are refilled with context for their rings, and catch up, as a
  fluid in small steps.

`python -m benchmarks.scaling` prints what it says of the measured points beside them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Fleet", "Move", "Worker", "phased", "waits"]

UTILISATION = 0.7
"""Of a core that a process may take in the long run: the rest catches up after a rebalance, in seconds."""

STEP_S = 0.01


@dataclass(frozen=True, slots=True)
class Worker:
    """What one process costs.

    Attributes:
        cpu_s: of processor for a record, cooling included.
        refill_cpu_s: of processor for a record that only fills a ring again: it is decoded and not cooled.
        base_mib: resident with few partitions.
        partition_kib: more for each partition: its ring, its history, what is fetched of it.
    """

    cpu_s: float
    refill_cpu_s: float
    base_mib: float
    partition_kib: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """Processes that share the partitions of a topic.

    Attributes:
        worker: each of them.
        partitions: of the topic.
        rate: records a second, all partitions together.
        cores: of a machine; one process a core.
        every_tasks: records of a partition from cut to cut.
    """

    worker: Worker
    partitions: int
    rate: float
    cores: int = 8
    every_tasks: int = 500

    @property
    def processes(self) -> int:
        """As many as the work needs, and never more than there are partitions."""
        return min(self.partitions, math.ceil(self.rate * self.worker.cpu_s / UTILISATION))

    @property
    def machines(self) -> int:
        """With a core for each process."""
        return math.ceil(self.processes / self.cores)

    @property
    def load(self) -> float:
        """Of a core that each process takes."""
        return self.rate * self.worker.cpu_s / self.processes

    @property
    def process_mib(self) -> float:
        """Resident memory of the process with the most partitions."""
        most = math.ceil(self.partitions / self.processes)
        return self.worker.base_mib + most * self.worker.partition_kib / 1024

    def window_waits(self, rng: np.random.Generator, windows: int = 20_000) -> npt.NDArray[np.float64]:
        """How long windows of one process wait for it, where partitions end theirs at random phases."""
        partitions = math.ceil(self.partitions / self.processes)
        period = self.every_tasks * self.partitions / self.rate
        phases = rng.random(partitions) * period
        return waits(phased(phases, period, max(1, windows // partitions)), self.window_s)

    @property
    def window_s(self) -> float:
        """What a window takes, with the reading of its records."""
        return self.every_tasks * self.worker.cpu_s

    def move(self, pause_s: float, refill: int) -> Move:
        """A rebalance of all partitions.

        Args:
            pause_s: in which nobody reads: members come together, and find where their partitions begin.
            refill: records read again to fill the rings of a partition.
        """
        each = 1 / self.processes
        return Move(
            rate=self.rate * each,
            capacity=1 / self.worker.cpu_s,
            pause_s=pause_s,
            refill_s=refill * self.partitions * each * self.worker.refill_cpu_s,
        )


@dataclass(frozen=True, slots=True)
class Move:
    """A rebalance, of one process's share.

    Attributes:
        rate: records a second that come.
        capacity: records a second that can be worked off.
        pause_s: nothing is read.
        refill_s: rings are filled again, and nothing new is worked off.
    """

    rate: float
    capacity: float
    pause_s: float
    refill_s: float

    @property
    def still_s(self) -> float:
        """From the last record worked off before to the first after."""
        return self.pause_s + self.refill_s

    @property
    def lag(self) -> float:
        """Records that wait at the most."""
        return self.rate * self.still_s

    @property
    def recovered_s(self) -> float:
        """From the beginning until nothing waits: infinite where there is no capacity to spare."""
        spare = self.capacity - self.rate
        return self.still_s + self.lag / spare if spare > 0 else math.inf

    def simulated(self, step_s: float = STEP_S, within_s: float = 3600.0) -> tuple[float, float]:
        """The same in small steps: records that wait at the most, and seconds until none does."""
        waiting = most = now = 0.0
        refill = self.refill_s
        while now < within_s:
            waiting += self.rate * step_s
            now += step_s
            if now <= self.pause_s:
                pass
            elif refill > 0:
                refill -= step_s
            else:
                waiting -= min(waiting, self.capacity * step_s)
                if waiting <= 0:
                    return most, now
            most = max(most, waiting)
        return most, math.inf


def phased(phases: npt.NDArray[np.float64], period: float, rounds: int) -> npt.NDArray[np.float64]:
    """When windows end: one of each phase in every period, in order of time."""
    return np.sort((np.arange(rounds)[:, None] * period + phases[None, :]).ravel())


def waits(arrivals: npt.NDArray[np.float64], service: float) -> npt.NDArray[np.float64]:
    """How long each of what arrives waits for one server that takes the same time for all.

    Lindley's recursion w[i + 1] = max(0, w[i] + service - (a[i + 1] - a[i])), here as the height of a walk over its
    lowest point so far [1].

    [1] D. V. Lindley, The theory of queues with a single server, Proc. Camb. Phil. Soc. 48 (1952),
        https://doi.org/10.1017/S0305004100027638
    """
    walk = np.concatenate(([0.0], np.cumsum(service - np.diff(arrivals))))
    return walk - np.minimum.accumulate(walk)
