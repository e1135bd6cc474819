"""Which addresses may be connected to.

A receiver's name comes from a configuration, and a configuration may be a template filled in by others, so a webhook
must not become a way into the private network it runs in. The rule is checked after the name is resolved, on every
address of the answer, and the connection then goes to a checked address, not to the name: no second answer of the
name server, and no spelling of a number (2130706433, 0x7f.1, 127.1), comes between check and connection.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import anyio.to_thread

from crackle_stream.errors import SinkUnavailable, TargetForbidden
from crackle_stream.protocols import Clock, SystemClock

__all__ = ["HELD_S", "AddressGuard", "Resolver", "objection", "resolve_host"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

Resolver = Callable[[str, int], Sequence[str]]
"""Looks up the addresses of a host; may block, it is called in a thread. Raises OSError when it cannot."""

METADATA_ADDRESSES = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, GCP, OpenStack and most others
        "169.254.170.2",  # AWS ECS task credentials
        "169.254.170.23",  # AWS EKS pod credentials
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",  # AWS EKS pod credentials
        "fd20:ce::254",  # GCP
        "100.100.100.200",  # Alibaba Cloud
        "192.0.0.192",  # Oracle Cloud
        "168.63.129.16",  # Azure's host agent: a public address, reached from inside only
    )
)
"""They hand out credentials to whoever asks, so no setting allows them."""

UNICAST_6 = IPv6Network("2000::/3")
"""The only part of IPv6 that is assigned to the public; `is_global` also passes site-local and unassigned parts."""

RESERVED: tuple[Network, ...] = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, withdrawn (RFC 7526)
    IPv6Network("2001::/23"),  # protocol assignments, Teredo among them
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)
"""What `is_global` passes, in some Python version, though nothing public lives there."""

NAT64 = IPv6Network("64:ff9b::/96")
CARRIERS = (
    NAT64,
    IPv6Network("64:ff9b:1::/48"),  # NAT64 for local use (RFC 8215)
    IPv6Network("::/96"),  # IPv4-compatible, deprecated
    IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated (RFC 7915)
)
"""IPv6 networks whose addresses carry an IPv4 address in their last 32 bits, beside ::ffff:0:0/96."""

HELD_S = 5.0
"""Seconds an answer that passed is used again: a burst asks once, and no longer than a connection would stay open."""


class AddressGuard:
    """Resolves hosts and lets only public addresses through.

    The last answer that passed the check is used again for a few seconds, until `forget`; an answer that did not pass,
    or none at all, is never kept.

    Args:
        sink: the sink's name, for messages.
        allow_private: networks that may be connected to although they are private or reserved.
        resolve: looks up names; called in a thread.
        clock: says when an answer is too old.
    """

    def __init__(
        self,
        sink: str,
        allow_private: Sequence[str] = (),
        resolve: Resolver | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.sink = sink
        self._allowed = tuple(ip_network(text) for text in allow_private)
        self._resolve = resolve or resolve_host
        self._clock = clock or SystemClock()
        self._held: _Held | None = None

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of a host, in the order to try them.

        Raises:
            TargetForbidden: at least one address of the answer may not be connected to. One is enough: a name that
                answers with a public and a private address is an attack or a mistake.
            SinkUnavailable: the name cannot be resolved now.
        """
        held = self._held
        # From when it was asked, not answered: a slow resolver makes an answer no younger.
        now = self._clock.monotonic()
        if held is not None and held.target == (host, port) and now < held.until:
            return held.addresses
        self._held = None
        addresses = await self._looked_up(host, port)
        self._held = _Held((host, port), addresses, now + HELD_S)
        return addresses

    def forget(self) -> None:
        """Ask anew the next time: something went wrong at these addresses, and the host may have moved."""
        self._held = None

    async def _looked_up(self, host: str, port: int) -> tuple[str, ...]:
        """Ask the resolver, and check every address of its answer."""
        try:
            found = await anyio.to_thread.run_sync(self._resolve, host, port, abandon_on_cancel=True)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SinkUnavailable(self.sink, f"cannot resolve {host}: {reason}") from None
        if not found:
            raise SinkUnavailable(self.sink, f"cannot resolve {host}: the name has no address")
        addresses = tuple(dict.fromkeys(found))
        for address in addresses:
            problem = objection(ip_address(address), self._allowed)
            if problem:
                resolved = "" if address == host else f" (an address of {host})"
                raise TargetForbidden(self.sink, f"will not connect to {address}{resolved}: {problem}")
        return addresses


@dataclass(frozen=True, slots=True)
class _Held:
    """An answer that passed the check, and until when it serves."""

    target: tuple[str, int]
    addresses: tuple[str, ...]
    until: float


def objection(address: Address, allowed: Sequence[Network] = ()) -> str | None:
    """Why an address may not be connected to and what to do about it, or None if it may.

    >>> objection(ip_address("93.184.215.14"))
    >>> objection(ip_address("64:ff9b::a9fe:a9fe"), [ip_network("::/0")])
    'it is a metadata service of a cloud, which no setting allows'
    >>> objection(ip_address("10.1.2.3"), [ip_network("10.0.0.0/8")])
    """
    if not METADATA_ADDRESSES.isdisjoint({_without_scope(address), *_carried(address)}):
        return "it is a metadata service of a cloud, which no setting allows"
    target = _translated(address)
    if _is_public(target) or any(each in network for each in (address, target) for network in allowed):
        return None
    single = f"{_without_scope(target)}/{target.max_prefixlen}"
    return f'it is not a public address; if it is meant, set allow_private = ["{single}"] or a wider network'


def resolve_host(host: str, port: int) -> list[str]:
    """Ask the system's resolver."""
    answer = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in answer]


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in UNICAST_6:
        return False
    if any(address in network for network in RESERVED if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast


def _translated(address: Address) -> Address:
    """Where a connection really ends: an IPv4 address, for one that a stack or a public gateway translates to it."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return _last_32_bits(address)
    return address.ipv4_mapped or address.sixtofour or address


def _carried(address: Address) -> set[Address]:
    """Every IPv4 address written inside an IPv6 address."""
    if isinstance(address, IPv4Address):
        return set()
    inside = {address.ipv4_mapped, address.sixtofour, *(address.teredo or ())}
    if any(address in network for network in CARRIERS):
        inside.add(_last_32_bits(address))
    return {each for each in inside if each is not None}


def _last_32_bits(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)


def _without_scope(address: Address) -> Address:
    """The address without an interface (`%eth0`), which would make it unequal to itself."""
    return IPv6Address(int(address)) if isinstance(address, IPv6Address) else address
