"""Makes the pictures of docs/images in Chromium: the live page of a process that runs, and the card of one alert.

Needs Chromium and its driver (`sh tests/services.sh`); run it by `make pictures`.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from browser import browser

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
EXAMPLE = ROOT / "examples" / "pipeline_quality.py"
COMMAND = [sys.executable, "-m", "crackle_stream"]
SETTINGS = ["--set", "kiln.every_seconds=never", "--set", "kiln.every_tasks=100", "--set", "status.listen=127.0.0.1:0"]


def main() -> None:
    """One example, read by a process that is then asked for its page."""
    IMAGES.mkdir(exist_ok=True)
    records = subprocess.run([sys.executable, EXAMPLE], capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as place:
        process = subprocess.Popen(
            [*COMMAND, "run", *SETTINGS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "NO_COLOR": "1"},
        )
        assert process.stdin is not None
        assert process.stderr is not None
        url = next(line["url"] for line in map(json.loads, process.stderr) if "url" in line)
        process.stdin.write(records)
        process.stdin.flush()
        with browser(Path(place) / "profile") as window:
            window.size(1440, 1000)
            window.prefer("light")
            window.open(url)
            window.until("document.querySelector('article[data-status=raised]')")
            window.save(IMAGES / "page.png")
            alerts = Path(place) / "alerts.jsonl"
            alerts.write_bytes(process.communicate()[0])
            card = Path(place) / "card.html"
            card.write_text(explained(alerts))
            window.size(760, 860)
            window.open(card.as_uri())
            window.save(IMAGES / "card.png")
    for picture in sorted(IMAGES.glob("*.png")):
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size / 1024:.0f} kB")


def explained(alerts: Path) -> str:
    """The card of the law that broke, as a page."""
    broken = next(line for line in alerts.read_text().splitlines() if '"broken law"' in line)
    fingerprint = json.loads(broken)["pattern"]["fingerprint"]
    asked = [*COMMAND, "explain", fingerprint, "--input", str(alerts), "--format", "html"]
    made = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return made if re.match(r"\s*<!doctype", made, re.IGNORECASE) else f"<!doctype html><meta charset=utf-8>{made}"


if __name__ == "__main__":
    main()
