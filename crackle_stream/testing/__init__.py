"""Conformance kits for detectors, sources and sinks of your own, and a clock that a test moves by hand.

    def test_my_detector_keeps_the_rules() -> None:
        check_detector(MyDetector())

    async def test_my_source_keeps_the_rules() -> None:
        await check_source(lambda: MySource("records.db"), records=100)

    async def test_my_sink_keeps_the_rules() -> None:
        await check_sink(lambda: MySink("https://..."))

The kits need no test framework: they raise AssertionError with a sentence about the rule that was broken.
"""

from crackle_stream.testing.clock import FakeClock
from crackle_stream.testing.detectors import check_detector
from crackle_stream.testing.sinks import check_sink
from crackle_stream.testing.sources import check_source

__all__ = ["FakeClock", "check_detector", "check_sink", "check_source"]
