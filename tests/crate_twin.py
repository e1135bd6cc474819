"""The crate's four detectors as plain loops over tasks, after its published source: what the fast ones must equal.

Faults that this project mends are mended here too: a correlation involves the tasks that have both metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from sys import float_info
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, float]


@dataclass(frozen=True)
class Finding:
    """A pattern, in a form that can be put in a set."""

    kind: str
    names: tuple[str, ...]
    rows: tuple[int, ...]
    confidence: float
    figures: tuple[float, ...]


def quotient(a: float, b: float) -> float:
    """Division as floating-point hardware does it."""
    if b != 0.0:
        return a / b
    return float("nan") if a == 0.0 or a != a else inf * (1 if a > 0 else -1)


def distance(a: Row, b: Row) -> float:
    total, matched = 0.0, 0
    for name, value in a.items():
        if name in b:
            away = value - b[name]
            total += away * away
            matched += 1
    return sqrt(total) if matched else inf


def leaders(rows: Sequence[Row], threshold: float) -> list[int]:
    leader = [-1] * len(rows)
    for i in range(len(rows)):
        if leader[i] >= 0:
            continue
        leader[i] = i
        for j in range(i + 1, len(rows)):
            if leader[j] < 0 and distance(rows[i], rows[j]) < threshold:
                leader[j] = i
    return leader


def average_distance(rows: Sequence[Row]) -> float:
    total, count = 0.0, 0
    for i in range(len(rows)):
        for j in range(i + 1, len(rows)):
            total += distance(rows[i], rows[j])
            count += 1
    return total / count


def clusters(rows: Sequence[Row], threshold: float) -> set[Finding]:
    leader = leaders(rows, threshold)
    found = set()
    for first in sorted(set(leader)):
        members = tuple(row for row, its in enumerate(leader) if its == first)
        if len(members) > 1:
            average = average_distance([rows[row] for row in members])
            shared = tuple(sorted(set.intersection(*(set(rows[row]) for row in members))))
            confidence = 1.0 - min(average / threshold, 1.0)
            found.add(Finding("clustering", shared, members, confidence, (average,)))
    return found


def column(rows: Sequence[Row], name: str) -> tuple[tuple[int, ...], list[float]]:
    have = tuple(k for k, row in enumerate(rows) if name in row)
    return have, [rows[k][name] for k in have]


def add(values: Sequence[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


def names_of(rows: Sequence[Row]) -> list[str]:
    return sorted({name for row in rows for name in row})


def phase_transitions(rows: Sequence[Row], sensitivity: float) -> set[Finding]:
    found = set()
    for name in names_of(rows):
        have, values = column(rows, name)
        if len(values) < 2:
            continue
        half = len(values) // 2
        first = add(values[:half]) / half
        second = add(values[half:]) / (len(values) - half)
        mean = add(values) / len(values)
        if abs(mean) < float_info.epsilon:
            continue
        shift = quotient(abs(second - first), abs(mean))
        if shift > sensitivity:
            found.add(Finding("phase transition", (name,), have, min(shift / sensitivity, 1.0), (shift, first, second)))
    return found


def conserved(rows: Sequence[Row], tolerance: float) -> set[Finding]:
    found = set()
    for name in names_of(rows):
        have, values = column(rows, name)
        if len(values) < 2:
            continue
        total = add(values)
        mean = total / len(values)
        deviation = sqrt(add([(value - mean) * (value - mean) for value in values]) / len(values))
        if abs(mean) > float_info.epsilon and deviation / abs(mean) < tolerance:
            variation = deviation / abs(mean)
            figures = (total, deviation, variation)
            found.add(Finding("conservation law", (name,), have, 1.0 - min(variation, 1.0), figures))
    return found


def pearson(x: Sequence[float], y: Sequence[float]) -> float:
    n = float(len(x))
    sx, sy = add(x), add(y)
    sxy = add([a * b for a, b in zip(x, y, strict=True)])
    sxx, syy = add([a * a for a in x]), add([b * b for b in y])
    product = (n * sxx - sx * sx) * (n * syy - sy * sy)
    denominator = float("nan") if product < 0 or product != product else sqrt(product)
    return 0.0 if abs(denominator) < float_info.epsilon else (n * sxy - sx * sy) / denominator


def correlations(rows: Sequence[Row], threshold: float) -> set[Finding]:
    found = set()
    names = names_of(rows)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            both = tuple(k for k, row in enumerate(rows) if one in row and other in row)
            if len(both) < 3:
                continue
            r = pearson([rows[k][one] for k in both], [rows[k][other] for k in both])
            if abs(r) >= threshold:
                found.add(Finding("correlation", (one, other), both, min(abs(r), 1.0), (r,)))
    return found
