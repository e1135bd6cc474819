from __future__ import annotations

import logging
import pickle
import traceback
from dataclasses import dataclass

import pytest

from crackle_stream.model.secret import Secret

CANARY = "canary-7f3a"


@dataclass(frozen=True, slots=True)
class Holder:
    secret: Secret


def test_a_secret_is_printed_nowhere() -> None:
    secret = Secret(CANARY)
    record = logging.LogRecord("n", logging.INFO, "f", 1, "%s %r", (secret, Holder(secret)), None)
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>10}",
        str([secret]),
        repr(Holder(secret)),
        record.getMessage(),
    ]
    assert not [text for text in shown if CANARY in text]
    assert all("***" in text for text in shown)


def test_a_traceback_with_locals_does_not_show_it() -> None:
    secret = Secret(CANARY)
    try:
        raise ValueError(secret)
    except ValueError as error:
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "secret = ***" in text
    assert CANARY not in text.replace(f"CANARY = {CANARY!r}", "")


def test_it_reveals_itself_when_asked() -> None:
    assert Secret(CANARY).reveal() == CANARY
    assert Secret(Secret(CANARY)).reveal() == CANARY


def test_equal_texts_are_equal_secrets_and_never_equal_to_the_text() -> None:
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret("x")


def test_pickling_is_refused_so_that_it_lands_in_no_file() -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Secret(CANARY))
