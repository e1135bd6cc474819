"""What a window of records without times counts for."""

from typing import Any

import pytest

from crackle_stream.profile import ThermalProfile
from crackle_stream.protocols import Source
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.stream.events import Event, StreamUntimed
from crackle_stream.stream.pacing import Pacing


class Log(Source):
    """A source that nobody reads."""

    name = "log"

    def __init__(self, *, live: bool = False, dated: bool = False) -> None:
        self.live, self.dated = live, dated

    async def read(self) -> None:
        return None


class Paced:
    """Writes down what a window is to count for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def pace(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.mark.parametrize(
    ("source", "untimed", "paced"),
    [
        (Log(), True, [30.0]),
        (Log(), False, []),
        (Log(), None, []),
        (Log(live=True), True, []),
        (Log(dated=True), True, []),
    ],
    ids=["untimed", "timed", "nothing yet", "live", "dated by a broker"],
)
def test_only_records_that_nobody_dated_are_paced_and_it_is_said(
    source: Source, untimed: bool | None, paced: list[float]
) -> None:
    cooler: Any = Paced()
    told: list[Event] = []
    pacing = Pacing(source, ThermalProfile.evidence(), CoolingSchedule(), cooler, told.append)
    pacing.see(untimed=untimed)
    pacing.see(untimed=untimed)
    assert cooler.seconds == paced
    assert [type(event) for event in told] == [StreamUntimed] * len(paced)
