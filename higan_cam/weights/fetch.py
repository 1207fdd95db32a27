"""Download a known checkpoint, on request only: over HTTPS, whole or not at all, and the same bytes every time.

The standard library does it: certificates, proxies and redirects are urllib's, no package more is needed, and what a
download library would add (a cache, retries) is not wanted here, while what is wanted (no step down to plain HTTP, a
limit on the size, a page of HTML told from a file, digests remembered) would have to be built onto one.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import ssl
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from higan_cam.errors import WeightsError
from higan_cam.weights.files import sha256_of
from higan_cam.weights.record import LOCK, hold_lock, record, recorded
from higan_cam.weights.zoo import Checkpoint

MAX_BYTES = 4 << 30
TIMEOUT_S = 60.0
"""Seconds without a byte after which a server counts as gone."""
_CHUNK = 1 << 20
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_BEGINNINGS = {
    ".pth": (b"PK\x03\x04", b"\x80"),
    ".tar": (b"PK\x03\x04", b"\x80"),
    ".npy": (b"\x93NUMPY",),
}
"""First bytes of the kinds of file there are: a zip or a pickle of torch.save, numpy's magic."""
_AGENT = "higan-cam (weights fetch)"
Tell = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Fetched:
    """What `fetch` left: the file, its digest, and how both are known.

    Attributes:
        verdict: `pinned` (the digest in weights.toml), `locked` (as at the first fetch), `first` (trusted and recorded
            now).
        downloaded: False where the file was there already.
    """

    path: Path
    sha256: str
    verdict: str
    downloaded: bool


def fetch(
    checkpoint: Checkpoint,
    folder: Path,
    *,
    url: str | None = None,
    progress: Tell | None = None,
    max_bytes: int = MAX_BYTES,
    timeout_s: float = TIMEOUT_S,
) -> Fetched:
    """Make sure that the checkpoint's file is in `folder`, with the digest that is pinned or was recorded.

    A file that is there is hashed and not downloaded again. Interrupted, it leaves nothing, and the next call begins
    anew.

    Args:
        url: another address of the same file; the digest must still match.
        progress: called with bytes so far and bytes in all (None where the server does not say).

    Raises:
        WeightsError: no address, no HTTPS (plain HTTP is for loopback only), whatever the server or the network says,
            a page or anything else that is not such a file, too large, truncated, another digest, no room on the disk.
    """
    path = folder / checkpoint.file
    expected, verdict = _expected(checkpoint, folder)  # a damaged record is told before anything is downloaded
    if path.is_file():
        digest = sha256_of(path)
        if digest == expected == recorded(folder).get(checkpoint.name, {}).get("sha256"):
            return Fetched(path, digest, verdict, downloaded=False)
        if expected is None:
            _check_whole(path, str(path), path)
        return Fetched(path, digest, _settle(checkpoint, folder, path, digest, None), downloaded=False)
    source = _checked_url(checkpoint, path, url)
    digest, verdict = _download(source, folder, checkpoint, progress, max_bytes, timeout_s)
    return Fetched(path, digest, verdict, downloaded=True)


def _expected(checkpoint: Checkpoint, folder: Path) -> tuple[str | None, str]:
    if checkpoint.sha256 is not None:
        return checkpoint.sha256, "pinned"
    entry = recorded(folder).get(checkpoint.name)
    return (None, "first") if entry is None else (entry["sha256"], "locked")


def _settle(checkpoint: Checkpoint, folder: Path, file: Path, sha256: str, url: str | None) -> str:
    """Compare, put the file into its place and record it, in one go: of two first fetches one is the second.

    Returns the verdict. WeightsError: another digest.
    """
    path = folder / checkpoint.file
    with hold_lock(folder):
        expected, verdict = _expected(checkpoint, folder)
        if expected not in (None, sha256):
            what = f"{path} has" if url is None else f"{url} gave"
            raise WeightsError(_differs(checkpoint, what, sha256, str(expected), verdict))
        if file != path:
            file.chmod(0o644)
            file.replace(path)
        entry = {"file": checkpoint.file, "sha256": sha256, "bytes": path.stat().st_size, "url": url}
        record(folder, checkpoint.name, entry)
    return verdict


def _checked_url(checkpoint: Checkpoint, path: Path, url: str | None) -> str:
    chosen = url or checkpoint.url
    if chosen is None:
        raise WeightsError(
            f"{checkpoint.name}: no HTTPS address is known. It is at {checkpoint.where}. Download it as {path} and "
            "fetch again to record its digest, or name an HTTPS copy with --url"
        )
    return _secure(chosen)


