"""JSON schemas of what people write and what programs read; `docs/schema/` publishes them."""

from crackle_stream.app.schema.alert import alert_schema
from crackle_stream.app.schema.configuration import configuration_schema

__all__ = ["alert_schema", "configuration_schema"]
