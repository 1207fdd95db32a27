"""What an output's text means. The one place that reads a URI.

What looks like a URI, or holds a variable, and is not one is refused with the nearest right form: read as the name of a
folder it would become one in the working directory, and a run would succeed on some node's disk. No message repeats
what may be a secret.
"""

from __future__ import annotations

import os
import posixpath
import re
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote, unquote

from higan_cam.errors import ConfigError
from higan_cam.store.foreign_uris import FOREIGN, foreign, web_address

Protocol = Literal["file", "s3", "gs", "memory"]
PROTOCOLS: dict[str, Protocol] = {
    "file": "file",
    "local": "file",
    "s3": "s3",
    "s3a": "s3",
    "gs": "gs",
    "gcs": "gs",
    "memory": "memory",
}
"""{scheme: how it is reached}."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_DRIVE = re.compile(r"/?[A-Za-z]:[\\/]")
_NAMES = "|".join(sorted({*PROTOCOLS, *FOREIGN}, key=len, reverse=True))
_INSIDE = re.compile(rf"(?:.*/)?((?:{_NAMES}):/.*)|((?:{_NAMES})//.*)", re.IGNORECASE | re.DOTALL)
_VARIABLE = re.compile(r"\$[A-Za-z_{(]|\{\{|(?:^|[\\/])%[A-Za-z_][\w()]*%(?=[\\/]|$)")
_HOME = re.compile(r"(?:\$HOME|\$\{HOME\}|\$env:(?:HOME|USERPROFILE)|%(?:HOME|HOMEPATH|USERPROFILE)%)(?=[\\/]|$)")
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}")
_QUOTES = {"'": "'", '"': '"', "`": "`", "‘": "’", "“": "”"}


class Place(NamedTuple):
    """Where an output lies.

    Attributes:
        protocol: how it is reached.
        path: the absolute folder, not resolved (a cluster's nodes may share it through links of their own), or
            "bucket/key" without a slash at either end.
    """

    protocol: Protocol
    path: str

    @property
    def uri(self) -> str:
        """Text that reads as this place: for a folder its path, or a file:// URI where the path would be refused."""
        if self.protocol != "file":
            return f"{self.protocol}://{self.path}"
        try:
            self.path.encode()
            plain = read_place(self.path) == self
        except (ConfigError, UnicodeEncodeError):
            plain = False
        return self.path if plain else _file_uri(self.path)


def read_place(text: str) -> Place:
    """A folder (absolute, relative, ~) or a URI (file:, s3://, s3a://, gs://, gcs://, memory://) -> its place.

    Schemes are read in either case; a file URI is decoded, an object store's is not.

    Raises:
        ConfigError: for anything else, with the nearest right form; it repeats no credentials and no query.
    """
    _refuse_slips(text)
    match = _SCHEME.fullmatch(text)
    scheme, rest = (match[1].lower(), match[2]) if match else ("", text)
    slashes = len(rest) - len(rest.lstrip("/"))
    # x:/… is a drive of Windows, and run:1 a folder.
    if not (scheme in PROTOCOLS or scheme in FOREIGN or (scheme and slashes >= 2) or (len(scheme) > 1 and slashes)):
        return _read_folder(text)
    if scheme not in PROTOCOLS:
        reason, nearest = foreign(scheme, rest, sorted(set(PROTOCOLS.values())))
        raise _refusal(text, reason, nearest)
    protocol = PROTOCOLS[scheme]
    return _read_file_uri(text, rest) if protocol == "file" else _read_bucket(text, protocol, rest)


def _refuse_slips(text: str) -> None:
    """What no place begins, ends or is written with."""
    if not text.strip().strip("/"):
        raise _refusal(text, "names no folder", "runs/rooms")
    if text != text.strip():
        raise _refusal(text, "begins or ends with a space", text.strip())
    if _QUOTES.get(text[0]) == text[-1] and len(text) > 2:
        raise _refusal(text, "is in quotation marks", text[1:-1].strip())
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        raise _refusal(text, "is not text") from error
    if any(character < " " or character == "\x7f" for character in text):
        raise _refusal(text, "holds a control character")
    if _VARIABLE.search(text):
        home = _HOME.sub("~", text, count=1).replace("\\", "/")
        nearest = home if home.startswith("~") and not _VARIABLE.search(home) else None
        raise _refusal(text, "holds a variable, which is not replaced here: write its value", nearest, escape=True)


def _read_folder(text: str) -> Place:
    address = web_address(text)
    inside = _INSIDE.fullmatch(text)
    if address:
        raise ConfigError(f"output: a web address is no output; did you mean {address!r}?")
    if "://" in text or inside:
        nearest = re.sub(r":?/+", "://", inside[1] or inside[2], count=1) if inside else None
        raise _refusal(text, "looks like a URI and is none", nearest, escape=True)
    if _DRIVE.match(text):
        raise _refusal(text, "is a path of Windows", text[2:].replace("\\", "/"), escape=True)
    if "\\" in text:
        nearest = None if text.startswith("\\\\") else text.replace("\\", "/")
        raise _refusal(text, "has backslashes", nearest, escape=True)
    expanded = os.path.expanduser(text)  # noqa: PTH111 - pathlib would take ./~x for ~x, and raises RuntimeError
    if text.startswith("~") and expanded == text:
        raise _refusal(text, "begins with the home of a user who is not known here", f"./{text}")
    return _folder(text, expanded)


def _read_file_uri(text: str, rest: str) -> Place:
    _refuse_secrets("file", rest)
    host, path = "", rest
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        path = slash + path
    if not (host + path).strip("/"):
        raise _refusal(text, "names no folder", "runs/rooms")
    if host.lower() not in ("", "localhost") or (not path.startswith("/") and path):
        raise _refusal(text, "names no absolute folder", f"{host}{path}".rstrip("/"))
    if path.startswith("/~"):
        raise _refusal(text, "does not mean a home", path[1:])
    if "\\" in path or _DRIVE.match(path):
        raise _refusal(text, "is a path of Windows", re.sub(r"^/[A-Za-z]:", "", path).replace("\\", "/"))
    decoded = unquote(path, errors="surrogateescape")
    if "\0" in decoded:
        raise _refusal(text, "holds a control character")
    return _folder(text, decoded)


def _folder(text: str, path: str) -> Place:
    try:
        absolute = str(Path(path).absolute())
    except OSError as error:
        raise _refusal(text, "is relative to a working directory that is gone: give an absolute path") from error
    if not posixpath.normpath(absolute).strip("/"):
        raise _refusal(text, "names no folder: it is the root of the file system", "runs/rooms")
    return Place("file", absolute)


def _read_bucket(text: str, protocol: Protocol, rest: str) -> Place:
    _refuse_secrets(protocol, rest)
    body = rest.replace("\\", "/")
    root = body.strip("/")
    bucket, _, key = root.partition("/")
    if not root:
        raise _refusal(text, "names no folder", f"{protocol}://bucket/folder")
    if body.startswith("///"):
        raise _refusal(text, "names no bucket", f"{protocol}://{root}" if key else f"{protocol}://BUCKET/{root}")
    if not body.startswith("//") or body != rest:
        raise _refusal(text, "is not written as a URI", f"{protocol}://{root}")
    if protocol != "memory" and not _BUCKET.fullmatch(bucket):
        if key and re.fullmatch(r"[A-Za-z0-9.-]+:\d+", bucket):
            raise _refusal(text, "names a server, which store.endpoint_url is for", f"{protocol}://{key}")
        raise _refusal(text, "has no name of a bucket behind '//'", f"{protocol}://bucket/folder")
    normal = posixpath.normpath(f"/{key}").strip("/")
    if bucket in (".", "..") or normal != key:
        nearest = None if bucket in (".", "..") else f"{protocol}://{bucket}/{normal}".rstrip("/")
        raise _refusal(text, "has an empty part, '.' or '..'", nearest)
    return Place(protocol, root)


def _refuse_secrets(scheme: str, rest: str) -> None:
    authority, _, path = rest.lstrip("/\\").replace("\\", "/").partition("/")
    remote = scheme != "file"
    # A secret key may hold a slash: then the @ comes later.
    if "@" in authority or (":" in authority and "@" in path) or (remote and "?" in rest):
        raise ConfigError(
            f"output: the {scheme}:// URI holds credentials or options; leave only the bucket and path in it and put "
            "credentials into the environment or a profile"
        )
    if "#" in rest or "?" in rest:
        coded = "write # as %23 and ? as %3F, or give the folder itself" if not remote else "leave it out"
        raise ConfigError(f"output: the {scheme}: URI holds a fragment or a query behind # or ?; {coded}")


def _refusal(text: str, reason: str, nearest: str | None = None, *, escape: bool = False) -> ConfigError:
    """`escape`: also say how a folder of this very name is given."""
    hidden = _may_hold_secret(text)
    if nearest and not _may_hold_secret(nearest):
        reason = f"{reason}; did you mean {nearest!r}?"
    if escape and not hidden and "://" not in text:
        # The working directory may be gone.
        with suppress(OSError):
            reason = f"{reason} (for a folder of that very name give {_file_uri(str(Path(text).absolute()))!r})"
    return ConfigError(f"output: {'the URI' if hidden else repr(text)} {reason}")


def _may_hold_secret(text: str) -> bool:
    """Whether something beside scheme, server, bucket and path is there."""
    behind = re.split(r":|//", text, maxsplit=1)[1:]
    if not behind or re.fullmatch(r"//[\w.-]+:\d+(/[^@?#:]*)?", behind[0]) or re.fullmatch(r"arn:[\w:./*-]+", text):
        return False
    return any(sign in behind[0] for sign in "@?#:")


def _file_uri(path: str) -> str:
    return "file://" + quote(path, errors="surrogateescape").replace("~", "%7E")
