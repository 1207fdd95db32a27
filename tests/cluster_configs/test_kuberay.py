"""The KubeRay manifests against KubeRay's own schemas, and the job's entrypoint against this project."""

from __future__ import annotations

import json
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer.main

from higan_cam.cli.options import parse_workers
from higan_cam.cli.training import app as training
from higan_cam.config import load_config
from higan_cam.runtime.plan import plan_label, plan_mask
from higan_cam.train.gan.settings import recipe
from tests.cluster_configs.files import load_yaml, pins, project

MANIFESTS = ("rayjob", "rayjob_pictures", "rayjob_recommend", "rayjob_train", "raycluster")
JOBS = MANIFESTS[:-1]


@pytest.mark.parametrize("name", MANIFESTS)
def test_kuberay_accepts_it(name: str, shared: Path) -> None:
    assert schema_errors(name, load_yaml(f"kuberay/{name}.yaml"), shared) == []


@pytest.mark.parametrize("name", MANIFESTS)
def test_kuberay_finds_a_misspelt_field(name: str, shared: Path) -> None:
    manifest = load_yaml(f"kuberay/{name}.yaml")
    cluster_of(manifest)["workerGroupSpecs"][0]["maxReplica"] = 2
    (error,) = schema_errors(name, manifest, shared)
    assert "maxReplica" in error


@pytest.mark.parametrize("name", ["rayjob", "rayjob_pictures"])
def test_the_job_makes_the_cluster_that_the_other_manifest_describes(name: str) -> None:
    job, cluster = (cluster_of(load_yaml(f"kuberay/{each}.yaml")) for each in (name, "raycluster"))
    assert job == cluster


def test_the_job_without_a_generator_has_the_same_cluster_but_for_the_gpus() -> None:
    job, cluster = (cluster_of(load_yaml(f"kuberay/{each}.yaml")) for each in ("rayjob_recommend", "raycluster"))
    (ours,), (theirs,) = (each.pop("workerGroupSpecs") for each in (job, cluster))
    assert job == cluster
    assert (ours.pop("groupName"), theirs.pop("groupName")) == ("cpu", "gpu")
    wanted = [container(group)["resources"] for group in (ours, theirs)]
    assert wanted[1] == {kind: amount | {"nvidia.com/gpu": "1"} for kind, amount in wanted[0].items()}
    for group in (ours, theirs):
        del container(group)["resources"]
        group["template"]["spec"].pop("tolerations")
    assert ours == theirs


def test_the_job_that_trains_has_the_same_cluster_with_all_its_workers_from_the_beginning() -> None:
    job, cluster = (cluster_of(load_yaml(f"kuberay/{each}.yaml")) for each in ("rayjob_train", "raycluster"))
    ours, theirs = (each["workerGroupSpecs"][0] for each in (job, cluster))
    assert [ours.pop(name) for name in ("replicas", "minReplicas")] == [theirs["maxReplicas"]] * 2
    del theirs["replicas"], theirs["minReplicas"]
    for name in ("enableInTreeAutoscaling", "autoscalerOptions"):  # a group of fixed size
        del cluster[name]
    memory = [container(each["headGroupSpec"]).pop("resources")["limits"]["memory"] for each in (job, cluster)]
    assert memory == ["24Gi", "8Gi"]
    assert job == cluster


def test_the_cluster_runs_the_pinned_ray_from_one_image_of_this_version() -> None:
    cluster = cluster_of(load_yaml("kuberay/raycluster.yaml"))
    assert cluster["rayVersion"] == pins()["ray"]
    assert {container["image"] for container in containers(cluster)} == {f"REGISTRY/higan-cam:{project()['version']}"}


def test_the_head_takes_no_units_and_workers_tolerate_the_taint_of_gpu_nodes() -> None:
    cluster = cluster_of(load_yaml("kuberay/raycluster.yaml"))
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    (group,) = cluster["workerGroupSpecs"]
    assert 1 <= group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    head, worker = containers(cluster)
    assert "nvidia.com/gpu" not in head["resources"]["limits"]
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == "1"
    keys = {toleration["key"] for toleration in group["template"]["spec"]["tolerations"]}
    assert "nvidia.com/gpu" in keys


