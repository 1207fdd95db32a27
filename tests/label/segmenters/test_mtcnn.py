"""MTCNN's networks give the published numbers, and take the published files to the last key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from higan_cam.errors import WeightsError
from higan_cam.label.segmenters.mtcnn import Networks, load_networks
from tests.support.reference2 import checked, draw

NAMES = {"pnet": "proposal", "rnet": "refinement", "onet": "output"}


@pytest.fixture(scope="module")
def networks(reference: Path) -> Networks:
    """With the weights that the recorded numbers belong to."""
    rules, networks = json.loads((reference / "weights_nets.json").read_text()), Networks()
    for short, name in NAMES.items():
        net, own = f"mtcnn_{short}", getattr(networks, name)
        drawn = {
            key: checked(key, rule["offset"] + rule["scale"] * draw(f"{net}.{key}", rule["shape"]), rule["crc32"])
            for key, rule in rules[net].items()
        }
        own.load_state_dict(drawn)
    return networks


@pytest.mark.parametrize(("short", "side"), [("pnet", 12), ("rnet", 24), ("onet", 48)])
def test_each_network_gives_the_published_numbers(
    networks: Networks, recorded: dict[str, Any], short: str, side: int
) -> None:
    outputs = getattr(networks, NAMES[short])(draw(f"mtcnn/{short}/input", (2, 3, side, side)))
    for i, output in enumerate(outputs):
        np.testing.assert_allclose(output, recorded[f"mtcnn_{short}_out{i}"], atol=1e-4)


def test_the_first_network_looks_at_every_cell_of_a_larger_picture(
    networks: Networks, recorded: dict[str, Any]
) -> None:
    for i, output in enumerate(networks.proposal(draw("mtcnn/pnet/wide", (1, 3, 31, 46)))):
        np.testing.assert_allclose(output, recorded[f"mtcnn_pnet_wide_out{i}"], atol=1e-4)


def test_the_published_files_fit_to_the_last_key(reference: Path) -> None:
    networks: nn.Module = Networks()
    for short, keys in json.loads((reference / "statedict_mtcnn.json").read_text()).items():
        own = getattr(networks, NAMES[short]).state_dict()
        assert {key: list(value.shape) for key, value in own.items()} == dict(keys)


def test_a_file_of_something_else_is_refused_by_name(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match="does not fit ProposalNetwork"):
        load_networks((str(tmp_path / "other.pt"),) * 3)
