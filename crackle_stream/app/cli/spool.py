"""`crackle-stream spool ls|retry|purge`: the alerts on disk that sinks have not yet, also while a process runs."""

import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from crackle_stream.app.cli.reporting import reported
from crackle_stream.app.exits import Exit
from crackle_stream.errors import ConfigError

if TYPE_CHECKING:
    from crackle_stream.stream.deadletter import DeadLetters
    from crackle_stream.stream.spool import Load, Spooled
    from crackle_stream.stream.store import Store

__all__ = ["spool"]

T = TypeVar("T")

PAGE = 256
"""Alerts that move to the dead letters at once."""

spool = typer.Typer(
    name="spool", help="Show, retry or purge the alerts that wait on disk for their sinks.", no_args_is_help=True
)

Config = Annotated[Path, typer.Argument(help="The TOML file that names the state directory.", show_default=False)]
Sink = Annotated[str | None, typer.Option("--sink", metavar="NAME", help="Only this sink's [all].")]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting, such as state.directory=/var/lib/crackle."),
]


@spool.command("ls")
@reported
def list_(config: Config, sink: Sink = None, setting: Setting = None) -> Exit:
    """Show what waits for each sink: how many alerts, their size, the oldest one's age, and when it is tried next."""
    found = _in_store(config, setting, lambda store, _: _chosen(store, sink))
    now = time.time()
    rows = [("sink", "alerts", "bytes", "oldest", "next try", "problem"), *(_row(load, now) for load in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = [f"{cell:{'<' if place == 0 else '>'}{widths[place]}}" for place, cell in enumerate(row[:5])]
        typer.echo("  ".join([*cells, row[5]]).rstrip())
    return Exit.DONE


@spool.command("retry")
@reported
def retry(config: Config, sink: Sink = None, setting: Setting = None) -> Exit:
    """Have what waits tried at once by the process that runs, or first of all by the next one."""
    # what only this command needs must not cost `--help` its time
    from crackle_stream.stream.spool import Spool

    async def ask(store: "Store", _: object) -> "list[Load]":
        found = [load for load in await _chosen(store, sink) if load.count]
        for load in found:
            await store.run(Spool(load.sink).ask)
        return found

    for load in _in_store(config, setting, ask):
        typer.echo(f"{load.sink}: {load.count} alerts will be tried at once, or as the first ones of the next start")
    return Exit.DONE


@spool.command("purge")
@reported
def purge(
    config: Config,
    sink: Sink = None,
    setting: Setting = None,
    discard: Annotated[
        bool, typer.Option("--discard", help="Forget them, where no dead letters are configured.")
    ] = False,
) -> Exit:
    """Move what waits to the dead letters. A delivery that is under way may still arrive."""

    async def move(store: "Store", letters: "DeadLetters | None") -> dict[str, int]:
        return {
            load.sink: await _purged(store, load.sink, letters) for load in await _chosen(store, sink) if load.count
        }

    for name, count in _in_store(config, setting, move, keeping=not discard).items():
        typer.echo(f"{name}: {count} alerts {'forgotten' if discard else 'moved to the dead letters'}")
    return Exit.DONE


async def _purged(store: "Store", sink: str, letters: "DeadLetters | None") -> int:
    """How many alerts left a spool; each only once it is kept."""
    from crackle_stream.stream.deadletter import alert_letter
    from crackle_stream.stream.spool import Spool

    outbox, count = Spool(sink), 0

    def page(connection: sqlite3.Connection) -> "list[Spooled]":
        return outbox.oldest(connection, PAGE)

    while entries := await store.run(page):
        if letters is not None:
            await letters.write(
                [alert_letter(each.alert, sink, "purged from its spool", time.time()) for each in entries]
            )
        await store.run(_removal(sink, [each.seq for each in entries]))
        count += len(entries)
    return count


def _removal(sink: str, places: list[int]) -> Callable[[sqlite3.Connection], None]:
    from crackle_stream.stream.spool import Spool

    def remove(connection: sqlite3.Connection) -> None:
        Spool(sink).remove(connection, places)
        Spool(sink).ask(connection)

    return remove


async def _chosen(store: "Store", sink: str | None) -> "list[Load]":
    """What the spools hold, of one sink or of all.

    Raises:
        typer.BadParameter: there is no such spool.
    """
    from crackle_stream.stream.spool import loads

    found = await store.run(loads)
    if sink is not None and sink not in [load.sink for load in found]:
        known = ", ".join(load.sink for load in found) or "none yet"
        raise typer.BadParameter(f'there is no spool "{sink}"; spools: {known}', param_hint="--sink")
    return [load for load in found if sink in (None, load.sink)]


def _in_store(
    config: Path,
    setting: list[str] | None,
    work: "Callable[[Store, DeadLetters | None], Awaitable[T]]",
    *,
    keeping: bool = False,
) -> T:
    """Do something with the state file that a configuration names.

    Args:
        config: the configuration.
        setting: texts of `--set`.
        work: called with the file, and with the dead letters where they are wanted.
        keeping: whether dead letters are wanted.

    Raises:
        ConfigError: it names no directory, or no dead letters where they are wanted.
        StateError: the file cannot be used.
    """
    import anyio

    from crackle_stream.app.cli.settings import configured
    from crackle_stream.app.keeping import dead_letters_of, state_of
    from crackle_stream.stream.spool import OUTBOX

    configuration = configured(config, settings=setting)
    store = state_of(configuration, [OUTBOX], exclusive=False)
    if store is None:
        raise ConfigError(["state.directory is not set: there is no spool to look at"], origin=configuration.origin)
    if not store.path.exists():
        raise ConfigError(
            [f"state.directory holds no {store.path.name} yet: nothing was spooled"], configuration.origin
        )
    letters = dead_letters_of(configuration) if keeping else None
    if keeping and letters is None:
        problem = "dead_letters is not set, and nothing would keep them: set [dead_letters] path, or pass --discard"
        raise ConfigError([problem], origin=configuration.origin)

    async def opened() -> T:
        async with store, AsyncExitStack() as stack:
            if letters is not None:
                stack.push_async_callback(letters.close)
                await letters.open()
            return await work(store, letters)

    return anyio.run(opened)


def _row(load: "Load", now: float) -> tuple[str, ...]:
    oldest = "-" if load.oldest is None else _ago(now - load.oldest)
    due = "now" if load.count else "-"
    next_try = due if load.next_try is None or load.next_try <= now else f"in {_ago(load.next_try - now)}"
    return load.sink, str(load.count), str(load.bytes), oldest, next_try, load.problem


def _ago(seconds: float) -> str:
    """A duration in its largest whole unit."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
