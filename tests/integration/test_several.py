"""Several attributes from one look at each image: each is the run that it would have been alone, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from higan_cam.config import RunConfig, load_config
from higan_cam.config.attributes import members
from higan_cam.runtime.run import run_stages
from higan_cam.runtime.several import run_all, write_overview
from higan_cam.store import open_store, read_run, verify_run
from higan_cam.store.status import read_status
from tests.support.small_runs import digests

pytestmark = pytest.mark.integration
MADE = ("label", "fit", "mask")
TINY = (
    "label.count=24",
    "label.shard_size=12",
    "boundary.tails=6",
    "mask.count=4",
    "mask.shard_size=4",
    "mask.second_scorer=null",
    "runtime.workers=1",
    "runtime.max_tries=1",
    "attributes.indoor_lighting={}",
)
DAYLIGHT = 'attributes.daylight.scorer={name: custom, factory: "tests.integration.scorers:DaylightShare"}'
BRITTLE = 'attributes.brittle.scorer={name: custom, factory: "tests.integration.scorers:Brittle"}'


def tiny(output: Path, *overrides: str) -> RunConfig:
    return load_config(None, [f"output={output}", *TINY, *overrides])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, local_ray: None) -> Path:
    output = tmp_path_factory.mktemp("several") / "both"
    assert run_all(tiny(output, DAYLIGHT), MADE).problems == []
    return output


def test_an_attribute_of_several_has_the_bytes_of_a_run_of_its_own(both: Path, tmp_path: Path) -> None:
    """Labels were made together, by two scorers on one image; the unbounded one was calibrated by its own labels."""
    daylight = members(tiny(both, DAYLIGHT))["daylight"]
    run_stages(daylight.model_copy(update={"output": str(tmp_path / "alone")}), MADE)
    assert digests(both / "daylight") == digests(tmp_path / "alone")


def test_each_folder_is_complete_by_itself(both: Path) -> None:
    for name in ("indoor_lighting", "daylight"):
        store = open_store(str(both / name))
        assert verify_run(store) == []
        assert read_status(store).complete
        assert read_run(store)["floor_levels"] == 1
        assert (both / name / "boundary" / f"{name}.safetensors").is_file()
    assert not (both / "scores").exists()


def test_one_damaged_label_of_one_attribute_is_made_again_alone(both: Path) -> None:
    before = [digests(both / name) for name in ("indoor_lighting", "daylight")]
    (both / "daylight" / "scores" / "part-00001.parquet").write_bytes(b"cut")
    kept = both / "indoor_lighting" / "scores" / "part-00001.parquet"
    stamp = kept.stat().st_mtime_ns
    run_all(tiny(both, DAYLIGHT), MADE)
    assert [digests(both / name) for name in ("indoor_lighting", "daylight")] == before
    assert kept.stat().st_mtime_ns == stamp


def test_the_page_above_says_what_each_edit_does_to_all(both: Path) -> None:
    write_overview(open_store(str(both)), members(tiny(both, DAYLIGHT)), [])
    page = (both / "report" / "index.html").read_text()
    assert "../daylight/report/index.html" in page
    assert "What each edit changes" in page


def test_a_scorer_that_fails_costs_the_other_attributes_nothing(tmp_path: Path, local_ray: None) -> None:
    outcome = run_all(tiny(tmp_path / "run", BRITTLE), ("label",))
    assert len(outcome.problems) == 1
    assert outcome.problems[0].startswith("brittle: 2 score shards failed")
    assert "this picture is beyond me" in outcome.problems[0]
    assert not read_status(open_store(str(tmp_path / "run" / "indoor_lighting"))).stages[0].missing
