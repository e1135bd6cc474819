"""Alerts on disk until their sink has them."""

import json
import random
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from crackle_stream.errors import SinkGone, SinkRefused, SinkUnavailable, StateUnavailable
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Nature, Severity
from crackle_stream.protocols import Sink
from crackle_stream.stream.deadletter import DeadLetterFile, Undertaker
from crackle_stream.stream.dispatch import Dispatcher, Subscription
from crackle_stream.stream.events import AlertDelivered, AlertDropped, Event, SpoolLeft
from crackle_stream.stream.options import RetryOptions, SpoolOptions
from crackle_stream.stream.spool import OUTBOX, Spool, Spooled, freeze, loads
from crackle_stream.stream.store import Part, Store
from crackle_stream.testing import FakeClock

ONE_TRY = RetryOptions(attempts=1, wait_s=0, wait_max_s=0, round_wait_s=1, round_wait_max_s=60)


def alert(number: int, key: str = "", text: str = "pattern") -> Alert:
    names = (f"m{number}",)
    pattern = CracklePattern(
        "phase transition", f"{text} {number}", 0.99, metric_names=names, key=key, nature=Nature.EVENT
    )
    return Alert(f"id-{number}", AlertStatus.RAISED, Severity.INFO, pattern, 0.0, 0.0, 1)


class Receiver(Sink):
    """Takes alerts; fails as its script says, a step a try."""

    def __init__(self, name: str = "hook", *steps: Exception | None) -> None:
        self.name = name
        self.steps = list(steps)
        self.tried: list[str] = []
        self.taken: list[str] = []
        self.bodies: dict[str, str] = {}
        self.up = True
        self.broken: set[str] = set()

    async def send(self, alert: Alert) -> None:
        self.tried.append(alert.id)
        step = self.steps.pop(0) if self.steps else None
        if not self.up or alert.id in self.broken:
            step = SinkUnavailable(self.name, "503")
        if step is not None:
            raise step
        self.taken.append(alert.id)
        self.bodies[alert.id] = json.dumps(dict(alert.to_dict()))


class Bench:
    """A dispatcher with one spooled sink, whose clock jumps to the end of every wait."""

    def __init__(self, directory: Path, receiver: Receiver, *, letters: Path | None = None, **how: Any) -> None:
        self.clock = FakeClock()
        self.seen: list[Event] = []
        self.settled: list[str] = []
        self.store = Store(directory, [OUTBOX])
        target = None if letters is None else DeadLetterFile(letters)
        undertaker = Undertaker(target, now=self.clock.time, emit=self.seen.append, sleep=self.sleep)
        how = {"spool": SpoolOptions(), "retry": ONE_TRY, **how}
        self.dispatch = Dispatcher(
            [Subscription(receiver, **how)],
            emit=self.seen.append,
            rng=random.Random(0),
            undertaker=undertaker,
            store=self.store,
            clock=self.clock,
            sleep=self.sleep,
        )

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await anyio.lowlevel.checkpoint()

    async def deliver(self, *alerts: Alert) -> None:
        await self.dispatch.deliver(alerts, lambda: self.settled.append("settled"))

    async def whole(self, *alerts: Alert) -> None:
        """A process that delivers these and ends."""
        async with self.store, self.dispatch.opened(), anyio.create_task_group() as tasks:
            tasks.start_soon(self.dispatch.run)
            await self.deliver(*alerts)
            self.dispatch.close()

    async def killed(self, *alerts: Alert) -> None:
        """A process that takes these and is gone before any delivery."""
        async with self.store, self.dispatch.opened():
            await self.deliver(*alerts)

    def names(self) -> list[str]:
        return [event.name for event in self.seen]

    def lost(self) -> list[str]:
        return [event.alert.id for event in self.seen if isinstance(event, AlertDropped)]


async def until(done: Callable[[], bool]) -> None:
    """Let the others run until something is so; fails after a minute, in which a crowded machine does a few thousand
    transactions."""
    with anyio.fail_after(60):
        while not done():
            await anyio.lowlevel.checkpoint()


async def in_spool(directory: Path, sink: str = "hook") -> list[Spooled]:
    async with Store(directory, [OUTBOX], exclusive=False) as store:
        return await store.run(lambda connection: Spool(sink).next(connection, 1000))


