"""What the kits share."""

from __future__ import annotations

__all__ = ["require"]


def require(kept: bool, rule: str) -> None:
    """Raise AssertionError with the rule that was broken; works under `python -O` as well."""
    if not kept:
        raise AssertionError(rule)
