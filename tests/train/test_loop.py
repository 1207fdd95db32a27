"""The loop of all trainers: what it does at which step, and that an interruption anywhere changes nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from higan_cam.errors import ConfigError
from higan_cam.train.checkpoints import Part, Parts, load_checkpoint
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.settings import Progress, World

STEPS = 10


@dataclass(frozen=True)
class Told:
    """Settings of a trainer that the loop has never heard of."""

    output: str
    checkpoint_every: int = 4
    seed: int = 0


class Pair(Parts):
    """Two networks with an optimiser each, as an adversarial trainer has."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.step = 0
        self.networks = (nn.Linear(3, 3), nn.Linear(3, 1))
        self.optimizers = tuple(torch.optim.Adam(network.parameters()) for network in self.networks)
        names = ("drawing", "judging", "drawing_optimizer", "judging_optimizer")
        self.named: dict[str, Part] = dict(zip(names, self.networks + self.optimizers, strict=True))

    @property
    def parts(self) -> dict[str, Part]:
        return self.named


def one_step(pair: Pair, step: int) -> Tensor:
    """Both sides in turn, on numbers that the step alone decides."""
    z = torch.randn((4, 3), generator=torch.Generator().manual_seed(step))
    for sign, optimizer in zip((1, -1), pair.optimizers, strict=True):
        optimizer.zero_grad()
        loss: Tensor = sign * pair.networks[1](pair.networks[0](z)).square().mean()
        loss.backward()
        optimizer.step()
    return loss.detach()


def plan(pair: Pair, **changes: Any) -> Plan:
    usual = Plan(name="pair", steps=STEPS, rate=lambda step: 0.1 / (1 + step), optimizers=pair.optimizers)
    return replace(usual, **changes)


def ignore(_: Progress) -> None:
    """Nobody watches."""


Step = Callable[[int], Tensor]


def run(told: Told, around: Callable[[Step], Step] = lambda step: step, world: World = World()) -> Pair:  # noqa: B008
    """What a trainer's command does."""
    pair = Pair(told.seed)
    resume(told, pair)
    train(told, pair, around(partial(one_step, pair)), plan(pair), ignore, world)
    return pair


def failing_at(number: int) -> Callable[[Step], Step]:
    """Of the steps from this one on, all fail."""

    def around(step: Step) -> Step:
        def failing(now: int) -> Tensor:
            if now >= number:
                raise FloatingPointError("on purpose")
            return step(now)

        return failing

    return around


