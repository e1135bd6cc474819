"""Numbers and short texts in few bytes, and back, with a sentence for bytes that are not what they should be."""

from __future__ import annotations

__all__ = ["Packer", "Torn", "Unpacker"]

MAX_NUMBER_BYTES = 10
"""A number of 64 bits takes ten groups of seven; a longer one is no number of ours."""


class Torn(ValueError):
    """Packed bytes that end too soon or say what cannot be."""


class Packer:
    """Collects values; `packed` is their bytes."""

    def __init__(self) -> None:
        self.packed = bytearray()

    def number(self, value: int) -> None:
        """A whole number from 0, seven bits a byte, the lowest first."""
        if value < 0:
            raise ValueError(f"only numbers from 0 can be packed, not {value}")
        while value >= 0x80:
            self.packed.append(value & 0x7F | 0x80)
            value >>= 7
        self.packed.append(value)

    def signed(self, value: int) -> None:
        """A whole number of either sign; small ones stay short."""
        self.number(value * 2 if value >= 0 else -value * 2 - 1)

    def octets(self, value: bytes) -> None:
        """Bytes, their length first."""
        self.number(len(value))
        self.packed += value

    def text(self, value: str) -> None:
        """A text, lone surrogates included."""
        self.octets(value.encode("utf-8", "surrogatepass"))

    def rising(self, values: tuple[int, ...], start: int) -> None:
        """Numbers that never fall and begin at `start` or above, as steps."""
        self.number(len(values))
        for value in values:
            self.number(value - start)
            start = value


class Unpacker:
    """Takes values out again, in the order in which they went in.

    Every method raises `Torn` where the bytes end too soon.
    """

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._next = 0

    def number(self) -> int:
        """A whole number from 0."""
        value = shift = 0
        for _ in range(MAX_NUMBER_BYTES):
            octet = self.octets_of(1)[0]
            value |= (octet & 0x7F) << shift
            if octet < 0x80:
                return value
            shift += 7
        raise Torn("a number does not end")

    def signed(self) -> int:
        """A whole number of either sign."""
        value = self.number()
        return value // 2 if value % 2 == 0 else -(value + 1) // 2

    def octets(self) -> bytes:
        """Bytes whose length stands before them."""
        return self.octets_of(self.number())

    def octets_of(self, count: int) -> bytes:
        """So many bytes."""
        taken = self._packed[self._next : self._next + count]
        if len(taken) != count:
            raise Torn("it ends too soon")
        self._next += count
        return taken

    def text(self) -> str:
        """A text."""
        try:
            return self.octets().decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise Torn("a text is not UTF-8") from error

    def rising(self, start: int) -> tuple[int, ...]:
        """Numbers that never fall."""
        values = []
        for _ in range(self.number()):
            start += self.number()
            values.append(start)
        return tuple(values)

    def end(self) -> None:
        """There must be nothing left."""
        if self._next != len(self._packed):
            raise Torn(f"{len(self._packed) - self._next} bytes too many")
