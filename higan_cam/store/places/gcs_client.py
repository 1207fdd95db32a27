"""One request to Google Cloud Storage's JSON API, or to an emulator of it. Repeats nothing: `Retrying` does.

It stands on google-auth and requests alone, because the clients above them (gcsfs, Google's own) repeat requests by
rules of their own, and then a writer cannot know whether an object that is there already is its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import google.auth
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from requests.adapters import HTTPAdapter

from higan_cam.config import StoreConfig
from higan_cam.config.store import emulator_url
from higan_cam.store.places.gcs_errors import answered, unanswered, unreadable

GOOGLE = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"


@dataclass(frozen=True)
class GcsClient:
    """Raises `RequestError` only. Safe to share among threads.

    Attributes:
        endpoint: URL of the server.
        anonymous: no credentials are looked for, and none are sent.
        settings: timeouts and connections.
    """

    endpoint: str
    anonymous: bool
    settings: StoreConfig

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        accept: tuple[int, ...] = (200,),
    ) -> Any:
        """The server's answer (`requests.Response`, its body read), whose status is one of `accept`.

        Args:
            method: HTTP's.
            url: path on the server, or the whole URL where the server itself gave it.
            params: behind the "?".
            headers: besides the authorization.
            data: the body.
            accept: what is no error.

        Raises:
            RequestError: without the client's own error behind it, which may hold credentials.
        """
        where = url if "://" in url else f"{self.endpoint}{url}"
        try:
            answer = self._session.request(
                method,
                where,
                params=params,
                headers=dict(headers or {}),
                data=data,
                timeout=(self.settings.connect_timeout_s, self.settings.read_timeout_s),
                # 308 is how an upload says that it is not complete.
                allow_redirects=False,
            )
        # Credentials and certificates are read from files, and what is wrong with one is Python's own error.
        except (GoogleAuthError, OSError, ValueError) as error:
            failure = unanswered(error, self.endpoint)
        else:
            if answer.status_code in accept:
                return answer
            failure = answered(answer)
        raise failure

    def json(self, method: str, url: str, **arguments: Any) -> dict[str, Any]:
        """As `request`, for an answer in JSON."""
        answer = self.request(method, url, **arguments)
        try:
            return dict(answer.json())
        except ValueError:
            failure = unreadable(self.endpoint)
        raise failure

    @cached_property
    def _session(self) -> Any:
        # Not when the client is made: looking for credentials may ask the machine's metadata server.
        credentials = AnonymousCredentials() if self.anonymous else _found_credentials()
        session = AuthorizedSession(credentials)
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=self.settings.connections))
        session.headers["Accept-Encoding"] = "identity"
        return session


def _found_credentials() -> Any:
    try:
        return google.auth.default(scopes=[_SCOPE])[0]
    # The client takes JSON that is no credential for one.
    except (AttributeError, KeyError, TypeError, OSError, ValueError):
        failure = DefaultCredentialsError("the file of the credentials is not one of Google's")
    raise failure


def gcs_client(settings: StoreConfig) -> GcsClient:
    """A client for `settings.endpoint_url`, else for STORAGE_EMULATOR_HOST, else for Google.

    An emulator gets no credentials, and neither does any http:// URL: a token does not travel in the open.
    """
    emulator = emulator_url(os.environ)
    endpoint = (settings.endpoint_url or emulator or GOOGLE).rstrip("/")
    anonymous = urlsplit(endpoint).scheme == "http" or (settings.endpoint_url is None and emulator is not None)
    return GcsClient(endpoint, anonymous, settings)
