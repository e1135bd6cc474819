"""The Kubernetes manifests: read by the published schemas and held against each other."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]

from crackle_stream.stream.options import RunOptions
from crackle_stream.stream.work import CLOSE_WITHIN_S

MANIFESTS = Path(__file__).parents[2] / "deploy" / "kubernetes"
VERSION = "1.31"
"""The oldest release whose schemas these must pass; ReadWriteOncePod is stable since 1.29."""

CUSTOM = {"PodMonitor", "ScaledObject"}
"""Of operators, whose schemas no small package has; what they name is held against the rest below."""

WORKLOADS = ["statefulset.yaml", "deployment.yaml"]


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((MANIFESTS / name).read_text()))


def one(name: str, kind: str) -> dict[str, Any]:
    (found,) = [document for document in documents(name) if document["kind"] == kind]
    return found


def workload(name: str) -> dict[str, Any]:
    (found,) = [document for document in documents(name) if document["kind"] in ("StatefulSet", "Deployment")]
    return found


def container(name: str) -> dict[str, Any]:
    (found,) = workload(name)["spec"]["template"]["spec"]["containers"]
    return found  # type: ignore[no-any-return]


def settings(name: str) -> dict[str, Any]:
    return tomllib.loads(one(name, "ConfigMap")["data"]["crackle.toml"])


@pytest.mark.parametrize("path", sorted(MANIFESTS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_manifest_passes_its_published_schema(path: Path) -> None:
    for document in documents(path.name):
        if document["kind"] not in CUSTOM:
            kubernetes_validate.validate(document, VERSION, strict=True)


def test_the_schemas_refuse_what_is_wrong() -> None:
    wrong = workload("deployment.yaml")
    wrong["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


@pytest.mark.parametrize("name", WORKLOADS)
def test_everything_that_selects_selects_the_pods(name: str) -> None:
    found = workload(name)
    labels = found["spec"]["template"]["metadata"]["labels"]
    selectors = [
        found["spec"]["selector"]["matchLabels"],
        one("service.yaml", "Service")["spec"]["selector"],
        one("podmonitor.yaml", "PodMonitor")["spec"]["selector"]["matchLabels"],
        one("networkpolicy.yaml", "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels.items() for selector in selectors)
    if found["kind"] == "StatefulSet":
        assert found["spec"]["serviceName"] == one("service.yaml", "Service")["metadata"]["name"]


@pytest.mark.parametrize("name", WORKLOADS)
def test_probes_and_ports_ask_where_the_status_server_listens(name: str) -> None:
    found = container(name)
    (port,) = found["ports"]
    assert settings(name)["status"]["listen"] == f"0.0.0.0:{port['containerPort']}"
    assert {found[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")} == {
        port["name"]
    }
    assert found["livenessProbe"]["httpGet"]["path"] == found["startupProbe"]["httpGet"]["path"] == "/livez"
    assert found["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert one("service.yaml", "Service")["spec"]["ports"][0]["targetPort"] == port["name"]
    (endpoint,) = one("podmonitor.yaml", "PodMonitor")["spec"]["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["path"]) == (port["name"], "/metrics")
    (ingress,) = one("networkpolicy.yaml", "NetworkPolicy")["spec"]["ingress"]
    assert ingress["ports"] == [{"protocol": "TCP", "port": port["name"]}]


@pytest.mark.parametrize("name", WORKLOADS)
def test_secrets_and_mounts_lead_where_the_configuration_looks(name: str) -> None:
    pod, found = workload(name)["spec"]["template"]["spec"], container(name)
    names = {entry["name"] for entry in found["env"]}
    wanted = settings(name)
    assert {f"${{env:{each}}}" for each in names} >= {wanted["sinks"]["pager"]["secret"], wanted["status"]["token"]}
    mounted = {mount["name"]: mount["mountPath"] for mount in found["volumeMounts"]}
    assert found["args"] == ["run", f"{mounted['configuration']}/crackle.toml"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["configuration"]["configMap"]["name"] == one(name, "ConfigMap")["metadata"]["name"]
    claims = {claim["metadata"]["name"] for claim in workload(name)["spec"].get("volumeClaimTemplates", [])}
    assert set(mounted) == set(volumes) | claims
    (endpoint,) = one("podmonitor.yaml", "PodMonitor")["spec"]["podMetricsEndpoints"]
    token = next(entry for entry in found["env"] if entry["name"] == "CRACKLE_STATUS_TOKEN")
    assert endpoint["authorization"]["credentials"] == token["valueFrom"]["secretKeyRef"]


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_is_given_longer_than_an_orderly_end_may_take(name: str) -> None:
    grace = workload(name)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > RunOptions().shutdown_grace + CLOSE_WITHIN_S


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_has_no_rights_it_does_not_need(name: str) -> None:
    pod, found = workload(name)["spec"]["template"]["spec"], container(name)
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    assert found["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_one_with_a_volume_keeps_its_state_there_and_the_one_without_settles_what_was_delivered() -> None:
    mounted = {mount["name"]: mount["mountPath"] for mount in container("statefulset.yaml")["volumeMounts"]}
    assert settings("statefulset.yaml")["state"]["directory"] == mounted["state"]
    assert "state" not in settings("deployment.yaml")
    assert settings("deployment.yaml")["sinks"]["pager"]["ack"] == "delivered"


def test_a_roll_out_never_has_more_pods_than_partitions() -> None:
    strategy = workload("deployment.yaml")["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 0, "maxUnavailable": 1}


def test_what_scales_asks_for_the_lag_of_what_the_deployment_reads() -> None:
    scaled = one("scaledobject.yaml", "ScaledObject")["spec"]
    target = workload("deployment.yaml")
    assert scaled["scaleTargetRef"]["name"] == target["metadata"]["name"]
    assert scaled["scaleTargetRef"]["kind"] == target["kind"]
    source, (trigger,) = settings("deployment.yaml")["source"], scaled["triggers"]
    asked = trigger["metadata"]
    assert asked["bootstrapServers"] == ",".join(source["brokers"])
    assert (asked["consumerGroup"], asked["topic"]) == (source["group"], source["topics"][0])
    assert scaled["minReplicaCount"] >= 1


def test_the_network_policy_lets_out_what_the_configuration_connects_to() -> None:
    rules = one("networkpolicy.yaml", "NetworkPolicy")["spec"]["egress"]
    ports = {port["port"] for rule in rules for port in rule["ports"]}
    broker = int(settings("deployment.yaml")["source"]["brokers"][0].rpartition(":")[2])
    assert ports >= {53, broker, 443, 9093, 4318}
