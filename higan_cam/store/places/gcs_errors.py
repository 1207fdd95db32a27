"""What Google Cloud Storage and its client report -> `RequestError`: is it worth another try, and what can the user do?

Only status, reason and message are kept. The rest may hold what must not be printed: a client's error repeats the URL,
and the URL of an unfinished upload lets anyone write to it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import requests
from google.auth.exceptions import GoogleAuthError, TransportError

from higan_cam.store.places.retrying import RequestError

_LONGEST = 300
_OVERLOADED = {408, 429, 500, 502, 503, 504}
_RATES = ("rateLimitExceeded", "userRateLimitExceeded")
_LATER = "the store is overloaded or away; start again later, the run goes on where it stopped"
_ANY = "check the bucket, the credentials and, if set, store.endpoint_url and STORAGE_EMULATOR_HOST"
_KEYS = (
    "check the credentials that Google's own chain finds (GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth "
    "application-default login`, the machine's service account)"
)
_FIXES = {
    401: _KEYS,
    403: "give this account the rights to create, read, list and overwrite objects there (roles/storage.objectUser)",
    404: "create the bucket or correct the output's URI",
}
_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_KINDS = (
    *("authorized_user", "service_account", "external_account", "external_account_authorized_user"),
    *("impersonated_service_account", "gdch_service_account"),
)
_CERTIFICATE_FILE = "TLS CA certificate bundle"
_CERTIFICATE = "the server's certificate is not trusted here: set REQUESTS_CA_BUNDLE, or correct store.endpoint_url"


def answered(answer: Any) -> RequestError:
    """For an answer (`requests.Response`) that is not what was asked for; `code` is its status."""
    status = int(answer.status_code)
    reason, message = _words(answer)
    said = f"{status} {reason}: {message}" if reason else f"{status}: {message}"
    # Google's words for a body that is not the one whose digest came with it: it was spoilt on the way.
    spoilt = status == 400 and "MD5 hash" in message
    if status in _OVERLOADED or reason in _RATES or spoilt:
        return RequestError(str(status), said, _LATER, transient=True)
    return RequestError(str(status), said, _FIXES.get(status, _ANY), transient=False)


def unanswered(error: Exception, endpoint: str) -> RequestError:
    """For a request that got no answer, or was not even sent."""
    name = type(error).__name__
    if isinstance(error, TransportError):
        return RequestError(name, f"{name}: who gives out tokens did not answer", f"{_KEYS}; {_LATER}", transient=True)
    if isinstance(error, GoogleAuthError):
        # What a credential helper printed may hold anything.
        return RequestError(name, f"{name}: no usable credentials", _named_file() or _KEYS, transient=False)
    if isinstance(error, OSError) and _CERTIFICATE_FILE in str(error):
        said = f"{name}: the file of trusted certificates is not there"
        return RequestError(name, said, "correct or remove REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE)", transient=False)
    said = f"{name} at {endpoint}: {_innermost(error)}"
    if isinstance(error, requests.exceptions.SSLError):
        return RequestError(name, said, _CERTIFICATE, transient=False)
    passing = (
        ConnectionError,
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
    )
    transient = isinstance(error, passing)
    return RequestError(name, said, f"check store.endpoint_url; {_LATER}" if transient else _ANY, transient)


def unreadable(endpoint: str) -> RequestError:
    """For an answer that says it is good but cannot be understood."""
    return RequestError("unreadable", f"an answer that is not JSON from {endpoint}", _ANY, transient=True)


def _named_file() -> str | None:
    """What to do about the file of GOOGLE_APPLICATION_CREDENTIALS; None where it is unset."""
    path = os.environ.get(_VARIABLE)
    if not path:
        return None
    start = f"check the credentials: {_VARIABLE}"
    try:
        found = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        return f"{start} names a file that cannot be read ({error.strerror}): correct or remove it"
    except ValueError:
        return f"{start} names a file that is not JSON: correct or remove it"
    if not isinstance(found, dict) or found.get("type") not in _KINDS:
        return (
            f"{_VARIABLE} names a file that is none of Google's credentials ('type' is unknown): correct or remove it"
        )
    return f"check the credentials in the file that {_VARIABLE} names: is it whole, and does its key still count?"


def _words(answer: Any) -> tuple[str, str]:
    """Reason and message, as far as the answer has them; a page of some proxy in between has neither."""
    try:
        error = answer.json()["error"]
        return str(error["errors"][0]["reason"]), _line(str(error["message"]))
    except (ValueError, KeyError, IndexError, TypeError):
        plain = str(answer.headers.get("Content-Type", "")).startswith("text/plain")
        return "", _line(str(answer.text if plain and answer.text.strip() else answer.reason))


def _innermost(error: BaseException) -> str:
    """What the operating system said: the errors around it repeat the URL."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, OSError) and behind.strerror:
            return behind.strerror
        behind = behind.__cause__ or behind.__context__
    return "no answer"


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
