"""Where the figures were taken."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np

__all__ = ["describe"]


def describe() -> str:
    """Processor, cores, load, versions and threads in a few lines."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return (
        f"{_processor()}, {os.cpu_count()} cores, load {load}\n"
        f"Python {platform.python_version()}, numpy {np.__version__}, {blas['name']} {blas['version']}, "
        f"{os.environ.get('OPENBLAS_NUM_THREADS', 'all')} BLAS thread"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
