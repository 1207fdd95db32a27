"""The pages are true as far as a machine can tell: links, commands, settings, files, rooms; the first page is short."""

from __future__ import annotations

import importlib
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from higan_cam.cli.app import app
from higan_cam.config import RunConfig, load_config
from tests.benchmarks.__main__ import ROWS
from tests.support.pages import (
    NAMES,
    PACKAGE,
    ROOT,
    anchors,
    commands,
    inline_code,
    linked_page,
    links,
    table,
    text_of,
    tree,
    words_of,
)

LONGEST_FIRST_PAGE = 130
FIRST, SECOND, HISTORY = "README.md", "higan_cam/README.md", "CHANGELOG.md"
CURRENT = [name for name in NAMES if name != HISTORY]
COMMANDS = [(name, command) for name in CURRENT for command in dict.fromkeys(commands(name))]
OF_OTHERS = {
    *("synthesize.py", "train_boundary.py", "rescore.py", "manipulate.py", "simple_manipulate.py", "utils/editor.py"),
    *("train_controlnet.py", "train_instruct_pix2pix.py", "dataset.toml"),
}
"""Files of HiGAN, of diffusers, and of an export."""
OF_A_RUN = {
    "stats/index/tally.safetensors",
    *("runs/", "weights/", "scores/", "data/", "manifest/", "boundary/", "curation/", "directions/"),
    *("report/", "stats/", "stats/lease/", "listing/", "codes/", "pilot/", "places/", "lights/", "upscaled/"),
    *("student/", "student/student.safetensors", "listing/bank.safetensors"),
}
"""Folders that are not the repository's, or need not be."""


def test_pages_are_found() -> None:
    assert {FIRST, SECOND, HISTORY, "CONTRIBUTING.md", "data/rooms_scorer.md"} <= set(NAMES)
    assert len(COMMANDS) > 60


@pytest.mark.parametrize("name", NAMES)
def test_links_and_pictures_are_there(name: str) -> None:
    for target in links(name):
        page, fragment = linked_page(name, target), target.partition("#")[2]
        assert page.exists(), target
        assert not fragment or fragment in anchors(page), target


def test_every_page_is_linked_from_the_first_or_the_second() -> None:
    linked = {linked_page(name, target).resolve() for name in (FIRST, SECOND) for target in links(name)}
    assert not [name for name in NAMES if name != FIRST and (ROOT / name) not in linked]


@pytest.mark.parametrize(("name", "command"), [pair for pair in COMMANDS if pair[1].startswith("higan-cam ")])
def test_the_command_line_takes_every_command(name: str, command: str) -> None:
    # SCORER stands for options that the page gives.
    parse(command_line(), words_of(command.replace(" SCORER", ""))[1:])


@pytest.mark.parametrize(("name", "command"), [pair for pair in COMMANDS if pair[1].startswith("python -m ")])
def test_python_has_every_module_and_the_jobs_take_their_options(name: str, command: str) -> None:
    module, *arguments = words_of(command)[2:]
    module = in_checkout(module)
    if module == "pytest":
        assert all((ROOT / argument).exists() for argument in arguments if argument.startswith("tests/"))
        return
    path = ROOT / module.replace(".", "/")
    assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
    if module == "tests.benchmarks":
        assert {argument for argument in arguments if argument.islower() and argument[0] != "-"} <= set(ROWS)
    if module.startswith("jobs."):
        take_job(importlib.import_module(module), arguments)


def test_make_has_every_target() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = {command.split()[1] for _, command in COMMANDS if command.startswith("make ")}
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("name", CURRENT)
def test_settings_that_are_named_exist(name: str) -> None:
    for code in inline_code(name):
        section, _, field = re.split(r"[=: ]", code.removeprefix("--set "))[0].partition(".")
        inner: Any = RunConfig.model_fields[section].annotation if section in RunConfig.model_fields else None
        if field.isidentifier() and field != "py" and hasattr(inner, "model_fields"):
            assert field in inner.model_fields, code


