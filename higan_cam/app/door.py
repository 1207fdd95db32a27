"""Who may come in, and what every answer says to the browser. Around the whole site; nothing of it is logged."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from higan_cam.errors import ConfigError

TOKEN = "HIGAN_CAM_APP_TOKEN"  # noqa: S105 - the name of the variable
SHORTEST_TOKEN = 16
HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True)
class Key:
    """What a visitor has to know, as far as a site is told it.

    Attributes:
        digest: sha256 of the token; None on loopback, where other names than this machine's are refused instead, so
            that no page of the web gets here by a name that it points at 127.0.0.1.
        names: what this machine is called there.
    """

    digest: bytes | None = None
    names: frozenset[str] = HERE

    def fits(self, authorization: str) -> bool:
        """Whether a header has the token; the time that it takes says nothing about it."""
        if self.digest is None:
            return True
        kind, _, token = authorization.partition(" ")
        told = hashlib.sha256(token.strip().encode("utf-8", "surrogatepass")).digest()
        return hmac.compare_digest(told, self.digest) and kind.lower() == "bearer"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server there."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_free(host: str, port: int) -> None:
    """ConfigError: nothing can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except (OSError, OverflowError) as error:
            raise ConfigError(f"--host {host} --port {port}: cannot listen there ({error}); choose others") from error


def token_for(host: str, environment: Mapping[str, str]) -> str | None:
    """The token that a server at this address asks for: the user's, or a new one; None on loopback without the user's.

    Raises:
        ConfigError: the user's is short.
    """
    given = environment.get(TOKEN)
    if given is not None:
        given = given.strip()  # as the header is: a Secret from a file ends with a newline
    if given is not None and len(given) < SHORTEST_TOKEN:
        raise ConfigError(f"{TOKEN} has {len(given)} characters; take {SHORTEST_TOKEN} or more, nobody can guess them")
    if given is None and not is_loopback(host):
        return secrets.token_urlsafe(32)
    return given


def key_of(token: str | None, host: str = "localhost") -> Key:
    """What a site is told about a token, and about a loopback address where it has none."""
    return Key(None if token is None else hashlib.sha256(token.encode()).digest(), HERE | {host.lower()})


@dataclass(frozen=True)
class Door:
    """ASGI around a site: refuses foreign names, foreign pages and wrong tokens, before a body is read.

    Attributes:
        public: paths below wherever the site is that need no token; whatever else there is does.
    """

    site: ASGIApp
    key: Key
    public: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the site answer, with the headers of `HEADERS`."""
        if scope["type"] != "http":
            await self.site(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        refused = self._refused(path_below(scope), Headers(scope=scope))
        if refused is None:
            await self.site(scope, receive, with_headers)
            return
        status, reason = refused
        body = json.dumps({"reason": reason}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await with_headers({"type": "http.response.start", "status": status, "headers": headers})
        await with_headers({"type": "http.response.body", "body": body})

    def _refused(self, path: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if self.key.digest is None and name_of(host) not in self.key.names:
            return 403, f"this server answers to {', '.join(sorted(self.key.names))} alone"
        origin = headers.get("origin")
        if origin is not None and not _is_of(origin, host):
            return 403, "requests of other pages are refused"
        if path not in self.public and not self.key.fits(headers.get("authorization", "")):
            return 401, "the token is missing or wrong: open the address that the server printed"
        return None


def path_below(scope: Scope) -> str:
    """The path below wherever the site is mounted, as the router takes it: `path` begins with ASGI's `root_path`."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(root) if path == root or path.startswith(f"{root}/") else path


def _is_of(origin: str, host: str) -> bool:
    """Whether a page comes from this server; what is no origin does not."""
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def name_of(host: str) -> str:
    """The name in a Host header, without its port; "" for what is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
