"""What the clients of S3 and Google find and cannot use is one line that names the setting, and no value."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from higan_cam.config import StoreConfig
from higan_cam.errors import ConfigError, HiganCamError, StoreError
from higan_cam.store.store import open_store

SECRET = "hunter2"  # noqa: S105
KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": SECRET}
GOOGLE = "GOOGLE_APPLICATION_CREDENTIALS"


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of either client, a home without files, and no metadata server to ask."""
    for name in [*os.environ]:
        if name.startswith(("AWS_", "GOOGLE_", "STORAGE_", "CLOUDSDK_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


def _refusal(kind: type[HiganCamError], uri: str = "s3://bucket/run") -> str:
    with pytest.raises(kind) as caught:
        open_store(uri, StoreConfig(retry_s=0, connect_timeout_s=1)).is_empty()
    error = caught.value
    assert SECRET not in f"{error}{error.__cause__!r}{error.__context__!r}"
    assert "\n" not in str(error)
    return str(error)


@pytest.mark.parametrize(
    "variable",
    [
        *(
            "AWS_PROFILE",
            "AWS_DEFAULT_PROFILE",
            "AWS_DEFAULT_REGION",
            "AWS_DEFAULTS_MODE",
            "AWS_STS_REGIONAL_ENDPOINTS",
        ),
        *(
            "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT",
            "AWS_ACCOUNT_ID_ENDPOINT_MODE",
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_S3",
        ),
    ],
)
def test_a_variable_that_holds_something_else_is_named(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, f"{SECRET}/@ :")
    assert f"environment: {variable} " in _refusal(ConfigError)


@pytest.mark.parametrize(
    "variable",
    [
        *("AWS_METADATA_SERVICE_TIMEOUT", "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "AWS_EC2_METADATA_SERVICE_ENDPOINT"),
        *("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    ],
)
def test_a_variable_of_the_metadata_server_is_named(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "http://hunter2" if variable.endswith("URI") else SECRET)
    if "CONTAINER" not in variable:
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    assert f"environment: {variable} " in _refusal(ConfigError)


@pytest.mark.parametrize(
    "url", ["http://host:hunter2", "http://host:99999", "http://[hunter2", "http://a hunter2", "x:1"]
)
def test_an_endpoint_that_is_none_is_refused_wherever_it_stands(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="must be a URL such as") as caught:
        StoreConfig(endpoint_url=url)
    assert SECRET not in str(caught.value.errors()[0]["msg"])  # type: ignore[attr-defined]
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    assert "AWS_ENDPOINT_URL must be a URL" in _refusal(ConfigError)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", url.removeprefix("x:1") or "ftp://x")
    assert "STORAGE_EMULATOR_HOST must be a URL" in _refusal(ConfigError, "gs://bucket/run")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000", "https://storage.example.com/", "http://[::1]:9000", "http://a_b"]
)
def test_an_endpoint_that_is_one_is_taken(url: str) -> None:
    assert StoreConfig(endpoint_url=url).endpoint_url == url


@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
@pytest.mark.parametrize(
    "text", ["profile default]\nregion us\n", "[default]\nregion=a\nregion=hunter2\n", "\ufeff[d\0"]
)
def test_a_configuration_file_that_cannot_be_parsed_is_named(
    variable: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text(text, encoding="utf-16")
    monkeypatch.setenv(variable, str(file))
    assert f"environment: {variable}: {file}: cannot be parsed" in _refusal(ConfigError)
    file.write_text(text, encoding="utf-8")
    assert f"environment: {variable}: {file}: cannot be parsed" in _refusal(ConfigError)


@pytest.mark.parametrize(
    ("lines", "setting"),
    [
        ("credential_process = /nowhere/hunter2 hunter2", "credential_process of the profile"),
        ("credential_process = echo hunter2", "credential_process of the profile"),
        ("credential_process = false hunter2", "credential_process of the profile"),
        ("region = hunter2 @", "region of the profile"),
        ("endpoint_url = hunter2", "endpoint_url of the profile"),
        ("defaults_mode = hunter2", "defaults_mode of the profile"),
        ("role_arn = arn:x\nsource_profile = hunter2", "source_profile of the profile"),
        ("role_arn = arn:x\ncredential_source = hunter2", "credential_source of the profile"),
        ("sso_session = hunter2\nsso_account_id = 1\nsso_role_name = r", "sso_session of the profile"),
        ("services = hunter2", "services of the profile"),
        ("aws_access_key_id = hunter2", "aws_secret_access_key is missing"),
        ("s3 = hunter2", "a setting of the client"),
    ],
)
def test_a_line_of_a_profile_is_named(
    lines: str, setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(f"[default]\n{lines}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    said = _refusal(ConfigError)
    assert setting in said
    assert str(tmp_path / "config") in said


def test_half_a_pair_of_keys_says_which_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRET)
    assert "environment: AWS_SECRET_ACCESS_KEY is missing" in _refusal(ConfigError)


def test_files_that_the_client_passes_over_are_named_where_credentials_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "names no file" not in _refusal(StoreError)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere/config")
    assert "AWS_CONFIG_FILE names no file that can be read" in _refusal(StoreError)


@pytest.mark.parametrize(
    "settings",
    [
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x"},
        {**KEYS, "AWS_SESSION_TOKEN": f"{SECRET}\n", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
        {**KEYS, "AWS_ACCESS_KEY_ID": f"{SECRET}\n", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
        {**KEYS, "HTTPS_PROXY": f"http://[{SECRET}", "AWS_ENDPOINT_URL": "https://127.0.0.1:1"},
    ],
)
def test_what_fails_only_when_a_request_is_made_is_not_tried_again(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    said = _refusal(StoreError)
    assert "check the client's settings: HTTPS_PROXY" in said
    assert "tries" not in said


_SERVICE = {"type": "service_account", "client_email": "x", "token_uri": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{hunter2", "not JSON"),
        (b"", "not JSON"),
        ("{}".encode("utf-16"), "not JSON"),
        (b"[1]", "none of Google's credentials"),
        (b"{}", "none of Google's credentials"),
        (json.dumps({"type": "authorized_user"}).encode(), "is it whole"),
        (json.dumps({"type": "external_account"}).encode(), "is it whole"),
        (json.dumps(_SERVICE).encode(), "is it whole"),
        (json.dumps({**_SERVICE, "private_key": SECRET}).encode(), "is it whole"),
    ],
)
def test_a_file_of_googles_credentials_that_is_none_is_said(
    body: bytes, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key.json").write_bytes(body)
    monkeypatch.setenv(GOOGLE, str(tmp_path / "key.json"))
    said = _refusal(StoreError, "gs://bucket/run")
    assert GOOGLE in said
    assert reason in said


@pytest.mark.parametrize("path", ["/nowhere/key.json", "/"])
def test_a_file_of_googles_credentials_that_cannot_be_read_is_said(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GOOGLE, path)
    assert f"{GOOGLE} names a file that cannot be read (" in _refusal(StoreError, "gs://bucket/run")


def test_certificates_that_are_not_there_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "https://127.0.0.1:1")
    assert "correct or remove REQUESTS_CA_BUNDLE" in _refusal(StoreError, "gs://bucket/run")
