"""Any image classifier of torchvision as a scorer: one class, its logit or its probability."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from higan_cam.config_scorer import ScorerConfig
from higan_cam.errors import ConfigError, unknown_name
from higan_cam.label.names import find_name
from higan_cam.label.preprocess import Preprocess
from higan_cam.label.state_dicts import fill
from higan_cam.weights import load_tensors


class ClassifierScorer(nn.Module):
    """One class of a classifier. Satisfies the `Scorer` protocol.

    Args:
        attribute: its name.
        network: (N,3,h,w) normalised -> (N,classes) logits, in eval mode.
        prepare: what the network wants done to a picture first.
        index: of the class.
        probability: softmax over the classes instead of the logit.
    """

    def __init__(
        self, attribute: str, network: nn.Module, prepare: Preprocess, *, index: int, probability: bool
    ) -> None:
        super().__init__()
        self.attribute = attribute
        self.score_range = (0.0, 1.0) if probability else (-torch.inf, torch.inf)
        self.network, self.prepare = network, prepare
        self.index, self.probability = index, probability

    def score(self, image: Tensor) -> Tensor:
        """See `types.Scorer`."""
        logits: Tensor = self.network(self.prepare(image))
        return (logits.softmax(dim=1) if self.probability else logits)[:, self.index]


def torchvision_scorer(config: ScorerConfig) -> ClassifierScorer:
    """The classifier `config.arch` with the file `config.weights`, of as many classes as the file has.

    The preprocessing is that of torchvision's own weights of the architecture, but for the crop (see `Preprocess`).

    Raises:
        ConfigError: an unknown architecture or class.
        WeightsError: a file that is missing or does not fit.
    """
    from torchvision import models

    arch = config.arch or ""
    if arch not in models.list_models(module=models):
        raise unknown_name("scorer.arch", arch, models.list_models(module=models))
    published = models.get_model_weights(arch).DEFAULT
    path = Path(config.weights)
    network = _with_classes_of(arch, load_tensors(path)[0], path)
    network.eval().requires_grad_(False)
    transforms = published.transforms()
    side = int(transforms.crop_size[0])
    mode = transforms.interpolation.value
    prepare = Preprocess((side, side), tuple(transforms.mean), tuple(transforms.std), mode)
    with torch.inference_mode():
        count = network(torch.zeros(1, 3, side, side)).shape[1]
    index, name = find_class(config.target or "", count, published.meta["categories"])
    return ClassifierScorer(name, network, prepare, index=index, probability=config.output == "probability")


def find_class(text: str, count: int, published: list[str]) -> tuple[int, str]:
    """A class by number, or by one of the published names where the file has as many classes: index and name.

    Raises:
        ConfigError: a number out of range, an unknown name, or a name where only numbers are known.
    """
    named = len(published) == count
    if text.strip().isdecimal():
        index = int(text)
        if index >= count:
            raise ConfigError(f"scorer.target: class {index} of a classifier with {count}; expected 0 to {count - 1}")
        return index, published[index] if named else f"class {index}"
    if not named:
        raise ConfigError(
            f"scorer.target: {text!r}, but only the {len(published)} published classes have names and the file has "
            f"{count} classes; give a number from 0 to {count - 1}"
        )
    index = find_name("scorer.target", text, published)
    return index, published[index]


def _with_classes_of(arch: str, tensors: dict[str, Tensor], path: Path) -> nn.Module:
    """The network with the file's tensors; a last layer of another size is the file's number of classes."""
    stripped = {key.removeprefix("module."): value for key, value in tensors.items()}
    with torch.device("meta"):
        published = _build(arch).state_dict()
    others = {
        int(value.shape[0])
        for key, value in stripped.items()
        if key in published and value.dim() and published[key].shape[1:] == value.shape[1:]
        if published[key].shape != value.shape
    }
    network = _build(arch, num_classes=others.pop()) if len(others) == 1 else _build(arch)
    counters = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}
    fill(network, {**counters, **stripped}, path)
    return network


def _build(arch: str, **options: Any) -> nn.Module:
    """The bare network. Those with branches for training would draw their weights at length for nothing."""
    from torchvision import models

    if arch in ("googlenet", "inception_v3"):
        # transform_input: their published weights want [-1,1], and the network converts from ImageNet's normalisation.
        options |= {"init_weights": False, "transform_input": True}
    network: nn.Module = models.get_model(arch, weights=None, **options)
    return network
