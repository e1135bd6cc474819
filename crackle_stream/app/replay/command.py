"""The command that was typed, for showing: secrets masked."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from crackle_stream.app.config.problems import MASK

__all__ = ["shown_command"]

SETTING = "--set"

TOLD_SECTIONS = ("decode", "kiln", "profile", "alerts", "glaze", "run")
"""Sections without a secret or an address that holds one; the values of the others are masked."""


def shown_command(arguments: Sequence[str]) -> str:
    """The command line to be typed again.

    Args:
        arguments: what stands behind the program's name.

    >>> shown_command(["replay", "a b.jsonl", "--set", "kiln.capacity=500", "--set=sinks.pager.url=https://h/key"])
    "crackle-stream replay 'a b.jsonl' --set kiln.capacity=500 --set 'sinks.pager.url=***'"
    """
    return shlex.join(["crackle-stream", *_masked(arguments)])


def _masked(arguments: Sequence[str]) -> Iterator[str]:
    setting = False
    for argument in arguments:
        if setting:
            yield _setting(argument)
            setting = False
        elif argument.startswith(f"{SETTING}="):
            yield SETTING
            yield _setting(argument.removeprefix(f"{SETTING}="))
        else:
            yield argument
            setting = argument == SETTING


def _setting(text: str) -> str:
    key, equals, _ = text.partition("=")
    return text if key.strip().partition(".")[0].lower() in TOLD_SECTIONS else f"{key}{equals}{MASK}"
