"""Text cut to what a service takes.

Services count characters, and some of them UTF-16 code units, in which an emoji is two. A text that keeps a limit in
code units keeps it in characters too, so these are counted.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["cut", "units"]

ELLIPSIS = "…"


def units(text: str) -> int:
    """UTF-16 code units of a text.

    >>> units("task"), units("🔥")
    (4, 2)
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int, escaped: Callable[[str], str] = str) -> str:
    r"""The text, escaped and of at most so many code units; never cut within an escape.

    Args:
        text: as it is meant.
        limit: code units, the ellipsis included.
        escaped: writes one character so that the service shows it.

    >>> cut("checkout", 8), cut("checkout", 5), cut("a*b*c", 5, lambda each: "\\*" if each == "*" else each)
    ('checkout', 'chec…', 'a\\*b…')
    """
    whole = "".join(map(escaped, text[: limit + 1]))  # what is longer is cut anyway
    if len(text) <= limit and units(whole) <= limit:
        return whole
    kept, used = [], units(ELLIPSIS)
    for character in text[:limit]:
        piece = escaped(character)
        used += units(piece)
        if used > limit:
            break
        kept.append(piece)
    return "".join(kept) + ELLIPSIS if limit > 0 else ""
