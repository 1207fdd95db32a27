"""The losses by name. A new one is a function to (N,) and an entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor

from higan_cam.errors import ConfigError, unknown_name
from higan_cam.losses.codes import Spread, code, code_sum, delta, prior
from higan_cam.losses.features import (
    Features,
    feature_distances,
    gram,
    gram_distance,
    identity_distance,
    layers_of,
)
from higan_cam.losses.loss import Drawn, Loss, nothing, the_start
from higan_cam.losses.lpips import Lpips
from higan_cam.losses.masks import bce, dice, focal
from higan_cam.losses.networks import FEATURES, PERCEPTUAL, Networks
from higan_cam.losses.noise import noise_regulariser
from higan_cam.losses.pictures import absolute, colour, light, pixel, total_variation, total_variation_sum

SEPARATOR = ":"
"""`features:vgg16` is the loss `features` through the network `vgg16`."""
Factory = Callable[[Networks], Loss]


def _compared(measure: Callable[[Tensor, Tensor], Tensor]) -> Factory:
    loss = Loss(lambda drawn, target: measure(drawn.picture, target))
    return lambda _networks: loss


def _where_seen(measure: Callable[[Tensor, Tensor, Tensor | None], Tensor]) -> Factory:
    loss = Loss(lambda drawn, target: measure(drawn.picture, target, drawn.seen))
    return lambda _networks: loss


def _of_picture(measure: Callable[[Tensor], Tensor]) -> Factory:
    loss = Loss(lambda drawn: measure(drawn.picture), prepare=nothing)
    return lambda _networks: loss


def _from_start(measure: Callable[[Tensor, Tensor], Tensor]) -> Factory:
    loss = Loss(lambda drawn, start: measure(drawn.w_plus, start), prepare=the_start, needs=("w_plus", "start"))
    return lambda _networks: loss


def _of_code(measure: Callable[[Tensor, Spread], Tensor]) -> Factory:
    def make(networks: Networks) -> Loss:
        if networks.parts.spread is None:
            raise ConfigError(
                "losses: 'prior' and 'delta' need to know where codes lie; give Parts(spread=SPREAD), measured on "
                "mapped latents"
            )
        spread = networks.parts.spread
        return Loss(lambda drawn: measure(drawn.w_plus, spread), prepare=nothing, needs=("w_plus",))

    return make


def _identity(networks: Networks) -> Loss:
    network = networks.parts.identity
    if network is None:
        raise ConfigError("losses: 'identity' needs an embedding network; give Parts(identity=NETWORK)")
    return Loss(
        lambda drawn, aim: identity_distance(network(drawn.whole), aim),
        prepare=lambda target: (network(target.whole),),
    )


def _features(make: Callable[[Networks], Features], networks: Networks) -> Loss:
    features = make(networks)
    return Loss(
        lambda drawn, *aim: feature_distances(layers_of(features, drawn.whole), aim).sum(dim=1),
        prepare=lambda target: layers_of(features, target.whole),
    )


def _gram(make: Callable[[Networks], Features], networks: Networks) -> Loss:
    features = make(networks)

    def grams(drawn: Drawn) -> tuple[Tensor, ...]:
        return tuple(gram(layer) for layer in layers_of(features, drawn.whole))

    return Loss(lambda drawn, *aim: gram_distance(grams(drawn), aim), prepare=grams)


def _lpips(make: Callable[[Networks], Lpips], networks: Networks) -> Loss:
    lpips = make(networks)
    return Loss(
        lambda drawn, *aim: lpips.distances(lpips.features(drawn.whole), aim).sum(dim=1),
        prepare=lambda target: lpips.features(target.whole),
    )


def _through(kind: str, network: str) -> str:
    return f"{kind}{SEPARATOR}{network}" if network else kind


LOSSES: Mapping[str, Factory] = {
    "pixel": _where_seen(pixel),
    "absolute": _where_seen(absolute),
    "light": _where_seen(light),
    "colour": _compared(colour),
    "total_variation": _of_picture(total_variation),
    "total_variation_sum": _of_picture(total_variation_sum),
    **{_through("features", name): partial(_features, make) for name, make in FEATURES.items()},
    **{_through("gram", name): partial(_gram, FEATURES[name]) for name in ("", "efficientnet_lite0", "vgg16")},
    **{_through("lpips", name): partial(_lpips, make) for name, make in PERCEPTUAL.items()},
    "identity": _identity,
    "prior": _of_code(prior),
    "delta": _of_code(delta),
    "code": _from_start(code),
    "code_sum": _from_start(code_sum),
    "noise_regulariser": lambda _networks: Loss(
        lambda drawn: noise_regulariser(drawn.noise), prepare=nothing, needs=("noise",)
    ),
    "bce": _compared(bce),
    "dice": _compared(dice),
    "focal": _compared(focal),
}
"""Name -> factory(networks)."""
OF_MASKS = frozenset({"bce", "dice", "focal"})
"""Those that compare logits with shares in [0,1], not pictures."""


def make_loss(name: str, networks: Networks) -> Loss:
    """The loss of this name.

    Raises:
        ConfigError: an unknown name, or a part that it needs and `networks.parts` lacks.
        WeightsError: a network's file that is missing or does not fit.
    """
    if name not in LOSSES:
        raise unknown_name("losses", name, LOSSES)
    return LOSSES[name](networks)
