"""What the JSON interface answers: values of the project's own dictionaries, in bounded pages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from crackle_stream.app.web.gathering import Moment
from crackle_stream.app.web.query import Query, whole
from crackle_stream.app.web.shown import Fact, Shown
from crackle_stream.app.web.strip import strip
from crackle_stream.render.sentence import sentence

__all__ = ["MOST_LISTED", "alerts", "fact", "facts", "finite", "health", "shown", "statistics"]

MOST_LISTED = 500
"""Entries of one answer."""


def alerts(moment: Moment, query: Query, given: Mapping[str, str]) -> Mapping[str, Any]:
    """One page of the alerts that fit."""
    found = query.alerts(moment.active, moment.resolved)
    limit = whole(given, "limit", 100, least=1, most=MOST_LISTED)
    offset = whole(given, "offset", 0, least=0, most=1_000_000)
    after = offset + limit
    return {
        "alerts": [shown(each) for each in found[offset:after]],
        "total": len(found),
        "next": after if after < len(found) else None,
        "not_held": moment.not_held,
    }


def facts(moment: Moment) -> Mapping[str, Any]:
    """What holds."""
    return {"facts": [fact(each) for each in moment.facts[:MOST_LISTED]], "total": len(moment.facts)}


def shown(each: Shown, *, exhibit: bool = False) -> Mapping[str, Any]:
    """An alert with what became of it, and what the window showed of it where that is wanted and still held."""
    return {
        **each.alert.to_dict(exhibit=exhibit),
        "said": sentence(each.alert),
        "sinks": list(each.sinks),
        "history": [{"status": status, "at": at} for status, at in each.history],
    }


def fact(each: Fact) -> Mapping[str, Any]:
    """A fact with when it was seen."""
    return {
        "pattern": each.pattern.to_dict(),
        "said": sentence(each.pattern),
        "first_seen": each.first_seen,
        "last_seen": each.last_seen,
        "windows": each.windows,
    }


def statistics(moment: Moment) -> Mapping[str, Any]:
    """The pipeline's counts, with what the page makes of them."""
    setup = asdict(moment.setup)
    return {
        "state": moment.state,
        "source": moment.source,
        "partitions": list(moment.partitions),
        "ready": moment.state == "running" and not moment.reasons,
        "reasons": [{"code": reason.code, "said": reason.said} for reason in moment.reasons],
        "tasks_per_second": moment.rate,
        "reject_share": moment.reject_share,
        "next_cooling_s": moment.next_cooling_s,
        "loop_late_s": moment.loop_late_s,
        "active_alerts": len(moment.active) + moment.not_held,
        "examined": moment.examined.get("said"),
        "gauges": [asdict(gauge) for gauge in strip(moment)],
        "setup": {**setup, "required": sorted(moment.setup.required)},
        "counts": asdict(moment.statistics),
    }


def health(moment: Moment, *, told: bool) -> tuple[int, Mapping[str, Any]]:
    """Whether the process is ready, and why not.

    Args:
        moment: what stands.
        told: whether reasons are told in sentences, which may name what others should not know.
    """
    ready = not moment.reasons
    reasons = [{"code": each.code, **({"said": each.said} if told else {})} for each in moment.reasons]
    return 200 if ready else 503, {"ready": ready, "reasons": reasons}


def finite(value: Any) -> Any:
    """JSON has no word for what is not finite: null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value
