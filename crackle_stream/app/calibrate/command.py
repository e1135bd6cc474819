"""All of a calibration: read, measure by each method, advise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from crackle_stream.app.building import profile_of, schedule_of
from crackle_stream.app.calibrate.advice import Advice, Wanted, advice, over
from crackle_stream.app.calibrate.measured import WEEK_S, Measured
from crackle_stream.app.calibrate.measuring import Progress, Rehearsal, measure
from crackle_stream.app.calibrate.recording import Recording, read_recording
from crackle_stream.app.calibrate.report import Calibration
from crackle_stream.app.calibrate.surrogates import METHODS
from crackle_stream.app.config import Configuration
from crackle_stream.budget import Budget
from crackle_stream.decode import Decoder
from crackle_stream.glaze import Glaze
from crackle_stream.profile import CoolingRate, Family

__all__ = ["calibrate"]

SLOWER = {CoolingRate.FAST: (CoolingRate.NORMAL, CoolingRate.SLOW), CoolingRate.NORMAL: (CoolingRate.SLOW,)}
"""Less sensitive settings of the threshold family, which are measured where they are needed."""


def calibrate(
    path: Path, configuration: Configuration, budget: str | None, windows: int, seed: int, progress: Progress
) -> Calibration:
    """Measure a configuration's false alarms on surrogates of a file.

    Args:
        path: a file of JSON lines.
        configuration: its source and sinks are left alone.
        budget: what is wanted; the configuration's own where nothing is given.
        windows: of each method.
        seed: one seed, one result.
        progress: told after every window.

    Raises:
        ConfigError: the file holds nothing to measure.
        SourceError: it cannot be read.
    """
    glaze = Glaze(configuration.glaze) if configuration.glaze else None
    recording = read_recording(path, Decoder(configuration.decode, glaze), configuration.profile.types)
    profile = profile_of(configuration)
    text = configuration.profile.budget if budget is None else budget
    evidence = profile.family is Family.EVIDENCE
    if evidence and (budget is not None or configuration.profile.per_window is None):
        profile = replace(profile, budget=Budget.parse(text))
    rehearsal = Rehearsal(profile, schedule_of(configuration), configuration.kiln.options, configuration.alerts.policy)
    wanted = Wanted(Budget.parse(text).per_second * WEEK_S, text, evidence=evidence)
    measured = _measured(recording, rehearsal, windows, seed, progress)
    found = advice(measured, wanted)
    if not evidence and any(over(each, wanted) for each in measured):
        found = (*_slower(recording, rehearsal, wanted, windows, seed, progress), *found)
    return Calibration(
        str(path), recording, wanted, measured, found, rehearsal.untimed_s if recording.untimed else None
    )


def _measured(
    recording: Recording, rehearsal: Rehearsal, windows: int, seed: int, progress: Progress
) -> tuple[Measured, ...]:
    generators = np.random.default_rng(seed).spawn(len(METHODS))
    return tuple(
        measure(recording, rehearsal, method, windows, rng, progress)
        for method, rng in zip(METHODS, generators, strict=True)
    )


def _slower(
    recording: Recording, rehearsal: Rehearsal, wanted: Wanted, windows: int, seed: int, progress: Progress
) -> tuple[Advice, ...]:
    """The first less sensitive rate that meets what is wanted, measured."""
    for rate in SLOWER.get(rehearsal.profile.rate, ()):
        slower = replace(rehearsal, profile=rehearsal.profile.with_rate(rate))
        if not any(over(each, wanted) for each in _measured(recording, slower, windows, seed, progress)):
            return (Advice("profile", f'rate = "{rate}"', "measured: only stronger patterns are reported"),)
    return ()
