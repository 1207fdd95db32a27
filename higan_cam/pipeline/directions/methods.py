"""Directions without labels, of a generator and its codes: by name, in one form, each with its own unit of length."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from torch import nn

from higan_cam.config import RunConfig
from higan_cam.errors import ConfigError, WeightsError, unknown_name
from higan_cam.generate.styles import style_affines
from higan_cam.invert.descent import Plan
from higan_cam.label.texts import TextModel, load_text_model, text_model_file
from higan_cam.manipulate.directions import Direction, ganspace, lesser_rank, sefa
from higan_cam.manipulate.directions.ganspace import check_mapped
from higan_cam.pipeline.directions.asked import Asked, TextAsked
from higan_cam.pipeline.directions.channels import channels
from higan_cam.pipeline.directions.texts import PUBLISHED, TextSettings, Wish, text_direction
from higan_cam.pipeline.directions.words import PUSH, channel_responses, words_direction
from higan_cam.pipeline.models import Models, codes_array, w_plus_of
from higan_cam.store.canonical import canonical_json, digest
from higan_cam.types import FloatArray
from higan_cam.weights.embedded import EMBEDDED_GENERATORS, EMBEDDED_TEXTS, check_world, knows
from higan_cam.weights.files import sha256_of
from higan_cam.weights.paths import split_network
from higan_cam.weights.zoo import weights_file

log = logging.getLogger(__name__)


def find_directions(models: Models, config: RunConfig, method: str, asked: Asked) -> list[Direction]:
    """Directions of the run's generator by one of `METHODS`.

    Returns:
        `figures` have besides the method's own: spread, the code units of one standard deviation along the direction
        (StyleSpace: of one standard deviation of its channel).

    Raises:
        ConfigError: an unknown method, more directions than there are, a generator that the method does not fit.
    """
    if method not in METHODS:
        raise unknown_name("--method", method, METHODS)
    codes = codes_array(models, config, range(asked.codes))
    return [
        found
        if "spread" in found.figures
        else replace(found, figures={**found.figures, "spread": float((codes @ found.vector).std())})
        for found in METHODS[method](models, config, asked, codes)
    ]


def _sefa(models: Models, _config: RunConfig, asked: Asked, _codes: FloatArray) -> list[Direction]:
    read = [each.weight for each in style_affines(models.generator) if each.row in asked.layers]
    return sefa(read, asked.count, asked.layers, models.generator.num_layers)


def _ganspace(models: Models, _config: RunConfig, asked: Asked, codes: FloatArray) -> list[Direction]:
    check_mapped(models.generator.num_layers > 1)
    return ganspace(codes, asked.count, asked.layers, models.generator.num_layers)


def _stylespace(models: Models, config: RunConfig, asked: Asked, codes: FloatArray) -> list[Direction]:
    generator = models.generator
    if generator.num_layers == 1:
        raise ConfigError("stylespace: this generator has no styles; take --method sefa, which reads its first layer")
    with torch.inference_mode():
        w_plus = w_plus_of(models, config, range(asked.looks))
        found = channels(models, w_plus, style_affines(generator), asked, codes)
    if len(found) < asked.count:
        raise ConfigError(
            f"stylespace: rows {asked.layers} have {len(found)} channels that w moves, got --count {asked.count}"
        )
    order = lesser_rank(*_order(found, asked))
    return [found[index] for index in order[: asked.count]]


def _order(found: Sequence[Direction], asked: Asked) -> tuple[FloatArray, ...]:
    """(C,) figures by which channels are ranked, more is better."""
    column = {name: np.array([each.figures[name] for each in found]) for name in found[0].figures if name != "layer"}
    if asked.by_score:
        return (np.abs(column["score"]),)
    if asked.near is not None:  # how much changes there, and how little elsewhere
        return column["strength"] * column["inside"], column["inside"]
    return column["strength"], column["locality"]


def _text(models: Models, config: RunConfig, asked: Asked, _codes: FloatArray) -> list[Direction]:
    wanted = _wanted(asked, "text")
    wish = wish_of(text_model_of(wanted, config.generator.weights), wanted, models.device)
    settings = TextSettings(rows=asked.layers, plan=Plan(wanted.steps, PUBLISHED.schedule))
    return [text_direction(models, config, wish, text_name(wanted), range(asked.looks), settings)]


def _words(models: Models, config: RunConfig, asked: Asked, codes: FloatArray) -> list[Direction]:
    wanted, generator = _wanted(asked, "words"), models.generator
    if generator.num_layers == 1:
        raise ConfigError("words: this generator has no styles; take --method text, which moves its codes")
    wish = wish_of(text_model_of(wanted, config.generator.weights), wanted, models.device)
    affines = [each for each in style_affines(generator) if each.row in asked.layers]
    if all(each.colour for each in affines):
        raise ConfigError(f"words: rows {asked.layers} have no channel but those of an output to RGB; take others")
    looks = w_plus_of(models, config, range(asked.looks))
    key = _seen_key(config, asked, wanted, None if models.codes is None else looks.cpu().numpy())
    found = channel_responses(generator, looks, wish.see, affines, codes, asked.store, key)
    strength = generator.edit_strength
    return [words_direction(found, affines, strength, wish, text_name(wanted, "words"), wanted.threshold)]


def _seen_key(config: RunConfig, asked: Asked, wanted: TextAsked, inverted: FloatArray | None) -> str:
    """What decides how a network sees a generator's channels, as a name: both networks by their bytes, how pictures are
    drawn, and the codes; those of pictures that were inverted as they are."""
    drawn = config.generator.model_dump(mode="json", exclude={"weights"})
    generator = sha256_of(weights_file(config.generator.weights, EMBEDDED_GENERATORS))
    seen_by = [sha256_of(text_model_file(wanted.weights)), wanted.arch]
    codes = [asked.looks, asked.codes, config.seed, None if inverted is None else digest(inverted.tobytes())]
    return digest(
        canonical_json([*seen_by, generator, split_network(config.generator.weights)[1], drawn, PUSH, *codes])
    )[:12]


def _wanted(asked: Asked, method: str) -> TextAsked:
    if asked.text is None:
        raise ConfigError(f"{method}: say --text and --from: what is wanted, and what is there")
    return asked.text


def text_model_of(asked: TextAsked, generator: str) -> TextModel:
    """The network that is to see what a generator draws, by what `generator.weights` says.

    Raises:
        ConfigError, WeightsError: as `load_text_model`, but naming the options that it comes from; ConfigError: an
            embedded network that knows another world than the embedded generator's.
    """
    network = EMBEDDED_TEXTS.get(asked.weights)
    check_world(network, generator, "--clip", "name the file of an open_clip model")
    if network is not None and not knows(network, generator):
        log.warning("clip=%s has learned from procedural rooms; nobody knows what it sees in others", asked.weights)
    try:
        return load_text_model(asked.weights, asked.arch)
    except (ConfigError, WeightsError) as error:
        said = re.sub(r"^arch: ", "--clip-arch: ", str(error))
        for field, option in (("weights", "--clip"), ("arch", "--clip-arch"), ("name: clip", "--clip: this model")):
            said = said.replace(f"scorer.{field}", option)
        raise type(error)(said) from error


def wish_of(model: TextModel, asked: TextAsked, device: torch.device) -> Wish:
    """What is asked for, in the network's embedding, on that device.

    ConfigError: a word that it does not know, or two texts that mean the same to it.
    """
    cast(nn.Module, model).to(device)
    want, have = model.encode_words([asked.text, asked.neutral]).to(device).split(1)
    wish = Wish(lambda image: model.encode_pictures((image + 1) / 2), want, have)
    wish.change()
    return wish


def text_name(asked: TextAsked, method: str = "text") -> str:
    """A file's name for a text, such as text_a_red_blanket_0b5f3c1e: what of it is plain, and a digest of both texts,
    since texts in other alphabets, long ones and those with another neutral text would share what is plain."""
    plain = re.sub(r"[^a-z0-9]+", "_", asked.text.lower()).strip("_")[:60].strip("_")
    own = digest(canonical_json([asked.text, asked.neutral]))[:8]
    return "_".join([method, *filter(None, [plain]), own])


METHODS: Mapping[str, Callable[[Models, RunConfig, Asked, FloatArray], list[Direction]]] = {
    "sefa": _sefa,
    "ganspace": _ganspace,
    "stylespace": _stylespace,
    "text": _text,
    "words": _words,
}
