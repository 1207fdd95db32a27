"""Credentials of gs:// by Google's own chain: a token is fetched, sent over TLS, renewed, and never shown.

The servers of `tests.support.gcs_server` look at no credentials, so a small one of the tests' own does, over real TLS.
"""

from __future__ import annotations

import ipaddress
import json
import pickle
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from higan_cam.config import StoreConfig
from higan_cam.errors import StoreError
from higan_cam.store.store import Store, open_store

pytestmark = pytest.mark.integration


class _Google(BaseHTTPRequestHandler):
    """Gives out token-1, token-2, …; lists an empty bucket to whoever has the token that the test says is good."""

    url: str
    good: str
    given: list[str]
    sent: list[str]

    def do_POST(self) -> None:
        """A token for a signed request, or the reason why not."""
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/refuse":
            self._answer(400, {"error": "invalid_grant", "error_description": "hunter2"})
            return
        self.given.append(f"token-{len(self.given) + 1}")
        self._answer(200, {"access_token": self.given[-1], "expires_in": 3600, "token_type": "Bearer"})

    def do_GET(self) -> None:
        """A listing."""
        self.sent.append(self.headers.get("Authorization", "nothing"))
        if self.sent[-1] != f"Bearer {self.good}":
            errors = [{"reason": "authError"}]
            self._answer(401, {"error": {"message": "Invalid Credentials", "errors": errors}})
            return
        self._answer(200, {"items": []})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""

    def _answer(self, status: int, words: dict[str, Any]) -> None:
        body = json.dumps(words).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """The server's, and the service account's."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def google(key: rsa.RSAPrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Google]]:
    """The running server, which this process trusts; its `url` is where it is."""
    _certify(key, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    handler: type[_Google] = type("Google", (_Google,), {"good": "token-1", "given": [], "sent": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        handler.url = f"https://127.0.0.1:{server.server_port}"
        yield handler
        server.shutdown()


@pytest.fixture
def account(google: Any, key: rsa.RSAPrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A service account whose file Google's chain finds."""
    values = {
        "type": "service_account",
        "client_email": "runner@example.test",
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "token_uri": f"{google.url}/token",
    }
    (tmp_path / "account.json").write_text(json.dumps(values))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    return values


@pytest.fixture
def store(google: Any, account: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store there, which has asked for nothing yet."""
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    return open_store("gs://bucket/run", StoreConfig(endpoint_url=google.url, retry_s=0))


def test_a_token_is_fetched_once_and_sent_with_every_request(store: Store, google: Any) -> None:
    assert store.is_empty()
    assert store.list() == ()
    assert (google.given, google.sent) == (["token-1"], ["Bearer token-1"] * 2)


def test_a_token_that_has_expired_is_renewed(store: Store, google: Any) -> None:
    google.good = "token-2"
    assert store.is_empty()
    assert google.sent == ["Bearer token-1", "Bearer token-2"]


def test_a_token_that_is_refused_is_explained(store: Store, google: Any) -> None:
    google.good = "none"
    with pytest.raises(StoreError, match=r"list / \(401 authError: Invalid Credentials\); check the credentials"):
        store.is_empty()


def test_what_refuses_a_token_is_not_repeated(
    store: Store, google: Any, account: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "account.json").write_text(json.dumps({**account, "token_uri": f"{google.url}/refuse"}))
    with pytest.raises(StoreError, match=r"RefreshError: no usable credentials\); check the credentials") as caught:
        store.is_empty()
    error = caught.value
    assert "hunter2" not in f"{error!r}{error.__cause__!r}{error.__context__!r}"


def test_a_store_with_a_token_shows_and_pickles_none(store: Store, account: dict[str, str]) -> None:
    assert store.is_empty()
    shown = f"{store!r}{store.backend!r}".encode() + pickle.dumps(store)
    assert b"token-1" not in shown
    assert account["private_key"][100:140].encode() not in shown


def _certify(key: rsa.RSAPrivateKey, folder: Path) -> None:
    """certificate.pem and key.pem of 127.0.0.1, for an hour."""
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]), datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
