"""What a service says in the body of its answer."""

from __future__ import annotations

import msgspec

__all__ = ["member"]


def member(body: bytes, name: str) -> object:
    """A member of a JSON object; None where the body is none, or has no such member.

    >>> member(b'{"ok": false}', "ok"), member(b"ok", "ok")
    (False, None)
    """
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    return said.get(name) if isinstance(said, dict) else None
