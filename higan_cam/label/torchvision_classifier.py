"""Any image classifier of torchvision as a scorer: one class, its logit or its probability."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError, unknown_name
from higan_cam.label.names import find_name
from higan_cam.label.preprocess import Preprocess
from higan_cam.weights.state_dicts import fill, named_file, network_tensors

POSITIONS = "encoder.pos_embedding"


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

    The preprocessing is that of torchvision's own weights of the architecture, but for the crop (see `Preprocess`);
    of those of the file's input size, where the file has one (vision transformers).

    Raises:
        ConfigError: an unknown architecture or class.
        WeightsError: a file that is missing or does not fit.
    """
    from torchvision import models

    arch = config.arch or ""
    if arch not in models.list_models(module=models):
        raise unknown_name("scorer.arch", arch, models.list_models(module=models))
    tensors = network_tensors(config.weights, _published(arch).keys())
    options = options_of(arch, tensors)
    network = _build(arch, **options)
    counters = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}
    fill(network, {**counters, **tensors}, named_file(config.weights))
    network.eval().requires_grad_(False)
    published = published_for(arch, options.get("image_size"))
    transforms = published.transforms()
    side = options.get("image_size", int(transforms.crop_size[0]))
    mode = transforms.interpolation.value
    prepare = Preprocess((side, side), tuple(transforms.mean), tuple(transforms.std), mode)
    categories = published.meta["categories"]
    index, name = find_class(config.target or "", options.get("num_classes", len(categories)), categories)
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


def options_of(arch: str, tensors: dict[str, Tensor]) -> dict[str, int]:
    """In what the file's network differs from torchvision's: number of classes, input size of a vision transformer.

    A last layer of another size has the number of classes; a transformer's position embedding has a row for each patch
    and one for the class, so that it fits one input size alone (518 px in the published vit_h_14, 224 px without them).
    """
    published = _published(arch)
    options = {}
    others = {
        int(value.shape[0])
        for key, value in tensors.items()
        if key in published and value.dim() and published[key].shape[1:] == value.shape[1:]
        if published[key].shape != value.shape
    }
    if len(others) == 1:
        options["num_classes"] = others.pop()
    if POSITIONS in published and POSITIONS in tensors and tensors[POSITIONS].dim() > 1:
        patch = published["conv_proj.weight"].shape[-1]
        options["image_size"] = math.isqrt(max(tensors[POSITIONS].shape[1] - 1, 1)) * patch
    return options


def published_for(arch: str, side: int | None) -> Any:
    """torchvision's own weights whose preprocessing counts: the default ones, or the first for inputs of `side` px."""
    from torchvision import models

    every = models.get_model_weights(arch)
    fitting = [each for each in (every.DEFAULT, *every) if side in (None, each.transforms().crop_size[0])]
    return fitting[0] if fitting else every.DEFAULT


def _published(arch: str) -> dict[str, Tensor]:
    """Keys and shapes of torchvision's own network, without memory."""
    with torch.device("meta"):
        return _build(arch).state_dict()


def _build(arch: str, **options: Any) -> nn.Module:
    """The bare network. Those with branches for training would draw their weights at length for nothing."""
    from torchvision import models

    if arch in ("googlenet", "inception_v3"):
        # transform_input: their published weights want [-1,1], and the network converts from ImageNet's normalisation.
        options |= {"init_weights": False, "transform_input": True}
    network: nn.Module = models.get_model(arch, weights=None, **options)
    return network
