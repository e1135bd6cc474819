"""How a pipeline holds tasks and how it runs; free of third-party imports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from crackle_stream.alerting import MuteTime

__all__ = ["BreakerOptions", "HushOptions", "KilnOptions", "RetryOptions", "RunOptions", "SpoolOptions"]


@dataclass(frozen=True, slots=True)
class KilnOptions:
    """The kilns of a pipeline.

    Attributes:
        capacity: tasks a kiln's ring holds, and so the size of a full window.
        scope: what has a kiln of its own: the source, a partition, or a key; "auto" is key where the decoder names
            key fields, else partition (a pipe, a file and a queue are one).
        overflow: "block" makes the source wait, so that every task is cooled at least once; "drop_oldest" lets go of
            the oldest window that waits, and counts its tasks.
        max_bytes: memory of all rings together.
        max_keys: kilns at most; the least recent is cooled and closed beyond it.
    """

    capacity: int = 1000
    scope: Literal["auto", "source", "partition", "key"] = "auto"
    overflow: Literal["block", "drop_oldest"] = "block"
    max_bytes: int = 64 * 1024 * 1024
    max_keys: int = 10_000

    def __post_init__(self) -> None:
        for name in ("capacity", "max_bytes", "max_keys"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.scope not in ("auto", "source", "partition", "key"):
            raise ValueError(f"scope must be auto, source, partition or key, not {self.scope!r}")
        if self.overflow not in ("block", "drop_oldest"):
            raise ValueError(f"overflow must be block or drop_oldest, not {self.overflow!r}")

    def resolved(self, *, keyed: bool) -> KilnOptions:
        """A copy whose scope is decided: by key where there are key fields, else by partition."""
        return replace(self, scope="key" if keyed else "partition") if self.scope == "auto" else self


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """How a delivery is tried again. A round is a few quick tries; a required sink gets rounds without end.

    A breaker before each sink counts the tries that fail and makes the rounds wait longer (`BreakerOptions`).

    Attributes:
        attempts: tries in a round.
        wait_s: seconds before the second try; doubled each time, with jitter.
        wait_max_s: most seconds between two tries of a round.
        round_wait_s: seconds before the second round; doubled each time.
        round_wait_max_s: most seconds between two rounds.
        rounds: rounds a sink that is not required gets before the alert is dropped and counted.
    """

    attempts: int = 4
    wait_s: float = 0.5
    wait_max_s: float = 5.0
    round_wait_s: float = 5.0
    round_wait_max_s: float = 60.0
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class BreakerOptions:
    """When a sink that fails is left alone.

    Attributes:
        failures: failed tries in a row after which it is.
        open_s: seconds it is left alone at least.
        open_max_s: seconds it is left alone at most, once it has failed again and again.
    """

    failures: int = 5
    open_s: float = 30.0
    open_max_s: float = 300.0


@dataclass(frozen=True, slots=True)
class SpoolOptions:
    """How much a sink's spool holds.

    Attributes:
        max_bytes: of alerts as JSON.
        max_rows: alerts.
        max_age: seconds after which an alert is of no use any more and goes to the dead letters.
        when_full: "block" makes the source wait; "drop_oldest" moves the oldest alerts to the dead letters.
    """

    max_bytes: int = 256 * 2**20
    max_rows: int = 100_000
    max_age: float = 72 * 3600.0
    when_full: Literal["block", "drop_oldest"] = "block"

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_rows", "max_age"):
            if not getattr(self, name) > 0:
                raise ValueError(f"a spool's {name} must be more than 0, not {getattr(self, name)}")
        if self.when_full not in ("block", "drop_oldest"):
            raise ValueError(f"when_full must be block or drop_oldest, not {self.when_full!r}")


@dataclass(frozen=True, slots=True)
class HushOptions:
    """When nobody is told.

    Attributes:
        silences: a TOML file of silences, read again when it changes; none by default.
        mutes: hours of the week in which alerts wait.
    """

    silences: Path | None = None
    mutes: tuple[MuteTime, ...] = ()


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a pipeline runs.

    Attributes:
        name: names the pipeline in window ids; two pipelines over one topic need two names.
        strict: stop at the first bad record.
        shutdown_grace: seconds that stopping may take.
        start_timeout: seconds to try opening the source.
        seed: of the generators handed to the detectors.
        max_unsettled: most windows cooled ahead of a sink that does not take its alerts; then reading waits.
        max_unsettled_bytes: most bytes of what they left behind and of their alerts in memory, roughly; then too.
        flush_partial: cool the last partial window when stopping; None does so for sources that cannot be read again
            from a committed position or that have ended.
    """

    name: str = "crackle-stream"
    strict: bool = False
    shutdown_grace: float = 25.0
    start_timeout: float = 60.0
    seed: int = 0
    max_unsettled: int = 10_000
    max_unsettled_bytes: int = 64 * 1024 * 1024
    flush_partial: bool | None = None

    def __post_init__(self) -> None:
        for name in ("max_unsettled", "max_unsettled_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
