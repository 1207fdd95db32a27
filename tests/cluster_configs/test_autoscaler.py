"""aws.yaml and gcp.yaml against Ray's schema, EC2's and Compute Engine's own models, and what is asked of them here."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import botocore.session
import jsonschema
import pytest
from botocore.validate import ParamValidator
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.cluster_configs.files import CONFIGS, load_yaml, project

CLOUDS = ("aws", "gcp")


@pytest.mark.parametrize("cloud", CLOUDS)
def test_ray_accepts_it(cloud: str) -> None:
    validate_config(prepare_config(load_yaml(f"{cloud}.yaml")))


@pytest.mark.parametrize("cloud", CLOUDS)
def test_ray_finds_a_misspelt_field(cloud: str) -> None:
    config = load_yaml(f"{cloud}.yaml") | {"max_worker": 3}
    with pytest.raises(jsonschema.ValidationError, match="max_worker"):
        validate_config(prepare_config(config))


@pytest.mark.parametrize("node", ["head", "gpu_spot", "gpu_on_demand"])
def test_ec2_accepts_every_node(node: str) -> None:
    assert ec2_errors(load_yaml("aws.yaml")["available_node_types"][node]["node_config"]) == ""


def test_ec2_finds_a_misspelt_field() -> None:
    config = load_yaml("aws.yaml")["available_node_types"]["gpu_spot"]["node_config"]
    config["BlockDeviceMappings"][0]["Ebs"]["VolumeSise"] = 1
    assert "VolumeSise" in ec2_errors(config)


@pytest.mark.parametrize("node", ["head", "gpu_spot", "gpu_on_demand"])
def test_compute_engine_accepts_every_node(node: str) -> None:
    assert compute_engine_errors(load_yaml("gcp.yaml")["available_node_types"][node]["node_config"]) == []


def test_compute_engine_finds_a_misspelt_field_and_a_wrong_value() -> None:
    config = load_yaml("gcp.yaml")["available_node_types"]["gpu_spot"]["node_config"]
    config["scheduling"] |= {"provisioningModel": "SPOTTY", "restart": False}
    first, second = sorted(compute_engine_errors(config))
    assert "'SPOTTY' is not one of" in first
    assert "'restart' was unexpected" in second


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_head_takes_no_units_and_workers_bring_gpus_within_the_limit(cloud: str) -> None:
    config = load_yaml(f"{cloud}.yaml")
    nodes = config["available_node_types"]
    assert nodes[config["head_node_type"]]["resources"] == {"CPU": 0}
    workers = [node for name, node in nodes.items() if name != config["head_node_type"]]
    assert all(node["resources"]["GPU"] == 1 for node in workers)
    assert sum(node["max_workers"] for node in workers) == config["max_workers"]
    assert all(node["min_workers"] <= node["max_workers"] for node in workers)


def test_spot_and_on_demand_workers_differ_in_that_alone() -> None:
    aws, gcp = (load_yaml(f"{cloud}.yaml")["available_node_types"] for cloud in CLOUDS)
    assert aws["gpu_spot"]["node_config"].pop("InstanceMarketOptions") == {"MarketType": "spot"}
    assert aws["gpu_spot"]["node_config"] == aws["gpu_on_demand"]["node_config"]
    spot = gcp["gpu_spot"]["node_config"]["scheduling"]
    assert (spot.pop("provisioningModel"), spot.pop("instanceTerminationAction")) == ("SPOT", "DELETE")
    assert gcp["gpu_spot"]["node_config"] == gcp["gpu_on_demand"]["node_config"]


def test_nodes_get_to_the_store_by_role_and_no_file_holds_a_key() -> None:
    aws, gcp = (load_yaml(f"{cloud}.yaml")["available_node_types"] for cloud in CLOUDS)
    assert all(node["node_config"]["IamInstanceProfile"]["Name"] for node in aws.values())
    assert all(gcp[name]["node_config"]["serviceAccounts"] for name in ("gpu_spot", "gpu_on_demand"))
    key = re.compile(r"AKIA|ASIA|secret_?access_?key\s*[:=]|BEGIN .*PRIVATE|auth_?token\s*[:=]\s*\w", re.IGNORECASE)
    texts = {path.name: path.read_text(encoding="utf-8") for path in CONFIGS.rglob("*") if path.is_file()}
    assert len(texts) >= 9
    assert [name for name, text in texts.items() if key.search(text)] == []


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_dashboard_stays_on_loopback_and_every_node_wants_the_token(cloud: str) -> None:
    config = load_yaml(f"{cloud}.yaml")
    head, worker = (config[f"{kind}_start_ray_commands"][-1] for kind in ("head", "worker"))
    assert "--dashboard-host=127.0.0.1" in head
    assert "RAY_AUTH_MODE=token" in head
    assert "RAY_AUTH_MODE=token" in worker


@pytest.mark.parametrize("cloud", CLOUDS)
def test_setup_installs_the_synced_checkout_with_extras_that_exist(cloud: str) -> None:
    config = load_yaml(f"{cloud}.yaml")
    commands = [command.split() for kind in ("setup", "head_setup") for command in config[f"{kind}_commands"]]
    for shell, script, checkout, extras in commands:
        assert shell == "bash"
        assert script.replace("~", "/home/ubuntu", 1).startswith(tuple(config["file_mounts"]))
        assert (CONFIGS.parent / script.removeprefix(f"{checkout}/")).is_file()
        assert set(extras.split(",")) <= set(project()["optional-dependencies"])
    assert cloud in commands[-1][-1].split(",")


def ec2_errors(node_config: dict[str, Any]) -> str:
    """What EC2's service model says against these parameters of RunInstances; '' if nothing."""
    model = botocore.session.get_session().get_service_model("ec2")
    shape = model.operation_model("RunInstances").input_shape
    # As Ray's provider completes it.
    parameters = node_config | {"MinCount": 1, "MaxCount": 1}
    return str(ParamValidator().validate(parameters, shape).generate_report())


def compute_engine_errors(node_config: dict[str, Any]) -> list[str]:
    """What the API's discovery document, which Google's client ships, says against this Instance."""
    document = files("googleapiclient") / "discovery_cache" / "documents" / "compute.v1.json"
    schemas = json.loads(document.read_text(encoding="utf-8"))["schemas"]
    validator = jsonschema.Draft7Validator({"$ref": "#/schemas/Instance", "schemas": strict(schemas)})
    return [error.message for error in validator.iter_errors(node_config)]


def strict(schema: Any) -> Any:
    """A discovery document's schemas as JSON Schema in which unknown fields are errors."""
    if not isinstance(schema, dict):
        return schema
    result = {key: strict(value) for key, value in schema.items()}
    if isinstance(reference := result.get("$ref"), str):
        result["$ref"] = f"#/schemas/{reference}"
    if "properties" in result and result.get("type") == "object":
        result["additionalProperties"] = False
    if result.get("format") in ("int64", "uint64"):  # written as text in the API's JSON; numbers are taken too
        result["type"] = ["string", "integer"]
    return {key: value for key, value in result.items() if key not in ("format", "required", "id")}
