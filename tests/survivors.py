# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results of a mutation run: kept in .cache/mutation, compared with the reasons in mutants.txt, and reported."""

from __future__ import annotations

import json
import pathlib
from typing import Any

from mutants import Mutant

ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "mutation"
RESULTS = CACHE / "results.jsonl"
EXPLAINED = ROOT / "tests" / "mutants.txt"
#: The modules that are changed, below plugins/module_utils.
TARGETS = (
    *(
        "_api.client",
        "_api.tls",
        "_engine.values",
        "_engine.secrets",
        "_engine.fields",
        "_engine.declaration",
        "_engine.api_object",
        "_engine.resource",
        "_engine.refused_writes",
        "_engine.converge",
    ),
    *("_stack.planner", "_stack.applier"),
)
#: The least share of mutants that have to be killed.
SHARE = 0.9
SURVIVED = ("survived", "never run")


def read_results() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()] if RESULTS.exists() else []


def write_result(mutant: Mutant, verdict: str, words: str) -> None:
    with open(RESULTS, "a", encoding="utf-8") as stream:
        stream.write(json.dumps({"mutant": mutant.name, "line": mutant.line, "verdict": verdict, "by": words}) + "\n")


def explained() -> set[str]:
    """The names of mutants in mutants.txt. An indented reason is for all names between it and the reason before it."""
    found: set[str] = set()
    waiting: list[str] = []
    for line in EXPLAINED.read_text("utf-8").splitlines():
        if line.startswith(" "):
            found.update(waiting)
            waiting.clear()
        elif line and not line.startswith("#"):
            waiting.append(line)
    return found


def report(names: set[str]) -> int:
    """Print what survived; 1 where too much did, or what nobody has explained."""
    results = {line["mutant"]: line for line in read_results() if line["mutant"] in names}
    alive = {name: line for name, line in results.items() if line["verdict"] in SURVIVED}
    known = explained()
    for name, line in sorted(alive.items(), key=lambda entry: (entry[0].split(".")[0], entry[1]["line"])):
        if name not in known:
            print(f"{line['verdict']}: line {line['line']}: {name}")
    for name in sorted(known - set(alive)):
        if name in results or name not in names:
            print(f"in mutants.txt, and {'killed' if name in names else 'no longer there'}: {name}")
    for target in (*TARGETS, ""):
        mine = [line for name, line in results.items() if name.startswith(target)]
        if mine:
            killed = sum(line["verdict"] == "killed" for line in mine)
            print(f"{target or 'all':<12} {killed:>5} of {len(mine):>5} killed, {100 * killed / len(mine):.1f} %")
    share = 1 - len(alive) / len(results) if results else 0
    return int(share < SHARE or not set(alive) <= known)
