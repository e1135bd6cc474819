"""TLS as a client of brokers: verification is always on."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crackle_stream.brokers.options import BrokerOptions

__all__ = ["UnusableFile", "tls_context"]


class UnusableFile(Exception):
    """A certificate or key that cannot be used."""


def tls_context(options: BrokerOptions) -> ssl.SSLContext | None:
    """TLS 1.2 or later, certificates and names always verified; None where the protocol has no TLS.

    Raises:
        UnusableFile: a file cannot be read, or is not what it should be.
    """
    if not options.uses_tls:
        return None
    file: object = options.ca_file
    try:
        context = ssl.create_default_context(cafile=None if options.ca_file is None else str(options.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if options.cert_file is not None:
            file = options.key_file or options.cert_file
            # An empty password, because OpenSSL would ask for one on the terminal.
            context.load_cert_chain(options.cert_file, options.key_file, password="")
    except OSError as error:  # ssl.SSLError is one
        said = error.strerror or str(error)
        raise UnusableFile(f"{str(file)!r} is no usable PEM file: {said}. Keys must not be encrypted") from error
    return context
