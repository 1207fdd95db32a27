"""A scorer of the user's own, by `module:Class`.

The class is called with `scorer.arguments` (and `weights`, where `scorer.weights` names a file) and has to offer

    score(image)   (N,3,H,W) float32 tensor in [-1,1] -> (N,) tensor of floats; it must not change the image

and may offer `score_range`, two floats (without it scores have no bounds, and the run's quartiles give them a scale),
`attribute`, a name, and `may_lack`: True where a NaN says that a picture has no label, rather than that something is
wrong. An nn.Module is put into eval mode and moved to the worker's device; anything else has to go where the image is.
Methods that differentiate the score (`path`, `grad_cam`, ...) need it to be differentiable.

Workers import the module by name: it has to be on PYTHONPATH there, or in the folder that
`ray job submit --working-dir` (runtime_env's `working_dir` or `py_modules`) brings along.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError
from higan_cam.weights.paths import expanded

_PROBE = (2, 3, 64, 64)
_UNSET = ScorerConfig.model_fields["weights"].default
"""What `weights` says where the user says nothing; the class then gets none."""
_WAY = "put its folder on PYTHONPATH, or into the job's working directory (ray job submit --working-dir)"


class CustomScorer(nn.Module):
    """The user's object behind checks. Satisfies the `Scorer` protocol.

    Args:
        factory: `module:Class`, for messages.
        own: the object.
    """

    def __init__(self, factory: str, own: Any) -> None:
        super().__init__()
        self.factory, self.own = factory, own
        self.attribute = str(getattr(own, "attribute", factory.rpartition(":")[2]))
        self.may_lack = bool(getattr(own, "may_lack", False))
        self.score_range = _checked_range(factory, getattr(own, "score_range", (-torch.inf, torch.inf)))

    def score(self, image: Tensor) -> Tensor:
        """See `types.Scorer`. ConfigError: the class gave something else than (N,) floats."""
        scores = self.own.score(image)
        if not isinstance(scores, Tensor):
            raise ConfigError(f"scorer.factory: {self.factory}.score gave {type(scores).__name__}, expected a tensor")
        if scores.shape != image.shape[:1] or not scores.is_floating_point():
            raise ConfigError(
                f"scorer.factory: {self.factory}.score gave shape {tuple(scores.shape)} of {scores.dtype} for "
                f"{len(image)} images, expected {(len(image),)} of a floating-point type"
            )
        return scores


def custom_scorer(config: ScorerConfig) -> CustomScorer:
    """The object that `config.factory` makes, tried on two pictures.

    Raises:
        ConfigError: not importable, cannot be called with the arguments, or scores that are none; says which.
    """
    factory = config.factory or ""
    made = _class(factory)
    arguments: dict[str, Any] = dict(config.arguments or {})
    if config.weights != _UNSET:
        home = config.weights.startswith("~")
        arguments["weights"] = str(expanded(config.weights)) if home else config.weights
    try:
        inspect.signature(made).bind(**arguments)
    except TypeError as error:
        raise ConfigError(
            f"scorer.arguments: {factory}{inspect.signature(made)} cannot be called with {arguments}: {error}"
        ) from error
    own = made(**arguments)
    if not callable(getattr(own, "score", None)):
        raise ConfigError(f"scorer.factory: {factory} makes {type(own).__name__}, which has no method score(image)")
    if isinstance(own, nn.Module):
        own.eval().requires_grad_(False)
    scorer = CustomScorer(factory, own)
    with torch.no_grad():
        probe = torch.linspace(-1, 1, 2 * 3 * 64 * 64).view(_PROBE)
        before = probe.clone()
        scorer.score(probe)
    if not torch.equal(probe, before):
        raise ConfigError(f"scorer.factory: {factory}.score changes the image that it is given; work on a copy")
    return scorer


def source_file(factory: str) -> Path:
    """The file of the class' module, so that a run can record what it was made with. ConfigError as above."""
    _class(factory)
    file = inspect.getsourcefile(sys.modules[factory.partition(":")[0]])
    if file is None:
        raise ConfigError(f"scorer.factory: {factory} has no source file; put the class into a module")
    return Path(file)


def _class(factory: str) -> Any:
    name, colon, attribute = factory.partition(":")
    if not colon or not name or not attribute:
        raise ConfigError(f"scorer.factory: expected module:Class, got {factory!r}")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigError(f"scorer.factory: {factory}: no module named {error.name!r}; {_WAY}") from error
    except (ImportError, SyntaxError) as error:
        raise ConfigError(f"scorer.factory: {factory}: the module cannot be imported: {error}") from error
    made = getattr(module, attribute, None)
    if not callable(made):
        raise ConfigError(f"scorer.factory: {name} (from {module.__file__}) has no class {attribute!r}")
    return made


def _checked_range(factory: str, given: Any) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in given)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"scorer.factory: {factory}.score_range is {given!r}, expected two numbers") from error
    if not low < high:
        raise ConfigError(f"scorer.factory: {factory}.score_range is {given!r}, expected the lower end first")
    return low, high
