"""The real ``az``, signed in to the sandbox's cloud, as a program on the PATH that starts at once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.eventually import eventually
from tests.infra.azd import REPOSITORY

# Where `make hooks-test` and `make docs-check` install it.
PYTHON = REPOSITORY / ".azure-cli/bin/python"
MISSING = "the Azure CLI is not installed: `make hooks-test` does that"
_CLIENT = """
import json, os, socket, sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    stream = server.makefile("rw", encoding="utf-8")
    request = {{"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}
    stream.write(json.dumps(request) + "\\n")
    stream.flush()
    answer = json.loads(stream.readline())
sys.stdout.write(answer["out"])
sys.stderr.write(answer["err"])
sys.exit(answer["status"])
"""


@contextmanager
def program(folder: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Return the folder of a program ``az`` that a process with everything loaded carries out."""
    path, bin_ = folder / "az.socket", folder / "bin"
    bin_.mkdir()
    client = bin_ / "az"
    client.write_text(f"#!{os.path.realpath(sys.executable)} -ISE{_CLIENT.format(path=str(path))}")
    client.chmod(0o700)
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [str(PYTHON), str(Path(__file__).with_name("az_server.py")), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={**clean, **environment}) as server:  # noqa: S603  fixed words
        try:
            eventually(path.exists, seconds=120)
            yield bin_
        finally:
            server.kill()


def parsed(lines: list[list[str]]) -> list[str]:
    """Return what the real parser says to each list of arguments: nothing if it understands them."""
    reader = str(Path(__file__).with_name("az_parser.py"))
    command = [str(PYTHON), reader]
    done = subprocess.run(command, input=json.dumps(lines), capture_output=True, text=True, check=True)  # noqa: S603
    return list(json.loads(done.stdout))