async def asked(directory: Path, work: Callable[[sqlite3.Connection], object]) -> None:
    async with Store(directory, [OUTBOX], exclusive=False) as store:
        await store.run(work)


async def test_an_alert_on_disk_settles_its_window_and_is_delivered_after_it(tmp_path: Path) -> None:
    receiver = Receiver()
    bench = Bench(tmp_path, receiver)
    async with bench.store, bench.dispatch.opened():
        await bench.deliver(alert(1), alert(2))
        assert (bench.settled, receiver.tried) == (["settled"], [])
        assert bench.dispatch.backlog == {"hook": 2}
        assert bench.dispatch.unsettled == {}
    assert [each.alert.id for each in await in_spool(tmp_path)] == ["id-1", "id-2"]


async def test_what_is_in_the_spool_at_the_start_goes_first_with_the_same_ids_and_bodies(tmp_path: Path) -> None:
    before, after = Receiver(), Receiver()
    before.up = False
    await Bench(tmp_path, before).whole(*[alert(number) for number in range(5)])
    bodies = {each.alert.id: each.body for each in await in_spool(tmp_path)}
    await Bench(tmp_path, after).whole(alert(5))
    assert after.taken == [f"id-{number}" for number in range(6)]
    assert {key: json.loads(body) for key, body in after.bodies.items() if key != "id-5"} == {
        key: json.loads(body) for key, body in bodies.items()
    }
    assert await in_spool(tmp_path) == []


async def test_what_was_delivered_leaves_the_file_although_a_receiver_wants_the_rest_much_later(tmp_path: Path) -> None:
    wish = SinkUnavailable("hook", "429", retry_after=3000)
    receiver = Receiver("hook", None, None, wish)
    bench = Bench(tmp_path, receiver)
    await bench.whole(*[alert(number) for number in range(6)])
    assert receiver.taken == ["id-0", "id-1"]
    assert [each.alert.id for each in await in_spool(tmp_path)] == ["id-2", "id-3", "id-4", "id-5"]


async def test_a_body_is_frozen_when_the_alert_first_comes_in(tmp_path: Path) -> None:
    await Bench(tmp_path, Receiver()).killed(alert(1, text="first"))
    receiver = Receiver()
    await Bench(tmp_path, receiver).whole(alert(1, text="made again"))
    assert receiver.taken == ["id-1"]
    assert "first 1" in receiver.bodies["id-1"]


async def test_the_process_ends_while_a_sink_is_down_and_says_what_stays(tmp_path: Path) -> None:
    receiver = Receiver()
    receiver.up = False
    bench = Bench(tmp_path, receiver)
    await bench.whole(alert(1), alert(2))
    assert receiver.taken == []
    assert bench.dispatch.safe
    left = [event for event in bench.seen if isinstance(event, SpoolLeft)]
    assert [(event.sink, event.spooled, event.problem) for event in left] == [
        ("hook", 2, "the next start delivers them first")
    ]


async def test_an_outage_is_probed_alert_by_alert_and_all_come_in_order_after_it(tmp_path: Path) -> None:
    receiver = Receiver("hook", *[SinkUnavailable("hook", "503")] * 9)
    bench = Bench(tmp_path, receiver)
    async with bench.store, bench.dispatch.opened(), anyio.create_task_group() as tasks:
        tasks.start_soon(bench.dispatch.run)
        await bench.deliver(*[alert(number, key="k") for number in range(20)])
        await until(lambda: len(receiver.taken) >= 20)
        bench.dispatch.close()
    assert receiver.taken == [f"id-{number}" for number in range(20)]
    assert len(receiver.tried) == 29
    assert bench.names().count("breaker.changed") == 11
    assert bench.clock.monotonic() >= 4 * 30
    assert await in_spool(tmp_path) == []


async def test_an_alert_that_fails_holds_back_its_key_and_no_other(tmp_path: Path) -> None:
    receiver = Receiver()
    receiver.broken = {"id-1"}
    bench = Bench(tmp_path, receiver)
    async with bench.store, bench.dispatch.opened(), anyio.create_task_group() as tasks:
        tasks.start_soon(bench.dispatch.run)
        await bench.deliver(alert(1, "a"), alert(2, "b"), alert(3, "a"), alert(4, "b"), alert(5, "c"))
        await until(lambda: len(receiver.taken) >= 3)
        assert receiver.taken == ["id-2", "id-4", "id-5"]
        receiver.broken.clear()
        await until(lambda: len(receiver.taken) >= 5)
        bench.dispatch.close()
    assert receiver.taken[3:] == ["id-1", "id-3"]


