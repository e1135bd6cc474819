"""Draws curves of seconds against size, log-log, as an SVG: run by the peers' interpreter, curves as JSON on stdin.

usage: growth_plot.py PICTURE.svg < curves.json
"""

from __future__ import annotations

import json
import sys
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found]
import matplotlib.pyplot as plt  # type: ignore[import-not-found]

# the same on every machine: no date, ids from a fixed seed, text as text
mpl.rcParams.update({"backend": "svg", "svg.hashsalt": "growth", "svg.fonttype": "none", "font.family": "sans-serif"})

COLOURS = {"threshold": "#1f6fb2", "evidence": "#2a8f5b", "the crate": "#c2541b"}
DASHED = "five groups"


def main() -> None:
    curves: list[dict[str, Any]] = json.load(sys.stdin)
    figure, sides = plt.subplots(1, 2, figsize=(9.6, 4.2), sharey=True, facecolor="white")
    for side, along, held in zip(sides, ("tasks", "metrics"), ("16 metrics", "1,000 tasks"), strict=True):
        for curve in (each for each in curves if each["along"] == along):
            colour = next(colour for word, colour in COLOURS.items() if curve["name"].startswith(word))
            style = "--" if DASHED in curve["name"] else "-"
            sizes, seconds = zip(*curve["points"], strict=True)
            side.loglog(sizes, seconds, style, color=colour, marker="o", markersize=3.5, label=curve["name"])
        side.set_facecolor("white")
        side.set_xlabel(f"{along}, with {held}")
        side.grid(True, which="major", color="#dddddd", linewidth=0.6)
        side.set_xticks(sorted({size for curve in curves if curve["along"] == along for size, _ in curve["points"]}))
        side.xaxis.set_major_formatter(lambda size, _: f"{size / 1000:g}k" if size >= 1000 else f"{size:g}")
        side.minorticks_off()
    sides[0].set_ylabel("seconds of processor a cooling")
    sides[0].legend(frameon=False, fontsize=9)
    figure.tight_layout()
    figure.savefig(sys.argv[1], metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
