"""Programs of Debian packages that tests start; `tests/services.sh` installs them."""

from __future__ import annotations

import shutil

from leaving_out import leave_out

__all__ = ["program"]


def program(name: str) -> str:
    """Where a program is; where it is not installed the test is left out on a developer's machine, and fails in CI."""
    found = shutil.which(name)
    if found is None:
        leave_out(f"{name} is not installed: `sh tests/services.sh`, as root on Debian, installs what tests start")
    return found
