"""`python -m tests.benchmarks.monitors`: the monitors of a generator's training on faults planted in renders of rooms.

Everything is at 32 px and from seeds; `generators` trains DCGANs of known faults and prints their verdicts.
Predictions are written before the figures: higan_cam/train/README.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from higan_cam.generate import sample_latents, to_uint8
from higan_cam.measure.generation.collapse import collapse
from higan_cam.measure.generation.copies import copies
from higan_cam.measure.generation.factors import BINARY, CONTINUOUS, LIT, READ, compare_factors
from higan_cam.measure.generation.verdicts import Verdict, ranked_rightly
from higan_cam.rooms.scene import Z_DIM
from higan_cam.store.canonical import digest
from higan_cam.train.distill.reader import RoomReaderSettings, fit_room_reader, held_out_renders, rendered
from higan_cam.train.gan.export import settled
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.leaked import Sight, leaked, sight_of
from higan_cam.train.gan.leaks import LeakSettings, fit_detector
from higan_cam.train.gan.monitors import MonitorSettings, judged_by, verdicts
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.planted import PLANTED, plant, spoil
from higan_cam.train.gan.settings import recipe
from higan_cam.train.gan.watch import drawn
from higan_cam.train.reader import Reader, looked_at, read
from higan_cam.train.settings import Progress
from higan_cam.types import ByteArray

SETS, OF = 20, 500
SEED = 2**40
"""Of the rooms; no training uses it."""
GENERATORS: dict[str, dict[str, Any]] = {
    "4,000 renders, broken off": {"images": 1_500},
    "4,000 renders": {"images": 14_000},
    "4,000 renders, classic": {"images": 14_000, "augment": "classic"},
    "200 renders": {"images": 14_000},
}
PARTS = ("collapse", "copies", "leaks", "factors", "generators")


def rooms(first: int, count: int) -> ByteArray:
    """(count,32,32,3)."""
    return to_uint8(rendered(sample_latents(range(first, first + count), SEED, Z_DIM))[0])


def jittered(pictures: ByteArray, seed: int) -> ByteArray:
    """A little lighter or darker each (deviation .02 of 1), and noisy (.03)."""
    draw = np.random.default_rng(seed)
    noisy = pictures / 255 + draw.normal(0, 0.02, (len(pictures), 1, 1, 1)) + draw.normal(0, 0.03, pictures.shape)
    levels: ByteArray = (np.clip(noisy, 0, 1) * 255 + 0.5).astype(np.uint8)
    return levels


def say_collapse(reals: ByteArray, fresh: ByteArray) -> None:
    """k rooms repeated, and clean sets."""
    print("\n| k rooms repeated, 1,000 samples | pairs | support at most | verdict |\n| --- | --- | --- | --- |")
    for different in (1, 5, 20, 100, 500, 2000, 5000):
        chosen = np.random.default_rng(different).integers(0, different, 1000)
        found = collapse(jittered(fresh[chosen], different), reals)
        print(f"| {different} | {found.figure:.0f} | {found.evidence['support_at_most']} | {found.value} |")
    for few, known in (("4,000", reals), ("300", reals[:300])):
        clean = [collapse(one, known) for one in fresh.reshape(SETS, OF, 32, 32, 3)]
        pale = [collapse((one * 0.6 + 40).astype(np.uint8), known) for one in fresh.reshape(SETS, OF, 32, 32, 3)]
        alarms = [sum(one.fault for one in some) for some in (clean, pale)]
        print(f"{few} reals: {alarms[0]} alarms in {SETS} sets of {OF} rooms, {alarms[1]} in as many pale ones")


def say_copies(reals: ByteArray, held_out: ByteArray, fresh: ByteArray) -> None:
    """Planted shares, and clean sets."""
    print("\n| planted copies | read off | verdict |\n| --- | --- | --- |")
    for planted in (0, 5, 20, 100):
        count = 10 * planted
        found = copies(np.concatenate([jittered(reals[:count], 1), fresh[count:1000]]), reals, held_out)
        print(f"| {planted}% | {shown(found)} | {found.value} |")
    for known in (held_out, held_out[:64]):
        alarms = sum(copies(one, reals, known).fault for one in fresh.reshape(SETS, OF, 32, 32, 3))
        print(f"{len(known)} held out: {alarms} alarms in {SETS} sets of {OF} rooms")


def say_leaks(reals: ByteArray, held_out: ByteArray, fresh: ByteArray, folder: str) -> None:
    """Per picture, and over sets of 200 with few leaks."""
    settings = LeakSettings(output=folder, pictures_sha256=digest(reals.tobytes()))
    reader = timed("training the leak detector", lambda: fit_detector(settings, reals, ignore))
    sight = timed("its calibration", lambda: sight_of(reader, held_out, 0))
    draw, images = np.random.Generator(np.random.Philox(5)), looked_at(fresh)
    sets = [images[torch.from_numpy(draw.integers(0, len(images), 200))] for _ in range(2 * SETS)]
    spoilt = [spoil(one, one.flip(0), draw) for one in sets]
    said = {name: [told(reader, sight, one) for one in some] for name, some in (("whole", sets), ("spoilt", spoilt))}
    for name, some in said.items():
        print(f"{sum(one.fault for one in some)} alarms in {len(some)} {name} sets of 200")
    print(
        "\n| planted | area, pictures | sets of 200, 5% | 10% | named alone at 10% |\n| --- | --- | --- | --- | --- |"
    )
    for place, name in enumerate(PLANTED):
        clean = np.array([one.evidence["shares"][name][0] for one in said["spoilt"]])
        cells = []
        for share in (0.05, 0.1):
            some = [told(reader, sight, planted(one, place, share, draw)) for one in sets[:SETS]]
            cells.append(f"{ranked_rightly(clean, np.array([one.evidence['shares'][name][0] for one in some])):.3f}")
            right = sum(one.evidence["names"] == [name] for one in some)
        print(f"| {name} | {sight.area[place]:.4f} | {' | '.join(cells)} | {right} of {SETS} |")


def planted(images: torch.Tensor, place: int, share: float, draw: np.random.Generator) -> torch.Tensor:
    """Spoilt pictures, a share of which has that augmentation."""
    which = torch.zeros(len(images), len(PLANTED), dtype=torch.bool)
    which[: round(share * len(images)), place] = True
    return spoil(plant(images, which, draw), images.flip(0), draw)


def told(reader: Reader, sight: Sight, images: torch.Tensor) -> Verdict:
    """The verdict on pictures in [-1,1]."""
    return leaked(reader, sight, to_uint8(images))


def say_generators(reals: ByteArray, held_out: ByteArray, folder: str) -> dict[str, ByteArray]:
    """DCGANs of known faults; their samples. Those of the same pictures share a leak detector."""
    samples_of = {}
    for name, extra in GENERATORS.items():
        known = reals[:200] if name.startswith("200") else reals
        settings = recipe("dcgan", output=f"{folder}/{name}", pictures="rooms", side=32, z_dim=64, **extra)
        state = fit_gan(settings, Pictures(known, held_out, "", ()), ignore)
        samples = samples_of[name] = drawn(settings, settled(settings, state), range(1000))
        judged = judged_by(state.discriminator, known, held_out, samples)
        every = verdicts(known, held_out, samples, MonitorSettings(output=f"{folder}/{len(known)}"), ignore, judged)
        print(f"\n{name}, {settings.images / 1000:g} kimg\n\n| monitor | verdict | words |\n| --- | --- | --- |")
        print("\n".join(f"| {one.name} | {one.value} | {one.words} |" for one in every), flush=True)
    return samples_of


def say_factors(samples: dict[str, ByteArray], folder: str) -> None:
    """The reader of rooms: its own errors on renders, then sets of pictures against renders."""
    settings = RoomReaderSettings(output=f"{folder}/reader")
    reader = timed("training the reader of rooms", lambda: fit_room_reader(settings, ignore))
    images, truth = held_out_renders(4000)
    found, known = read(reader, images), truth.numpy()
    binary, decided = len(BINARY), (known < 0.01) | (known > 0.99)
    right = {
        name: float(((found > 0.5) == (known > 0.5))[decided[:, place], place].mean())
        for place, name in enumerate(READ[: binary + len(LIT)])
    }
    worst = sorted(right.items(), key=lambda item: item[1])[:3]
    print("right on decided renders, the worst: " + ", ".join(f"{name} {share:.4f}" for name, share in worst))
    bends = [np.corrcoef(found[:, place], known[:, place])[0, 1] for place in range(binary + len(LIT), len(READ))]
    print("correlation: " + ", ".join(f"{name} {one:.3f}" for name, one in zip(CONTINUOUS, bends, strict=True)))
    print("\n| samples | layout | objects | wall warmth | lamps lit | mean | undecided | decided samples | recall |")
    print("| --- " * 9 + "|")
    for name, some in {"renders": to_uint8(images[:2000]), **samples}.items():
        figures = compare_factors(read(reader, looked_at(some)), found[2000:])
        cells = " | ".join(f"{one:.3f}" for one in figures.distances.values())
        print(f"| {name} | {cells} | {figures.undecided.value:.1%} | {figures.decided:.0%} | {figures.recall:.2f} |")


def shown(found: Verdict) -> str:
    """The figure with its interval."""
    ends = found.interval
    return f"{found.figure:.1%}" + (f" [{ends.low:.1%}, {ends.high:.1%}]" if ends else "")


def ignore(_: Progress) -> None:
    """Nobody watches."""


def timed(name: str, act: Callable[[], Any]) -> Any:
    """What `act` gives, with its CPU seconds printed."""
    began = time.process_time()
    found = act()
    print(f"{name}: {time.process_time() - began:.1f} CPU s", flush=True)
    return found


def main() -> None:
    """Print the tables of the parts asked for."""
    parser = argparse.ArgumentParser(description="The monitors of a generator's training, on planted faults.")
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; default all, 5 CPU minutes")
    parts = parser.parse_args().parts or PARTS
    if unknown := sorted(set(parts) - set(PARTS)):
        parser.error(f"unknown parts {', '.join(unknown)}; known: {', '.join(PARTS)}")
    torch.set_num_threads(1)
    reals, held_out, fresh = rooms(0, 4000), rooms(4000, 1000), rooms(10_000, SETS * OF)
    with tempfile.TemporaryDirectory() as folder:
        if "collapse" in parts:
            timed("collapse", lambda: say_collapse(reals, fresh))
        if "copies" in parts:
            timed("copies", lambda: say_copies(reals, held_out, fresh))
        if "leaks" in parts:
            timed("leaks", lambda: say_leaks(reals, held_out, fresh, folder))
        samples = {"200 renders, repeated": np.repeat(reals[:200], 5, axis=0)}
        if "generators" in parts:
            samples |= say_generators(reals, held_out, folder)
        if "factors" in parts:
            timed("factors", lambda: say_factors(samples, folder))


if __name__ == "__main__":
    main()
