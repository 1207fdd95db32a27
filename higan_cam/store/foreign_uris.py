"""Places that people name and that hold no run here: why not, and the nearest form that does."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

FOREIGN = frozenset(("abfs", "abfss", "adl", "arn", "az", "dbfs", "hdfs", "http", "https", "s3n", "wasb", "wasbs"))
"""Schemes that are meant as URIs even where only one colon follows."""
_S3 = r"s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?"
_BUCKET, _KEY = r"(?P<bucket>[\w.-]+)", r"(?:/(?P<key>.*))?"
_ADDRESSES = [
    (re.compile(rf"(?:https?:)?/{{0,2}}{server}{_KEY}", re.IGNORECASE), protocol)
    for server, protocol in (
        (rf"{_BUCKET}\.{_S3}", "s3"),
        (rf"{_S3}/{_BUCKET}", "s3"),
        (rf"[\w.-]*console\.aws\.amazon\.com/s3/buckets/{_BUCKET}", "s3"),
        (rf"storage\.(?:cloud\.google|googleapis)\.com/{_BUCKET}", "gs"),
        (rf"{_BUCKET}\.storage\.googleapis\.com", "gs"),
        (rf"console\.cloud\.google\.com/storage/browser/{_BUCKET}", "gs"),
    )
]
_ARN = re.compile(r"[\w-]+:s3:::(?P<path>[\w.-]+(?:/.*)?)")


def web_address(text: str) -> str | None:
    """The URI for an object store's web address, with or without https:// and a query; None for another text."""
    for pattern, protocol in _ADDRESSES:
        match = pattern.fullmatch(re.split("[?#]", text, maxsplit=1)[0])
        if match:
            return f"{protocol}://{match['bucket']}/{(match['key'] or '').strip('/')}".rstrip("/")
    return None


def foreign(scheme: str, rest: str, known: Sequence[str]) -> tuple[str, str | None]:
    """Why there is no writing to `scheme:rest`, and the nearest form that there is, if there is one.

    Args:
        scheme: lower case, none of the supported ones.
        rest: what follows the colon.
        known: the supported protocols.
    """
    if scheme == "arn":
        named = _ARN.fullmatch(rest)
        return "is Amazon's name of a resource, not a URI", f"s3://{named['path']}".rstrip("/*") if named else None
    path = rest.lstrip("/")
    if scheme == "dbfs":
        mounted = path if path.startswith(("Volumes/", "dbfs/")) else f"dbfs/{path}"
        return _refused(scheme, known), f"/{mounted}"
    if scheme == "s3n":
        return _refused(scheme, known), f"s3://{path}"
    if scheme in ("http", "https"):
        return _refused(scheme, known), web_address(f"{scheme}:{rest}")
    close = difflib.get_close_matches(scheme, known, n=1, cutoff=0.6)
    return _refused(scheme, known), f"{close[0]}://{path}" if close and scheme not in FOREIGN else None


def _refused(scheme: str, known: Sequence[str]) -> str:
    return (
        f"is refused: protocol {scheme!r} has no exclusive writes here; use one of {', '.join(known)}, or mount it and "
        "give the folder"
    )
