"""The gallery, page and card of recommendations: every picture is there, its heat where the picture shows it."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest
import yaml

from higan_cam.config import RunConfig, config_hash, parse_config
from higan_cam.publish.images import decode_image
from higan_cam.publish.places import PLACE_COLUMNS, encode_places
from higan_cam.publish.report.gallery.page import PLACES as PAGE
from higan_cam.publish.report.gallery.page import render_gallery
from higan_cam.publish.report.students.places import ABSENT, ANSWERED, write_places_report
from higan_cam.store import begin_run, commit_shard
from higan_cam.store.keys import PLACES, REPORT_KEY, places_path
from higan_cam.store.store import Store
from higan_cam.types import Place, Recommendation
from tests.publish.report.gallery.test_samples import called
from tests.support.samples import sample_of

HEIGHT, WIDTH, SIDE = 40, 80, 20
NAMES = ("wide <room>.png", "dark.png", "cut off.jpg")


def answers() -> list[Recommendation]:
    """A picture wider than high, whose middle square is hot; one without a place; one that cannot be read."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:20, 30:50] = 255
    region = replace(sample_of(0).regions[0], max_heat=0.75)
    scale = HEIGHT / SIDE
    fine = Recommendation(
        index=0,
        key=NAMES[0],
        status="ok",
        reason="",
        picture=np.full((HEIGHT, WIDTH, 3), (200, 100, 50), np.uint8),
        mask=mask,
        heat=np.full((SIDE, SIDE), 0.5, np.float32),
        place=(scale, 20 + (scale - 1) / 2, (scale - 1) / 2),
        regions=(region,),
        places=(Place(0, 0.5, 0.375, 0.375, 0.25, 0.25, 0.25),),
    )
    dark = replace(fine, index=1, key=NAMES[1], status="empty", reason="flat", regions=(), places=())
    return [fine, dark, Recommendation(2, NAMES[2], "unreadable", "breaks off")]


@pytest.fixture
def written(store: Store) -> Store:
    write(store, parse_config({"source": {"kind": "pictures", "pictures": "photos"}}))
    return store


def write(store: Store, config: RunConfig) -> None:
    begin_run(store, config, {"student": "a" * 64})
    body, made = encode_places(answers()), config_hash(config)
    commit_shard(store, stage=PLACES, shard=0, path=places_path(0), body=body, rows=3, config_hash=made)
    write_places_report(config, store, "indoor_lighting")


def test_every_picture_is_in_the_gallery_with_its_figures_and_its_reason(written: Store) -> None:
    index = called(written, "samples.js", "samples")
    assert index["columns"] == {
        "index": [0, 1, 2],
        "key": list(NAMES),
        "status": ["ok", "empty", "unreadable"],
        "places": [1, 0, 0],
        "heat": [0.75, None, None],
        "x": [0.5, None, None],
        "y": [0.375, None, None],
    }
    contents = called(written, index["files"][0][0], "pictures")
    assert contents["reason"] == ["", "flat", "breaks off"]
    assert [tuple(size[:2]) for size in contents["sizes"]] == [(80, 40), (80, 40), (64, 64)]


def test_heat_lies_where_the_picture_shows_what_the_student_saw(written: Store) -> None:
    index = called(written, "samples.js", "samples")
    contents = called(written, index["files"][0][0], "pictures")
    width, height, pitch = contents["sizes"][0]
    strip = decode_image(base64.b64decode(contents["strips"][0])).astype(int)[:height]
    picture, heat = strip[:, :width], strip[:, pitch : pitch + width]
    assert np.abs(picture - (200, 100, 50)).max() < 8
    assert np.abs(heat[4:-4, 24:-24] - 128).max() < 8
    assert max(heat[:, :16].max(), heat[:, -16:].max()) < 8
    mask = decode_image(base64.b64decode(contents["masks"][0]))
    assert (mask[10:20, 30:50] == 255).all()
    assert (mask > 0).sum() == 200


def test_the_page_leads_to_the_gallery_and_says_what_the_places_mean(written: Store) -> None:
    page = written.get(REPORT_KEY).decode()
    assert 'href="gallery.html"' in page
    for body in (page, written.get("report/gallery.html").decode(), written.get("README.md").decode()):
        assert ANSWERED in body
        assert ABSENT not in body


def test_places_that_could_be_are_said_to_be_so(store: Store) -> None:
    settings = {"source": {"kind": "pictures", "pictures": "photos"}, "student": {"bank": "runs/demo"}}
    write(store, parse_config(settings))
    for key in (REPORT_KEY, "report/gallery.html", "README.md"):
        assert ABSENT in store.get(key).decode()
    assert "runs/demo" in store.get(REPORT_KEY).decode()


def test_the_card_has_every_column_and_a_head_that_datasets_reads(written: Store) -> None:
    _, head, body = written.get("README.md").decode().split("---\n", 2)
    facts = yaml.safe_load(head)
    assert facts["configs"][0]["data_files"] == [{"split": "train", "path": "places/*.parquet"}]
    assert [feature["name"] for feature in facts["dataset_info"]["features"]] == list(PLACE_COLUMNS)
    assert all(f"| `{name}` |" in body for name in PLACE_COLUMNS)


def test_a_gallery_of_pictures_without_ends_has_no_slider_and_no_command() -> None:
    page = render_gallery("light", "runs/places", "All 3 pictures.", PAGE, "The outline.")
    assert '<label class="field wide" hidden>all pictures' in page
    assert '<p class="command" hidden>' in page
    assert "it is a cross-fade" not in page
    assert "it is a cross-fade" in render_gallery("light", "runs/demo", "All 3 samples.")
