"""A tiny training run: real rooms, few channels, few steps."""

from __future__ import annotations

import pytest

from higan_cam.train.distill import trainee, whitening


@pytest.fixture
def few_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise maps that start from 192 rooms, not 1,536, codes whitened by 2,000, not 20,000: seconds saved."""
    monkeypatch.setattr(trainee, "PATTERN_PICTURES", 192)
    monkeypatch.setattr(whitening, "SAMPLES", 2000)
