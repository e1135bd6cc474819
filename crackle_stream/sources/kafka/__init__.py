"""Records from Kafka topics; the one package of sources that loads aiokafka."""

from crackle_stream.sources.kafka.source import KafkaSource

__all__ = ["KafkaSource"]
