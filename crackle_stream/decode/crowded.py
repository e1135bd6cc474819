"""A look at the bytes of a large record, before it is parsed: whether it surely has too many metrics.

Parsing a record of a hundred thousand metrics takes tens of milliseconds, in which an event loop does nothing else.
Few texts are plain enough for their bytes to prove anything; of others nothing is said, and the parser decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from crackle_stream.decode.options import DecodeOptions

__all__ = ["LOOKED_AT_FROM", "crowded"]

Octets: TypeAlias = npt.NDArray[np.uint8]

LOOKED_AT_FROM = 32 * 1024
"""Bytes from which a record is looked at: parsing fewer takes a millisecond or two."""

NUMBER = re.compile(rb'"([^"]*[^",:{ ])": ?-?\d')
"""A name and the first digit of its number. Between two strings of an object without arrays stand only `,`, `:`, `{`
and blanks, so that no match can begin at the end of a string."""

BLANKS = (b":  ", b" :")
"""Blanks that make it uncertain where a value begins; so do all other blanks, which are below this one."""

SERVING = 2
"""Numbers that may be no metrics, but label and time; key fields come on top."""

SPARE = 2
"""Names are looked at up to so many times as many as are allowed; the rest of the record only counts against them."""


def crowded(payload: bytes, options: DecodeOptions) -> bool:
    """Whether a record surely has more metrics than it may, or is none at all.

    It is said only of a flat object, and of an object whose last field is an object of numbers, as writers make them:
    no escapes, no arrays, no line breaks. Names are told apart in the first part of it; of what follows each value
    that is no number may stand for one of these names, and take its place. A twin test holds it to the parser's word.
    """
    if len(payload) < LOOKED_AT_FROM or options.include or options.exclude:
        return False
    octets = np.frombuffer(payload, np.uint8)
    if octets.min() < ord(" ") or _has(octets, "\\") or _has(octets, "["):
        return False
    if _has(octets, " ") and any(blanks in payload for blanks in BLANKS):
        return False
    start = _last_object(payload, octets)
    if start is None:
        return False
    enough = options.max_metrics + SERVING + len(options.key)
    others = _not_numbers(octets[start:])
    found: set[bytes] = set()
    for place, match in enumerate(NUMBER.finditer(payload, start)):
        found.add(match[1])
        if len(found) > enough + others:
            return True
        if place > SPARE * (enough + others):
            return False
    return False


def _last_object(payload: bytes, octets: Octets) -> int | None:
    """Where a flat object begins, or the one that ends an object; None where there are others."""
    objects = np.count_nonzero(octets == ord("{"))
    if objects == 1:
        return 0
    return payload.rindex(b"{") if objects == 2 and payload.rstrip().endswith(b"}}") else None


def _not_numbers(octets: Octets) -> int:
    """Colons after which no number begins: values that are none, each one at least."""
    after = np.flatnonzero(octets[:-2] == ord(":")) + 1
    first = np.where(octets[after] == ord(" "), octets[after + 1], octets[after])
    return int(np.count_nonzero((first != ord("-")) & ((first < ord("0")) | (first > ord("9")))))


def _has(octets: Octets, character: str) -> bool:
    return bool((octets == ord(character)).any())
