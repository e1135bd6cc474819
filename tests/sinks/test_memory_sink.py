from __future__ import annotations

from sample_alerts import an_alert

from crackle_stream.sinks import MemoryOptions, MemorySink


async def test_alerts_are_held_in_order() -> None:
    sink = MemorySink()
    async with sink:
        for number in range(3):
            await sink.send(an_alert(id=str(number)))
    assert [alert.id for alert in sink.alerts] == ["0", "1", "2"]
    assert ([*sink], len(sink), sink.dropped) == (sink.alerts, 3, 0)


async def test_at_the_limit_the_oldest_is_let_go_and_counted() -> None:
    sink = MemorySink(2)
    for number in range(5):
        await sink.send(an_alert(id=str(number)))
    assert [alert.id for alert in sink.alerts] == ["3", "4"]
    assert sink.dropped == 3


async def test_clearing_keeps_the_count_of_what_was_dropped() -> None:
    sink = MemorySink(limit=1)
    await sink.send(an_alert())
    await sink.send(an_alert())
    sink.clear()
    assert (sink.alerts, sink.dropped) == ([], 1)
    await sink.send(an_alert())
    assert (len(sink), sink.dropped) == (1, 1)


def test_the_list_is_the_callers_own() -> None:
    sink = MemorySink()
    sink.alerts.append(an_alert())
    assert len(sink) == 0


def test_the_default_limit_is_ten_thousand() -> None:
    assert MemorySink().options == MemoryOptions(limit=10_000)
