"""HiGAN's scene predictor as scorers: 365 scene categories and 102 SUN attributes, by name.

Yang, Shen, Zhou (IJCV 2020) label with the WideResNet18 of Places365 (Zhou et al., TPAMI 2018) and, on its pooled
features, the attributes of the SUN database (Patterson and Hays, CVPR 2012): score = features . W[attribute], without
bias or sigmoid. Their predictor sets the negative weights of the category layer to 0 while it loads, through an array
that shares its memory, and so computes categories with a damaged classifier; here weights stay as they are.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError, WeightsError, unknown_name
from higan_cam.label.names import find_name
from higan_cam.label.preprocess import Preprocess
from higan_cam.label.resnet import ResNet18, fold_batch_norm
from higan_cam.weights.kinds import check_array
from higan_cam.weights.paths import expanded
from higan_cam.weights.state_dicts import fill, named_file, network_tensors

CLASSES, FEATURES, SIDE = 365, 512, 224
ARCHITECTURES = ("wideresnet18", "resnet18")
MATRIX_FILE = "W_sceneattribute_wideresnet18.npy"
KINDS = ("attribute", "category")


class SceneScorer(nn.Module):
    """One category or attribute of a picture. Satisfies the `Scorer` protocol.

    Args:
        attribute: its name.
        network: a Places365 network, in eval mode.
        index: of the category; None for an attribute.
        direction: (512,) weights of the attribute; None for a category.
        probability: the category's softmax instead of its logit.
    """

    def __init__(
        self,
        attribute: str,
        network: ResNet18,
        *,
        index: int | None = None,
        direction: Tensor | None = None,
        probability: bool = False,
    ) -> None:
        super().__init__()
        self.attribute = attribute
        self.score_range = (0.0, 1.0) if probability else (-torch.inf, torch.inf)
        self.network, self.index, self.probability = network, index, probability
        self.prepare = Preprocess((SIDE, SIDE))
        self.register_buffer("direction", direction, persistent=False)

    def score(self, image: Tensor) -> Tensor:
        """See `types.Scorer`."""
        x = self.prepare(image)
        if self.index is None:
            return self.network.features(x) @ self.get_buffer("direction")
        logits: Tensor = self.network(x)
        return (logits.softmax(dim=1) if self.probability else logits)[:, self.index]


def scene_scorer(config: ScorerConfig) -> SceneScorer:
    """The scorer of `config.target`.

    Raises:
        ConfigError: an unknown target or architecture, or an attribute of a network that has none.
        WeightsError: files that are missing or do not fit.
    """
    kind, index, name = find_target(config.target or "")
    arch = config.arch or ARCHITECTURES[0]
    if arch not in ARCHITECTURES:
        raise unknown_name("scorer.arch", arch, ARCHITECTURES)
    network = load_places365_resnet18(config.weights, wide=arch == "wideresnet18")
    fold_batch_norm(network)
    if kind == "category":
        return SceneScorer(name, network, index=index, probability=config.output == "probability")
    if arch != "wideresnet18" or config.output == "probability":
        raise ConfigError(
            f"scorer.target: {name!r} is an attribute; those are raw scores of arch wideresnet18, without a probability"
        )
    return SceneScorer(name, network, direction=torch.from_numpy(load_matrix(matrix_path(config))[index]))


def find_target(text: str) -> tuple[str, int, str]:
    """`indoor lighting`, `bedroom`, `category:ocean` -> (attribute or category, its index, its name).

    Raises:
        ConfigError: an unknown name, with the nearest ones; or one that is both.
    """
    names = {"attribute": attribute_names(), "category": category_names()}
    kind, colon, rest = text.partition(":")
    if colon:
        if kind not in KINDS:
            raise unknown_name("scorer.target: what is before the colon", kind, KINDS)
        index = find_name("scorer.target", rest, names[kind])
        return kind, index, names[kind][index]
    every = [*names["attribute"], *names["category"]]
    if all(_known(text, names[kind]) for kind in KINDS):
        raise ConfigError(f"scorer.target: {text!r} is both; write attribute:{text} or category:{text}")
    index = find_name("scorer.target", text, every)
    attributes = len(names["attribute"])
    return ("attribute", index, every[index]) if index < attributes else ("category", index - attributes, every[index])


def load_places365_resnet18(path: str | Path, *, wide: bool = False) -> ResNet18:
    """A Places365 ResNet18 (365 classes) from its published layout, in eval mode.

    The file is {'epoch', 'arch', 'state_dict', 'best_prec1'} with keys prefixed `module.`; old files lack
    `num_batches_tracked`, which inference does not use. Other wrappers are looked through. The wide one has the same
    keys and shapes, but nothing pools after its first convolution.

    Raises:
        WeightsError: for a missing or unsafe file, or keys and shapes that do not fit.
    """
    network = ResNet18(width=64, classes=CLASSES, max_pool=not wide)
    own = network.state_dict()
    counters = {key: value for key, value in own.items() if key.endswith("num_batches_tracked")}
    fill(network, {**counters, **network_tensors(str(path), own.keys())}, named_file(str(path)))
    return network.eval().requires_grad_(False)


def matrix_path(config: ScorerConfig) -> Path | None:
    """Where the attributes' matrix is; None where the target is no attribute."""
    if find_target(config.target or "")[0] != "attribute":
        return None
    return expanded(config.matrix) if config.matrix else named_file(config.weights).with_name(MATRIX_FILE)


def load_matrix(path: Path | None) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """(102,512) float32 weights of the attributes, from a .npy file without pickled objects.

    Raises:
        WeightsError: no such file, not an array, or one of another shape.
    """
    if path is None or not path.is_file():
        raise WeightsError(f"{path}: no such file; scorer.matrix expects HiGAN's {MATRIX_FILE}")
    check_array(path)
    try:
        matrix = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise WeightsError(f"{path}: not a readable .npy array ({error}); fetch it again") from error
    wanted = (len(attribute_names()), FEATURES)
    if not isinstance(matrix, np.ndarray) or matrix.shape != wanted or matrix.dtype.kind != "f":
        raise WeightsError(f"{path}: expected a {wanted} array of floats, found {getattr(matrix, 'shape', '?')}")
    return matrix.astype(np.float32)


@cache
def category_names() -> tuple[str, ...]:
    """The 365 categories of Places365, by index."""
    return _lines("places365_categories.txt")


@cache
def attribute_names() -> tuple[str, ...]:
    """The 102 attributes of the SUN database, by index."""
    return _lines("sun_attributes.txt")


def _lines(name: str) -> tuple[str, ...]:
    return tuple(resources.files(__package__).joinpath(name).read_text(encoding="utf-8").split())


def _known(text: str, names: tuple[str, ...]) -> bool:
    try:
        find_name("", text, names)
    except ConfigError:
        return False
    return True