async def test_with_ack_delivered_the_window_waits_for_the_receiver(tmp_path: Path) -> None:
    receiver = Receiver("hook", SinkUnavailable("hook", "503"))
    bench = Bench(tmp_path, receiver, ack="delivered")
    async with bench.store, bench.dispatch.opened(), anyio.create_task_group() as tasks:
        await bench.deliver(alert(1), alert(2))
        assert (bench.settled, bench.dispatch.unsettled) == ([], {"hook": 2})
        bench.dispatch.close()
        tasks.start_soon(bench.dispatch.run)
    assert bench.settled == ["settled"]
    assert sorted(receiver.taken) == ["id-1", "id-2"]


async def test_an_alert_made_again_after_a_restart_is_settled_by_the_one_in_the_spool(tmp_path: Path) -> None:
    await Bench(tmp_path, Receiver(), ack="delivered").killed(alert(1))
    receiver = Receiver()
    bench = Bench(tmp_path, receiver, ack="delivered")
    await bench.whole(alert(1))
    assert (receiver.taken, bench.settled) == (["id-1"], ["settled"])


async def test_a_full_spool_makes_the_giver_wait_until_there_is_room(tmp_path: Path) -> None:
    receiver = Receiver()
    receiver.up = False
    bench = Bench(tmp_path, receiver, spool=SpoolOptions(max_rows=3))
    async with bench.store, bench.dispatch.opened(), anyio.create_task_group() as tasks:
        tasks.start_soon(bench.dispatch.run)
        await bench.deliver(alert(1), alert(2), alert(3))
        tasks.start_soon(bench.deliver, alert(4))
        await until(lambda: "spool.filled" in bench.names())
        assert bench.settled == ["settled"]
        assert bench.dispatch.unsettled == {"hook": 1}
        receiver.up = True
        await until(lambda: len(bench.settled) >= 2)
        bench.dispatch.close()
    assert sorted(receiver.taken) == ["id-1", "id-2", "id-3", "id-4"]
    assert (bench.lost(), bench.names().count("spool.filled")) == ([], 1)


@pytest.mark.parametrize("kept", [True, False])
async def test_a_full_spool_may_give_up_its_oldest_alerts_and_counts_each(tmp_path: Path, kept: bool) -> None:
    letters = tmp_path / "dead" if kept else None
    bench = Bench(
        tmp_path / "state", Receiver(), letters=letters, spool=SpoolOptions(max_rows=3, when_full="drop_oldest")
    )
    async with bench.store, bench.dispatch.opened():
        for number in range(5):
            await bench.deliver(alert(number))
    left = [each.alert.id for each in await in_spool(tmp_path / "state")]
    assert left == ["id-3", "id-4"]
    gone = ["id-0", "id-1", "id-2"]
    if letters is None:
        assert bench.lost() == gone
    else:
        told = [json.loads(line) for line in letters.read_text().splitlines()]
        assert [line["alert"]["id"] for line in told] == gone
        assert {line["problem"] for line in told} == {"its spool is full"}
    assert len(bench.settled) == 5


async def test_bytes_bound_a_spool_as_well_and_an_empty_one_takes_any_window(tmp_path: Path) -> None:
    size = len(freeze(alert(1)).body)
    bench = Bench(tmp_path, Receiver(), spool=SpoolOptions(max_bytes=3 * size, when_full="drop_oldest"))
    async with bench.store, bench.dispatch.opened():
        await bench.deliver(*[alert(number) for number in range(6)])
        assert bench.dispatch.backlog == {"hook": 6}
        await bench.deliver(alert(7))
    assert [each.alert.id for each in await in_spool(tmp_path)] == ["id-7"]


