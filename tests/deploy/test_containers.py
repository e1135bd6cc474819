"""Image, compose file and systemd unit: read by whoever can, and held against each other; every TOML is checked."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from importlib import resources
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import httpx2
import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]
from command import crackle
from debian import program
from standardwebhooks.webhooks import Webhook

from crackle_stream.stream.options import RunOptions
from crackle_stream.stream.work import CLOSE_WITHIN_S

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
OTHERS = "whsec_" + "WFdWVVRTUlFQT05NTEtKSUhHRkVEQ0JB"


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def unit() -> dict[str, list[str]]:
    """The unit's settings; a name may be given several times."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", (DEPLOY / "crackle-stream.service").read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def dockerfile() -> dict[str, list[str]]:
    """Instructions of the last stage, by name."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^([A-Z]+) (.*)$", text.rpartition("\nFROM ")[2], re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def test_the_compose_file_passes_the_schema_of_its_specification() -> None:
    schema = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.Draft202012Validator(json.loads(schema.read_text())).validate(compose())
    wrong = compose()
    wrong["services"]["kafka"]["imagine"] = "apache/kafka"
    with pytest.raises(jsonschema.ValidationError, match="imagine"):
        jsonschema.Draft202012Validator(json.loads(schema.read_text())).validate(wrong)


def test_what_compose_mounts_is_there() -> None:
    for service in compose()["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in compose()["volumes"] or (DEPLOY / source).exists(), mount
        assert set(service.get("secrets", [])) <= set(compose()["secrets"])
        assert set(service.get("depends_on", {})) <= set(compose()["services"])


def test_services_call_each_other_by_the_names_and_ports_they_have() -> None:
    services = compose()["services"]
    ours = tomllib.loads((DEPLOY / "compose" / "crackle.toml").read_text())
    monitor = yaml.safe_load((DEPLOY / "compose" / "prometheus.yml").read_text())
    sources = yaml.safe_load((DEPLOY / "compose" / "grafana-datasource.yml").read_text())["datasources"]
    (scraped,) = monitor["scrape_configs"]
    called = [
        *ours["source"]["brokers"],
        *ours["sinks"]["alertmanager"]["urls"],
        ours["sinks"]["receiver"]["url"],
        scraped["static_configs"][0]["targets"][0],
        monitor["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"][0],
        *(source["url"] for source in sources),
    ]
    assert {re.sub(r"^\w+://|[:/].*$", "", re.sub(r"^\w+://", "", each)) for each in called} <= set(services)
    assert scraped["static_configs"][0]["targets"][0].rpartition(":")[0] in ours["status"]["hosts"]
    assert scraped["authorization"]["credentials_file"] == f"/run/secrets/{services['prometheus']['secrets'][0]}"


def test_compose_publishes_ports_on_this_machine_only() -> None:
    for service in compose()["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_prometheus_of_compose_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text((DEPLOY / "rules.yml").read_text())
    (tmp_path / "token").write_text("token")
    settings = (DEPLOY / "compose" / "prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(settings.replace("/run/secrets/status_token", str(tmp_path / "token")))
    done = subprocess.run(
        [program("promtool"), "check", "config", str(tmp_path / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_runs_as_nobody_in_particular_and_asks_livez() -> None:
    last = dockerfile()
    assert last["USER"] == ["10001"]
    assert "/livez" in last["HEALTHCHECK"][0]
    assert last["EXPOSE"] == ["8080"]
    command = json.loads(last["ENTRYPOINT"][0]) + json.loads(last["CMD"][0])
    assert command == ["crackle-stream", "run", "/etc/crackle-stream/crackle.toml"]
    mounted = [mount.split(":")[1] for mount in compose()["services"]["crackle-stream"]["volumes"]]
    assert mounted == [command[-1], last["WORKDIR"][0]]


def test_the_image_takes_its_extras_from_those_there_are_and_copies_what_is_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    extras = re.findall(r"^ARG EXTRAS=(.*)$", text, re.MULTILINE)[0].split(",")
    assert set(extras) <= set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE):
        assert [name for name in sources.split() if not (ROOT / name).exists()] == []
    assert "://" not in re.sub(r"http://127\.0\.0\.1\S*", "", text)


def test_everybody_who_stops_us_waits_for_an_orderly_end() -> None:
    takes = RunOptions().shutdown_grace + CLOSE_WITHIN_S
    assert float(compose()["services"]["crackle-stream"]["stop_grace_period"].rstrip("s")) > takes
    assert float(unit()["TimeoutStopSec"][0]) > takes
    assert float(unit()["TimeoutStartSec"][0]) > RunOptions().start_timeout


def test_the_unit_is_one_that_systemd_reads(tmp_path: Path) -> None:
    # the command is not installed here: one that is stands in for it
    text = (DEPLOY / "crackle-stream.service").read_text().replace("/opt/crackle/bin/crackle-stream", "/bin/true")
    (tmp_path / "crackle-stream.service").write_text(text)
    done = subprocess.run(
        [program("systemd-analyze"), "verify", "--man=no", str(tmp_path / "crackle-stream.service")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = [line for line in done.stderr.splitlines() if "crackle-stream" in line]
    assert (done.returncode, said) == (0, [])


def test_the_unit_notifies_keeps_its_state_and_loads_its_secret() -> None:
    found = unit()
    assert (found["Type"], found["DynamicUser"], found["WatchdogSec"]) == (["notify"], ["yes"], ["60"])
    ours = tomllib.loads((DEPLOY / "systemd.toml").read_text())
    assert ours["state"]["directory"] == f"/var/lib/{found['StateDirectory'][0]}" == found["WorkingDirectory"][0]
    credential = found["LoadCredential"][0].partition(":")[0]
    assert ours["sinks"]["pager"]["secret"] == f"${{file:/run/credentials/crackle-stream.service/{credential}}}"
    assert found["RestartPreventExitStatus"] == ["2 6"]


def configurations() -> Iterator[tuple[str, str]]:
    for path in sorted([*DEPLOY.rglob("*.toml"), *(ROOT / "examples").glob("*.toml")]):
        yield path.name if path.parent == DEPLOY else f"{path.parent.name}/{path.name}", path.read_text()
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document["kind"] == "ConfigMap":
                yield path.name, document["data"]["crackle.toml"]


@pytest.mark.parametrize(("name", "text"), list(configurations()), ids=[name for name, _ in configurations()])
def test_every_configuration_passes_the_check(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "webhook").write_text(SECRET)
    text = text.replace("/run/credentials/crackle-stream.service", str(tmp_path))
    (tmp_path / "crackle.toml").write_text(text)
    secrets = {"CRACKLE_WEBHOOK_SECRET": SECRET, "CRACKLE_STATUS_TOKEN": "0123456789abcdef0123456789abcdef"}
    done = crackle("check", "crackle.toml", env=secrets, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where `deploy/receiver.py` listens."""
    monkeypatch.setenv("CRACKLE_WEBHOOK_SECRET", SECRET)
    spec = spec_from_file_location("receiver_of_deploy", DEPLOY / "receiver.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    with ThreadingHTTPServer(("127.0.0.1", 0), module.Receiver) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        serving.join()


@pytest.mark.parametrize(
    ("secret", "answer", "printed"), [(SECRET, 204, "m1 raised: it rose"), (OTHERS, 401, "refused")]
)
def test_the_receiver_verifies_what_it_prints(
    secret: str, answer: int, printed: str, receiver: str, capsys: pytest.CaptureFixture[str]
) -> None:
    body = json.dumps({"data": {"status": "raised", "pattern": {"description": "it rose"}}})
    at = datetime.now(UTC)
    headers = {
        "webhook-id": "m1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("m1", at, body),
    }
    with httpx2.Client(trust_env=False) as client:
        assert client.post(receiver, content=body, headers=headers).status_code == answer
    assert printed in capsys.readouterr().out