@pytest.mark.parametrize("name", NAMES)
def test_extras_that_are_installed_exist(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extras in re.findall(r"pip install (?:-e )?'[\w.-]+\[([\w,]+)\]'", text_of(name)):
        assert set(extras.split(",")) <= set(project["optional-dependencies"])


@pytest.mark.parametrize("name", CURRENT)
def test_files_that_are_named_exist(name: str) -> None:
    for path in files_named(inline_code(name)):
        assert [place for place in places(name, path) if place.exists()], path


@pytest.mark.parametrize("name", CURRENT)
def test_modules_that_are_named_exist(name: str) -> None:
    for dotted in re.findall(r"(?:higan_cam|jobs|tests)(?:\.\w+)+", " ".join(inline_code(name))):
        assert has_name(dotted), dotted


def test_names_that_moved_are_where_the_changelog_says() -> None:
    rows = table(HISTORY, "before")
    assert rows
    for before, now in rows:
        names = re.findall(r"`([\w.]+)`", now)
        if now.startswith("the same names of"):
            names = [f"{names[0]}.{name.rpartition('.')[2]}" for name in re.findall(r"`([\w.]+)`", before)]
        assert names
        assert not [name for name in names if not has_name(name)]


def test_first_page_is_short_and_has_the_commands_before_any_method() -> None:
    text = text_of(FIRST)
    assert len(text.splitlines()) <= LONGEST_FIRST_PAGE
    before = text[: text.index("| command | does |")]
    assert re.findall(r"^#+ (.+)$", before, re.M) == ["higan_cam", "What a run leaves behind", "Use it"]


def test_the_table_of_commands_has_every_command_and_options_that_it_takes() -> None:
    listed = set()
    for command, does in table(FIRST, "command"):
        names = [code.removeprefix("higan-cam ").split()[0] for code in re.findall(r"`([^`]+)`", command)]
        listed.update(names)
        for options in re.findall(r"`(--[^`]+)`", does):
            parse(command_line(), [*names, *words_of(options)])
    assert listed == set(command_line().commands)


def test_figures_on_the_first_page_are_those_of_the_page_on_masks() -> None:
    full = {row[0]: row for row in table("higan_cam/mask/README.md", "heat map")}
    rows = table(FIRST, "heat map")
    assert len(rows) == 3
    for row in rows:
        assert row == full[row[0]][: len(row)]


def test_the_tree_lists_exactly_the_rooms_and_their_folders() -> None:
    folders = [path.parent for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE]
    assert sorted(tree(SECOND)) == sorted(folder.relative_to(PACKAGE).as_posix() for folder in folders)


def test_the_table_of_floors_is_the_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (house,) = [each for each in project["tool"]["importlinter"]["contracts"] if each.get("exhaustive")]
    floors = [set(re.findall(r"\w+", floor)) for floor in house["layers"] if "__main__" not in floor]
    assert [set(re.findall(r"`(\w+)(?:/|\.py)`", row[0])) for row in table("CONTRIBUTING.md", "floor")] == floors


def test_the_walk_has_ten_changes_of_at_most_three_rooms_each() -> None:
    rows = table("CONTRIBUTING.md", "change")
    assert len(rows) == 10
    for change, files, tests in rows:
        assert "`tests/" in tests, change
        first = {path.split("/")[0] for path in re.findall(r"`([\w./]+)`", files) if "/" in path}
        assert 1 <= len({folder for folder in first if (PACKAGE / folder).is_dir()}) <= 3, change


@cache
def command_line() -> Any:
    """The whole of it, which takes a tenth of a second to build."""
    return get_command(app)


def parse(command: Any, words: list[str]) -> None:
    """Parse without running; one that is only named has to exist. Raises what the command line would say."""
    context = None
    while hasattr(command, "commands"):
        context = command.context_class(command, parent=context, resilient_parsing=True)
        name, *words = words
        assert name in command.commands, name
        command = command.commands[name]
    if words:
        values = command.make_context(command.name, list(words), parent=None).params
        settings = [each for each in values.get("set_") or () if each != "..."]
        load_config(None, settings, values.get("profile") or "default")


def take_job(module: Any, arguments: list[str]) -> None:
    """Parse the arguments of a job as itself would."""
    if stage := re.search(r'enter\("(\w+)"\)', Path(module.__file__).read_text(encoding="utf-8")):
        parse(command_line(), [stage[1], *arguments])
    elif arguments:
        job = typer.Typer()
        job.command()(module.main)
        parse(get_command(job), arguments)


def files_named(code: list[str]) -> list[str]:
    """Paths of files and folders, but those of other projects and of runs."""
    path = re.compile(r"[\w.-]+(/[\w.-]+)*(/|\.(py|sh|md|j2|toml|yaml|safetensors))")
    return [each for each in code if path.fullmatch(each) and each not in OF_OTHERS | OF_A_RUN]


def places(name: str, path: str) -> list[Path]:
    """Where a path on this page may lie. NAME is the reader's to choose: then the folder must be there."""
    path = path.partition("NAME")[0].rpartition("/")[0] if "NAME" in path else path
    return [base / path for base in ((ROOT / name).parent, ROOT, PACKAGE)]


def in_checkout(dotted: str) -> str:
    """Where a module of a wheel is here: the jobs lie beside the package."""
    return re.sub(r"^higan_cam\.jobs\b", "jobs", dotted)


def has_name(dotted: str) -> bool:
    """Whether it is a module, or a name in one."""
    dotted = in_checkout(dotted)
    home, _, name = dotted.rpartition(".")
    path = ROOT / dotted.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file() or hasattr(importlib.import_module(home), name)
