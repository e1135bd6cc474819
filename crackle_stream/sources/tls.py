"""TLS as a client of brokers: verification is always on."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from crackle_stream.errors import SourceError

if TYPE_CHECKING:
    from crackle_stream.sources.options import KafkaOptions

__all__ = ["tls_context"]


def tls_context(options: KafkaOptions, source: str) -> ssl.SSLContext | None:
    """TLS 1.2 or later, certificates and names always verified; None where the protocol has no TLS.

    Raises:
        SourceError: a file cannot be read, or is not what it should be.
    """
    if not options.security_protocol.endswith("SSL"):
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
        raise SourceError(source, f"{str(file)!r} is no usable PEM file: {said}. Keys must not be encrypted") from error
    return context
