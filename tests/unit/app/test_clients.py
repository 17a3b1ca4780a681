"""Parts of ``Clients`` are built once, on first use, by one thread; what could not be built is tried again."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from shared.app.clients import Clients, once
from shared.errors import Misconfigured
from shared.settings import Settings
from tests.fakes.settings_environment import LEAST

_THREADS = 8


def _clients() -> Clients:
    return Clients(Settings.from_environ(LEAST))


def test_threads_that_come_first_together_share_what_one_of_them_builds() -> None:
    together, clients, built = Barrier(_THREADS, timeout=10), _clients(), list[object]()

    @once
    def part(_clients: Clients) -> object:
        built.append(object())
        # Long enough for others to come in.
        Event().wait(0.02)
        return built[-1]

    def use(_number: int) -> object:
        together.wait()
        return part(clients)

    with ThreadPoolExecutor(_THREADS) as pool:
        assert set(pool.map(use, range(_THREADS))) == {*built}
    assert len(built) == 1


def test_a_part_is_built_for_each_argument_and_each_clients() -> None:
    @once
    def part(_clients: Clients, _name: str) -> object:
        return object()

    clients = _clients()
    assert part(clients, "a") is part(clients, "a")
    assert part(clients, "a") is not part(clients, "b")
    assert part(clients, "a") is not part(_clients(), "a")


def test_what_cannot_be_built_is_tried_again() -> None:
    problems = [Misconfigured("a file cannot be read")]

    @once
    def part(_clients: Clients) -> str:
        if problems:
            raise problems.pop()
        return "built"

    clients = _clients()
    with pytest.raises(Misconfigured):
        part(clients)
    assert part(clients) == "built"


def test_a_login_needs_a_vault() -> None:
    with pytest.raises(Misconfigured, match="KEY_VAULT_URL"):
        _clients().user_credential("a tenant")
