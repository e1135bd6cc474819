"""What the windows of a stream's keys ask of the one core that cools them, and whether it can keep up."""

from __future__ import annotations

import math

from crackle_stream.app.config import Configuration
from crackle_stream.app.config.sections import NEVER, KilnSection
from crackle_stream.profile import Family

__all__ = ["overload"]

QUIET_MS = 0.48
"""Milliseconds of processor for a key's window in which nothing can be tested, all the way from its line in a file:
docs/reliability.md, as many keys as records."""

COOLED_MS = {Family.EVIDENCE: 40.0, Family.THRESHOLD: 4.0}
"""And for one in which something can be, by family: 1,000 tasks of 8 metrics, and of 16 (docs/performance.md). Fewer
tasks take hardly less (evidence: 100 take three quarters of it, 12 half), so how many there are is not asked."""


def overload(configuration: Configuration) -> str | None:
    """Why windows of keys cannot keep up, where as many keys as may be open have a task in every period.

    Windows are cooled one after another, and periods of keys begin at times of their own, so that what a period's
    windows take together decides. Those that `every_tasks` ends come on top; how many is for the stream to say.

    Returns:
        The problem, its numbers and its cure; None where one core can do it, and where keys have no windows by time.
    """
    kiln = configuration.kiln
    scope = kiln.options.resolved(keyed=bool(configuration.decode.key)).scope
    if scope != "key" or kiln.every_seconds == NEVER or _unsaid(kiln):
        return None
    period, each = float(kiln.every_seconds), COOLED_MS[Family(configuration.profile.family)]
    asked = kiln.max_keys * each / 1000
    if asked <= period:
        return None
    most = math.floor(1000 * period / each)
    return (
        f"kiln: {kiln.max_keys:,} keys (max_keys) with a window every {period:g} s (every_seconds) cannot keep up: "
        f"where there is something to test a window takes some {each:g} ms of processor, all of them {asked:,.1f} s "
        f"of every {period:g} s, and one core cools them. That is enough for {most:,} keys, or for "
        f"{math.floor(1000 * period / QUIET_MS):,} with too few tasks to test ({QUIET_MS:g} ms each); with more, "
        "windows are merged and keys are looked at later, or a file or a pipe waits. Set every_seconds to "
        f"{math.ceil(asked)} or more{f', or max_keys to the keys there are, at most {most:,}' if most else ''}"
    )


def _unsaid(kiln: KilnSection) -> bool:
    """Whether neither the number of keys was given nor a period shorter than the default: then nobody knows."""
    usual = KilnSection()
    return kiln.max_keys == usual.max_keys and float(kiln.every_seconds) >= float(usual.every_seconds)
