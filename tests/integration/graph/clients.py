"""The app's client of Graph, with any credential."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.credentials import AccessToken, TokenCredential

from shared.graph.client import Graph
from shared.graph.graph_token import GraphToken
from tests.fakes.identity_services import GRAPH_SCOPE
from tests.sandbox.graph_world import GraphWorld


class ForgedCredential:
    """A credential whose tokens Entra ID did not issue."""

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken("forged.token.here", int(time.time()) + 3600)


@contextmanager
def graph_with(world: GraphWorld, credential: TokenCredential, *, path: str = "") -> Iterator[Graph]:
    graph = Graph(f"{world.graph_service.url}{path}", GraphToken(credential=credential, scope=GRAPH_SCOPE))
    with graph._client:
        yield graph
