"""One running sandbox for the tests of a module that look at its page."""

# ruff: noqa: PLC0415  the SDKs would delay the start of every process that runs unit tests

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.verbs.running_sandbox import RunningSandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[RunningSandbox]":
    from tests.sandbox.verbs.running_sandbox import serving

    with serving(tmp_path_factory.mktemp("page")) as running:
        yield running
