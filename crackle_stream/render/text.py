"""Text for terminals: made harmless, measured and wrapped.

Widths are those most terminals use: two cells for East Asian wide and full-width characters, none for combining
marks, one for all others. Emoji sequences and ambiguous characters may be off by a cell; nothing but alignment
depends on it.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["cells", "clip", "plain", "wrap"]

ELLIPSIS = "…"


def plain(text: str) -> str:
    r"""Text that a terminal shows and never obeys.

    Labels come from the data. Control characters, escape sequences, marks that reverse the reading direction,
    invisible characters and broken Unicode are written out; spaces of all kinds become spaces.

    >>> plain("red \x1b[31m and\u202e reversed")
    'red \\x1b[31m and\\u202e reversed'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_harmless(character) for character in text)


def cells(text: str) -> int:
    r"""Terminal cells that a plain text takes.

    >>> cells("task"), cells("窯"), cells("e\u0301")
    (4, 2, 1)
    """
    return len(text) if text.isascii() else sum(_cell_width(character) for character in text)


def clip(text: str, width: int) -> str:
    """The text cut to so many cells, an ellipsis in the last of them where something is missing.

    >>> clip("checkout", 5), clip("checkout", 8)
    ('chec…', 'checkout')
    """
    if cells(text) <= width:
        return text
    kept, used = [], 1
    for character in text:
        used += _cell_width(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept) + ELLIPSIS if width > 0 else ""


def wrap(words: Iterable[str], width: int) -> list[str]:
    """Lines of words with a space between them, none wider than `width` cells; longer words are broken.

    >>> wrap("a task fired twice".split(), 8)
    ['a task', 'fired', 'twice']
    """
    lines: list[str] = []
    for word in words:
        for piece in _pieces(word, max(width, 2)):
            if lines and cells(lines[-1]) + 1 + cells(piece) <= width:
                lines[-1] += f" {piece}"
            else:
                lines.append(piece)
    return lines


def _harmless(character: str) -> str:
    if character.isprintable():
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return character.encode("unicode_escape").decode("ascii")


def _cell_width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _pieces(word: str, width: int) -> Iterator[str]:
    """The word in pieces of at most `width` cells."""
    piece, used = "", 0
    for character in word:
        size = _cell_width(character)
        if used + size > width:
            yield piece
            piece, used = "", 0
        piece, used = piece + character, used + size
    if piece:
        yield piece
