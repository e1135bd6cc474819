"""Secrets stand outside the file: `${env:NAME}` and `${file:PATH}`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from crackle_stream.app.config.layers import Address, Table, leaves
from crackle_stream.app.config.parameters import Parameter
from crackle_stream.app.config.problems import MASK, Problems
from crackle_stream.model import Secret
from crackle_stream.model.options import read_path
from crackle_stream.sinks.url import redacted

__all__ = ["Vault", "masked", "object_to_literals"]

REFERENCE = re.compile(r"\$\{([^{}]*)\}")

SECRET_NAME = re.compile(
    r"(authorization|cookie|credential|password|passphrase|secret|signature|token|api[-_]?key|private[-_]?key)s?$",
    re.IGNORECASE,
)
"""Keys whose values are secrets wherever no type says so: headers, and options of third parties."""


class Vault:
    """Looks up what settings refer to.

    Args:
        variables: the environment.
        problems: told of references that lead nowhere; hides what the others lead to.
    """

    def __init__(self, variables: Mapping[str, str], problems: Problems) -> None:
        self._variables = variables
        self._problems = problems

    def resolved(self, table: Table, address: Address) -> Table:
        """The table with every reference in its texts replaced."""
        return {key: self._resolve(value, (*address, key)) for key, value in table.items()}

    def _resolve(self, value: object, address: Address) -> object:
        if isinstance(value, str):
            return REFERENCE.sub(lambda match: self._look_up(match[1], address), value)
        if isinstance(value, Mapping):
            return {key: self._resolve(each, (*address, key)) for key, each in value.items()}
        if isinstance(value, Sequence):
            return [self._resolve(each, address) for each in value]
        return value

    def _look_up(self, reference: str, address: Address) -> str:
        """What a reference leads to; where that is nothing, "" and a problem."""
        place, _, name = reference.partition(":")
        readers = {"env": self._variable, "file": self._file}
        try:
            if place not in readers or not name:
                raise ValueError(f'"${{{reference}}}": write ${{env:NAME}} or ${{file:PATH}}')
            found = readers[place](name)
        except ValueError as error:
            self._problems.add(address, f"refers to {error}", last=True)
            return ""
        self._problems.hide(found)
        return found

    def _variable(self, name: str) -> str:
        found = self._variables.get(name, "")
        if not found:
            state = "empty" if name in self._variables else "not set"
            raise ValueError(f"the environment variable {name}, which is {state}: export it")
        return found

    def _file(self, name: str) -> str:
        try:
            path = read_path(name)
        except ValueError as error:
            raise ValueError(f"a file whose name {error}") from error
        try:
            found = path.read_text(encoding="utf-8").strip()
        except UnicodeDecodeError as error:
            raise ValueError(f"the file {path}, which is no UTF-8 text") from error
        except OSError as error:
            raise ValueError(f"the file {path}, which cannot be read: {error.strerror or error}") from error
        if not found:
            raise ValueError(f"the file {path}, which is empty")
        return found


def object_to_literals(
    written: Table, known: Mapping[str, Parameter] | None, address: Address, problems: Problems
) -> None:
    """Object to secrets that are written out in a file, which is copied, committed and shown.

    Args:
        written: the table as the file has it.
        known: what the constructor takes, which says what is a secret.
        address: where the table stands.
        problems: told of each, without the secret.
    """
    for path, value in leaves(written):
        texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        literal = any(isinstance(text, str) and text and not REFERENCE.search(text) for text in texts)
        if literal and _is_secret(path, known):
            variable = re.sub(r"\W", "_", "_".join((*address[1:], *path))).upper()
            problems.add(
                (*address, *path),
                f'holds a secret in the file: write "${{env:{variable}}}" and export {variable}, or "${{file:PATH}}"',
            )


def masked(table: Table, known: Mapping[str, Parameter] | None) -> Table:
    """The table for showing: references as they were written, *** for what a variable or an option gave away."""
    shown: Table = {}
    for path, value in leaves(table):
        here = shown
        for key in path[:-1]:
            here = here.setdefault(key, {})
        here[path[-1]] = _masked(value, secret=_is_secret(path, known))
    return shown


def _masked(value: object, *, secret: bool) -> object:
    if isinstance(value, list):
        return [_masked(each, secret=secret) for each in value]
    if REFERENCE.search(str(value)):
        # a list in a variable's text may hold an address that is written out beside one that is referred to
        return MASK if secret and "://" in REFERENCE.sub("", str(value)) else value
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        return redacted(value)
    return MASK if secret else value


def _is_secret(path: Address, known: Mapping[str, Parameter] | None) -> bool:
    parameter = (known or {}).get(path[0])
    if parameter is not None and len(path) == 1 and Secret in parameter.types | parameter.contents:
        return True
    return SECRET_NAME.search(path[-1]) is not None
