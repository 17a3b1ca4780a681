"""Resources with characters that mean something in an address, and the paths to which they are confined."""

from collections.abc import Mapping

CONFINED_RESOURCES: Mapping[str, tuple[str, str]] = {
    "another host in an id": ("chats('//evil.example')", "/v1.0/chats/%2F%2Fevil.example"),
    "a query": ("chats/x?$expand=members", "/v1.0/chats/x%3F%24expand%3Dmembers"),
    "an encoded query": ("chats/x%3f$expand=members", "/v1.0/chats/x%3F%24expand%3Dmembers"),
    "a query in an id": ("chats('x?a=b&c=d')", "/v1.0/chats/x%3Fa%3Db%26c%3Dd"),
    "a fragment": ("chats/x#y", "/v1.0/chats/x%23y"),
    "a line break": ("chats/x%0d%0aHost: evil", "/v1.0/chats/x%0D%0AHost%3A%20evil"),
    "a zero byte": ("chats/x%00", "/v1.0/chats/x%00"),
    "braces, which azure-core would fill in": ("chats/{x}", "/v1.0/chats/%7Bx%7D"),
    "a percent sign alone": ("chats/100%", "/v1.0/chats/100%25"),
    "not UTF-8": ("chats/%ff", "/v1.0/chats/%EF%BF%BD"),
    "not ASCII": ("chats/Grüße", "/v1.0/chats/Gr%C3%BC%C3%9Fe"),
    "an id with dots in it": ("chats/a..b", "/v1.0/chats/a..b"),
    "Base64 with slashes": ("chats('x')/members('a//b/+c==')", "/v1.0/chats/x/members/a%2F%2Fb%2F%2Bc%3D%3D"),
    "a quote in an id": ("chats('it''s')", "/v1.0/chats/it%27s"),
}
