"""Programs of Debian packages that tests start; `tests/services.sh` installs them."""

from __future__ import annotations

import os
import shutil

import pytest

__all__ = ["program"]


def program(name: str) -> str:
    """Where a program is.

    Where it is not installed the test is left out on a developer's machine, and fails in CI: there nobody would see
    that it was not run.
    """
    found = shutil.which(name)
    if found is not None:
        return found
    problem = f"{name} is not installed: `sh tests/services.sh`, as root on Debian, installs what tests start"
    if os.environ.get("CI"):
        pytest.fail(problem)
    pytest.skip(problem)
