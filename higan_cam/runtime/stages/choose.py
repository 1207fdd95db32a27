"""Before the masks of a run that chooses its attribution: candidates compared on its own edits, the best written down.

The choice is made once. run.json has it, figures and all; whoever goes on with the run reads it there.
"""

from __future__ import annotations

import logging

from higan_cam.config import RunConfig
from higan_cam.measure.choice import choose
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.stages.sweeps import gains_of_samples
from higan_cam.store import Store
from higan_cam.store.run import record_choice, recorded_choice, recorded_floor
from higan_cam.types import Boundary

log = logging.getLogger(__name__)


def settle_attribution(config: RunConfig, store: Store, boundary: Boundary, meters: Meters) -> None:
    """Compare the candidates and write the best one down, unless the run has chosen already.

    Raises:
        DataError: the scorer has no number for any edit.
        LeaseLostError: another driver has taken over meanwhile.
    """
    if recorded_choice(store) is not None:
        return
    choice = choose(config.attribution.candidates, gains_of_samples(config, boundary, recorded_floor(store)))
    meters.check()
    name = record_choice(store, choice.to_json())
    compared = " ".join(f"{one.name}={one.gain.value:.3f}" for one in choice.candidates)
    log.info("stage=choose attribution=%s samples=%d %s", name, choice.samples, compared)
