"""Text that must not be printed."""

from __future__ import annotations

import hmac
from typing import NoReturn

__all__ = ["Secret"]

MASK = "***"


class Secret:
    """A password or key that shows itself only when asked.

    Printing, formatting, logging and tracebacks give `***`; pickling is refused.

    >>> secret = Secret("swordfish")
    >>> f"{secret} {secret!r}", secret.reveal()
    ('*** ***', 'swordfish')
    """

    __slots__ = ("_text",)

    def __init__(self, text: str | Secret) -> None:
        self._text: str = text.reveal() if isinstance(text, Secret) else text

    def reveal(self) -> str:
        """The text itself; for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(
            self._text.encode("utf-8", "surrogatepass"), other._text.encode("utf-8", "surrogatepass")
        )

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled: hand over where it is kept instead")
