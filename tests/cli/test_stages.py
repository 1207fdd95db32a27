"""What the stages of a run are handed."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from higan_cam.cli import stages
from higan_cam.config import RunConfig, config_hash
from higan_cam.runtime import several


class _Handed(Exception):  # noqa: N818 - it ends a test, no error
    """The configuration that would be run."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config


def test_what_another_command_would_enlarge_does_not_make_it_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handed(config: RunConfig, *_: object) -> None:
        raise _Handed(config)

    monkeypatch.setattr(several, "run_all", handed)
    monkeypatch.setattr(stages, "with_ray", lambda _: nullcontext())
    hashes = []
    for said in ([], ["upscale.weights=m.safetensors"]):
        with pytest.raises(_Handed) as found:
            stages.run(set_=said, output=str(tmp_path / "run"))
        hashes.append(config_hash(found.value.config))
    assert hashes[0] == hashes[1]
