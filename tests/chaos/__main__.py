"""`python -m tests.chaos --kills 50 --seed 7 --json out.json`: a campaign in namespaces of its own, and its table.

Every round is appended to `out.jsonl` as it ends; the same command goes on behind the last one there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.chaos import namespace
from tests.chaos.campaign import SHARDS, Campaign, Settings, draw_plan
from tests.chaos.faults import FAULTS
from tests.chaos.results import read_rounds, table

DRAWS = 5
"""Points tried per fault; one that comes when the run is over, or has no victim, does not count."""


def main() -> int:
    """Status 0 when every fault landed and every run is as it should be."""
    options = _options()
    obstacle = None if namespace.inside() else namespace.obstacle()
    if obstacle:
        print(f"chaos: {obstacle}", file=sys.stderr)
        return 2
    if not namespace.inside():
        command = namespace.within([sys.executable, "-m", "tests.chaos", *sys.argv[1:]])
        os.execvp(command[0], command)  # noqa: S606 - the same program again, inside
    lines = options.json.with_suffix(".jsonl")
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        settings = Settings(
            folder=Path(folder),
            seed=options.seed,
            faults=tuple(options.faults.split(",")),
            stores=tuple(options.stores.split(",")),
            whole_share=options.whole_share,
            timed=not options.untimed,
            outage_s=options.outage,
            stall_s=options.stall,
            overrides=tuple(options.set or ()),
        )
        for played in _rounds(settings, options.kills, lines):
            with lines.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps(played) + "\n")
            print(_line(played), flush=True)
    rounds = [played for played in read_rounds(lines) if played["landed"]]
    print("\n" + table(rounds))
    options.json.write_text(json.dumps({"seed": options.seed, "rounds": rounds}, indent=1) + "\n", encoding="utf-8")
    return 0 if len(rounds) >= options.kills and all(played["good"] for played in rounds) else 1


def _rounds(settings: Settings, kills: int, lines: Path) -> Iterator[dict[str, Any]]:
    """Rounds that are not in `lines` yet, until so many faults have landed; one that missed is drawn again."""
    tried = Counter(played["plan"]["index"] for played in read_rounds(lines))
    landed = {played["plan"]["index"] for played in read_rounds(lines) if played["landed"]}
    missing = [index for index in range(kills) if index not in landed]
    if not missing:
        return
    with Campaign(settings) as campaign:
        for index in missing:
            for draw in range(tried[index], DRAWS):
                played = campaign.play(draw_plan(settings, index, draw))
                yield {**asdict(played), "good": played.good}
                if played.landed:
                    break


def _line(played: dict[str, Any]) -> str:
    plan = played["plan"]
    point = f"{plan['stage']} {played['committed'][plan['stage']]}/{SHARDS} +{plan['delay_s']:.1f} s, {plan['on']}"
    exits = f"exits {played['exits']}" + (f", others {played['others']}" if played["others"] else "")
    verdict = "ok" if played["good"] else f"FAILED\n{played['difference']}\n{played['tail']}"
    return f"{plan['index']:3d} {plan['fault']} at {point}: {played['did']}; {played['seconds']} s, {exits}: {verdict}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Break runs at random; compare bytes.")
    parser.add_argument("--kills", type=int, default=50, help="faults that must land")
    parser.add_argument("--seed", type=int, default=7, help="of the random points")
    parser.add_argument("--json", type=Path, required=True, help="file for the results; rounds go to .jsonl beside it")
    parser.add_argument("--faults", default=",".join(FAULTS), help="which, in turn (default: all)")
    parser.add_argument("--stores", default="local,s3", help="where outputs lie, in turn")
    parser.add_argument("--whole-share", type=float, default=0.2, help="share of runs that begin with nothing")
    parser.add_argument("--outage", type=float, default=60.0, help="seconds that the store or the disk is gone")
    parser.add_argument("--stall", type=float, default=60.0, help="seconds that an actor is frozen at most")
    parser.add_argument("--untimed", action="store_true", help="do not time undisturbed runs")
    parser.add_argument("--set", action="append", metavar="FIELD=VALUE", help="configuration of every run; repeatable")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
