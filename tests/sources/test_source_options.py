from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crackle_stream import sources
from crackle_stream.errors import ConfigError
from crackle_stream.model import Secret
from crackle_stream.sources import FileOptions, KafkaOptions, QueueOptions, StdinOptions

BROKERS: Any = ["localhost:9092"]
TOPICS: Any = ["task-results"]


def options(**fields: Any) -> dict[str, Any]:
    """Values as a configuration file gives them, whatever their types."""
    return fields


def kafka(**fields: Any) -> KafkaOptions:
    return KafkaOptions(**{"brokers": BROKERS, "topics": TOPICS, **fields})


def problems_of(**fields: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        kafka(**fields)
    assert caught.value.origin == "KafkaOptions"
    return caught.value.problems


def test_the_defaults_are_those_that_were_measured() -> None:
    options = kafka()
    assert (options.brokers, options.topics, options.group) == (
        ("localhost:9092",),
        ("task-results",),
        "crackle-stream",
    )
    assert (options.session_timeout, options.heartbeat_interval, options.rebalance_timeout) == (45.0, 3.0, 60.0)
    assert (options.max_poll_interval, options.request_timeout) == (1800.0, 60.0)
    assert (options.max_partition_fetch_bytes, options.fetch_max_bytes, options.max_records) == (2**20, 2**23, 500)
    assert options.security_protocol == "PLAINTEXT"


def test_durations_and_sizes_may_be_written_with_units() -> None:
    options = kafka(session_timeout="30s", max_poll_interval="1h", fetch_max_bytes="4MiB")
    assert (options.session_timeout, options.max_poll_interval, options.fetch_max_bytes) == (30.0, 3600.0, 2**22)


def test_paths_and_secrets_are_read_into_their_types() -> None:
    options = kafka(security_protocol="SASL_SSL", sasl_username="u", sasl_password="swordfish", ca_file="~/ca.pem")
    assert options.ca_file == Path("~/ca.pem").expanduser()
    assert options.sasl_password == Secret("swordfish")
    assert "swordfish" not in repr(options)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"brokers": []}, 'brokers is empty: give at least one address, such as "localhost:9092"'),
        ({"brokers": "localhost:9092"}, "brokers is a list of texts, such as ['localhost:9092'], not 'localhost:9092'"),
        (
            {"brokers": ["localhost"]},
            'brokers holds \'localhost\': write "host:port", such as "localhost:9092" or "[::1]:9092"',
        ),
        (
            {"brokers": ["h:99999"]},
            'brokers holds \'h:99999\': write "host:port", such as "localhost:9092" or "[::1]:9092"',
        ),
        ({"topics": ["a b"]}, "topics holds 'a b': names of topics are 1 to 249 letters, digits, dots, _ and -"),
        ({"topics": [".."]}, "topics holds '..': names of topics are 1 to 249 letters, digits, dots, _ and -"),
        ({"topics": [7]}, "topics is a list of texts, such as ['task-results'], not [7]"),
        (
            {"topics": []},
            'topics is empty and no pattern is given: name what to read, such as topics = ["task-results"]',
        ),
        ({"pattern": "x.*"}, "topics and pattern are both given: keep one of them"),
        (
            {"topics": [], "pattern": "x("},
            "pattern is no regular expression: missing ), unterminated subpattern at position 1",
        ),
        ({"group": " "}, "group is text that is not empty, not ' '"),
        ({"auto_offset_reset": "none"}, "auto_offset_reset is one of earliest, latest, not 'none'"),
        (
            {"isolation_level": "serializable"},
            "isolation_level is one of read_uncommitted, read_committed, not 'serializable'",
        ),
        ({"max_records": 0}, "max_records is a whole number of at least 1, not 0"),
        ({"stop_timeout": 0}, "stop_timeout must be more than 0 seconds"),
        ({"fetch_max_bytes": 0}, "fetch_max_bytes must be at least 1 byte, not 0"),
        (
            {"session_timeout": 6},
            "heartbeat_interval is 3 s: make it at most a third of session_timeout (6 s), or one lost beat loses the "
            "partitions",
        ),
        (
            {"session_timeout": 60},
            "request_timeout is 60 s: make it more than session_timeout (60 s), or joining the group gives up before "
            "it can succeed",
        ),
        (
            {"rebalance_timeout": 90},
            "request_timeout is 60 s: make it at least rebalance_timeout (90 s), the time a join may have to wait for "
            "other members",
        ),
        (
            {"security_protocol": "TLS"},
            "security_protocol is one of PLAINTEXT, SSL, SASL_SSL, SASL_PLAINTEXT, not 'TLS'",
        ),
        (
            {"security_protocol": "SASL_PLAINTEXT", "sasl_username": "u", "sasl_password": "p"},
            "security_protocol SASL_PLAINTEXT sends credentials in the clear: use SASL_SSL, or set allow_insecure = "
            "true where the network is your own",
        ),
        (
            {"security_protocol": "SASL_SSL", "sasl_username": "u"},
            "security_protocol SASL_SSL needs sasl_username and sasl_password: give both",
        ),
        (
            {"security_protocol": "SSL", "sasl_password": "p"},
            "security_protocol SSL sends no sasl_username or sasl_password: set it to SASL_SSL",
        ),
        ({"sasl_password": ""}, "sasl_password is empty: give the password, or leave it out"),
        ({"sasl_password": 5}, "sasl_password is text, not int"),
        (
            {"ca_file": "ca.pem"},
            "security_protocol PLAINTEXT uses no ca_file, cert_file or key_file: set it to SSL or SASL_SSL",
        ),
        (
            {"security_protocol": "SSL", "key_file": "key.pem"},
            "key_file is given without cert_file: give the certificate it belongs to",
        ),
        ({"security_protocol": "SSL", "ca_file": ""}, "ca_file is a path, not ''"),
        ({"sasl_mechanism": "GSSAPI"}, "sasl_mechanism is one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, not 'GSSAPI'"),
        ({"allow_insecure": "yes"}, "allow_insecure is true or false, not 'yes'"),
    ],
)
def test_what_cannot_work_is_said_with_its_cure(fields: dict[str, Any], problem: str) -> None:
    assert problems_of(**fields) == (problem,)


