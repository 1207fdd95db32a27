"""botocore's client, and what is wrong with the settings that it finds by itself, as one line that names the setting.

No value is repeated: what stands in a wrong place may be a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from json import JSONDecodeError
from typing import Any

import botocore.session
from botocore import exceptions as client_errors
from botocore.config import Config
from botocore.loaders import create_loader

from higan_cam.config import StoreConfig
from higan_cam.errors import ConfigError

_FILES = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}
_PROFILE = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")
_REGIONAL = "must be legacy or regional"
# botocore's error: variables, key in a profile, what is wrong. The first that is set is meant.
_KNOWN: dict[type[Exception], tuple[tuple[str, ...], str, str]] = {
    client_errors.ProfileNotFound: (_PROFILE, "source_profile", "names a profile that is not there"),
    client_errors.InvalidRegionError: (("AWS_DEFAULT_REGION",), "region", "must be a region such as eu-west-1"),
    client_errors.InvalidDefaultsMode: (
        ("AWS_DEFAULTS_MODE",),
        "defaults_mode",
        "must be legacy, auto, standard, in-region, cross-region or mobile",
    ),
    client_errors.InvalidRetryModeError: (("AWS_RETRY_MODE",), "retry_mode", "must be legacy, standard or adaptive"),
    client_errors.InvalidMaxRetryAttemptsError: (("AWS_MAX_ATTEMPTS",), "max_attempts", "must be a number"),
    client_errors.InvalidSTSRegionalEndpointsConfigError: (
        ("AWS_STS_REGIONAL_ENDPOINTS",),
        "sts_regional_endpoints",
        _REGIONAL,
    ),
    client_errors.InvalidS3UsEast1RegionalEndpointConfigError: (
        ("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT",),
        "us_east_1_regional_endpoint",
        _REGIONAL,
    ),
    client_errors.InvalidIMDSEndpointError: (
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT",),
        "ec2_metadata_service_endpoint",
        "must be a URL",
    ),
    client_errors.InvalidIMDSEndpointModeError: (
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",),
        "ec2_metadata_service_endpoint_mode",
        "must be ipv4 or ipv6",
    ),
}


def s3_client(settings: StoreConfig) -> Any:
    """A client without retries of its own that finds credentials, region and, unless `settings` names one, the server.

    Raises:
        ConfigError: a setting that the client found in the environment or in its files cannot be used; names it, and
            has no error behind it, which might repeat a secret.
    """
    # Checksum trailers confuse servers other than AWS; every body carries its MD5 anyway.
    config = Config(
        connect_timeout=settings.connect_timeout_s,
        read_timeout=settings.read_timeout_s,
        max_pool_connections=settings.connections,
        retries={"mode": "standard", "total_max_attempts": 1},
        s3={"addressing_style": settings.addressing},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session = botocore.session.get_session()
    try:
        session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
        return session.create_client("s3", endpoint_url=settings.endpoint_url, config=config)
    # The client checks little of what it reads: the rest are Python's own errors.
    except (client_errors.BotoCoreError, ValueError, OSError, AttributeError, KeyError, TypeError) as error:
        failure = _explained(error, session)
    raise ConfigError(failure)


@cache
def _loader(data_path: str | None) -> Any:
    """What reads the descriptions of Amazon's services, once a process: most of the 0.25 s that a client takes."""
    return create_loader(data_path)


def unread_files() -> str:
    """Which of the client's files are named by a variable and cannot be read, which the client passes over."""
    named = ((name, os.environ.get(name)) for name in _FILES)
    lost = [name for name, path in named if path and not os.access(os.path.expanduser(path), os.R_OK)]  # noqa: PTH111
    return f"; {' and '.join(lost)} names no file that can be read" if lost else ""


def _explained(error: Exception, session: Any) -> str:
    profile = _profile(session)
    if isinstance(error, client_errors.ConfigParseError):
        path = str(error.kwargs.get("path"))
        variable = next((name for name in _FILES if os.environ.get(name) == path), None)
        return (
            f"{f'environment: {variable}: ' if variable else ''}{path}: cannot be parsed; expected UTF-8 text with "
            "sections such as [default] or [profile NAME] and lines NAME = VALUE, each once"
        )
    for kind, (variables, key, wrong) in _KNOWN.items():
        if isinstance(error, kind):
            variable = next((name for name in variables if os.environ.get(name)), None)
            return _said(f"environment: {variable}" if variable else _of_profile(key), wrong)
    if isinstance(error, client_errors.PartialCredentialsError):
        missing = str(error.kwargs.get("cred_var"))
        where = "environment" if missing.isupper() else f"profile ({_files()})"
        return f"{where}: {missing} is missing beside the other credentials; set both or neither"
    return _said(_suspects(error, profile), f"cannot be used ({_kind(error)})")


def _profile(session: Any) -> Mapping[str, Any]:
    """The keys and values of the profile in use, as far as they can be read."""
    try:
        return dict(session.get_scoped_config())
    except (client_errors.BotoCoreError, ValueError, OSError):
        return {}


def _suspects(error: Exception, profile: Mapping[str, Any]) -> str:
    """The settings whose name or value the error repeats; where there is none, those that are set at all."""
    text = f"{error} {getattr(error, 'filename', None) or ''}"
    said = {*re.findall(r"['\"]([^'\"]+)['\"]", text), str(error).rpartition(": ")[2]} - {""}
    variables = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    named = [f"environment: {name}" for name, value in variables.items() if name in text or _repeats(said, value)]
    keys = [key for key, value in profile.items() if key in re.findall(r"\w+", text) or _repeats(said, str(value))]
    process = isinstance(error, (JSONDecodeError, client_errors.CredentialRetrievalError))
    if process and "credential_process" in profile:
        keys = ["credential_process"]
    if named or keys:
        return " and ".join([*named, *(_of_profile(key) for key in keys)])
    some = ", ".join(sorted({*variables, *profile}))
    return f"a setting of the client for S3 (set are {some or 'none'}; files {_files()})"


def _repeats(said: set[str], value: str) -> bool:
    return any(word == value or (len(word) > 3 and word in value) for word in said)


def _kind(error: Exception) -> str:
    strerror = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__}: {strerror}" if strerror else type(error).__name__


def _of_profile(key: str) -> str:
    return f"{key} of the profile ({_files()})"


def _files() -> str:
    return ", ".join(os.environ.get(name) or path for name, path in _FILES.items())


def _said(setting: str, wrong: str) -> str:
    return f"{setting} {wrong}; correct or remove it"
