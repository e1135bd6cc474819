"""The settings of telemetry: whether traces are sent."""

from __future__ import annotations

from dataclasses import dataclass

from crackle_stream.model.options import read_fields, read_flag

__all__ = ["TelemetrySection"]


@dataclass(frozen=True, slots=True)
class TelemetrySection:
    """What is told to an OpenTelemetry collector; needs the extra `otel`.

    Attributes:
        traces: send a span for each cooling and each delivery, by OTLP over HTTP; where to and how is said by the
            standard variables, such as OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_TRACES_SAMPLER.
    """

    traces: bool = False

    def __post_init__(self) -> None:
        read_fields(self, traces=read_flag)
