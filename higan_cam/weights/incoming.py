"""A file on its way from an address: over HTTPS alone, wherever it is redirected, and what a failure says to a user.

The standard library does it: certificates, proxies and redirects are urllib's, no package more is needed, and what a
download library would add (a cache, retries) is not wanted here, while what is wanted (no step down to plain HTTP)
would have to be built onto one.
"""

from __future__ import annotations

import http
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from higan_cam.errors import WeightsError

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_AGENT = "higan-cam (weights fetch)"


@dataclass(frozen=True)
class Incoming:
    """What arrives.

    Attributes:
        stream: its bytes.
        total: how many; None where nobody says.
        kind: its media type; empty where nobody says.
    """

    stream: IO[bytes]
    total: int | None = None
    kind: str = ""


@contextmanager
def from_address(url: str, timeout_s: float) -> Iterator[Incoming]:
    """The body of what the server answers.

    Raises:
        OSError, http.client.HTTPException: as urllib's, also while the stream is read; `network_reason` explains them.
        WeightsError: an address or a redirect that is not secure.
    """
    request = urllib.request.Request(  # noqa: S310 - secure, or refused
        secure(url), headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"}
    )
    with urllib.request.build_opener(_SecureRedirects).open(request, timeout=timeout_s) as response:
        length = response.headers.get("Content-Length", "")
        yield Incoming(response, int(length) if length.isdecimal() else None, response.headers.get_content_type())


def secure(url: str) -> str:
    """The address. WeightsError unless it is HTTPS, or plain HTTP on this machine."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise WeightsError(f"--url: not an address ({error})") from error
    if not url.isascii():
        raise WeightsError(f"{shown(url)}: an address has ASCII letters only; write others as %XX")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise WeightsError(f"{shown(url)}: weights come over https:// only, got {parts.scheme or 'no scheme'!r}")
    return url


def shown(url: str) -> str:
    """The address without what may be secret in it: a password, a signed query."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from HTTPS to anything else, this machine included."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if req.type == "https" and urllib.parse.urlsplit(newurl).scheme != "https":
            raise WeightsError(f"{shown(newurl)}: an https:// address leads there; weights come over https:// only")
        return super().redirect_request(req, fp, code, msg, headers, secure(newurl))


def network_reason(error: OSError) -> str | None:
    """What a failure to open or read says to a user; None where it is the disk's."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {_first_line(error)}; {_hint(error.code)}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"the server's certificate is not trusted ({reason.verify_message}); nothing was downloaded"
    if isinstance(reason, TimeoutError):
        return "the server fell silent; fetch again"
    if isinstance(reason, ConnectionResetError):
        return "the server closed the connection; fetch again"
    if isinstance(error, urllib.error.URLError | ssl.SSLError | ConnectionError):
        return f"cannot be reached ({reason}); check the address and the network"
    return None


def _first_line(error: urllib.error.HTTPError) -> str:
    """The reason; urllib's own, about redirects, goes on for lines."""
    return str(error.reason).partition("\n")[0]


def _hint(code: int) -> str:
    """What to do about an answer that is no file."""
    if code in (401, 403):
        return "it wants a login or a click: open the address in a browser, or name another with --url"
    if code == http.HTTPStatus.TOO_MANY_REQUESTS or code >= 500:
        return "fetch again later, or name another address with --url"
    return "the file may have moved: name its address with --url"
