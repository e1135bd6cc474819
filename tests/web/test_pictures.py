"""One alert is told with its picture, many without: pictures are the larger part of an answer."""

from sample_figures import an_exhibit
from serving import an_alert_of, serving

from crackle_stream.model import Alert
from crackle_stream.stream import events


async def test_one_alert_is_told_with_its_picture_and_many_without() -> None:
    async with serving() as (server, client):
        server(events.AlertMade(an_alert_of(1, exhibit=an_exhibit()), ("pager",)))
        fingerprint = an_alert_of(1).fingerprint
        (alone,) = (await client.get(f"/api/patterns/{fingerprint}")).json()["alerts"]
        (listed,) = (await client.get("/api/alerts")).json()["alerts"]
    assert Alert.from_dict(alone).exhibit == an_exhibit()
    assert "exhibit" not in listed
