"""A few looks at a training run, and the page that shows them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from higan_cam.measure.generation.verdicts import Verdict
from higan_cam.publish.report.generator import render_generator, render_generator_card
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.page import generator_content
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.watch import HISTORY, Watch, Watching, drawn, read_history, read_strip, tiled
from higan_cam.train.settings import Progress

Build = Callable[..., GanSettings]
FEW = Watching(samples=16, times=2, features=("rooms_scorer",))


def ignore(_: Progress) -> None:
    """Nobody watches."""


@pytest.fixture
def watched(build: Build, pictures: Pictures) -> Watch:
    """Two looks at a generator that was trained for six steps."""
    settings = build()
    watch, network = Watch(settings, FEW, pictures), fit_gan(settings, pictures, ignore).averaged
    watch.look(3, network, {"kimg": 0.024, "by_heart": 0.1})
    watch.look(6, network, {"kimg": 0.048, "by_heart": float("nan")})
    return watch


def test_looks_fall_evenly_and_the_end_has_its_own(build: Build, pictures: Pictures) -> None:
    settings = build(images=160, batch=8, checkpoint_every=2)  # 20 steps
    watch = Watch(settings, replace(FEW, times=4), pictures)
    assert [done for done in range(2, 21, 2) if watch.due(done)] == [6, 10, 16]


@pytest.mark.parametrize(
    ("network", "samples", "images", "looks"),
    [
        *(("dcgan", 2000, 50_000, 1), ("dcgan", 2000, 200_000, 2), ("dcgan", 500, 200_000, 4)),
        *(("stylegan2", 2000, 50_000, 2), ("stylegan2", 2000, 25_000_000, 4), ("dcgan", 0, 10_000, 4)),
    ],
)
def test_a_short_training_is_looked_at_less_often(
    network: str, samples: int, images: int, looks: int, build: Build, pictures: Pictures
) -> None:
    settings = build(network, images=images, batch=100, checkpoint_every=5)
    watch = Watch(settings, Watching(samples=samples), pictures)
    assert 1 + sum(watch.due(done) for done in range(5, settings.steps + 1, 5)) == looks


def test_what_was_seen_can_be_read_again(watched: Watch) -> None:
    first, second = read_history(watched.store)
    assert (first.step, first.kimg, dict(first.numbers)) == (3, 0.024, {"by_heart": 0.1})
    assert dict(second.numbers) == {}, "what is not finite is left out"
    assert first.figures["rooms_scorer"].protocol.samples == 16
    assert "precision" in first.figures["rooms_scorer"].figures
    assert read_strip(watched.store, first).shape == (8, 8 * 12, 3)


def test_a_look_behind_the_checkpoint_is_taken_anew(watched: Watch, build: Build, pictures: Pictures) -> None:
    before = watched.store.get(HISTORY)
    network = fit_gan(watched.settings, pictures, ignore).averaged
    watched.look(3, network, {"kimg": 0.024, "by_heart": 0.1})
    assert [tick.step for tick in read_history(watched.store)] == [3]
    watched.look(6, network, {"kimg": 0.048})
    assert watched.store.get(HISTORY) == before


def test_networks_whose_weights_are_missing_are_said_and_the_others_used(
    build: Build, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAN_CAM_WEIGHTS", str(tmp_path))
    found, missing = Watch(build(), Watching(samples=8), pictures).spaces
    assert list(found) == ["rooms_scorer"]
    assert len(missing) == 1
    assert "weights fetch efficientnet_lite0" in missing[0]
    assert str(tmp_path) not in missing[0], "a card is for others"


def test_reals_are_taken_evenly_from_all(build: Build, pictures: Pictures) -> None:
    watch = Watch(build(), Watching(samples=4), pictures)
    every = np.concatenate([pictures.train, pictures.held_out])
    np.testing.assert_array_equal(watch.reals, every[[0, 5, 10, 15]])


def test_the_page_and_the_card_show_what_was_found(watched: Watch, pictures: Pictures) -> None:
    settings = replace(watched.settings, pictures="/somewhere/my <pictures>")
    lost = replace(pictures, unreadable=(("a.jpg", "truncated"), ("b.jpg", "truncated")))
    faults = (
        Verdict(name="copies", value="copies", evidence={"pairs": [[0, 1], [2, 3]]}, words="two of them"),
        Verdict(name="collapse", value="clean", evidence={"pairs": [[0, 1]]}),
    )
    content = generator_content(settings, lost, watched, pictures.held_out, faults)
    shown = content.verdicts[0].evidence[0]
    np.testing.assert_array_equal(shown, np.concatenate([pictures.held_out[0], pictures.train[1]], axis=1))
    assert content.verdicts[1].evidence == (), "what is clean needs no evidence"
    assert {curve.name for curve in content.curves} >= {"precision, rooms_scorer", "recall, rooms_scorer"}
    page, card = render_generator(content), render_generator_card(content)
    assert "A generator of my &lt;pictures&gt;" in page
    assert "2 pictures were passed over: truncated" in page
    assert "copies: copies. two of them" in " ".join(page.split()), "a fault stands at the top"
    assert page.count("evidence 1 of copies") == page.count("evidence 2 of copies") == 1
    assert [f"<figcaption>{kimg} thousand pictures" in page for kimg in ("0.02", "0.05")] == [True, True]
    for text in (page, card):
        assert "precision" in text
    assert json.loads(watched.store.get(HISTORY))["ticks"][0]["figures"]["rooms_scorer"]["protocol"]["reals"] == 16


def test_figures_that_were_measured_in_another_way_are_named_and_not_drawn(
    watched: Watch, build: Build, pictures: Pictures
) -> None:
    other = Watch(watched.settings, replace(FEW, samples=12), pictures)
    network = fit_gan(watched.settings, pictures, ignore).averaged
    other.look(6, network, {"by_heart": 0.2})
    content = generator_content(watched.settings, pictures, other, pictures.train)
    assert [curve.name for curve in content.curves] == ["learnt by heart"]
    assert content.unmeasured == (
        "At 0.024 thousand pictures rooms_scorer was measured in another way; that is not drawn.",
    )


def test_a_card_names_the_weights_that_it_began_from(watched: Watch, pictures: Pictures) -> None:
    settings = replace(watched.settings, init="/home/somebody/theirs.pt", init_sha256="a" * 64)
    card = render_generator_card(generator_content(settings, pictures, watched, pictures.train))
    assert "It began from theirs.pt (sha256 aaaaaaaaaaaa): the terms of those weights hold" in card
    assert "somebody" not in card
    plain = render_generator_card(generator_content(watched.settings, pictures, watched, pictures.train))
    assert "The pictures are yours" in plain


def test_tiles_are_in_reading_order_and_white_where_none_is_left() -> None:
    images = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((3, 2, 2, 3), np.uint8)
    sheet = tiled(images, 2)
    assert sheet[::2, ::2, 0].tolist() == [[0, 1], [2, 255]]


def test_codes_that_are_drawn_do_not_depend_on_how_many_are(build: Build, pictures: Pictures) -> None:
    settings = build()
    network = fit_gan(settings, pictures, ignore).averaged
    np.testing.assert_array_equal(drawn(settings, network, range(70))[66:68], drawn(settings, network, [66, 67]))
