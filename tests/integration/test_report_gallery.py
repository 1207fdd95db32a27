"""The gallery in a real browser, really clicked and typed at. The dataset itself says what must come out."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("selenium", reason="selenium is not installed (the dev extra)")

from selenium import webdriver
from selenium.webdriver import ActionChains, Keys

from higan_cam.config import config_hash, parse_config
from higan_cam.publish import encode_shard, plan_splits
from higan_cam.publish.curation.filter import matching
from higan_cam.publish.curation.table import SampleTable, read_samples
from higan_cam.publish.dataset import write_parquet
from higan_cam.publish.report.gallery import samples as gallery_files
from higan_cam.publish.report.gallery.samples import write_gallery
from higan_cam.store import begin_run, commit_shard
from higan_cam.store.keys import shard_path
from higan_cam.store.store import open_store
from tests.integration.browser import CONTROLS, ENDS, HOSTILE, Gallery, chromium, served, shown_sample, small_run

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.chromium]
ROWS = 4
"""Samples to a file of pictures here, so that a page of cards needs several."""
OUTSIDE, INSIDE = (0.8, 0.8), (0.375, 0.375)
"""Places of a picture: without mask and heat, and with both."""


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = small_run(tmp_path_factory.mktemp("gallery") / "run's")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gallery_files, "ROWS", ROWS)
        write_gallery(open_store(folder))
    return folder


@pytest.fixture(scope="module")
def table(run: Path) -> SampleTable:
    return read_samples(open_store(run))


@pytest.fixture(scope="module")
def bucket(browser: webdriver.Chrome, run: Path) -> Iterator[Gallery]:
    """The gallery over HTTP."""
    asked: list[str] = []
    with served(run, asked) as base:
        yield Gallery(browser, base, run, asked)


@pytest.fixture(scope="module")
def folder(browser: webdriver.Chrome, run: Path) -> Gallery:
    """The gallery as a file."""
    return Gallery(browser, run.as_uri(), run)


@pytest.fixture(params=["bucket", "folder"])
def gallery(request: pytest.FixtureRequest) -> Gallery:
    found: Gallery = request.getfixturevalue(request.param)
    return found


def pictures(gallery: Gallery) -> set[str]:
    """Files of pictures that were asked for."""
    return {path.rpartition("/")[2] for path in gallery.asked if "/gallery/" in path} - {"samples.js"}


def test_a_range_typed_in_counts_what_the_dataset_counts(gallery: Gallery, table: SampleTable) -> None:
    gallery.open()
    assert gallery.count == len(table) == 60
    gallery.type("min_retention", "0.6")
    expected = table.columns["retention"] >= 0.6
    assert gallery.count == int(expected.sum())
    gallery.type("max_coverage", "0.3")
    expected &= table.columns["coverage"] <= 0.3
    assert 0 < gallery.count == int(expected.sum()) < 60
    assert gallery.latents == table.columns["index"][expected][:24].tolist()
    gallery.find("[type=reset]").click()
    assert gallery.count == 60


def test_split_and_status_are_clicked(bucket: Gallery, table: SampleTable) -> None:
    bucket.open()
    bucket.find("[name=split][value=test]").click()
    assert bucket.count == int((table.columns["split"] == "test").sum())
    bucket.find("[name=split][value=train]").click()
    bucket.find("[name=status][value=empty]").click()
    expected = (table.columns["split"] != "validation") & (table.columns["status"] == "empty")
    assert 0 < bucket.count == int(expected.sum())
    bucket.drawn()
    assert bucket.find(".card .badge").text == "no region"
    assert bucket.find(".card .reason").text == "no cluster of 40 pixels"


def test_latents_are_found_by_number(bucket: Gallery) -> None:
    bucket.open()
    bucket.type("find", "7, 20-22")
    assert bucket.latents == [7, 20, 21, 22]
    bucket.type("find", "99")
    assert bucket.count == 0
    assert bucket.find("#nothing").is_displayed()


def test_a_drag_over_a_histogram_chooses_a_range(bucket: Gallery, table: SampleTable) -> None:
    bucket.open()
    svg = bucket.find("#histogram-necessity")
    width = svg.size["width"]
    ActionChains(bucket.driver, 0).move_to_element(svg).click_and_hold().move_by_offset(width, 0).release().perform()
    low = float(str(bucket.find("#min_necessity").get_property("value")))
    assert bucket.find("#max_necessity").get_property("value") == ""
    middle = (table.columns["necessity"].min() + table.columns["necessity"].max()) / 2
    assert low == pytest.approx(middle, abs=0.03)
    assert 0 < bucket.count == int((table.columns["necessity"] >= low).sum()) < 60
    ActionChains(bucket.driver, 0).click(svg).perform()
    assert bucket.count == 60


def test_histograms_count_all_samples_and_those_that_pass(bucket: Gallery) -> None:
    bucket.open("#max_necessity=0.4")
    titles = bucket.script(
        "return [...document.querySelectorAll('#histogram-coverage .all title')].map(e => e.textContent)"
    )
    some, total = np.array([[int(part) for part in title.split(": ")[1].split(" of ")] for title in titles]).sum(axis=0)
    assert (some, total) == (bucket.count, 60)
    bucket.type("find", "0, 1")
    note = bucket.find("#histogram-coverage").find_element("xpath", "../legend/span").text
    assert re.fullmatch(r"median \d+\.\d\s%(, bars ×\d+)?", note)
    assert f"{bucket.count} samples, median" in (bucket.find("#histogram-coverage").get_attribute("aria-label") or "")


@pytest.mark.parametrize(("order", "sign"), [("lowest first", 1), ("highest first", -1)])
def test_sorting_goes_by_the_figure_and_puts_missing_ones_last(
    bucket: Gallery, table: SampleTable, order: str, sign: int
) -> None:
    bucket.open()
    bucket.choose("sort", "retention")
    bucket.choose("order", order)
    bucket.choose("size", "96")
    values = table.columns["retention"]
    known = np.flatnonzero(~np.isnan(values))
    expected = known[np.argsort(sign * values[known], kind="stable")].tolist()
    assert bucket.latents == [*expected, 5]


def test_a_seed_gives_one_random_order(bucket: Gallery) -> None:
    bucket.open("#sort=random&size=96")
    first = bucket.latents
    bucket.type("seed", "1")
    other = bucket.latents
    assert first != other
    assert sorted(first) == sorted(other) == list(range(60))
    bucket.open("#sort=random&size=96&seed=1")
    assert bucket.latents == other


def test_the_slider_shows_negative_original_and_positive(gallery: Gallery) -> None:
    gallery.open()
    gallery.drawn()
    slider = gallery.find(".card .slider")
    seen = [gallery.pixel(*OUTSIDE)]
    slider.send_keys(Keys.HOME)
    seen.append(gallery.pixel(*OUTSIDE))
    slider.send_keys(*[Keys.ARROW_RIGHT] * 4)
    seen.append(gallery.pixel(*OUTSIDE))
    np.testing.assert_allclose(seen, [ENDS["image"], ENDS["negative"], ENDS["original"]], atol=6)
    slider.send_keys(*[Keys.ARROW_RIGHT] * 2)
    half = (np.array(ENDS["original"]) + ENDS["image"]) / 2
    np.testing.assert_allclose(gallery.pixel(*OUTSIDE), half, atol=6)
    assert slider.get_attribute("aria-valuetext") == "50 % from original to positive"


def test_a_picture_does_not_mix_with_its_neighbour_in_the_strip(bucket: Gallery) -> None:
    bucket.open()
    bucket.drawn()
    for x in (0.0, 0.995):
        np.testing.assert_allclose(bucket.pixel(x, 0.1), ENDS["image"], atol=6)


def test_the_slider_is_dragged_with_the_mouse_and_one_moves_all(bucket: Gallery) -> None:
    bucket.open()
    bucket.drawn(1)
    slider = bucket.find(".card .slider")
    ActionChains(bucket.driver, 0).click_and_hold(slider).move_by_offset(-slider.size["width"], 0).release().perform()
    np.testing.assert_allclose(bucket.pixel(*OUTSIDE), ENDS["negative"], atol=6)
    np.testing.assert_allclose(bucket.pixel(*OUTSIDE, card=1), ENDS["image"], atol=6)
    bucket.find("#at").send_keys(Keys.HOME, *[Keys.ARROW_RIGHT] * 4)
    for card in (0, 1):
        np.testing.assert_allclose(bucket.pixel(*OUTSIDE, card=card), ENDS["original"], atol=6)


def test_mask_and_heat_are_switched_on_and_off(bucket: Gallery) -> None:
    bucket.open("#mask=0")
    bucket.drawn()
    plain = bucket.pixel(*INSIDE)
    bucket.find("#mask").click()
    masked = bucket.pixel(*INSIDE)
    bucket.find("#mask").click()
    assert bucket.pixel(*INSIDE) == plain != masked
    bucket.find("#heat").click()
    assert bucket.find("#heat").get_attribute("aria-pressed") == "true"
    hot, cold = bucket.pixel(*INSIDE), bucket.pixel(*OUTSIDE)
    assert hot[0] > 180  # inferno ends in yellow
    assert hot[1] > 180
    assert sum(cold) < sum(plain)  # and begins in black
    assert bucket.pixel(*INSIDE, card=3)[0] < 60  # the empty sample has no heat


def test_only_files_with_cards_in_view_are_asked_for(bucket: Gallery) -> None:
    bucket.open(height=700)
    bucket.drawn()
    near = (
        "[...document.querySelectorAll('.card')].filter(e => e.getBoundingClientRect().top < innerHeight + 300).length"
    )
    bucket.until(f"return document.querySelectorAll('[data-loaded]').length === {near}")
    cards = int(bucket.script(f"return {near}"))
    assert len(pictures(bucket)) == -(-cards // ROWS) < 24 // ROWS
    bucket.script("document.querySelectorAll('.card')[23].scrollIntoView()")
    bucket.drawn(23)
    assert len(pictures(bucket)) <= 24 // ROWS
    assert len(list((bucket.run / "report" / "gallery").glob("*.js"))) == 1 + 60 // ROWS


def test_a_page_of_cards_takes_the_place_of_the_one_before(bucket: Gallery) -> None:
    bucket.open()
    assert bucket.latents == list(range(24))
    bucket.find("[aria-label='Pages, bottom'] [data-step='1']").click()
    assert bucket.latents == list(range(24, 48))
    bucket.find("[aria-label='Pages, top'] [data-step='1']").click()
    assert bucket.latents == list(range(48, 60))
    assert not bucket.find("[data-step='1']").is_enabled()
    assert bucket.find(".page-number").text == "page 3 of 3"


def test_the_address_holds_the_view(gallery: Gallery) -> None:
    gallery.open()
    gallery.type("min_retention", "0.4")
    gallery.find("[name=split][value=train]").click()
    gallery.choose("sort", "coverage")
    gallery.find("#heat").click()
    gallery.find("[data-step='1']").click()
    address, latents = gallery.address, gallery.latents
    gallery.open()
    assert gallery.latents != latents
    gallery.open(address)
    assert gallery.latents == latents
    assert gallery.address == address
    assert gallery.find("#min_retention").get_property("value") == "0.4"
    assert gallery.find("[name=split][value=train]").is_selected()
    assert gallery.find("#heat").get_attribute("aria-pressed") == "true"


def test_nonsense_in_the_address_is_left_out(bucket: Gallery) -> None:
    bucket.open("#min_retention=x&sort=constructor&split=__proto__&page=-4&size=1e9&seed=nan&at=7&%zz")
    assert bucket.count == 60
    assert bucket.latents == list(range(24))


def test_the_filter_reads_the_same_on_the_command_line(bucket: Gallery, table: SampleTable) -> None:
    bucket.open("#min_retention=0.4&max_regions=1&split=train,test&status=ok&find=0-40,50")
    line = bucket.find("#where").text
    expression = line.partition(" --where ")[2].strip("'")
    assert 0 < bucket.count == int(matching(expression, table.columns).sum())


def test_a_bad_sample_leads_to_its_shard_and_row(bucket: Gallery, table: SampleTable) -> None:
    bucket.open("#sort=retention")
    bucket.drawn()
    latent = bucket.latents[0]
    assert table.columns["retention"][latent] == np.nanmin(table.columns["retention"])
    link = bucket.find(".place a")
    path = bucket.run / unquote(urlsplit(link.get_attribute("href") or "").path).lstrip("/")
    row = int(bucket.find(".place span").text.split()[-1])
    assert pq.read_table(path)["index"][row].as_py() == latent


def test_the_commands_that_open_a_sample_open_it(gallery: Gallery, capsys: pytest.CaptureFixture[str]) -> None:
    gallery.open("#find=17")
    gallery.drawn()
    gallery.find(".more summary").click()
    shell, _, python = gallery.find("pre").text.partition("# Python\n")
    assert shell.strip().endswith("--where 'index == 17'")
    names: dict[str, Any] = {}
    exec(python.replace(".show()", ".load()"), names)  # noqa: S102 - the page's own lines
    assert names["row"]["index"] == 17


def test_the_commands_are_copied(bucket: Gallery) -> None:
    bucket.open("#find=17")
    bucket.find(".more summary").click()
    bucket.find(".copy").click()
    assert bucket.find(".copy").text == "Copied"
    bucket.find("#find").send_keys(Keys.CONTROL, "av")
    assert str(bucket.find("#find").get_property("value")).startswith("higan-cam inspect ")


def test_captions_stay_text(gallery: Gallery) -> None:
    gallery.open("#find=0")
    gallery.drawn()
    gallery.find(".more summary").click()
    assert gallery.find(".words").text.startswith(HOSTILE)
    assert gallery.script("return window.hacked") is None


def test_all_of_it_works_without_a_mouse(bucket: Gallery) -> None:
    bucket.open()
    bucket.drawn(1)
    keys = ActionChains(bucket.driver, 0)
    focused = "const at = document.activeElement; return at.className || at.id"
    for _ in range(60):
        keys.send_keys(Keys.TAB).perform()
        if bucket.script(focused) == "card":
            break
    name = "return document.activeElement.closest('.card').querySelector('h3').textContent"
    assert bucket.script(name) == "latent 0"
    keys.send_keys(Keys.ARROW_RIGHT).perform()
    assert bucket.script(name) == "latent 1"
    keys.send_keys("1").perform()
    np.testing.assert_allclose(bucket.pixel(*OUTSIDE, card=1), ENDS["negative"], atol=6)
    keys.send_keys(Keys.ENTER, *[Keys.ARROW_RIGHT] * 4).perform()
    np.testing.assert_allclose(bucket.pixel(*OUTSIDE, card=1), ENDS["original"], atol=6)
    keys.send_keys(Keys.ESCAPE, "h", Keys.ARROW_DOWN).perform()
    assert bucket.find("#heat").get_attribute("aria-pressed") == "true"
    assert bucket.script(name) == "latent 5"
    keys.send_keys(Keys.END, Keys.PAGE_DOWN).perform()
    assert bucket.script(name) == "latent 24"
    assert bucket.script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    stops = 0
    while bucket.script("return document.activeElement.closest('.card') !== null"):
        keys.send_keys(Keys.TAB).perform()
        stops += 1
    assert stops <= 5  # one card is in the tab order, not twenty-four


@pytest.mark.parametrize("address", ["", "#sort=random&heat=1", "#find=99"])
def test_everything_has_a_name_for_screen_readers(bucket: Gallery, address: str) -> None:
    bucket.open(address)
    tree = bucket.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    seen = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]]
    controls = [(role, name) for role, name in seen if role in CONTROLS]
    assert len(controls) > 20
    assert [role for role, name in controls if not name.strip()] == []
    assert ("status", "") in seen or "status" in {role for role, _ in seen}
    assert bucket.find("[role=status]").get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("width", [320, 390, 900, 1280])
def test_nothing_is_wider_than_the_screen(bucket: Gallery, width: int) -> None:
    bucket.open(width=width, height=844)
    bucket.script("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    bucket.drawn()
    assert bucket.script("return document.documentElement.scrollWidth") <= width


def test_missing_files_are_named(browser: webdriver.Chrome, run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run / "report", copy / "report")
    broken = Gallery(browser, copy.as_uri(), copy)
    (gone,) = copy.glob("report/gallery/train-00000-*.00000.js")
    gone.unlink()
    broken.open()
    broken.until("return !document.querySelector('.missing').hidden")
    assert gone.name in broken.find(".missing").text
    broken.drawn(ROWS)
    (copy / "report" / "gallery" / "samples.js").unlink()
    broken.open()
    assert "samples.js is not beside this page" in broken.find("[role=alert]").text


def test_ten_thousand_samples_stay_small(browser: webdriver.Chrome, tmp_path: Path) -> None:
    run = ten_thousand(tmp_path / "run")
    asked: list[str] = []
    with served(run, asked) as base:
        gallery = Gallery(browser, base, run, asked)
        gallery.open("#size=96&sort=-retention")
        gallery.drawn()
        assert gallery.count == 10_000
        assert gallery.script("return document.querySelectorAll('*').length") < 6_000
        gallery.type("min_retention", "0.9")
        table = read_samples(open_store(run))
        assert gallery.count == int((table.columns["retention"] >= 0.9).sum()) > 500
        gallery.open("#page=1000000&size=12")
        gallery.drawn()
        assert gallery.latents[-1] == 9_999
        assert len(pictures(gallery)) <= 2
        assert gallery.script("return document.querySelectorAll('*').length") < 2_000


def ten_thousand(folder: Path) -> Path:
    """10,000 samples: the pictures of 100, over and over, with indices and retentions of their own."""
    store, size = open_store(folder), 500
    config = parse_config({"mask": {"count": 10_000, "shard_size": size}})
    begin_run(store, config)
    table = pq.read_table(io.BytesIO(encode_shard([shown_sample(index) for index in range(100)])))
    table = pa.concat_tables([table] * (size // len(table)))
    rng = np.random.default_rng(0)
    for shard, place in enumerate(plan_splits(10_000 // size, config.publish)):
        for name, values in {
            "index": np.arange(size) + size * shard,
            "retention": rng.random(size, np.float32),
        }.items():
            table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), pa.array(values))
        body = write_parquet(table, 100)
        commit_shard(
            store,
            stage="data",
            shard=shard,
            path=shard_path(*place),
            body=body,
            rows=size,
            config_hash=config_hash(config),
        )
    write_gallery(store)
    return folder
