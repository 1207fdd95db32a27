"""What a run counts is there for Prometheus to scrape, over HTTP, at the node's metrics export port."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.namespace import obstacle
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.integration
PORT = 8077
EXPECTED = {
    "ray_higan_cam_samples_total.label": 8,
    "ray_higan_cam_quarantined_total.label": 1,
    "ray_higan_cam_phase_seconds_count.label.score": 3,
    "ray_higan_cam_phase_seconds_count.label.commit": 2,
}
DRIVER = f"""
import json, sys, time, urllib.request
from collections import defaultdict
import ray
from prometheus_client.parser import text_string_to_metric_families
from higan_cam.config import load_config
from higan_cam.errors import QuarantinedError
from higan_cam.runtime.run import run_stages


def scraped():
    try:
        page = urllib.request.urlopen("http://127.0.0.1:{PORT}/metrics", timeout=5).read().decode()
    except OSError:  # it does not answer yet, or not in time
        return {{}}
    found = defaultdict(float)
    for sample in (each for family in text_string_to_metric_families(page) for each in family.samples):
        labels = sample.labels
        found[".".join(filter(None, (sample.name, labels.get("stage"), labels.get("phase"))))] += sample.value
    return found


config = load_config(None, ["output=" + sys.argv[1], "label.count=12", "label.shard_size=4", "boundary.tails=2",
                            "mask.count=4", "runtime.workers=1", "runtime.max_tries=1"])
with ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
              _metrics_export_port={PORT}, _system_config={{"metrics_report_interval_ms": 200}}):
    try:
        run_stages(config, ("label",))
    except QuarantinedError:
        pass
    deadline, found = time.monotonic() + {PATIENCE_S / 2}, {{}}
    # Every process reports on its own clock: wait for the last report of each, and a second for one too many.
    while any(found.get(name, 0) < count for name, count in {EXPECTED}.items()) and time.monotonic() < deadline:
        time.sleep(0.2)
        found = scraped()
    time.sleep(1)
    print(json.dumps(scraped()))
"""


@pytest.mark.namespaces
def test_samples_quarantined_units_and_phases_can_be_scraped(tmp_path: Path) -> None:
    if reason := obstacle():
        pytest.skip(reason)
    pytest.importorskip("prometheus_client.parser")
    (tmp_path / "run" / "scores" / "part-00001.parquet").mkdir(parents=True)  # this shard cannot be committed
    (tmp_path / "run" / "run.json").write_bytes(_run_json(tmp_path))
    # A network of its own: the port may be taken on this machine, and listens on every address of it.
    command = ["unshare", "-n", "-p", "-f", "--mount-proc", "--kill-child", "sh", "-c", 'ip link set lo up; exec "$@"']
    script = [sys.executable, "-c", DRIVER, str(tmp_path / "run")]
    ended = subprocess.run([*command, "sh", *script], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    assert found["ray_higan_cam_phase_busy_seconds_total.label.score"] > 0


def _run_json(folder: Path) -> bytes:
    """What `begin_run` would write, for a folder that is not empty before it begins."""
    from higan_cam.config import load_config
    from higan_cam.runtime.preflight import weights_digests
    from higan_cam.store import describe_run

    settings = ("label.count=12", "label.shard_size=4", "boundary.tails=2", "mask.count=4")
    config = load_config(None, [f"output={folder / 'run'}", *settings])
    return json.dumps(describe_run(config, weights_digests(config))).encode()
