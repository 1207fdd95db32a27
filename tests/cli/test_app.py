"""The command line: help that helps, and a user's mistakes as one message, an exit status and no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from higan_cam.config import RunConfig
from higan_cam.errors import WorkersError
from higan_cam.store import begin_run, open_store
from jobs._entry import run
from tests.support.commands import Command
from tests.support.waiting import PATIENCE_S


def test_help_names_every_command_and_where_to_start(higan_cam: Command) -> None:
    _, shown, _ = higan_cam("--help")
    commands = "run label fit mask report config status verify export curate inspect rescore benchmark-masks doctor"
    for command in (*commands.split(), "evaluate-pairs"):
        assert command in shown
    assert "Start here" in shown


def test_help_does_not_load_torch_or_ray() -> None:
    code = "import sys, higan_cam.cli; sys.exit(any(name in sys.modules for name in ('torch', 'ray', 'pyarrow')))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=PATIENCE_S).returncode == 0


def test_a_mistake_ends_the_process_with_its_status_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "higan_cam", "run", "--output", str(tmp_path / "run"), "--set", "regoins.eps=4"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Did you mean 'regions'?" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


def test_a_job_with_options_of_its_own_tells_its_errors_likewise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> None:
        raise WorkersError("no room")

    monkeypatch.setattr("sys.argv", ["train"])
    with pytest.raises(SystemExit) as ended:
        run(main)
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: no room\n"


def test_the_version_is_that_of_the_package(higan_cam: Command) -> None:
    status, shown, _ = higan_cam("--version")
    assert (status, shown) == (0, f"higan-cam {version('higan-cam')}\n")


@pytest.mark.parametrize(
    "output",
    ["runs/x #1", "2026-11-29", "007", "on", "null", "~", "1:30", "[a]", "a: b", " x ", "*x", "1.0"],
)
def test_the_output_is_the_string_as_typed(output: str, higan_cam: Command) -> None:
    for given in (["--output", output], [f"--output={output}"]):
        assert yaml.safe_load(higan_cam("config", *given)[1])["output"] == output


def test_no_output_at_all_is_refused(higan_cam: Command) -> None:
    for given in (["--output", ""], ["--output", " "], ["--set", "output=''"]):
        status, _, err = higan_cam("config", *given)
        assert (status, "output: must name a folder or URI" in err) == (2, True)


@pytest.mark.parametrize("value", ["runs/x #1", "#x", "[a, b] # c", "5 # five", "'x' # y", "{a: 1} #", "null # none"])
@pytest.mark.parametrize("field", ["output", "scorer.target", "seed", "boundary.conditions", "scorer.arguments"])
def test_a_comment_in_a_setting_is_refused(field: str, value: str, higan_cam: Command) -> None:
    status, _, err = higan_cam("config", "--set", f"{field}={value}")
    assert status == 2
    assert f"--set {field}: {value!r}; to YAML a #" in err


def test_a_number_sign_within_quotes_or_a_word_is_text(higan_cam: Command) -> None:
    for given, read in (("'runs/x #1'", "runs/x #1"), ('"a # b"', "a # b"), ("runs/x#1", "runs/x#1")):
        assert yaml.safe_load(higan_cam("config", "--set", f"output={given}")[1])["output"] == read


@pytest.mark.parametrize(
    "text", ["a: b", "*x", "&x y", "@x", "!x", "`x`", "{a}b", "x: [1", "- x", "'tis", "2026-11-29"]
)
def test_a_setting_of_a_text_field_is_the_string_as_typed(text: str, higan_cam: Command) -> None:
    assert yaml.safe_load(higan_cam("config", "--set", f"scorer.target={text}")[1])["scorer"]["target"] == text


def test_config_prints_yaml_that_reads_back(higan_cam: Command) -> None:
    _, shown, _ = higan_cam("config", "--set", "regions.eps=5", "--set", "output=elsewhere")
    config = RunConfig.model_validate(yaml.safe_load(shown))
    assert (config.regions.eps, config.output) == (5.0, "elsewhere")


def test_explain_lists_every_field(higan_cam: Command) -> None:
    _, shown, _ = higan_cam("config", "--explain")
    assert "attribution.steps" in shown
    assert "regions.min_samples" in shown
    assert "publish.captions.levels" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "regions.eps=-4"], "regions.eps"),
        (["--set", "regoins.eps=4"], "Did you mean 'regions'?"),
        (["--set", "generator.weights=room"], "Did you mean 'rooms'?"),
        (["--set", "generator.weights=nowhere/file.pth"], "nowhere/file.pth"),
        (["--set", "attribution.name=grad_cm"], "Did you mean 'grad_cam'?"),
        (["--set", "scorer.name=lightning"], "Did you mean 'lighting'?"),
        (["--set", "boundary.method=svn"], "Did you mean 'svm'?"),
        (["--set", "edit.layers=6-99"], "edit.layers"),
        (["--set", "edit.targets=[0.5, 7]"], "edit.targets"),
        (["--set", "boundary.layers=6-99"], "boundary.layers"),
        (["--set", "boundary.conditions=[nowhere/view.npy]"], "nowhere/view.npy"),
        (["--config", "missing.yaml"], "missing.yaml"),
        (["--set", "label.count=3000"], "boundary.tails"),
        (["--profile", "sed"], "Did you mean 'seed'?"),
    ],
)
def test_a_mistake_is_one_message_with_status_2(
    arguments: list[str], said: str, higan_cam: Command, tmp_path: Path
) -> None:
    status, _, told = higan_cam("run", "--output", str(tmp_path / "run"), *arguments)
    assert status == 2
    assert said in " ".join(told.split())
    assert "Traceback" not in told
    assert not (tmp_path / "run").exists(), "nothing is written before the mistake is found"


def test_the_configured_server_is_the_one_that_is_asked(higan_cam: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "nobody")
    store = ["--set", "store.endpoint_url=http://127.0.0.1:9", "--set", "store.retry_s=0"]  # 9: discard, never served
    status, _, told = higan_cam("run", "--output", "s3://bucket/run", *store)
    assert status == 1
    told = " ".join(told.split())
    assert "http://127.0.0.1:9/bucket/run/run.json" in told
    assert "check store.endpoint_url" in told
    assert "Traceback" not in told


def test_an_output_that_is_not_a_run_is_left_alone(higan_cam: Command, tmp_path: Path) -> None:
    (tmp_path / "photos.txt").write_text("mine")
    status, _, told = higan_cam("run", "--output", str(tmp_path))
    assert status == 1
    assert "not empty and not a run" in " ".join(told.split())
    assert [path.name for path in tmp_path.iterdir()] == ["photos.txt"]


def test_an_output_that_cannot_be_written_is_named(higan_cam: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    status, _, told = higan_cam("run", "--output", str(tmp_path / "file" / "run"))
    assert status == 1
    assert "Traceback" not in told
    assert "file/run" in "".join(told.split())


def test_verify_names_a_place_that_is_not_a_run(higan_cam: Command, tmp_path: Path) -> None:
    status, _, told = higan_cam("verify", str(tmp_path))
    assert status != 0
    assert "Traceback" not in told


def test_status_shows_a_run_that_nobody_has_worked_on_yet(higan_cam: Command, tmp_path: Path) -> None:
    begin_run(open_store(tmp_path / "run"), RunConfig())
    _, shown, _ = higan_cam("status", str(tmp_path / "run"))
    assert "label     0%  0/" in shown
    assert "driver  none so far" in shown
    _, shown, _ = higan_cam("status", "--json", str(tmp_path / "run"))
    assert json.loads(shown)["complete"] is False
    status, _, told = higan_cam("status", str(tmp_path))
    assert status == 1
    assert "not a run" in " ".join(told.split())


def test_an_error_names_a_path_as_it_is(higan_cam: Command, tmp_path: Path) -> None:
    named = tmp_path / ":fire: [bold].yaml"
    assert str(named) in higan_cam("config", "-c", str(named))[2]
