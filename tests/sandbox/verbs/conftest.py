"""One running sandbox for the verbs of a module."""

from collections.abc import Iterator

import pytest

from tests.sandbox.verbs.running_sandbox import RunningSandbox, serving


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    with serving(tmp_path_factory.mktemp("verbs")) as running:
        yield running
