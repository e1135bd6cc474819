"""What each command loads: heavy libraries only where they are used, and never while records flow."""

import subprocess
import sys
from pathlib import Path

import pytest
from command import shifting

from crackle_stream.app.cli import BLAS_THREADS, SWITCH_INTERVAL_S
from crackle_stream.app.exits import Exit

ROOT = Path(__file__).parents[2]

HEAVY = {
    "aiokafka", "anyio", "asyncio", "httpx2", "msgspec", "numpy", "pydantic_settings", "rich", "scipy", "stamina",
    "standardwebhooks", "structlog",
}  # fmt: skip


def loaded_by(*arguments: str, stdin: str = "", **env: str) -> set[str]:
    """The modules a command has loaded when it ends."""
    code = (
        "import sys\n"
        "from crackle_stream.app.cli import main\n"
        f"sys.argv = ['crackle-stream', *{list(arguments)!r}]\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert end.code in (0, None), end.code\n"
        "print('LOADED', *sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=stdin, capture_output=True, text=True, check=True, cwd=ROOT, env={**env}
    )
    return set(done.stderr.splitlines()[-1].split()[1:])


def test_help_loads_nothing_heavy_and_no_command_s_own_modules() -> None:
    loaded = loaded_by("--help")
    assert loaded & (HEAVY | {"pydantic", "crackle_stream.app.config", "crackle_stream.window"}) == set()


@pytest.mark.parametrize(
    "arguments",
    [("run", "--help"), ("sources", "list"), ("detectors", "list"), ("schema", "config"), ("schema", "alert")],
)
def test_commands_that_run_nothing_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert loaded_by(*arguments) & HEAVY == set()


def test_checking_a_configuration_of_kafka_and_a_webhook_loads_neither(tmp_path: Path) -> None:
    example = str(ROOT / "examples" / "kafka_to_webhook.toml")
    assert loaded_by("check", example, CRACKLE_WEBHOOK_SECRET="x") & HEAVY == set()


def test_a_pipe_loads_no_broker_s_client_and_no_http() -> None:
    loaded = loaded_by("run", stdin=shifting())
    assert {"numpy", "scipy"} <= loaded
    assert loaded & {"aiokafka", "httpx2", "httpcore2", "standardwebhooks", "scipy.stats", "scipy.signal"} == set()
    assert loaded & {"starlette", "uvicorn", "prometheus_client", "crackle_stream.app.web"} == set()


def test_a_process_that_may_have_to_wait_for_its_source_gives_a_sign_of_life_before_it_loads_what_computes() -> None:
    code = (
        "import sys\n"
        f"heavy = {HEAVY!r}\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in heavy:\n"
        "            print(name, file=sys.stderr)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from crackle_stream.app.cli import main\n"
        "sys.argv = ['crackle-stream', 'run', '--topic', 't', '--brokers', '127.0.0.1:1']\n"
        "sys.argv += ['--set', 'run.start_timeout=0s']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == Exit.UNREACHABLE
    lines = done.stderr.splitlines()
    begun = next(place for place, line in enumerate(lines) if '"process.started"' in line)
    # what logs, and what that tries to load for its colours
    assert set(lines[:begun]) <= {"structlog", "asyncio", "rich"}
    assert {"numpy", "anyio", "aiokafka"} <= set(lines[begun:])


def test_rules_of_thumb_load_no_scipy() -> None:
    assert "scipy" not in loaded_by("run", "--set", "profile.family=threshold", stdin=shifting())


def test_building_a_pipeline_loads_what_its_detectors_need_and_starts_no_event_loop() -> None:
    code = (
        "import sys\n"
        "from crackle_stream.app.building import build_pipeline\n"
        "from crackle_stream.app.config import load\n"
        "build_pipeline(load(), lambda event: None)\n"
        "print('crackle_stream.detect.evidence.shift' in sys.modules, 'scipy.special' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"


def test_a_program_that_enters_a_pipeline_has_the_detectors_loaded_in_a_thread() -> None:
    code = (
        "import asyncio, sys, threading\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'crackle_stream.detect.evidence':\n"
        "            print(threading.current_thread() is threading.main_thread())\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from crackle_stream.sources import QueueSource\n"
        "from crackle_stream.stream import Pipeline\n"
        "async def enter():\n"
        "    async with Pipeline(QueueSource()):\n"
        "        print('scipy.special' in sys.modules)\n"
        "asyncio.run(enter())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\nTrue\n"


def test_nothing_is_loaded_once_records_flow() -> None:
    code = (
        "import sys, anyio\n"
        "from crackle_stream.app.building import build_pipeline\n"
        "from crackle_stream.app.config import load\n"
        "loaded = []\n"
        "pipeline = build_pipeline(load(), lambda event: None)\n"
        "async def run():\n"
        "    async with pipeline:\n"
        "        loaded.extend(sys.modules)\n"
        "        await pipeline.run()\n"
        "anyio.run(run)\n"
        "print(sorted(set(sys.modules) - set(loaded)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=shifting(), capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert done.stderr == "[]\n"


def test_the_process_pins_linear_algebra_and_shortens_the_switch_interval_and_the_library_does_not() -> None:
    code = (
        "import os, sys\n"
        "import crackle_stream, crackle_stream.app.cli as cli\n"
        f"names = {BLAS_THREADS!r}\n"
        "print([os.environ.get(name) for name in names], sys.getswitchinterval())\n"
        "sys.argv = ['crackle-stream', '--version']\n"
        "try:\n"
        "    cli.main()\n"
        "except SystemExit:\n"
        "    pass\n"
        "print([os.environ.get(name) for name in names], sys.getswitchinterval())\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env={"OMP_NUM_THREADS": "3"}
    ).stdout.splitlines()
    assert printed[0] == "[None, None, '3', None] 0.005"
    assert printed[-1] == f"['1', '1', '3', '1'] {SWITCH_INTERVAL_S}"
