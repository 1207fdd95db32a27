"""Every line says which run, stage, shard and attempt it is about."""

from __future__ import annotations

import logging

import pytest

from higan_cam.config import config_hash, load_config
from higan_cam.runtime.logs import run_log


def test_lines_begin_with_their_fields(caplog: pytest.LogCaptureFixture) -> None:
    config = load_config()
    log = run_log("higan_cam.test", config, "data").of(shard=3, attempt=2)
    with caplog.at_level(logging.INFO, "higan_cam"):
        log.info("rows=%d", 64)
    assert caplog.messages == [f"run={config_hash(config)[:12]} stage=data shard=3 attempt=2 rows=64"]


def test_a_percent_sign_in_a_field_is_not_a_format(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "higan_cam"):
        run_log("higan_cam.test", load_config(), "data").of(host="100%d").info("rows=%d", 1)
    assert caplog.messages[0].endswith("host=100%d rows=1")