def test_pods_are_bounded_unprivileged_and_name_secrets_without_holding_any() -> None:
    cluster = cluster_of(load_yaml("kuberay/raycluster.yaml"))
    for container in containers(cluster):
        assert set(container["resources"]) == {"requests", "limits"}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["envFrom"] == [{"secretRef": {"name": "higan-cam-store"}}]
        assert not any("AWS" in variable["name"] for variable in container.get("env", ()))
    assert cluster["authOptions"] == {"mode": "token"}


@pytest.mark.parametrize("name", JOBS)
def test_the_job_tries_again_ends_and_cleans_up(name: str) -> None:
    spec = load_yaml(f"kuberay/{name}.yaml")["spec"]
    assert spec["submissionMode"] in {"K8sJobMode", "HTTPMode", "SidecarMode", "InteractiveMode"}
    assert spec["backoffLimit"] > 0
    assert spec["shutdownAfterJobFinishes"] is True
    assert 0 < spec["ttlSecondsAfterFinished"] < 3600 < spec["activeDeadlineSeconds"]


@pytest.mark.parametrize("name", ["rayjob", "rayjob_pictures"])
def test_the_entrypoint_is_a_job_of_ours_with_a_valid_configuration(name: str) -> None:
    """tests/integration/test_submission.py runs that of rayjob.yaml."""
    spec = load_yaml(f"kuberay/{name}.yaml")["spec"]
    python, flag, module, *arguments = shlex.split(spec["entrypoint"])
    assert (python, flag) == ("python", "-m")
    assert find_spec(module) is not None
    assert set(arguments[::2]) == {"--set"}
    config = load_config(None, arguments[1::2])
    assert config.output.startswith("s3://")
    assert config.runtime.workers == spec["rayClusterSpec"]["workerGroupSpecs"][0]["maxReplicas"]
    # Enough units for every worker to the end, few enough for the driver; of pictures the listing says how many.
    plans = (plan_label,) if config.source.kind == "pictures" else (plan_label, plan_mask)
    assert all(8 * 10 <= len(plan(config)) <= 10_000 for plan in plans)


def test_the_entrypoint_of_recommend_names_pictures_and_an_output_and_has_a_worker_for_each_cpu() -> None:
    spec = load_yaml("kuberay/rayjob_recommend.yaml")["spec"]
    _, _, module, pictures, output, *arguments = shlex.split(spec["entrypoint"])
    assert find_spec(module) is not None
    assert set(arguments[::2]) == {"--set"}
    named = {"source": {"kind": "pictures", "pictures": pictures}}
    config = load_config(None, arguments[1::2], output=output, arguments=named)
    assert (config.source.pictures, config.output) == ("s3://YOUR-BUCKET/photos", "s3://YOUR-BUCKET/places")
    (group,) = cluster_of(load_yaml("kuberay/rayjob_recommend.yaml"))["workerGroupSpecs"]
    assert config.runtime.workers == group["maxReplicas"] * int(container(group)["resources"]["limits"]["cpu"])


def test_the_entrypoint_that_trains_is_a_command_with_a_gpu_for_each_worker() -> None:
    manifest = load_yaml("kuberay/rayjob_train.yaml")
    program, *arguments = shlex.split(manifest["spec"]["entrypoint"])
    assert program in project()["scripts"]
    commands: Any = typer.main.get_command(training)
    assert arguments[:2] == ["train", "gan"]
    told = commands.commands["gan"].make_context("gan", arguments[2:]).params
    (group,) = cluster_of(manifest)["workerGroupSpecs"]
    assert (parse_workers(told["workers"]), told["gpus"]) == ((group["replicas"],) * 2, True)
    recipe("stylegan2", output=told["output"], pictures=told["data"], side=told["side"], batch=told["batch"])


def schema_errors(name: str, manifest: Any, shared: Path) -> list[str]:
    path = shared / "schemas" / f"{name.split('_', maxsplit=1)[0]}.v1.schema.json"
    if not path.is_file():
        pytest.skip(f"schemas absent: no ../shared/schemas/{path.name} beside the checkout")
    validator = jsonschema.Draft7Validator(json.loads(path.read_text(encoding="utf-8")))
    return [error.message for error in validator.iter_errors(manifest)]


def cluster_of(manifest: Any) -> Any:
    return manifest["spec"].get("rayClusterSpec", manifest["spec"])


def container(group: Any) -> Any:
    """Of a group of workers."""
    (only,) = group["template"]["spec"]["containers"]
    return only


def containers(cluster: Any) -> list[Any]:
    """Of the head, then of the workers."""
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [container for group in groups for container in group["template"]["spec"]["containers"]]
