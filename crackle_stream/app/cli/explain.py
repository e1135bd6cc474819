"""`crackle-stream explain FINGERPRINT`: the evidence of an alert and its plot."""

import os
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackle_stream.app.cli.reporting import reported
from crackle_stream.app.exits import Exit

if TYPE_CHECKING:
    from crackle_stream.model import Alert

__all__ = ["explain_alert"]

PLOT_ROWS = 12
"""Cells high: somebody asked for it, so it may be taller than in passing."""


class Skin(StrEnum):
    """How the card is written."""

    CARD = "card"
    HTML = "html"
    CHAT = "chat"
    SVG = "svg"


@reported
def explain_alert(
    fingerprint: Annotated[
        str | None,
        typer.Argument(help="The last line of a card, or how it begins; none lists what there is.", show_default=False),
    ] = None,
    input_: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="A file of alerts as JSON lines.", show_default=False)
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The state directory of a process.", show_default=False)
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A running process: http://127.0.0.1:8080.", show_default=False),
    ] = None,
    skin: Annotated[Skin, typer.Option("--format", help="For the terminal, a page, a chat, or the plot alone.")] = (
        Skin.CARD
    ),
) -> Exit:
    """Explain an alert: what the evidence is, what it looks like, and what it is not.

    With --url the process needs a status server; its token, if it has one, is read from CRACKLE_STATUS_TOKEN.
    """
    if len([one for one in (input_, state, url) if one is not None]) != 1:
        raise typer.BadParameter("say where it is, by one of --input FILE, --state DIR and --url URL")
    if url is not None:
        return _asked(url, fingerprint, skin)
    # what only this command needs must not cost `--help` its time; so below
    from crackle_stream.app.explaining import alerts_in_file, alerts_in_state

    alerts = alerts_in_file(input_) if input_ is not None else alerts_in_state(state or Path())
    return _told(alerts, fingerprint, skin)


def _asked(url: str, fingerprint: str | None, skin: Skin) -> Exit:
    from crackle_stream.app.explaining import alerts_at, with_exhibit
    from crackle_stream.app.top.asking import TOKEN_VARIABLE, Process
    from crackle_stream.model import Secret

    token = os.environ.get(TOKEN_VARIABLE)
    with Process(url, Secret(token) if token else None) as process:
        return _told(alerts_at(process), fingerprint, skin, lambda alert: with_exhibit(alert, process))


def _told(
    alerts: "Sequence[Alert]",
    fingerprint: str | None,
    skin: Skin,
    whole: "Callable[[Alert], Alert]" = lambda alert: alert,
) -> Exit:
    """The alert that is meant, or all there are."""
    from crackle_stream.app.explaining import NotOne, listed, the_one

    if fingerprint is None:
        typer.echo("\n".join(listed(alerts)))
        return Exit.DONE
    try:
        alert = the_one(alerts, fingerprint)
    except NotOne as error:
        raise typer.BadParameter(str(error), param_hint="FINGERPRINT") from error
    typer.echo(_written(whole(alert), skin))
    return Exit.DONE


def _written(alert: "Alert", skin: Skin) -> str:
    from crackle_stream.app.terminal import columns_of, wants_colour
    from crackle_stream.errors import ConfigError
    from crackle_stream.render import card, chat_text, html_card, svg

    if skin is Skin.HTML:
        return html_card(alert)
    if skin is Skin.CHAT:
        return chat_text(alert)
    if skin is Skin.CARD:
        return card(alert, width=columns_of(sys.stdout), colour=wants_colour(sys.stdout), plot_rows=PLOT_ROWS)
    figure = alert.exhibit.figure if alert.exhibit else None
    if figure is None:
        raise ConfigError([f"{alert.fingerprint} has no plot with it"], origin="--format svg")
    return svg(figure)
