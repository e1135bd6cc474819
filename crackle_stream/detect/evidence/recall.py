"""A window judged by what earlier windows taught about its metrics, and what it teaches in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.autoregression import CLIP, MAX_ORDER, Autoregression, clipped, innovations
from crackle_stream.detect.evidence.drift import Drifts
from crackle_stream.detect.evidence.exceedance import drawn_scan_tail
from crackle_stream.detect.evidence.excursions import with_excursions
from crackle_stream.detect.evidence.lengths import Lengths, counts_of, filled_below, later, means, of_columns, variances
from crackle_stream.detect.evidence.level import FAR, Levels, ranked
from crackle_stream.detect.evidence.memory import CLUSTERED, MetricMemory, after_window
from crackle_stream.detect.evidence.memory_models import series_models, spread_models
from crackle_stream.detect.evidence.ranks import legendre_of_ranks, legendre_scores, normal_scores
from crackle_stream.detect.evidence.scan import SCORE_TRIM, TRIM, neighbour_drops, scan_step, split_off
from crackle_stream.detect.evidence.spread import (
    scan_amplitude,
    scan_shape,
    smeared,
    stronger,
)
from crackle_stream.detect.evidence.steps import removed, steps_in
from crackle_stream.detect.evidence.tails import chi_scan_tail
from crackle_stream.detect.evidence.whitening import Transform, White, independent_rows

__all__ = ["learned", "memories_of", "recalled", "trusted"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

MEMORY_LAGS = 10
"""Lags at which it is checked that the remembered autoregression still whitens the metric."""

ACCEPT_AFTER = 6
"""Windows in a row with a change after which the memory starts anew: what lasts that long is the new normal."""

VOLATILITY_ROWS = 5
"""Rows over which a local standard deviation forgets."""

LOCAL_SHARE = 0.6
"""Share of the local variance that recent rows make; GARCH(.15, .75) has .6."""

SPELLS = 0.65
"""Power to which p values are raised of a metric whose volatility comes in spells: spells have heavier tails than the
autoregression of their spread, so statistics count a fifth less. Of GARCH(.15, .75) after five windows .15 of 60 showed
a false shift without it."""

SAME_START = 4.0
"""Likelihood ratio under which a change in the first rows is taken for one before the window."""

WORTH_DRAWING = 0.01
"""P value of a level under which it is computed again by draws; five times the largest that is reported."""

WITHOUT_DOUBT = 9.0
"""Statistic from which a level is left to the closed form: whether its p value is 1e-15 or a third of that decides
nothing, and 256 draws cost as much as the rest of the window."""

MIN_ROWS = 60
"""Rows under which a window neither is judged by memory nor adds to it."""


def trusted(memory: MetricMemory | None, seasons: tuple[float, ...], rows: int) -> bool:
    """Whether a metric is judged by what is remembered of it; a season in the window is no part of a memory."""
    return memory is not None and memory.calibrated and not seasons and rows >= MIN_ROWS


def recalled(
    x: Floats,
    memories: Sequence[MetricMemory],
    bar: float,
    stop: Callable[[], bool] = lambda: False,
    lengths: Lengths | None = None,
) -> White | None:
    """Metrics with trusted memories, whitened by them; None where there was no time to end it.

    With the autoregression known, a step need not be told from memory within the window; with the level known, the
    window is compared with what came before it, from its first row on. The price of a wrong memory is bounded: where
    the innovations are wider than remembered, or no longer white, they are scaled down by as much.

    Args:
        x: shape (n, k), the window's values, no NaN.
        memories: one a metric, all `trusted`.
        bar: p value under which a change of level is taken out.
        stop: the cooperative deadline, asked between the parts of the work.
        lengths: of the metrics where they differ, as in `whiten`.
    """
    n, k = x.shape
    x = np.asfortranarray(x)
    y = np.asfortranarray(np.column_stack([one.on_scale(x[:, column]) for column, one in enumerate(memories)]))
    filled_below(y, lengths)
    ends = later(lengths, MAX_ORDER)  # of the innovations
    model = series_models(memories)
    deviation = np.array([memory.deviation for memory in memories])
    prior = np.array([memory.prior_rows for memory in memories])
    spells = spread_models(memories)
    clustered = spells.phi.sum(axis=1) > CLUSTERED
    e = innovations(y, model, lengths) / deviation
    levels = _level(_standardised(e, clustered, ends), model.phi, prior, deviation, MAX_ORDER, lengths=ends)
    levels = _drawn(levels, counts_of(e, ends), prior)
    if stop():
        return None
    levels.p[clustered] **= SPELLS
    steps = steps_in(y, levels, bar=bar, remembered=True, lengths=lengths)
    steps = with_excursions(y, steps, levels, bar=bar, remembered=np.flatnonzero(~clustered), lengths=lengths)
    if stop():
        return None
    settled = removed(y, steps, lengths)
    e = innovations(settled, Autoregression(model.phi, np.zeros(k)), lengths)
    even = smeared(e, x, [memory.transform != Transform.SCORES for memory in memories], ends)
    # Scores compress how far an extreme value moves; the other scales are straight lines of what is scanned.
    plain = np.where([memory.transform == Transform.SCORES for memory in memories], x, y)
    amplitudes = scan_amplitude(plain, MAX_ORDER, lengths)
    amplitudes.p[clustered] = 1.0  # one window does not show how long its spells last
    spreads = stronger(_spread(even, memories, spells, ends), amplitudes)
    shapes = scan_shape(_standardised(even, clustered, ends), ends)
    spreads.p[clustered] **= SPELLS
    shapes.p[clustered] **= SPELLS
    return White(
        y=y,
        transforms=tuple(Transform(memory.transform) for memory in memories),
        drifts=Drifts(np.zeros(k), np.zeros(k, dtype=np.bool_)),
        frequencies=((),) * k,
        levels=levels,
        steps=steps,
        spreads=spreads,
        amplitudes=amplitudes,
        shapes=shapes,
        innovations=_after_the_first(e, n),
        scores=_after_the_first(normal_scores(e, ends), n),
        phi=model.phi,
        effective_n=independent_rows(settled, e, model.phi, lengths),
        calibrated=np.ones(k, dtype=np.bool_),
    )


def _after_the_first(e: Floats, n: int) -> Floats:
    """The last rows of n, NaN before them."""
    return np.vstack([np.full((n - len(e), e.shape[1]), np.nan), e])


def learned(
    white: White,
    x: Floats,
    memories: Sequence[MetricMemory | None],
    quiet: Sequence[bool],
    weight: float,
    lengths: Lengths | None = None,
) -> list[MetricMemory | None]:
    """The memories after this window.

    Args:
        white: the window as it was judged.
        x: shape (n, k), its values.
        memories: one a metric, None where nothing is known.
        quiet: whether nothing seems to have changed in the metric; a window with a change teaches nothing.
        weight: share of the window's rows that no earlier window held.
        lengths: of the metrics.
    """
    if len(x) < MIN_ROWS or weight <= 0:
        return list(memories)
    calm = [column for column, is_quiet in enumerate(quiet) if is_quiet]
    after = [None if memory is None else _struck(memory) for memory in memories]
    if calm:
        past = ~np.isnan(white.innovations[:, calm[0]])
        ends = of_columns(lengths, calm)
        skipped = len(past) - int(np.count_nonzero(past))
        spreads = legendre_of_ranks(white.innovations[past][:, calm], 2, 2, later(ends, skipped))
        transforms = [str(white.transforms[column]) for column in calm]
        known = [memories[column] for column in calm]
        on_scale = white.y[:, calm] if white.calibrated.all() else None
        taught = after_window(x[:, calm], transforms, known, spreads, weight, on_scale, ends)
        for column, memory in zip(calm, taught, strict=True):
            after[column] = memory
    return after


def _struck(memory: MetricMemory) -> MetricMemory | None:
    """A memory after a window with a change; None where changes have gone on so long that it starts anew."""
    return None if memory.strikes + 1 >= ACCEPT_AFTER else replace(memory, strikes=memory.strikes + 1)


def _level(
    e: Floats,
    phi: Floats,
    prior: Floats,
    deviation: Floats,
    skipped: int,
    *,
    trim: float = TRIM,
    lengths: Lengths | None,
) -> Levels:
    series = np.arange(e.shape[1])
    flat = split_off(clipped(e, lengths=lengths), lengths)
    error = 1 / np.sqrt(2 * counts_of(e, lengths))  # its own standard one
    wider = np.maximum(np.sqrt(variances(flat, lengths)) - error, 1.0)
    cut = np.clip(e / wider, -CLIP, CLIP)
    cut /= np.sqrt(_left_over(flat, lengths))
    far = np.sum(np.abs(cut) > FAR, axis=0)
    scan = scan_step(cut, phi, prior, ranked(cut, far, lengths), trim=trim, lengths=lengths)
    place = np.argmax(np.abs(scan.statistic), axis=0)
    gain = scan.statistic**2
    place[gain[0] >= gain.max(axis=0) - SAME_START] = 0
    statistic = scan.statistic[place, series]
    largest = gain.max(axis=0)
    return Levels(
        p=chi_scan_tail(np.sqrt(largest), neighbour_drops(len(e), phi, prior, trim=trim, lengths=lengths)),
        row=place + scan.first + skipped * (place + scan.first > 0),
        size=scan.size[place, series] * deviation * wider,
        statistic=statistic,
        phi=phi,
        orders=np.full(e.shape[1], MAX_ORDER, dtype=np.intp),
        residual=np.zeros(e.shape[1]),
        without=largest,
    )


def _drawn(levels: Levels, rows: Ints, prior: Floats) -> Levels:
    """The same with p values by draws where they may matter: the closed form is 3 times too large in AR .9."""
    p = levels.p.copy()
    reached = np.sqrt(levels.without - levels.residual)
    for place in np.flatnonzero((p < WORTH_DRAWING) & (reached < WITHOUT_DOUBT)).tolist():
        p[place] = drawn_scan_tail(float(reached[place]), int(rows[place]), levels.phi[place], float(prior[place]))
    return replace(levels, p=p)


def _left_over(flat: Floats, lengths: Lengths | None) -> Floats:
    """Long-run over plain variance of innovations that should be white, less its error: at least 1."""
    n = counts_of(flat, lengths)
    weights = 1 - np.arange(1, MEMORY_LAGS + 1) / (MEMORY_LAGS + 1)
    own = np.array([np.vecdot(flat[lag:].T, flat[:-lag].T) / (n - lag) for lag in range(1, MEMORY_LAGS + 1)])
    ratio = 1 + 2 * weights @ own / np.maximum(variances(flat, lengths), 1e-300)
    return np.asarray(np.maximum(ratio - 2 * np.sqrt(4 * np.sum(weights**2) / n), 1.0))


def _spread(e: Floats, known: Sequence[MetricMemory], model: Autoregression, lengths: Lengths | None) -> Levels:
    """A step in the spread's score; scaled up never, as a window's own deviation is the smaller for its best split."""
    scores = np.column_stack([legendre_scores(memory.ranks(e[:, c]), 2) for c, memory in enumerate(known)])
    left = innovations(filled_below(scores, lengths), model, lengths)
    prior, lags = np.array([memory.prior_rows for memory in known]), model.phi.shape[1]
    ends = later(lengths, lags)
    deviation = np.maximum(np.sqrt(variances(left, ends)), 1.0)
    return _level(left / deviation, model.phi, prior, deviation, lags, trim=SCORE_TRIM, lengths=ends)


def _standardised(e: Floats, which: npt.NDArray[np.bool_], lengths: Lengths | None) -> Floats:
    """The innovations, those of some series over their local deviation: a busy spell is no step."""
    if not which.any():
        return e
    calm = e.copy(order="K")
    calm[:, which] /= _volatility(e[:, which], of_columns(lengths, np.flatnonzero(which)))
    return calm


def _volatility(e: Floats, lengths: Lengths | None) -> Floats:
    """Local standard deviation from the innovations before each row, part of it the window's own: shape (n, k)."""
    square = np.minimum(e * e, CLIP**2 * means(e * e, lengths))
    overall = means(square, lengths)
    local = np.zeros_like(e)
    for lag in range(1, 4 * VOLATILITY_ROWS):
        local[lag:] += np.exp(-lag / VOLATILITY_ROWS) * square[:-lag]
        local[:lag] += np.exp(-lag / VOLATILITY_ROWS) * overall
    total = np.sum(np.exp(-np.arange(1, 4 * VOLATILITY_ROWS) / VOLATILITY_ROWS))
    return np.asarray(np.sqrt((1 - LOCAL_SHARE) * overall + LOCAL_SHARE * local / total))


def memories_of(stored: Mapping[str, object], names: Sequence[str]) -> list[MetricMemory | None]:
    """The memories of the named metrics as a history holds them."""
    known = stored.get("metrics", {})
    assert isinstance(known, Mapping)
    return [MetricMemory.from_dict(known[name]) if name in known else None for name in names]
