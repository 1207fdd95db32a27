"""A unit's bytes, with and without light, from real networks."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from higan_cam.config import LightConfig, MaskConfig, RunConfig
from higan_cam.pipeline import Models
from higan_cam.pipeline.units import encode_unit, heat_unit, unit_samples
from higan_cam.runtime.workers.commit import computing
from higan_cam.store import Store
from higan_cam.store.keys import DATA, PILOT
from higan_cam.types import Boundary, WorkUnit


def test_a_unit_of_a_run_that_relights_has_its_samples_lights_and_a_pilot_has_none(
    models: Models, config: RunConfig, boundary: Boundary, store: Store
) -> None:
    light = LightConfig(gains=(1.0, 0.5), kelvins=(2700.0,), lamps=2)
    refined = MaskConfig(count=24, refine="student", pilot=300)
    asked = config.model_copy(update={"light": light, "mask": refined})
    batch = heat_unit(models, config, boundary, WorkUnit(0, 0, 3))
    samples = unit_samples(models.scorer, config, batch, None)
    bodies = {
        stage: encode_unit(models.scorer, computing(asked, stage, store), samples, batch, None)
        for stage in (DATA, PILOT)
    }
    table, pilot = (pq.read_table(pa.BufferReader(bodies[stage])) for stage in (DATA, PILOT))
    numbers = [len(row["lights"]) for row in table.to_pylist()]
    settings, lamps = 2, 2  # a region may hold several lamps
    most = [settings * lamps if each.regions else 0 for each in samples]
    assert all(number in range(0, upto + 1, settings) for number, upto in zip(numbers, most, strict=True))
    assert any(numbers)
    assert table.num_rows == 3
    assert "lights" not in pilot.column_names
    assert table.drop(["lights"]).equals(pilot)
