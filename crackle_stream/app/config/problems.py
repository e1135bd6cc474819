"""What is wrong with a configuration: every objection, each with the name its reader wrote."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from crackle_stream.app.config.layers import Address, Layer
from crackle_stream.errors import ConfigError

__all__ = ["Problems"]

MASK = "***"

NEAR = 0.55
"""Likeness of a misspelt key and the one that was meant: low enough for "sesion" and session_timeout."""

NEAR_ABROAD = 0.8
"""The same for keys of other sections, where a vague likeness only leads astray."""


class Problems:
    """Collects objections, so that all are told at once.

    Args:
        origin: the configuration, for the headline.
        layers: where settings come from, the strongest last; they know what each setting was called there.
        homes: the section of each key, for keys that stand in the wrong one.
    """

    def __init__(self, origin: str, layers: Sequence[Layer], homes: Mapping[str, str]) -> None:
        self.origin = origin
        self._layers = tuple(layers)
        self._homes = homes
        self._sentences: dict[str, None] = {}
        self._secrets: set[str] = set()
        self._closed: set[Address] = set()

    def __bool__(self) -> bool:
        return bool(self._sentences)

    def name(self, address: Address) -> str:
        """The setting as it was written: a dotted key, a variable or an option."""
        return self._layer(address).name(address)

    def add(self, address: Address, rest: str, *, last: bool = False) -> None:
        """Object to a setting.

        Args:
            address: the setting.
            rest: its name and this make the sentence; the same sentence is kept once.
            last: whether further objections to the setting only follow from this one, and are left out.
        """
        if address not in self._closed:
            self._sentences[f"{self.name(address)} {rest}"] = None
        if last:
            self._closed.add(address)

    def tell(self, address: Address, sentence: str) -> None:
        """Object with a sentence of its own, after the setting's name."""
        if address not in self._closed:
            self._sentences[f"{self.name(address)}: {sentence}"] = None

    def unknown(self, address: Address, known: Collection[str]) -> None:
        """Object to a key that means nothing where it stands."""
        *above, key = address
        near = _nearest(key, known)
        abroad = _nearest(key, self._homes, cutoff=NEAR_ABROAD)
        if key in self._homes:
            cure = f"it belongs in [{self._homes[key]}]"
        elif near:
            cure = f"did you mean {self._layer(address).name((*above, near))}?"
        elif abroad:
            cure = f"did you mean {abroad} in [{self._homes[abroad]}]?"
        else:
            cure = f"known are {', '.join(sorted(known))}"
        self.add(address, f"is unknown: {cure}")

    def hide(self, secret: str) -> None:
        """Never print this text, whoever puts it in a sentence."""
        if secret:
            self._secrets.add(secret)

    def mask(self, text: str) -> str:
        """The text without the secrets in it, the longest first."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def check(self) -> None:
        """End here if anything was objected to.

        Raises:
            ConfigError: with every sentence.
        """
        if self._sentences:
            raise ConfigError([self.mask(sentence) for sentence in self._sentences], self.origin)

    def _layer(self, address: Address) -> Layer:
        """The strongest place that gives the setting; the weakest where none does."""
        return next((layer for layer in reversed(self._layers) if layer.has(address)), self._layers[0])


def _nearest(key: str, known: Collection[str], *, cutoff: float = NEAR) -> str | None:
    return next(iter(difflib.get_close_matches(key, sorted(known), n=1, cutoff=cutoff)), None)