async def test_alerts_that_wait_too_long_go_to_the_dead_letters(tmp_path: Path) -> None:
    receiver = Receiver()
    receiver.up = False
    bench = Bench(tmp_path / "state", receiver, letters=tmp_path / "dead", spool=SpoolOptions(max_age=1800))
    async with bench.store, bench.dispatch.opened(), anyio.create_task_group() as tasks:
        tasks.start_soon(bench.dispatch.run)
        await bench.deliver(alert(1), alert(2))
        await until(lambda: not bench.dispatch.backlog)
        bench.dispatch.close()
    told = [json.loads(line) for line in (tmp_path / "dead").read_text().splitlines()]
    assert [line["alert"]["id"] for line in told] == ["id-1", "id-2"]
    assert told[0]["problem"] == "it waited longer than 0.5 h in the spool"
    assert 1800 <= bench.clock.monotonic() < 1900


async def test_a_sink_that_is_not_required_never_waits_for_room_or_disk(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Receiver(), required=False, spool=SpoolOptions(max_rows=1))
    async with bench.store, bench.dispatch.opened():
        for number in range(3):
            await bench.deliver(alert(number))
    assert bench.lost() == ["id-0", "id-1"]
    assert bench.settled == ["settled"] * 3


async def test_a_full_disk_makes_the_sink_unhealthy_holds_the_window_and_passes(tmp_path: Path) -> None:
    receiver = Receiver()
    bench = Bench(tmp_path, receiver)
    async with bench.store, bench.dispatch.opened(), anyio.create_task_group() as tasks:
        pages = await bench.store.run(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
        await bench.store.run(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchall())
        tasks.start_soon(bench.dispatch.run)
        tasks.start_soon(bench.deliver, *[alert(number, text="x" * 2000) for number in range(30)])
        await until(lambda: bench.names().count("spool.failed") >= 2)
        assert (bench.settled, receiver.tried) == ([], [])
        assert "database or disk is full: make room on its disk" in bench.dispatch.failing["hook"]
        assert not bench.dispatch.safe
        await bench.store.run(lambda connection: connection.execute("PRAGMA max_page_count = 100000").fetchall())
        await until(lambda: bool(bench.settled))
        assert bench.dispatch.failing == {}
        bench.dispatch.close()
    assert len(receiver.taken) == 30


async def test_a_sink_that_is_not_required_loses_alerts_to_a_full_disk_and_counts_them(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Receiver(), required=False)

    async def full(work: object) -> None:
        raise StateUnavailable("file", "database or disk is full")

    async with bench.store, bench.dispatch.opened():
        bench.store.run = full  # type: ignore[method-assign, assignment]
        await bench.deliver(alert(1), alert(2))
    assert (bench.lost(), bench.settled) == (["id-1", "id-2"], ["settled"])


async def test_a_refused_alert_leaves_the_spool_for_the_dead_letters(tmp_path: Path) -> None:
    receiver = Receiver("hook", SinkRefused("hook", "400 Bad Request"))
    bench = Bench(tmp_path / "state", receiver, letters=tmp_path / "dead")
    await bench.whole(alert(1), alert(2))
    assert receiver.taken == ["id-2"]
    assert [json.loads(line)["alert"]["id"] for line in (tmp_path / "dead").read_text().splitlines()] == ["id-1"]
    assert await in_spool(tmp_path / "state") == []


async def test_a_disabled_sink_without_dead_letters_keeps_its_alerts_on_disk_and_lets_the_process_end(
    tmp_path: Path,
) -> None:
    receiver = Receiver("hook", SinkGone("hook", "410 Gone"))
    await Bench(tmp_path, receiver).whole(alert(1), alert(2))
    assert receiver.tried == ["id-1"]
    assert [each.alert.id for each in await in_spool(tmp_path)] == ["id-1", "id-2"]


async def test_the_command_has_a_waiting_sink_tried_at_once(tmp_path: Path) -> None:
    receiver = Receiver("hook", *[SinkUnavailable("hook", "429", retry_after=3000)])
    bench = Bench(tmp_path, receiver)
    async with bench.store, bench.dispatch.opened(), anyio.create_task_group() as tasks:
        await bench.deliver(alert(1, "a"))
        tasks.start_soon(bench.dispatch.run)
        await until(lambda: bool(receiver.tried))
        await asked(tmp_path, Spool("hook").ask)
        await until(lambda: bool(receiver.taken))
        assert bench.clock.monotonic() < 3000
        bench.dispatch.close()


async def test_alerts_the_command_took_out_hold_no_position(tmp_path: Path) -> None:
    receiver = Receiver()
    receiver.up = False
    bench = Bench(tmp_path, receiver, ack="delivered")

    def purge(connection: sqlite3.Connection) -> None:
        spool = Spool("hook")
        spool.remove(connection, [each.seq for each in spool.next(connection, 10)])
        spool.ask(connection)

    async with bench.store, bench.dispatch.opened(), anyio.create_task_group() as tasks:
        await bench.deliver(alert(1), alert(2))
        tasks.start_soon(bench.dispatch.run)
        await asked(tmp_path, purge)
        await until(lambda: bool(bench.settled))
        assert (bench.dispatch.backlog, bench.dispatch.unsettled) == ({}, {})
        bench.dispatch.close()


async def test_a_spool_says_what_it_holds_and_why_it_waits(tmp_path: Path) -> None:
    receiver = Receiver()
    receiver.up = False
    bench = Bench(tmp_path, receiver)
    await bench.whole(alert(1), alert(2))
    async with Store(tmp_path, [OUTBOX]) as store:
        (load,) = await store.run(loads)
    assert (load.sink, load.count, load.problem) == ("hook", 2, "sink hook: 503")
    assert load.bytes == len(freeze(alert(1)).body) + len(freeze(alert(2)).body)
    assert load.oldest == 1_700_000_000.0
    assert load.next_try is not None
    assert load.next_try > load.oldest


async def test_alerts_of_a_sink_that_is_configured_no_more_are_told(tmp_path: Path) -> None:
    await Bench(tmp_path, Receiver("old")).killed(alert(1))
    bench = Bench(tmp_path, Receiver("new"))
    await bench.whole()
    left = [event for event in bench.seen if isinstance(event, SpoolLeft)]
    assert [(event.sink, event.spooled) for event in left] == [("old", 1)]
    assert "configure it again, or purge" in left[0].problem


def test_a_spool_needs_a_state_directory() -> None:
    with pytest.raises(ValueError, match="sink hook has a spool and the pipeline no state directory"):
        Dispatcher([Subscription(Receiver(), spool=SpoolOptions())], emit=lambda event: None, rng=random.Random(0))


@pytest.mark.parametrize("options", [{"max_rows": 0}, {"max_bytes": 0}, {"max_age": 0.0}, {"when_full": "explode"}])
def test_bounds_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        SpoolOptions(**options)


async def test_delivered_ids_are_told_once_each(tmp_path: Path) -> None:
    receiver = Receiver()
    bench = Bench(tmp_path, receiver)
    await bench.whole(*[alert(number) for number in range(200)])
    told = [event.alert.id for event in bench.seen if isinstance(event, AlertDelivered)]
    assert told == receiver.taken == [f"id-{number}" for number in range(200)]


async def test_a_spool_of_the_first_version_is_taken_over_with_what_is_in_it(tmp_path: Path) -> None:
    async with Store(tmp_path, [Part(OUTBOX.name, OUTBOX.steps[:1])]) as store:
        old = freeze(alert(1))
        row = ("hook", old.id, old.key, old.body, FakeClock().time())
        add = "INSERT INTO outbox (sink, id, key, body, added) VALUES (?, ?, ?, ?, ?)"
        await store.run(lambda connection: connection.execute(add, row))
    receiver = Receiver()
    await Bench(tmp_path, receiver).whole(alert(2))
    assert receiver.taken == ["id-1", "id-2"]


async def test_a_repetition_on_disk_gives_way_to_the_next_one_and_holds_no_window_back(tmp_path: Path) -> None:
    def again(number: int, repeat: int) -> Alert:
        return replace(alert(number), id=f"id-{number}-again-{repeat}", status=AlertStatus.REPEATED)

    receiver = Receiver()
    bench = Bench(tmp_path, receiver, ack="delivered")
    async with bench.store, bench.dispatch.opened():
        await bench.deliver(alert(1), again(2, 1))
        await bench.deliver(again(2, 2), again(3, 1))
        assert bench.settled == ["settled"], "the second window only says again"
        assert bench.dispatch.unsettled == {"hook": 1}
    assert [each.alert.id for each in await in_spool(tmp_path)] == ["id-1", "id-2-again-2", "id-3-again-1"]
