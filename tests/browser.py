"""A headless Chromium, driven by the WebDriver protocol."""

from __future__ import annotations

import base64
import re
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
from debian import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Browser", "browser"]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)

WITHIN_S = 30.0

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""How the protocol marks a reference to an element."""

KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Space": " "}


class Browser:
    """One window.

    Args:
        client: to the session.
    """

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def open(self, url: str) -> None:
        """Load a page."""
        self._post("url", {"url": url})

    def run(self, script: str, *arguments: object) -> Any:
        """What a function's body returns, run in the page."""
        return self._post("execute/sync", {"script": script, "args": list(arguments)})

    def until(self, script: str, within_s: float = WITHIN_S) -> Any:
        """Wait until an expression is true.

        Raises:
            AssertionError: it never was.
        """
        ends = time.monotonic() + within_s
        while time.monotonic() < ends:
            found = self.run(f"return {script}")
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"never true: {script}\n{self.run('return document.body.innerText')}")

    def size(self, width: int, height: int) -> None:
        """Make the viewport as large as that."""
        self._cdp(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def prefer(self, scheme: str) -> None:
        """Prefer "light" or "dark"."""
        self._cdp("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def scripts(self, *, allowed: bool) -> None:
        """Switch scripts of pages on or off."""
        self._cdp("Emulation.setScriptExecutionDisabled", {"value": not allowed})

    def press(self, *keys: str) -> None:
        """Type keys: "Tab", "Enter", "Space" or text."""
        actions = [
            {"type": kind, "value": value}
            for key in keys
            for value in KEYS.get(key, key)
            for kind in ("keyDown", "keyUp")
        ]
        self._post("actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def click(self, selector: str) -> None:
        """Click on an element."""
        found = self._post("element", {"using": "css selector", "value": selector})
        self._post(f"element/{found[ELEMENT]}/click", {})

    def leave(self, selector: str) -> None:
        """Click on what leads to another page, or to this one anew, and wait until that is there."""
        self.run("document.documentElement.dataset.left = 'yes'")
        self.click(selector)
        self.until("!document.documentElement.dataset.left && document.readyState === 'complete'")

    def save(self, path: Path) -> None:
        """A picture of the window."""
        path.write_bytes(base64.b64decode(self._get("screenshot")))

    def logged(self) -> list[str]:
        """What the page has logged or run into."""
        return [entry["message"] for entry in self._post("se/log", {"type": "browser"})]

    def figures(self) -> Mapping[str, float]:
        """Nodes of the document, bytes of the heap after a collection, and the like."""
        self._cdp("HeapProfiler.collectGarbage", {})
        found = self._cdp("Performance.getMetrics", {})
        return {each["name"]: each["value"] for each in found["metrics"]}

    def watch_figures(self) -> None:
        """Begin to count them."""
        self._cdp("Performance.enable", {})

    def _cdp(self, command: str, parameters: Mapping[str, object]) -> Any:
        return self._post("goog/cdp/execute", {"cmd": command, "params": parameters})

    def _get(self, path: str) -> Any:
        return _value(self._client.get(path))

    def _post(self, path: str, body: Mapping[str, object]) -> Any:
        return _value(self._client.post(path, json=body))


@contextmanager
def browser(directory: Path) -> Iterator[Browser]:
    """A browser that lives as long as the block.

    Args:
        directory: an empty one, for its profile.
    """
    driver = subprocess.Popen(
        [program("chromedriver"), "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        port = _port(driver)
        options = {"binary": program("chromium"), "args": [*FLAGS, f"--user-data-dir={directory}"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60.0, trust_env=False) as client:
            made = _value(client.post("/session", json={"capabilities": {"alwaysMatch": wanted}}))
            session = f"http://127.0.0.1:{port}/session/{made['sessionId']}/"
            with httpx2.Client(base_url=session, timeout=60.0, trust_env=False) as inside:
                yield Browser(inside)
            client.delete(f"/session/{made['sessionId']}")
    finally:
        driver.terminate()
        driver.wait(WITHIN_S)
        if driver.stdout is not None:
            driver.stdout.close()


def _port(driver: subprocess.Popen[str]) -> int:
    """The port that the driver says it took."""
    assert driver.stdout is not None
    for line in driver.stdout:
        match = re.search(r"started successfully on port (\d+)", line)
        if match:
            return int(match[1])
    raise AssertionError("chromedriver ended before it said its port")


def _value(answer: httpx2.Response) -> Any:
    value = answer.json()["value"]
    assert answer.is_success, value
    return value
