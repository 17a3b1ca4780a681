"""The live page's server: who gets in, what is sent, and with which headers."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from dashboard.server import Dashboard
from dashboard.snapshot import Health, Light
from tests.dashboard.looked_at import NOW, WELL, Orders, Shown, Visitor, until, visiting

pytestmark = pytest.mark.slow

PATHS = [("GET", "/events"), ("POST", "/act")]


async def _status(visitor: Visitor, method: str, path: str, **headers: str) -> int:
    answer = await (visitor.get(path, **headers) if method == "GET" else visitor.post(path, {"verb": "x"}, **headers))
    async with answer:
        return answer.status


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_browser_without_a_cookie_gets_nothing(method: str, path: str) -> None:
    async def visit() -> int:
        async with visiting(Shown(), Orders()) as visitor:
            return await _status(visitor, method, path)

    assert asyncio.run(visit()) == 401


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_cookie_of_another_session_lets_nobody_in(method: str, path: str) -> None:
    async def visit() -> int:
        async with visiting(Shown(), Orders()) as visitor:
            port = visitor.origin.rpartition(":")[2]
            return await _status(visitor, method, path, Cookie=f"live-page-{port}=made-up")

    assert asyncio.run(visit()) == 401


@pytest.mark.parametrize("token", ["", "x", "\ud800", None, 7])
def test_wrong_token_is_worth_no_cookie(token: object) -> None:
    async def visit() -> tuple[int, bool]:
        async with visiting(Shown()) as visitor:
            answer = await visitor.post("/session", {"token": token})
            return answer.status, "Set-Cookie" in answer.headers

    assert asyncio.run(visit()) == (401, False)


@pytest.mark.parametrize("host", ["localhost:{port}", "evil.example", "127.0.0.1", "127.0.0.1:1"])
@pytest.mark.parametrize("path", ["/", "/events"])
def test_name_that_points_here_is_refused(path: str, host: str) -> None:
    async def visit() -> int:
        async with visiting(Shown()) as visitor:
            await visitor.enter()
            return await _status(visitor, "GET", path, Host=host.format(port=visitor.origin.rpartition(":")[2]))

    assert asyncio.run(visit()) == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
@pytest.mark.parametrize(("method", "path"), [*PATHS, ("POST", "/session")])
def test_page_of_another_origin_is_refused(method: str, path: str, origin: str) -> None:
    async def visit() -> int:
        async with visiting(Shown(), Orders()) as visitor:
            await visitor.enter()
            return await _status(visitor, method, path, Origin=origin)

    assert asyncio.run(visit()) == 403


def test_order_without_an_origin_is_refused() -> None:
    orders = Orders()

    async def visit() -> int:
        async with visiting(Shown(), orders) as visitor:
            await visitor.enter()
            answer = await visitor.session.post(f"{visitor.origin}/act", json={"verb": "write"})
            return answer.status

    assert asyncio.run(visit()) == 403
    assert not orders.taken


def test_token_is_exchanged_for_a_cookie_that_scripts_cannot_read() -> None:
    async def visit() -> str:
        async with visiting(Shown()) as visitor:
            answer = await visitor.enter()
            assert answer.status == 204
            return answer.headers["Set-Cookie"]

    cookie = asyncio.run(visit())
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))


@pytest.mark.parametrize("path", ["/", "/session", "/events", "/nowhere"])
def test_every_answer_has_the_headers_that_shut_others_out(path: str) -> None:
    async def visit() -> dict[str, str]:
        async with visiting(Shown()) as visitor, await visitor.get(path) as answer:
            return dict(answer.headers)

    headers = asyncio.run(visit())
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert (headers["X-Frame-Options"], headers["Cache-Control"]) == ("DENY", "no-store")
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_nonce_of_the_page_is_used_once_and_stands_at_script_and_style() -> None:
    async def visit() -> list[tuple[str, str]]:
        async with visiting(Shown()) as visitor:
            answers = [await visitor.get("/") for _ in range(2)]
            return [(await each.text(), each.headers["Content-Security-Policy"]) for each in answers]

    nonces = []
    for text, policy in asyncio.run(visit()):
        given = re.findall(r"<(?:script|style) nonce=\"([^\"]+)\">", text)
        nonces.append(given[0])
        assert len(given) == 2
        assert policy.count(f"'nonce-{given[0]}'") == len(set(given)) * 2
    assert nonces[0] != nonces[1]


def test_page_has_nothing_from_elsewhere_and_makes_no_markup() -> None:
    async def visit() -> str:
        async with visiting(Shown()) as visitor:
            return await (await visitor.get("/")).text()

    page = asyncio.run(visit())
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|\bon\w+=\"|style=\"", page)
    assert set(re.findall(r"https?://[^\"'`\s]+", page)) == {"http://www.w3.org/2000/svg"}


def test_what_changes_is_sent_and_what_only_ages_is_not() -> None:
    source = Shown()

    async def visit() -> list[str]:
        async with visiting(source) as visitor:
            await visitor.enter()
            said = []
            async for snapshot in visitor.snapshots():
                said.append(snapshot["health"]["sentence"])
                if len(said) == 2:
                    break
                source.snapshot = replace(source.snapshot, now=NOW + timedelta(seconds=1))
                looks = source.looks
                await until(lambda looks=looks: source.looks > looks + 5)
                source.snapshot = replace(WELL, health=Health(light=Light.AMBER, sentence="Watch"))
            return said

    assert asyncio.run(visit()) == ["All is well", "Watch"]


def test_two_browsers_see_the_same_and_cost_one_look() -> None:
    source = Shown(period_seconds=60)

    async def visit() -> list[str]:
        async with visiting(source) as first:
            await first.enter()
            streams = [first.snapshots(), first.snapshots()]
            return [(await anext(stream))["place"] for stream in streams]

    assert asyncio.run(visit()) == ["a test", "a test"]
    assert source.looks == 1


def test_source_is_left_alone_while_nobody_looks() -> None:
    source = Shown()

    async def visit() -> int:
        async with visiting(source) as visitor:
            await visitor.enter()
            assert source.looks == 0
            async with visitor.session.get(f"{visitor.origin}/events"):
                await until(lambda: source.looks > 2)
            async with asyncio.timeout(10):
                while await _looks_again(source):
                    pass
            return source.looks

    assert asyncio.run(visit()) > 2


async def _looks_again(source: Shown) -> bool:
    # A change is what shows the server that the browser has gone.
    source.snapshot = replace(source.snapshot, place=f"{source.snapshot.place}.")
    before = source.looks
    await asyncio.sleep(20 * source.period_seconds)
    return source.looks > before


def test_order_is_carried_out_with_its_texts_only() -> None:
    orders = Orders()

    async def visit() -> list[tuple[int, str]]:
        async with visiting(Shown(), orders) as visitor:
            await visitor.enter()
            bodies: list[object] = [{"verb": "write", "text": "hello", "n": 7}, {"verb": "never"}, [], {}]
            answers = [await visitor.post("/act", body) for body in bodies]
            return [(answer.status, await answer.text()) for answer in answers]

    done, refused, malformed, empty = asyncio.run(visit())
    assert done == (200, '{"said": "Done."}')
    assert refused == (409, '{"error": "It cannot be done."}')
    assert (malformed[0], empty[0]) == (400, 200)
    assert orders.taken == [("write", {"text": "hello"}), ("", {})]


def test_page_without_an_actor_takes_no_order() -> None:
    async def visit() -> int:
        async with visiting(Shown()) as visitor:
            await visitor.enter()
            return await _status(visitor, "POST", "/act")

    assert asyncio.run(visit()) == 404


def test_server_listens_on_loopback_only_and_its_link_has_the_token() -> None:
    async def serve() -> tuple[str, list[str]]:
        dashboard = Dashboard(Shown())
        await dashboard.start()
        runner = dashboard._runner
        assert runner is not None
        found = dashboard.link, [str(address[0]) for address in runner.addresses]
        await dashboard.stop()
        await dashboard.stop()
        return found

    link, addresses = asyncio.run(serve())
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#[\w-]{32}", link)
    assert addresses == ["127.0.0.1"]


def test_fault_of_a_source_ends_the_stream_and_is_tried_again() -> None:
    class Faulty(Shown):
        async def look(self) -> None:  # type: ignore[override]  # what a bug would do
            self.looks += 1
            raise ValueError("a bug")

    source = Faulty()

    async def visit() -> list[int]:
        async with visiting(source) as visitor:
            await visitor.enter()
            found = []
            for _ in range(2):
                with pytest.raises(Exception, match=r".*"):
                    _ = [each async for each in visitor.snapshots()]
                found.append(source.looks)
            return found

    assert asyncio.run(visit()) == [1, 2]
