"""The settings of the status server: where it listens, and who may ask."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from crackle_stream.errors import ConfigError
from crackle_stream.model import Secret
from crackle_stream.model.options import optional, read_fields, read_text

__all__ = ["LOOPBACK", "StatusSection"]

LOOPBACK = "127.0.0.1"
"""Where a bare port listens: what it shows is nobody else's business unless somebody writes a host out."""

LEAST_TOKEN = 16
"""Characters of a token: fewer can be guessed over a network."""

WRITTEN = re.compile(r"(?:(?P<name>[A-Za-z0-9._-]+)|\[(?P<six>[0-9A-Fa-f:.]+)\])?:(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class StatusSection:
    """The status server: health, metrics, a JSON interface and a page; needs the extra `web`.

    Attributes:
        listen: where it listens, such as "127.0.0.1:8080"; ":8080" is 127.0.0.1, another host must be written out, and
            port 0 takes a free one; there is no server by default.
        token: what callers must send as `Authorization: Bearer ...`, at least 16 characters; needed where others than
            this machine can reach it.
        hosts: further names under which callers reach it, beside addresses, localhost and the name in listen; requests
            for any other name are refused, so that no page of elsewhere can read it through a name of its own.
    """

    listen: str | None = None
    token: Secret | None = None
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        read_fields(self, listen=optional(_written), token=optional(_token), hosts=_names)
        if self.listen is None or self.token is not None or _is_loopback(self.host):
            return
        cure = 'set token = "${env:CRACKLE_STATUS_TOKEN}", or listen on 127.0.0.1'
        raise ConfigError([f"listen names {self.host}, which other machines can reach: {cure}"], origin="status")

    @property
    def host(self) -> str:
        """The host to listen on."""
        return _split(self.listen or ":0")[0]

    @property
    def port(self) -> int:
        """The port to listen on; 0 for a free one."""
        return _split(self.listen or ":0")[1]

    @property
    def authority(self) -> str:
        """Host and port as a URL has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _split(text: str) -> tuple[str, int]:
    match = WRITTEN.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise ValueError(f'is HOST:PORT such as "127.0.0.1:8080", or ":8080" for this machine only, not {text!r}')
    return match["name"] or match["six"] or LOOPBACK, int(match["port"])


def _written(value: object) -> str:
    text = value.strip() if isinstance(value, str) else repr(value)
    _split(text)
    return text


def _token(value: str | Secret) -> Secret:
    if not isinstance(value, str | Secret):
        raise ValueError("is text")
    secret = Secret(value)
    text = secret.reveal()
    if len(text) < LEAST_TOKEN or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"must be at least {LEAST_TOKEN} printable ASCII characters without a space")
    return secret


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, list | tuple):
        raise ValueError(f"is a list of host names, not {value!r}")
    names = tuple(read_text(each).lower() for each in value)
    for name in names:
        if not re.fullmatch(r"[a-z0-9._-]+", name):
            raise ValueError(f"holds {name!r}, which is no host name: write it without scheme and port")
    return names


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