def _secure(url: str) -> str:
    """The address. WeightsError unless it is HTTPS, or plain HTTP on this machine."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise WeightsError(f"--url: not an address ({error})") from error
    if not url.isascii():
        raise WeightsError(f"{_shown(url)}: an address has ASCII letters only; write others as %XX")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise WeightsError(f"{_shown(url)}: weights come over https:// only, got {parts.scheme or 'no scheme'!r}")
    return url


def _shown(url: str) -> str:
    """The address without what may be secret in it: a password, a signed query."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from HTTPS to anything else, this machine included."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if req.type == "https" and urllib.parse.urlsplit(newurl).scheme != "https":
            raise WeightsError(f"{_shown(newurl)}: an https:// address leads there; weights come over https:// only")
        return super().redirect_request(req, fp, code, msg, headers, _secure(newurl))


def _download(
    url: str, folder: Path, checkpoint: Checkpoint, progress: Tell | None, max_bytes: int, timeout_s: float
) -> tuple[str, str]:
    """Digest and verdict of the file that is in its place afterwards."""
    temporary, shown, path = None, _shown(url), folder / checkpoint.file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _opened(url, timeout_s) as response:
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
            with os.fdopen(handle, "wb") as file:
                digest = _copy(response, file, shown, path, progress, max_bytes)
        _check_whole(Path(temporary), shown, path)
        return digest, _settle(checkpoint, folder, Path(temporary), digest, shown)
    except OSError as error:
        raise WeightsError(f"{shown}: {_network_reason(error) or _disk_reason(error, path)}") from error
    except http.client.HTTPException as error:
        raise WeightsError(f"{shown}: the download broke off ({type(error).__name__}); fetch again") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _opened(url: str, timeout_s: float) -> Any:
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"})  # noqa: S310
    return urllib.request.build_opener(_SecureRedirects).open(request, timeout=timeout_s)


def _copy(response: Any, file: IO[bytes], url: str, path: Path, progress: Tell | None, max_bytes: int) -> str:
    """Write the body and return its digest."""
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else None
    if total is not None and total > max_bytes:
        raise WeightsError(f"{url}: {total:,} bytes, more than the {max_bytes:,} that are accepted")
    digest, done = hashlib.sha256(), 0
    while chunk := response.read(_CHUNK):
        if done == 0:
            _check_beginning(chunk, response.headers.get_content_type(), url, path)
        done += len(chunk)
        if done > max_bytes:
            raise WeightsError(f"{url}: more than the {max_bytes:,} bytes that are accepted")
        file.write(chunk)
        digest.update(chunk)
        if progress is not None:
            progress(done, total)
    if done == 0 or (total is not None and done != total):
        raise WeightsError(f"{url}: the download broke off after {done:,} of {total or 'some'} bytes; fetch again")
    return digest.hexdigest()


def _check_beginning(chunk: bytes, kind: str, url: str, path: Path) -> None:
    """WeightsError where this cannot be the file: a web page, or other bytes than such a file begins with."""
    if kind == "text/html" or chunk.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise WeightsError(
            f"{url}: a web page came instead of the file, as file hosts answer that want a click or have removed it; "
            f"open its address in a browser, save the file as {path} and fetch again, or name another with --url"
        )
    expected = _BEGINNINGS.get(path.suffix)
    if expected is not None and not chunk.startswith(expected):
        raise WeightsError(f"{url}: what came begins with {chunk[:12]!r}, which is no {path.suffix} file")


def _check_whole(file: Path, where: str, path: Path) -> None:
    """WeightsError where this cannot be the whole file: another beginning, or a zip without its end.

    A server that closes the connection early, having announced no size, is told from one that is done by nothing else.
    """
    with file.open("rb") as opened:
        beginning = opened.read(_CHUNK)
    _check_beginning(beginning, "", where, path)
    if beginning.startswith(b"PK") and not zipfile.is_zipfile(file):
        raise WeightsError(f"{where}: the file breaks off after {file.stat().st_size:,} bytes; download it again")


def _network_reason(error: OSError) -> str | None:
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


def _disk_reason(error: OSError, path: Path) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return f"{path} cannot be written ({error.strerror})" + ("; make room and fetch again" if full else "")


def _differs(checkpoint: Checkpoint, what: str, found: str, expected: str, verdict: str) -> str:
    origin = "weights.toml pins" if verdict == "pinned" else f"{LOCK} recorded at the first fetch"
    return (
        f"{checkpoint.name}: {what} sha256 {found}, but {origin} {expected}; the file has changed and is not used. "
        "Ask its publisher which is right"
        + ("" if verdict == "pinned" else f"; to trust the new one, remove the entry from {LOCK}")
    )