def differing(left: dict[str, Any], right: dict[str, Any]) -> list[str]:
    """Names of the networks' tensors that differ in any bit."""
    return [
        f"{part}.{name}"
        for part in ("drawing", "judging")
        for name, tensor in left[part].items()
        if not torch.equal(tensor, right[part][name])
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The last checkpoint of a run that nothing interrupted."""
    told = Told(str(tmp_path_factory.mktemp("whole")))
    run(told)
    return load_checkpoint(told) or {}


@pytest.mark.parametrize("number", range(STEPS))
def test_a_failing_step_leaves_the_last_checkpoint_and_the_same_command_goes_on_to_the_same_weights(
    number: int, whole: dict[str, Any], tmp_path: Path
) -> None:
    told = Told(str(tmp_path))
    with pytest.raises(FloatingPointError):
        run(told, failing_at(number))
    left = load_checkpoint(told)
    assert (0 if left is None else left["step"]) == number // 4 * 4
    resumed = run(told)
    assert resumed.step == STEPS
    assert differing(whole, resumed.snapshot()) == []


def killed(told: Told, writing: bool) -> None:
    """Ends as by kill -9: in the sixth step, or half-way through the second checkpoint."""
    if writing:
        real, synced = os.fsync, list[int]()

        def sync(descriptor: int) -> None:
            synced.append(descriptor)
            if len(synced) == 3:  # the first checkpoint took two: its file's and its folder's
                os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            real(descriptor)

        os.fsync = sync  # type: ignore[assignment]
        run(told)

    def around(step: Step) -> Step:
        def ending(now: int) -> Tensor:
            if now == 5:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(now)

        return ending

    run(told, around)


@pytest.mark.slow  # a process that imports torch
@pytest.mark.parametrize("writing", [False, True], ids=["in a step", "while it writes"])
def test_killed_and_run_again_it_ends_in_the_same_weights(writing: bool, whole: dict[str, Any], tmp_path: Path) -> None:
    told = Told(str(tmp_path))
    process = multiprocessing.get_context("spawn").Process(target=killed, args=(told, writing))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert (load_checkpoint(told) or {})["step"] == 4
    assert differing(whole, run(told).snapshot()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_checkpoints_are_written_at_their_steps_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    monkeypatch.setattr("higan_cam.train.loop.save_checkpoint", lambda _, state: written.append(state["step"]))
    run(Told(str(tmp_path)))
    assert written == [4, 8, 10]


def test_a_finished_run_takes_no_step_and_writes_nothing(tmp_path: Path) -> None:
    told = Told(str(tmp_path))
    run(told)
    before = (tmp_path / "checkpoint.pt").stat()
    assert run(told, failing_at(STEPS)).step == STEPS
    after = (tmp_path / "checkpoint.pt").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_other_ranks_train_alike_but_write_and_report_nothing(whole: dict[str, Any], tmp_path: Path) -> None:
    pair, lines = Pair(0), list[Progress]()
    told = Told(str(tmp_path / "none"))
    train(told, pair, partial(one_step, pair), plan(pair, report_every=1), lines.append, World(1, 2))
    assert differing(whole, pair.snapshot()) == []
    assert lines == []
    assert list(tmp_path.iterdir()) == []


def test_every_so_many_steps_are_reported_with_loss_time_and_the_trainers_own_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, pair, lines = Told(str(tmp_path)), Pair(0), list[Progress]()
    pair.step = 2  # gone on from there: the steps before took no time of this process
    clock = iter([100.0, 106.0, 115.0])
    monkeypatch.setattr("higan_cam.train.loop.time.monotonic", lambda: next(clock))
    spoken = plan(pair, report_every=4, numbers=lambda done: {"done": float(done)} if done == 8 else {})
    train(told, pair, lambda step: torch.tensor(float(step)), spoken, lines.append, World())
    assert lines == [
        Progress("pair", 4, STEPS, {"loss": 3.0, "seconds_per_step": 3.0}),
        Progress("pair", 8, STEPS, {"loss": 7.0, "seconds_per_step": 2.5, "done": 8.0}),
    ]


def test_every_optimiser_has_the_rate_of_the_step_when_it_is_taken(tmp_path: Path) -> None:
    pair, rates = Pair(0), list[list[float]]()
    pair.optimizers[1].param_groups[0]["factor"] = 4.0

    def note(step: int) -> Tensor:
        rates.append([optimizer.param_groups[0]["lr"] for optimizer in pair.optimizers])
        return torch.zeros(())

    train(Told(str(tmp_path)), pair, note, plan(pair, steps=3, rate=lambda step: 1.0 + step), ignore, World())
    assert rates == [[1.0, 4.0], [2.0, 8.0], [3.0, 12.0]]


def test_going_on_with_other_settings_is_refused_and_the_checkpoint_stays(tmp_path: Path) -> None:
    told = Told(str(tmp_path))
    run(told)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(ConfigError, match="seed: 0 there, 3 asked for"):
        run(replace(told, seed=3))
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_a_step_ahead_of_its_checkpoint_is_not_in_it(tmp_path: Path) -> None:
    """What is saved is the state after whole steps, with their number."""
    told = Told(str(tmp_path))
    with pytest.raises(FloatingPointError):
        run(told, failing_at(6))
    saved, four = load_checkpoint(told) or {}, Pair(0)
    for number in range(4):
        for optimizer in four.optimizers:
            optimizer.param_groups[0]["lr"] = 0.1 / (1 + number)
        one_step(four, number)
    assert differing(saved, four.snapshot()) == []
