"""Bodies that made ``receive`` fail, by the error that it raised and by what is wrong with them.

Each did so while the check against it was removed. Add what ``python -m tests.hostile``, or any other search, finds, as
small as it can be made.
"""

from collections.abc import Callable, Mapping

from tests.sender import Sender, basic_item, body, client_state

CORPUS: Mapping[str, Callable[[Sender], bytes]] = {
    "UnicodeEncodeError: a client state with a lone surrogate": lambda _: body(
        basic_item(clientState=f"{client_state()[:-1]}\ud800")
    ),
    "UnicodeEncodeError: a token with a lone surrogate": lambda graph: body(graph.rich_item(), tokens=["\ud800.e30.x"]),
    "TypeError: a client state that is a number": lambda _: body(basic_item(clientState=7)),
    "RecursionError: nested beyond measure": lambda _: b"[" * 200_000,
    "ValueError: a number of 5,000 digits": lambda _: body(basic_item(resourceData={"n": 0.5})).replace(
        b"0.5", b"9" * 5000
    ),
    "ValueError: content with an invalid signature": lambda graph: graph.rich_body(
        graph.rich_item(encryptedContent=graph.encrypted(data="AAAA"))
    ),
    "DecodeError: a token without claims": lambda graph: body(graph.rich_item(), tokens=["a.b.c"]),
    # Seconds were floating-point numbers; a token may expire at any number of them.
    "OverflowError: a token that ends after the end of time": lambda graph: body(
        graph.rich_item(), tokens=[graph.token(exp=10**400)]
    ),
}
