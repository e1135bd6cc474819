"""Alerts reach every sink at least once, and a sink that fails holds up no other."""

import random
from collections.abc import Callable

import anyio
import pytest

from crackle_stream.alerting import Match
from crackle_stream.errors import ReaderGone, SinkRefused, SinkUnavailable
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Severity
from crackle_stream.protocols import Sink
from crackle_stream.stream.dispatch import Dispatcher, Subscription
from crackle_stream.stream.events import Event
from crackle_stream.stream.options import RetryOptions

AT_ONCE = RetryOptions(attempts=2, wait_s=0, wait_max_s=0, round_wait_s=0, round_wait_max_s=0, rounds=2)


def alert(number: int, kind: str = "correlation") -> Alert:
    pattern = CracklePattern(kind, f"pattern {number}", 0.99, metric_names=(f"m{number}",))
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


def dispatcher(*subscriptions: Subscription, seen: list[Event] | None = None) -> Dispatcher:
    emit: Callable[[Event], None] = (lambda event: None) if seen is None else seen.append
    return Dispatcher(subscriptions, emit=emit, rng=random.Random(0))


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
    assert names(seen) == ["alert.made", "sink.unavailable", "sink.unavailable", "alert.delivered"]


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
        assert alive.taken == ["id-0", "id-1", "id-2"]
        gate.set()
    assert given == ["returned", "settled"]
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
    seen: list[Event] = []
    busy = Script("busy", SinkUnavailable("busy", "429", retry_after=3600))
    dispatch = dispatcher(Subscription(busy, retry=AT_ONCE), seen=seen)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dispatch.run)
        await dispatch.deliver([alert(1)], lambda: None)
        await anyio.wait_all_tasks_blocked()
        assert busy.tries == 1
        assert [event.retry_in_s for event in seen if event.name == "sink.unavailable"] == [3600]  # type: ignore[attr-defined]
        tasks.cancel_scope.cancel()


async def test_waits_between_rounds_double_up_to_their_bound_and_are_spread() -> None:
    dispatch = dispatcher()
    retry = RetryOptions(round_wait_s=1, round_wait_max_s=60)
    for rounds, most in ((1, 1), (2, 2), (5, 16), (7, 60), (500, 60)):
        waits = {dispatch._backoff(retry, rounds) for _ in range(50)}
        assert all(most / 2 <= wait <= most for wait in waits)
        assert len(waits) > 10


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
