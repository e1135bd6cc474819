"""The example configuration, from a real broker to a real receiver, as a process."""

import asyncio
import base64
import json
import signal
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from command import json_lines, shifting, spawn
from kafka_broker import Broker
from kafka_cluster import Cluster
from receiver import Received, Receiver, Reply
from standardwebhooks import Webhook

from crackle_stream.app.schema import alert_schema

ROOT = Path(__file__).parents[2]
SECRET = "whsec_" + base64.b64encode(b"only for this test, 32 bytes....").decode()


def posted(request: Received) -> dict[str, object]:
    """The alert of a request whose signature holds."""
    envelope = Webhook(SECRET).verify(request.body, dict(request.headers))
    assert isinstance(envelope, dict)
    alert: dict[str, object] = envelope["data"]
    return alert


@pytest.mark.broker
async def test_news_in_a_topic_arrives_as_a_signed_post_and_a_second_run_goes_on_behind_it(
    kafka: Broker, tmp_path: Path
) -> None:
    cluster = Cluster(kafka)
    topic = await cluster.topic()
    await cluster.produce(topic, [line.encode() for line in shifting().splitlines()])
    async with Receiver([Reply(503), Reply(204)]) as receiver:
        env = {
            "CRACKLE_WEBHOOK_SECRET": SECRET,
            "CRACKLE__PROFILE__PER_WINDOW": "0.05",  # the second run has a hundred tasks of one second
            "CRACKLE__SOURCE__BROKERS": kafka.address,
            "CRACKLE__SOURCE__TOPICS": topic,
            "CRACKLE__SOURCE__GROUP": cluster.group,
            "CRACKLE__SINKS__PAGER__URL": receiver.url,
            "CRACKLE__SINKS__PAGER__ALLOW_HTTP": "true",
            "CRACKLE__SINKS__PAGER__ALLOW_PRIVATE": "127.0.0.1/32",
        }
        config = str(ROOT / "examples" / "kafka_to_webhook.toml")
        process = spawn("run", config, env=env, cwd=tmp_path)
        refused, taken = await receiver.wait_for(2)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = await asyncio.to_thread(process.communicate, timeout=60)
        assert (process.returncode, stdout) == (0, b""), stderr.decode()
        assert refused.headers["webhook-id"] == taken.headers["webhook-id"]
        alert = posted(taken)
        jsonschema.Draft202012Validator(alert_schema()).validate(alert)
        assert alert["position"] == {"topic": topic, "partition": 0, "offset": 499}
        assert [line["fingerprint"] for line in json_lines((tmp_path / "alerts.jsonl").read_text())] == [
            alert["fingerprint"]
        ]
        await cluster.produce(topic, [line.encode() for line in shifting(100).splitlines()])
        process = spawn("run", config, "-v", "--every-tasks", "100", env=env, cwd=tmp_path)
        await receiver.wait_for(3)
        process.send_signal(signal.SIGTERM)
        _, stderr = await asyncio.to_thread(process.communicate, timeout=60)
        cooled = [line for line in json_lines(stderr.decode()) if line["event"] == "window.cooled"]
        assert [line["fresh"] for line in cooled] == [100]
        assert json.loads(json.dumps(posted(receiver.requests[2])["position"])) == {
            "topic": topic,
            "partition": 0,
            "offset": 599,
        }
