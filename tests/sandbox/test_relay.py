"""The relay in front of a store: what comes through in each mood."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest

from sandbox.relay import Mood, Relay

PATIENCE_SECONDS = 0.3
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def _relay(mood: Mood, *, takes: float = 0) -> AsyncIterator[Relay]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            await asyncio.sleep(takes)
            writer.write(ANSWER)
        writer.close()

    service = await asyncio.start_server(answer, "127.0.0.1", 0)
    relay = Relay(service.sockets[0].getsockname()[1])
    relay.mood = mood
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()
        service.close()


async def _ask(relay: Relay) -> bytes:
    """Return what comes back within a moment; b"" when the connection is closed before anything does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    try:
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        return await asyncio.wait_for(reader.read(1024), PATIENCE_SECONDS)
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


async def _asked(mood: Mood) -> bytes:
    async with _relay(mood) as relay:
        return await _ask(relay)


@pytest.mark.parametrize(
    ("mood", "answer"),
    [
        (Mood.FORWARDING, ANSWER),
        (Mood.DOWN, b""),
        (Mood.CUTTING, ANSWER[: len(ANSWER) // 2]),
    ],
    ids=lambda value: value.name if isinstance(value, Mood) else "",
)
def test_request_gets_the_answer_of_the_mood(mood: Mood, answer: bytes) -> None:
    assert asyncio.run(_asked(mood)) == answer


def test_busy_relay_answers_as_a_storage_account_that_is_full() -> None:
    answer = asyncio.run(_asked(Mood.BUSY))
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"x-ms-error-code: ServerBusy" in answer


@pytest.mark.slow
@pytest.mark.parametrize("mood", [Mood.SILENT, Mood.LATE], ids=lambda mood: mood.name)
def test_silent_or_late_relay_sends_nothing_for_a_while(mood: Mood) -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(_asked(mood))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mood", "count"), [(Mood.FORWARDING, 0), (Mood.CUTTING, 1), (Mood.LATE, 1), (Mood.DOWN, 0), (Mood.BUSY, 0)]
)
def test_request_that_the_service_got_and_no_answer_is_recorded(mood: Mood, count: int) -> None:
    async def unanswered() -> int:
        async with _relay(mood) as relay:
            with suppress(TimeoutError):
                await _ask(relay)
            await relay.stop()
            return len(relay.unanswered)

    assert asyncio.run(unanswered()) == count


@pytest.mark.slow
def test_request_of_a_client_that_hung_up_is_open_until_the_answer() -> None:
    async def unanswered() -> timedelta:
        async with _relay(Mood.FORWARDING, takes=2 * PATIENCE_SECONDS) as relay:
            with pytest.raises(TimeoutError):
                await _ask(relay)
            await asyncio.sleep(2 * PATIENCE_SECONDS)
            [(since, until)] = relay.unanswered
            return until - since

    assert asyncio.run(unanswered()) > timedelta(seconds=PATIENCE_SECONDS / 2)


@pytest.mark.slow
def test_answer_that_came_slowly_counts_as_none() -> None:
    async def unanswered(takes: float) -> list[timedelta]:
        async with _relay(Mood.FORWARDING, takes=takes) as relay:
            reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.readexactly(len(ANSWER)) == ANSWER
            await asyncio.sleep(0)
            writer.transport.abort()
            return [until - since for since, until in relay.unanswered]

    assert asyncio.run(unanswered(0.1)) == []
    [waited] = asyncio.run(unanswered(0.6))
    assert timedelta(seconds=0.5) < waited < timedelta(seconds=3)


@pytest.mark.slow
def test_trickling_relay_sends_byte_by_byte_until_its_mood_changes() -> None:
    async def received() -> tuple[bytes, bytes]:
        async with _relay(Mood.TRICKLING) as relay:
            reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            first = b"".join([await asyncio.wait_for(reader.read(1024), PATIENCE_SECONDS) for _ in range(3)])
            relay.mood = Mood.FORWARDING
            rest = await reader.readexactly(len(ANSWER) - len(first))
            writer.transport.abort()
            return first, rest

    first, rest = asyncio.run(received())
    assert (len(first), first + rest) == (3, ANSWER)


def test_relay_to_a_service_that_is_down_closes_without_an_error() -> None:
    reported: list[object] = []

    async def answer() -> bytes:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        free = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        relay = Relay(free.sockets[0].getsockname()[1])
        free.close()
        await free.wait_closed()
        await relay.start()
        try:
            return await _ask(relay)
        finally:
            await relay.stop()

    assert asyncio.run(answer()) == b""
    assert reported == []


def test_relay_forwards_again_once_an_outage_is_over() -> None:
    async def recovered() -> bytes:
        async with _relay(Mood.DOWN) as relay:
            assert await _ask(relay) == b""
            relay.mood = Mood.FORWARDING
            return await _ask(relay)

    assert asyncio.run(recovered()) == ANSWER