def test_every_problem_is_said_at_once() -> None:
    assert len(problems_of(brokers=[], topics=["?"], max_records=0)) == 3
    assert len(problems_of(session_timeout=5, request_timeout=4)) == 3


def test_credentials_in_the_clear_may_be_allowed() -> None:
    options = kafka(
        security_protocol="SASL_PLAINTEXT", sasl_username="u", sasl_password=Secret("p"), allow_insecure=True
    )
    assert options.security_protocol == "SASL_PLAINTEXT"


def test_a_topic_named_twice_is_read_once() -> None:
    assert kafka(topics=["a", "b", "a"]).topics == ("a", "b")


def test_addresses_of_either_family_are_understood() -> None:
    assert kafka(brokers=["[::1]:9092", "10.0.0.1:9093"]).brokers == ("[::1]:9092", "10.0.0.1:9093")


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        (lambda: QueueOptions(limit=0), "limit is a whole number of at least 1, not 0"),
        (lambda: StdinOptions(descriptor=-1), "descriptor is a whole number of at least 0, not -1"),
        (lambda: FileOptions(**options(path="")), "path is a path, not ''"),
        (
            lambda: FileOptions(**options(path="x", max_line_bytes="1 mile")),
            "max_line_bytes is a number of bytes or text such as",
        ),
    ],
)
def test_options_of_the_other_sources_are_checked_as_well(build: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build()
    assert caught.value.problems[0].startswith(problem)


# -- what is loaded ----------------------------------------------------------------------------------------------------


def loaded_by(statement: str) -> set[str]:
    """Third-party packages that a fresh interpreter has loaded after a statement."""
    program = f"import sys\nbefore = set(sys.modules)\n{statement}\nprint(*(set(sys.modules) - before))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return {name.partition(".")[0] for name in said.split()} & {"aiokafka", "anyio", "asyncio", "numpy", "structlog"}


def test_options_load_no_third_party() -> None:
    assert (
        loaded_by("from crackle_stream.sources import KafkaOptions, FileOptions, QueueOptions, StdinOptions") == set()
    )


def test_a_pipe_loads_no_broker_client() -> None:
    assert "aiokafka" not in loaded_by("from crackle_stream.sources import StdinSource, FileSource, QueueSource")


def test_every_public_name_is_there_and_no_other() -> None:
    assert sources.__all__ == sorted(sources.__all__)
    for name in sources.__all__:
        assert getattr(sources, name).__name__ == name
    assert set(sources.__all__) <= set(dir(sources))
    with pytest.raises(AttributeError, match="has no attribute 'KafkaSink'"):
        _ = sources.KafkaSink
