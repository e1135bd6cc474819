"""Alerts reach every sink at least once, and a sink that fails holds up no other."""

import itertools
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from crackle_stream.alerting import Match, Route, Routes
from crackle_stream.errors import DeadLettersUnavailable, ReaderGone, SinkGone, SinkRefused, SinkUnavailable
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Nature, Severity, digest
from crackle_stream.protocols import Sink
from crackle_stream.stream.deadletter import DeadLetterFile, DeadLetters, Undertaker
from crackle_stream.stream.dispatch import Dispatcher, Subscription
from crackle_stream.stream.events import (
    AlertMade,
    AlertRefused,
    BreakerChanged,
    Event,
    SinkRefusing,
    SinkUnavailableSeen,
)
from crackle_stream.stream.lane import LAST_WAIT_S
from crackle_stream.stream.options import RetryOptions
from crackle_stream.testing import FakeClock

AT_ONCE = RetryOptions(attempts=2, wait_s=0, wait_max_s=0, round_wait_s=0, round_wait_max_s=0, rounds=2)


def alert(number: int, kind: str = "correlation") -> Alert:
    pattern = CracklePattern(kind, f"pattern {number}", 0.99, metric_names=(f"m{number}",), nature=Nature.EVENT)
    return Alert(f"id-{number}", AlertStatus.RAISED, Severity.INFO, pattern, 0.0, 0.0, 1)


class Script(Sink):
    """Does what it is told, one step a try; takes everything once the steps are used up."""

    def __init__(self, name: str, *steps: Exception | anyio.Event) -> None:
        self.name = name
        self.steps = list(steps)
        self.tries = 0
        self.taken: list[str] = []

    async def send(self, alert: Alert) -> None:
        self.tries += 1
        step = self.steps.pop(0) if self.steps else None
        if isinstance(step, Exception):
            raise step
        if isinstance(step, anyio.Event):
            await step.wait()
        self.taken.append(alert.id)


