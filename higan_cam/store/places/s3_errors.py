"""What S3 servers and their client report -> `RequestError`: is it worth another try, and what can the user do?

Only the code and the message are kept. The rest of an answer may hold what must not be printed or stored: AWS repeats
an expired session token in it.
"""

from __future__ import annotations

from typing import Any

from botocore import exceptions as client_errors
from botocore.parsers import ResponseParserError

from higan_cam.store.places.retrying import RequestError
from higan_cam.store.places.s3_client import unread_files

_LONGEST = 300
_OVERLOADED = {
    *("InternalError", "ServiceUnavailable", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequests"),
    *("RequestLimitExceeded", "RequestTimeout", "RequestTimeoutException"),
    # Another writer is at the same key in this very moment.
    *("ConditionalRequestConflict", "OperationAborted", "409"),
    # The bytes that arrived are not those that were sent.
    *("BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch"),
}
_OVERLOADED_STATUS = {408, 429, 500, 502, 503, 504}
_LATER = "the store is overloaded or away; start again later, the run goes on where it stopped"
_RIGHTS = "give these credentials the rights to list, read and write there and to abort uploads"
_KEYS = "check the credentials that the client's own chain finds (environment, profile, role)"
_RENEW = "the credentials have expired: renew them and start again"
_REGION = "set AWS_DEFAULT_REGION to the bucket's region"
_ANY = "check store.endpoint_url, the bucket and the credentials"
_FIXES = {
    "NoSuchBucket": "create the bucket or correct the output's URI",
    "AccessDenied": _RIGHTS,
    "AllAccessDisabled": _RIGHTS,
    "403": _RIGHTS,
    "ExpiredToken": _RENEW,
    "ExpiredTokenException": _RENEW,
    "TokenRefreshRequired": _RENEW,
    # HEAD is answered without words.
    "400": "if the credentials have expired, renew them and start again",
    "InvalidAccessKeyId": _KEYS,
    "InvalidToken": _KEYS,
    "InvalidSecurity": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "RequestTimeTooSkewed": "set this machine's clock",
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "PermanentRedirect": _REGION,
    "301": _REGION,
    "QuotaExceeded": "make room in the bucket or raise its quota",
    "NoSuchUpload": "somebody aborted this upload: start again, and keep store.leftovers_s above an upload's time",
}
_CREDENTIALS = (
    client_errors.NoCredentialsError,
    client_errors.PartialCredentialsError,
    client_errors.CredentialRetrievalError,
    client_errors.TokenRetrievalError,
    client_errors.SSOError,
)
_CONNECTION = (
    client_errors.ConnectionError,
    client_errors.HTTPClientError,
    client_errors.IncompleteReadError,
    ResponseParserError,  # half an answer, or a page of some proxy in between
)
_CLIENT = (
    "check the client's settings: HTTPS_PROXY, AWS_CA_BUNDLE, AWS_WEB_IDENTITY_TOKEN_FILE, and that no key or token "
    "has a line break in it"
)
_CERTIFICATE = "the server's certificate is not trusted here: set AWS_CA_BUNDLE, or correct store.endpoint_url"


def request_error(error: Any) -> RequestError:
    """The project's own error for one of the client's."""
    if isinstance(error, client_errors.ClientError):
        return _answered(error)
    name = type(error).__name__
    if isinstance(error, _CREDENTIALS):
        # What a credential helper printed may hold anything.
        return RequestError(name, f"{name}: no usable credentials", f"{_KEYS}{unread_files()}", transient=False)
    if type(error) is client_errors.HTTPClientError:
        return _unsent(name, error.kwargs.get("error"))
    if not isinstance(error, (client_errors.BotoCoreError, ResponseParserError)):
        return _unsent(name, error)
    said = f"{name}: {_line(str(error))}"
    if isinstance(error, client_errors.SSLError):
        return RequestError(name, said, _CERTIFICATE, transient=False)
    transient = isinstance(error, _CONNECTION)
    return RequestError(name, said, f"check store.endpoint_url; {_LATER}" if transient else _ANY, transient)


def _unsent(name: str, error: object) -> RequestError:
    """For one of Python's own errors: it may repeat a header with a token, or the URL of a proxy with its password."""
    kind = type(error).__name__
    strerror = (error.strerror if isinstance(error, OSError) else None) or "the request could not be made"
    said = f"{name}: {strerror}" if kind == name else f"{name}: {kind}: {strerror}"
    # A header or URL that cannot be written down, a file that is not there: no try will change that.
    lasting = isinstance(error, (FileNotFoundError, PermissionError, IsADirectoryError)) or (
        isinstance(error, ValueError) and (name == kind or str(error).startswith("Invalid"))
    )
    return RequestError(name, said, _CLIENT if lasting else f"check store.endpoint_url; {_LATER}", not lasting)


def _answered(error: client_errors.ClientError) -> RequestError:
    details = error.response.get("Error", {})
    code = str(details.get("Code") or "unknown")
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    message = _line(str(details.get("Message") or "no details"))
    said = f"{status} {code}: {message}" if code != str(status) else f"{status}: {message}"
    if code in _OVERLOADED or status in _OVERLOADED_STATUS:
        return RequestError(code, said, _LATER, transient=True)
    return RequestError(code, said, _FIXES.get(code, _FIXES.get(str(status), _ANY)), transient=False)


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
