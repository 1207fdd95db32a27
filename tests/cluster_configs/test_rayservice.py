"""The page's manifest: its cluster against KubeRay's own schema, its Serve configuration against Ray's and our code."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError
from ray.serve.schema import ServeApplicationSchema, ServeDeploySchema

from higan_cam.app.door import TOKEN
from higan_cam.app.serving import REQUEST_S, Arguments, build_application
from higan_cam.errors import ConfigError
from tests.cluster_configs.files import load_yaml, pins, project

FIELDS = {"serveConfigV2", "rayClusterConfig", "serveService"}
"""Of a RayServiceSpec (KubeRay, apis/ray/v1/rayservice_types.go), but for two that are deprecated."""


@pytest.fixture
def manifest() -> Any:
    return load_yaml("kuberay/rayservice.yaml")


@pytest.fixture
def serving(manifest: Any) -> Any:
    return yaml.safe_load(manifest["spec"]["serveConfigV2"])


def test_it_is_a_rayservice_with_fields_that_there_are(manifest: Any) -> None:
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayService")
    assert set(manifest["spec"]) <= FIELDS


@pytest.mark.parametrize("wrong", [None, "maxReplica"])
def test_kuberay_accepts_its_cluster_and_finds_a_misspelt_field(manifest: Any, wrong: str | None, shared: Path) -> None:
    path = shared / "schemas" / "raycluster.v1.schema.json"
    if not path.is_file():
        pytest.skip(f"schemas absent: no ../shared/schemas/{path.name} beside the checkout")
    cluster = manifest["spec"]["rayClusterConfig"]
    if wrong is not None:
        cluster["workerGroupSpecs"][0][wrong] = 2
    schema = json.loads(path.read_text(encoding="utf-8"))["properties"]["spec"]
    errors = [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(cluster)]
    assert [wrong in error for error in errors if wrong] == ([] if wrong is None else [True])
    assert wrong is not None or errors == []


def test_ray_accepts_its_serve_configuration_and_knows_every_field(serving: Any) -> None:
    ServeDeploySchema.model_validate(serving)  # passes over what it does not know, so names are compared here
    assert set(serving) <= set(ServeDeploySchema.model_fields)
    for application in serving["applications"]:
        assert set(application) <= set(ServeApplicationSchema.model_fields)


def test_it_names_our_application_with_arguments_that_it_takes(serving: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (application,) = serving["applications"]
    module, _, name = application["import_path"].partition(":")
    assert getattr(import_module(module), name) is build_application
    arguments = Arguments.model_validate(application["args"])
    assert arguments.most > arguments.replicas
    assert serving["http_options"]["request_timeout_s"] == REQUEST_S
    monkeypatch.setenv(TOKEN, "correct horse battery staple")
    assert build_application(arguments) is not None


@pytest.mark.parametrize("name", ["replicas", "most"])
def test_no_replica_at_all_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Arguments.model_validate({name: 0})


def test_it_does_not_start_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    with pytest.raises(ConfigError, match=TOKEN):
        build_application(Arguments())


def test_pods_run_the_pinned_ray_bounded_unprivileged_and_name_the_token_without_holding_it(manifest: Any) -> None:
    cluster = manifest["spec"]["rayClusterConfig"]
    assert cluster["rayVersion"] == pins()["ray"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        assert container["image"] == f"REGISTRY/higan-cam:{project()['version']}"
        assert set(container["resources"]) == {"requests", "limits"}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["envFrom"] == [{"secretRef": {"name": "higan-cam-app"}}]
        assert "env" not in container
