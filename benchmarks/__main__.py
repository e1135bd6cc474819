"""Everything `make bench` measures: `python -m benchmarks [SECTION ...] [--quick] [--write]`.

A section is a module here with a function `measure(quick) -> list of tables`. Peers are installed into an environment
of their own first (`benchmarks.peers.environment`). With `--write` the tables go into docs/performance.md, each with
the machine and the commit it was measured at; a section whose peers cannot be had says so and leaves its rows out.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from benchmarks.machine import describe
from benchmarks.tables import Table, put

if TYPE_CHECKING:
    from collections.abc import Sequence

SECTIONS: tuple[str, ...] = (
    "cooling",
    "growth",
    "detectors",
    "loop_lateness",
    "ingest",
    "pipe",
    "broker",
    "latency",
    "scaling",
    "footprint",
)

ROOT = Path(__file__).parents[1]
PERFORMANCE = ROOT / "docs" / "performance.md"


class Section(Protocol):
    """A module of a section."""

    def measure(self, quick: bool) -> list[Table]:
        """Measure, in rounds in which each case has its turn.

        Args:
            quick: few rounds of small work: whether it runs, not what it takes.
        """


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"one of {', '.join(SECTIONS)} (all)")
    parser.add_argument("--quick", action="store_true", help="see whether it runs; its figures mean nothing")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    if unknown := sorted({*options.sections} - {*SECTIONS}):
        parser.error(f"no section {', '.join(unknown)}: there are {', '.join(SECTIONS)}")
    # broker and receiver of what reads from Kafka are those of the tests
    sys.path.append(str(ROOT / "tests"))
    missed = []
    print(describe(), flush=True)
    for name in options.sections or SECTIONS:
        began = time.monotonic()
        tables = cast("Section", importlib.import_module(f"benchmarks.{name}")).measure(options.quick)
        print(f"\n## {name}, {time.monotonic() - began:.0f} s\n", flush=True)
        for table in tables:
            print(f"{table}\n", flush=True)
            missed += [f"{table.name}: {each}" for each in table.missed]
        if options.write:
            put(_signed(tables), PERFORMANCE)
    for each in missed:
        print(f"MISSED  {each}")
    sys.exit(1 if missed and not options.quick else 0)


def _signed(tables: Sequence[Table]) -> list[Table]:
    """The tables, each with where and at which commit it was measured."""
    there = f"{' '.join(describe().split())}; commit {_commit()}."
    return [dataclasses.replace(table, note=f"{table.note} {there}".strip()) for table in tables]


def _commit() -> str:
    """The commit in the checkout, and whether files differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    changed = git("status", "--porcelain", "--", "crackle_stream", "benchmarks")
    return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


if __name__ == "__main__":
    main()
