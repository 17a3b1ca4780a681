"""The scene of ``make run`` with each way in which the app can sign in to Graph."""

import asyncio
import io
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.run.ending import Ending
from sandbox.run.report import Report
from sandbox.run.session import Options, Session
from sandbox.run.sign_in import SignIn

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


# The scene with a secret is that of test_make_run.
@pytest.mark.parametrize("sign_in", [each for each in SignIn if each is not SignIn.SECRET])
def test_the_scene_plays_with_each_way_to_sign_in(tmp_path: Path, sign_in: SignIn) -> None:
    shown = io.StringIO()
    options = Options(sign_in=sign_in, once=True, state_file=tmp_path / "running.json")
    session = Session(tmp_path / "world", Report(Console(file=shown)), options, Ending())
    assert asyncio.run(session.play()), shown.getvalue()
    assert "as typed" in shown.getvalue()
