"""Where alerts go.

Importing this package loads no sink: each is loaded when it is first named, so that a pipe never pays for a webhook.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crackle_stream.sinks.alertmanager import AlertmanagerSink
    from crackle_stream.sinks.apprise import AppriseSink
    from crackle_stream.sinks.file import FileSink
    from crackle_stream.sinks.kafka import KafkaSink
    from crackle_stream.sinks.log import LogSink
    from crackle_stream.sinks.memory import MemorySink
    from crackle_stream.sinks.options import (
        AlertmanagerOptions,
        AppriseOptions,
        FileOptions,
        KafkaSinkOptions,
        LogOptions,
        MemoryOptions,
        StdoutOptions,
        WebhookOptions,
    )
    from crackle_stream.sinks.stdout import StdoutSink
    from crackle_stream.sinks.webhook import WebhookSink

__all__ = [
    "AlertmanagerOptions",
    "AlertmanagerSink",
    "AppriseOptions",
    "AppriseSink",
    "FileOptions",
    "FileSink",
    "KafkaSink",
    "KafkaSinkOptions",
    "LogOptions",
    "LogSink",
    "MemoryOptions",
    "MemorySink",
    "StdoutOptions",
    "StdoutSink",
    "WebhookOptions",
    "WebhookSink",
]

MODULES = {
    "AlertmanagerOptions": "options",
    "AlertmanagerSink": "alertmanager",
    "AppriseOptions": "options",
    "AppriseSink": "apprise",
    "FileOptions": "options",
    "FileSink": "file",
    "KafkaSink": "kafka",
    "KafkaSinkOptions": "options",
    "LogOptions": "options",
    "LogSink": "log",
    "MemoryOptions": "options",
    "MemorySink": "memory",
    "StdoutOptions": "options",
    "StdoutSink": "stdout",
    "WebhookOptions": "options",
    "WebhookSink": "webhook",
}


def __getattr__(name: str) -> object:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