class Waiting(FakeClock):
    """A clock that jumps to the end of every wait."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await anyio.lowlevel.checkpoint()


def dispatcher(
    *subscriptions: Subscription,
    seen: list[Event] | None = None,
    letters: DeadLetters | None = None,
    clock: Waiting | None = None,
) -> Dispatcher:
    emit: Callable[[Event], None] = (lambda event: None) if seen is None else seen.append
    clock = Waiting() if clock is None else clock
    undertaker = Undertaker(letters, now=clock.time, emit=emit, sleep=clock.sleep)
    return Dispatcher(
        subscriptions, emit=emit, rng=random.Random(0), undertaker=undertaker, clock=clock, sleep=clock.sleep
    )


async def deliver_all(dispatch: Dispatcher, alerts: list[Alert], settled: list[str] | None = None) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dispatch.run)
        await dispatch.deliver(alerts, lambda: settled.append("settled") if settled is not None else None)
        dispatch.close()


def names(seen: list[Event]) -> list[str]:
    return [event.name for event in seen]


async def test_every_sink_gets_what_it_matches_in_order() -> None:
    everything, links = Script("everything"), Script("links")
    dispatch = dispatcher(Subscription(everything), Subscription(links, match=Match(kind=("correlation",))))
    await deliver_all(dispatch, [alert(1), alert(2, "clustering"), alert(3)])
    assert everything.taken == ["id-1", "id-2", "id-3"]
    assert links.taken == ["id-1", "id-3"]


async def test_a_window_is_settled_once_its_required_sinks_have_its_alerts() -> None:
    gate = anyio.Event()
    slow, settled = Script("slow", gate), list[str]()
    dispatch = dispatcher(Subscription(slow), Subscription(Script("quick")))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dispatch.run)
        await dispatch.deliver([alert(1)], lambda: settled.append("settled"))
        await anyio.wait_all_tasks_blocked()
        assert settled == []
        gate.set()
        dispatch.close()
    assert settled == ["settled"]


async def test_a_window_without_alerts_or_without_takers_is_settled_at_once() -> None:
    settled: list[str] = []
    dispatch = dispatcher(Subscription(Script("none"), match=Match(kind=("never",))))
    await dispatch.deliver([], lambda: settled.append("no alerts"))
    await dispatch.deliver([alert(1)], lambda: settled.append("no takers"))
    assert settled == ["no alerts", "no takers"]


async def test_a_sink_that_is_not_required_holds_no_window_open() -> None:
    settled: list[str] = []
    dispatch = dispatcher(Subscription(Script("optional"), required=False))
    await dispatch.deliver([alert(1)], lambda: settled.append("settled"))
    assert settled == ["settled"]


async def test_a_sink_that_is_unavailable_is_tried_again_until_it_takes_the_alert() -> None:
    seen: list[Event] = []
    failing = Script("hook", *[SinkUnavailable("hook", "503")] * 5)
    await deliver_all(dispatcher(Subscription(failing, retry=AT_ONCE), seen=seen), [alert(1)])
    assert failing.taken == ["id-1"]
    assert failing.tries == 6
    assert names(seen) == [
        "alert.made", "sink.unavailable", "sink.unavailable", "breaker.changed", "sink.unavailable", "breaker.changed",
        "breaker.changed", "alert.delivered",
    ]  # fmt: skip


async def test_a_refused_alert_is_not_tried_again_and_counts_as_settled() -> None:
    seen, settled = list[Event](), list[str]()
    refusing = Script("hook", SinkRefused("hook", "400 Bad Request"))
    await deliver_all(dispatcher(Subscription(refusing, retry=AT_ONCE), seen=seen), [alert(1), alert(2)], settled)
    assert (refusing.tries, refusing.taken, settled) == (2, ["id-2"], ["settled"])
    assert "alert.refused" in names(seen)


async def test_an_optional_sink_gives_an_alert_up_after_its_rounds_and_says_so() -> None:
    seen: list[Event] = []
    dead = Script("chat", *[SinkUnavailable("chat", "refused")] * 4)
    await deliver_all(dispatcher(Subscription(dead, required=False, retry=AT_ONCE), seen=seen), [alert(1), alert(2)])
    assert (dead.tries, dead.taken) == (5, ["id-2"])
    assert names(seen).count("alert.dropped") == 1


async def test_a_dead_sink_does_not_keep_alerts_from_the_others() -> None:
    gate = anyio.Event()
    dead, alive = Script("dead", gate), Script("alive")
    dispatch = dispatcher(Subscription(dead, queue=1000), Subscription(alive))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dispatch.run)
        await dispatch.deliver([alert(number) for number in range(100)], lambda: None)
        await anyio.wait_all_tasks_blocked()
        assert len(alive.taken) == 100
        assert dispatch.backlog == {"dead": 100}
        gate.set()
        dispatch.close()


async def test_a_full_queue_of_a_required_sink_makes_the_giver_wait_and_the_others_have_theirs_first() -> None:
    gate = anyio.Event()
    dead, alive = Script("dead", gate), Script("alive")
    dispatch = dispatcher(Subscription(dead, queue=2), Subscription(alive))
    given: list[str] = []

    async def give() -> None:
        await dispatch.deliver([alert(number) for number in range(4)], lambda: given.append("settled"))
        given.append("returned")
        dispatch.close()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dispatch.run)
        tasks.start_soon(give)
        await anyio.wait_all_tasks_blocked()
        assert given == []
        assert alive.taken == ["id-0", "id-1", "id-2", "id-3"]
        gate.set()
    assert sorted(given) == ["returned", "settled"]
    assert dead.taken == ["id-0", "id-1", "id-2", "id-3"]


async def test_a_full_queue_of_an_optional_sink_loses_its_oldest_alerts_and_counts_them() -> None:
    gate, seen = anyio.Event(), list[Event]()
    slow = Script("slow", gate)
    dispatch = dispatcher(Subscription(slow, required=False, queue=2), seen=seen)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dispatch.run)
        await dispatch.deliver([alert(0)], lambda: None)
        await anyio.wait_all_tasks_blocked()
        await dispatch.deliver([alert(number) for number in range(1, 5)], lambda: None)
        gate.set()
        dispatch.close()
    assert slow.taken == ["id-0", "id-4"]
    assert names(seen).count("alert.dropped") == 3


async def test_a_try_that_takes_too_long_is_a_failure_that_may_pass() -> None:
    seen: list[Event] = []
    stuck = Script("stuck", anyio.Event(), anyio.Event())
    await deliver_all(dispatcher(Subscription(stuck, timeout=0.01, retry=AT_ONCE), seen=seen), [alert(1)])
    assert stuck.taken == ["id-1"]
    problem = next(event.problem for event in seen if event.name == "sink.unavailable")  # type: ignore[attr-defined]
    assert problem == "sink stuck: no answer within 0.01 s"


async def test_whatever_a_third_partys_sink_raises_may_pass() -> None:
    seen: list[Event] = []
    odd = Script("odd", KeyError("topic"), KeyError("topic"))
    await deliver_all(dispatcher(Subscription(odd, retry=AT_ONCE), seen=seen), [alert(1)])
    assert odd.taken == ["id-1"]
    assert "sink odd: KeyError: 'topic'" in str([getattr(event, "problem", "") for event in seen])


async def test_a_receivers_wish_to_wait_longer_than_a_round_is_honoured_between_rounds() -> None:
    seen, clock = list[Event](), Waiting()
    busy = Script("busy", SinkUnavailable("busy", "429", retry_after=3600))
    await deliver_all(dispatcher(Subscription(busy, retry=AT_ONCE), seen=seen, clock=clock), [alert(1)])
    assert [event.retry_in_s for event in seen if isinstance(event, SinkUnavailableSeen)] == [3600]
    assert (busy.tries, busy.taken, clock.monotonic()) == (2, ["id-1"], 3600)


async def test_whoever_waits_for_the_end_has_a_sink_behind_an_open_breaker_tried_every_few_seconds() -> None:
    clock, sink = Waiting(), Script("pager", *[SinkUnavailable("pager", "connection refused")] * 8)
    dispatch = dispatcher(Subscription(sink, retry=RetryOptions(attempts=1)), clock=clock)
    await dispatch.deliver([alert(1)], lambda: None)
    dispatch.close(hurry=True)
    began = clock.monotonic()
    await dispatch.run()
    assert sink.taken == ["id-1"]
    assert clock.monotonic() - began <= 2 * 8 * LAST_WAIT_S, "the breaker alone would have had it wait for minutes"


async def test_what_is_left_in_memory_at_the_end_is_said_and_kept(tmp_path: Path) -> None:
    seen: list[Event] = []
    letters = DeadLetterFile(tmp_path / "letters.jsonl")
    dispatch = dispatcher(Subscription(Script("pager")), seen=seen, letters=letters)
    await dispatch.deliver([alert(1), alert(2)], lambda: None)
    await dispatch.give_up("not taken within 25 s after the stream's end")
    assert names(seen)[-4:] == ["alert.dropped", "alert.dropped", "alert.buried", "alert.buried"]
    kept = [json.loads(line)["alert"]["id"] for line in (tmp_path / "letters.jsonl").read_text().splitlines()]
    assert kept == ["id-1", "id-2"]


async def test_a_sink_that_is_down_is_probed_once_in_thirty_seconds_at_most() -> None:
    clock, tried = Waiting(), list[float]()

    class Down(Script):
        async def send(self, alert: Alert) -> None:
            tried.append(clock.monotonic())
            await super().send(alert)

    seen: list[Event] = []
    down = Down("hook", *[SinkUnavailable("hook", "refused")] * 40)
    await deliver_all(dispatcher(Subscription(down, retry=AT_ONCE), seen=seen, clock=clock), [alert(1)])
    probes = tried[4:]
    gaps = [later - earlier for earlier, later in itertools.pairwise(probes)]
    assert len(gaps) == 36
    assert min(gaps) >= 30
    assert max(gaps) <= 300
    states = [event.state for event in seen if isinstance(event, BreakerChanged)]
    assert states == ["open", *["half-open", "open"] * 35, "half-open", "closed"]


async def test_the_first_refusal_says_where_the_alerts_are_kept_and_every_refused_alert_is_told(tmp_path: Path) -> None:
    for letters, kept in ((None, "only in this log"), (DeadLetterFile(tmp_path / "dead"), f"{tmp_path / 'dead'}")):
        seen, settled = list[Event](), list[str]()
        refusing = Script("hook", *[SinkRefused("hook", "401 Unauthorized (check secret and headers)")] * 2)
        dispatch = dispatcher(Subscription(refusing, retry=AT_ONCE), seen=seen, letters=letters)
        await deliver_all(dispatch, [alert(1), alert(2), alert(3)], settled)
        first = [event for event in seen if isinstance(event, SinkRefusing)]
        assert [event.problem for event in first] == ["sink hook: 401 Unauthorized (check secret and headers)"]
        assert kept in first[0].kept
        assert [event.alert.id for event in seen if isinstance(event, AlertRefused)] == ["id-1", "id-2"]
        assert settled == ["settled"]
        assert dispatch.unkept == ({"hook": 2} if letters is None else {})
    kept_lines = [json.loads(line) for line in (tmp_path / "dead").read_text().splitlines()]
    assert [(line["what"], line["sink"], line["alert"]["id"]) for line in kept_lines] == [
        ("alert", "hook", "id-1"),
        ("alert", "hook", "id-2"),
    ]


async def test_what_an_optional_sink_refuses_is_no_failure_of_the_process() -> None:
    dispatch = dispatcher(Subscription(Script("chat", SinkRefused("chat", "404")), required=False))
    await deliver_all(dispatch, [alert(1)])
    assert dispatch.unkept == {}


async def test_a_refused_alert_is_settled_only_once_it_is_among_the_dead_letters(tmp_path: Path) -> None:
    class Full(DeadLetterFile):
        failures = 2

        async def write(self, letters: Sequence[Mapping[str, object]]) -> None:
            if self.failures:
                self.failures -= 1
                assert settled == []
                raise DeadLettersUnavailable(self.where, "no room")
            await super().write(letters)

    seen, settled = list[Event](), list[str]()
    refusing = Script("hook", SinkRefused("hook", "400"))
    dispatch = dispatcher(Subscription(refusing), seen=seen, letters=Full(tmp_path / "dead"))
    await deliver_all(dispatch, [alert(1)], settled)
    assert settled == ["settled"]
    assert names(seen).count("dead_letter.failed") == 2
    assert len((tmp_path / "dead").read_text().splitlines()) == 1


async def test_a_receiver_that_wants_no_more_calls_gets_none_and_its_alerts_are_kept(tmp_path: Path) -> None:
    seen, settled = list[Event](), list[str]()
    closed = Script("hook", SinkGone("hook", "410 Gone"))
    dispatch = dispatcher(Subscription(closed), seen=seen, letters=DeadLetterFile(tmp_path / "dead"))
    await deliver_all(dispatch, [alert(1), alert(2), alert(3)], settled)
    assert (closed.tries, settled) == (1, ["settled"])
    assert names(seen).count("sink.disabled") == 1
    assert len((tmp_path / "dead").read_text().splitlines()) == 3


async def test_where_nothing_keeps_them_a_disabled_required_sink_holds_the_position() -> None:
    seen, settled = list[Event](), list[str]()
    closed, optional = Script("hook", SinkGone("hook", "410 Gone")), Script("chat", SinkGone("chat", "410 Gone"))
    dispatch = dispatcher(Subscription(closed), Subscription(optional, required=False), seen=seen)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dispatch.run)
        await dispatch.deliver([alert(1), alert(2)], lambda: settled.append("settled"))
        dispatch.close()
        await anyio.wait_all_tasks_blocked()
        assert settled == []
        assert dispatch.unsettled == {"hook": 2}
        assert (closed.tries, optional.tries) == (1, 1)
        tasks.cancel_scope.cancel()
    assert sorted(name for name in names(seen) if name.startswith("sink")) == [
        "sink.disabled", "sink.disabled", "sink.refused", "sink.refused",
    ]  # fmt: skip


async def test_when_a_reader_has_gone_stopping_is_asked_for_and_the_other_sinks_get_theirs() -> None:
    pipe, other, stopping, settled = Script("stdout", ReaderGone("stdout")), Script("other"), anyio.Event(), list[str]()
    dispatch = dispatcher(Subscription(pipe), Subscription(other))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dispatch.run, stopping)
        await dispatch.deliver([alert(1), alert(2)], lambda: settled.append("settled"))
        dispatch.close()
    assert stopping.is_set()
    assert isinstance(dispatch.gone, ReaderGone)
    assert (pipe.tries, other.taken, settled) == (1, ["id-1", "id-2"], ["settled"])


def test_two_sinks_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="different names, these were given: a, a"):
        dispatcher(Subscription(Script("a")), Subscription(Script("a")))


@pytest.mark.parametrize(("change", "message"), [({"queue": 0}, "at least 1 alert"), ({"timeout": 0}, "more than 0")])
def test_a_subscription_that_cannot_be_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Subscription(Script("a"), **change)  # type: ignore[arg-type]


async def test_a_fact_that_nobody_asks_for_is_no_alert_and_settles_its_window() -> None:
    events_only, both = Script("events"), Script("both")
    fact = alert(1)
    fact = replace(fact, pattern=replace(fact.pattern, nature=Nature.FACT))
    seen: list[Event] = []
    settled: list[str] = []
    await deliver_all(dispatcher(Subscription(events_only), seen=seen), [fact], settled)
    assert (events_only.taken, names(seen), settled) == ([], [], ["settled"])
    asked = Subscription(both, match=Match(nature=("fact", "event")))
    await deliver_all(dispatcher(Subscription(events_only), asked), [fact, alert(2)])
    assert (events_only.taken, both.taken) == (["id-2"], ["id-1", "id-2"])


async def test_routes_decide_which_sinks_get_an_alert_and_severity_is_that_of_the_route() -> None:
    pager, chat = Script("pager"), Script("chat")
    seen: list[Event] = []
    routes = Routes({"pager": Match(), "chat": Match()}, (Route(("pager",), Match(kind=("law",))), Route(("chat",))))
    dispatch = Dispatcher(
        [Subscription(pager), Subscription(chat)], emit=seen.append, rng=random.Random(0), routes=routes
    )
    await deliver_all(dispatch, [alert(1, "law"), alert(2)])
    assert (pager.taken, chat.taken) == (["id-1"], ["id-2"])
    made = [event.sinks for event in seen if isinstance(event, AlertMade)]
    assert made == [("pager",), ("chat",)]


async def test_a_sink_that_wants_groups_gets_the_alerts_of_a_window_as_one_and_settles_them_together() -> None:
    chat, record = Script("chat", SinkUnavailable("chat", "away")), Script("record")
    settled: list[str] = []
    dispatch = dispatcher(Subscription(chat, group=True, retry=AT_ONCE), Subscription(record))
    alerts = [alert(1), alert(2), replace(alert(3), status=AlertStatus.RESOLVED)]
    await deliver_all(dispatch, alerts, settled)
    assert record.taken == ["id-1", "id-2", "id-3"]
    assert chat.taken == [digest(["chat", "id-1", "id-2"], 32), "id-3"]
    assert settled == ["settled"]


def again(number: int, repeat: int) -> Alert:
    return replace(alert(number), id=f"id-{number}-again-{repeat}", status=AlertStatus.REPEATED)


async def test_what_is_only_said_again_takes_the_place_of_its_last_repetition_and_holds_nothing_back() -> None:
    gate, settled = anyio.Event(), list[str]()
    sink = Script("pager", gate)
    dispatch = dispatcher(Subscription(sink))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dispatch.run)
        await dispatch.deliver([alert(1), again(2, 1), again(3, 1)], lambda: settled.append("first"))
        await dispatch.deliver([again(2, 2)], lambda: settled.append("second"))
        await anyio.wait_all_tasks_blocked()
        assert dispatch.backlog == {"pager": 3}
        assert settled == ["second"]
        gate.set()
        await anyio.wait_all_tasks_blocked()
        dispatch.close()
    assert sink.taken == ["id-1", "id-2-again-2", "id-3-again-1"]
    assert settled == ["second", "first"]
