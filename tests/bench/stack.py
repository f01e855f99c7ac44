# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a stack costs beside a loop over modules and beside the daemon's own client, in one run; docs/benchmarks.md has
the results.

Usage: nox -s bench -- lxd, or incus; --quick for a small N; --only PART to measure that part again. Writes tables and a
plot into .cache/bench.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import signal
import statistics
import sys
import tempfile
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "bench")]

import plot  # noqa: E402 - the tests folder is no package of the collection
from contenders import Ansible, Community, Module, Native, Stack, seconds  # noqa: E402
from integration.modules import run_module  # noqa: E402
from lab.daemon import Daemon  # noqa: E402
from lab.proxy import Proxy  # noqa: E402
from planning import planner_table  # noqa: E402

WORKS = ("create", "converge", "delete")
PANELS = {
    "create": "create and start N containers",
    "converge": "run again, nothing to do",
    "delete": "delete N running containers",
}


class Bench:
    """Figures as they are measured; they are kept at once, so that a run that breaks off leaves something."""

    def __init__(self, daemon: Daemon, folder: pathlib.Path, quick: bool, place: pathlib.Path) -> None:
        self.daemon, self.folder, self.quick, self.place = daemon, folder, quick, place
        self.figures: dict[str, dict[str, dict[int, float]]] = {work: {} for work in WORKS}
        self.used: dict[str, dict[str, dict[int, float]]] = {work: {} for work in WORKS}
        self.notes: dict[str, Any] = {}
        self.tables: dict[str, str] = {}
        self.contenders = [
            Native(daemon, folder),
            Stack(daemon, folder),
            Module(daemon, folder),
            Community(daemon, folder),
        ]

    def keep(self) -> None:
        self.place.write_text(
            json.dumps(
                {"figures": self.figures, "used": self.used, "notes": self.notes, "tables": self.tables}, indent=1
            )
        )

    def recall(self) -> None:
        """What an earlier run measured."""
        if self.place.exists():
            kept = json.loads(self.place.read_text())
            self.notes, self.tables = kept["notes"], kept["tables"]
            self.figures, self.used = (
                {
                    work: {
                        title: {int(n): value for n, value in line.items()} for title, line in kept[what][work].items()
                    }
                    for work in WORKS
                }
                for what in ("figures", "used")
            )

    def measure(self, contender: Any, work: str, names: list[str], **options: Any) -> float:
        before = processor()
        taken = seconds(getattr(contender, work), names, **options)
        used = processor() - before
        self.used[work].setdefault(contender.title, {})[len(names)] = used
        print(
            f"{contender.title:45} {work:9} N={len(names):<4} {taken:7.2f} s {used:7.2f} s of processor   (load "
            f"{os.getloadavg()[0]:.1f})",
            flush=True,
        )
        return taken

    def startup(self) -> None:
        """What every playbook costs: without a task, and with one that does nothing."""
        ansible = Ansible(self.daemon, self.folder)
        for name, tasks in (("empty", []), ("ping", [{"ansible.builtin.ping": {}}])):
            self.notes[name] = statistics.median(seconds(ansible.play, *tasks) for _round in range(5))
            print(f"a play with {name if name == 'ping' else 'no task'}: {self.notes[name]:.2f} s", flush=True)

    def running(self, sizes: list[int], rounds: int) -> None:
        """Create, run again and delete, for each size and contender. The quick ones are measured several times, in
        turns.
        """
        for size in sizes:
            names = [f"c{number}" for number in range(size)]
            taken: dict[tuple[str, str], list[float]] = {}
            for turn in range(rounds):
                for contender in self.contenders if turn == 0 else self.contenders[:2]:
                    for work in WORKS:
                        taken.setdefault((work, contender.title), []).append(self.measure(contender, work, names))
            for (work, title), values in taken.items():
                self.figures[work].setdefault(title, {})[size] = statistics.median(values)
            self.keep()

    def standing(self, size: int) -> None:
        """Run again on many stopped containers."""
        names = [f"s{number}" for number in range(size)]
        self.contenders[1].create(names, state="stopped")
        for contender in self.contenders:
            self.figures["converge"].setdefault(contender.title, {})[size] = self.measure(
                contender, "converge", names, state="stopped"
            )
        self.contenders[1].delete(names)

    def many(self, size: int) -> None:
        """Stopped, empty instances, and the requests that one task makes when nothing is to be done."""
        names, empty = [f"e{number}" for number in range(size)], {"state": "stopped", "source": {"type": "none"}}
        proxy = Proxy(str(self.folder / "proxy"), str(self.daemon.socket))
        try:
            stack = Stack(self.daemon, self.folder)
            self.notes["many"], self.notes["many made"] = size, self.measure(stack, "create", names, **empty)
            self.notes["many again"] = statistics.median(
                self.measure(stack, "converge", names, **empty) for _round in range(3)
            )
            Stack(self.daemon, self.folder, proxy.url).converge(names, **empty)
            self.notes["many requests"] = list(proxy.requests)
            self.notes["many gone"] = self.measure(stack, "delete", names)
        finally:
            proxy.close()

    def parallels(self, size: int, rounds: int) -> None:
        """By how many at a time: the stack and the daemon's client."""
        names = [f"p{number}" for number in range(size)]
        rows = []
        stack, native = Stack(self.daemon, self.folder), Native(self.daemon, self.folder)
        choices = (1, 2, 4, 8, 16)
        taken: dict[tuple[int, str], list[float]] = {}
        for _round in range(rounds):
            for parallel in choices:
                stack.parallel = native.parallel = parallel
                for contender in (native, stack):
                    for work in ("create", "delete"):
                        taken.setdefault((parallel, f"{contender.title} {work}"), []).append(
                            self.measure(contender, work, names)
                        )
        for parallel in choices:
            cells = [statistics.median(values) for (at_once, _what), values in taken.items() if at_once == parallel]
            rows.append([str(parallel), *(f"{cell:.1f} s" for cell in cells)])
        heading = [
            "parallel",
            f"{self.daemon.client}: create {size}",
            f"{self.daemon.client}: delete",
            f"stack: create {size}",
            "stack: delete",
        ]
        self.tables["parallel"] = table(heading, rows)

    # -- results ------------------------------------------------------------------------------------------------------

    def report(self) -> str:
        titles = [contender.title for contender in self.contenders]
        native, stack, module, community = titles
        rows, used = [], []
        for work in WORKS:
            for size in sorted({size for line in self.figures[work].values() for size in line}):
                cells = {title: line[size] for title, line in self.figures[work].items() if size in line}
                own = max(cells.get(stack, 0) - self.notes["ping"], 0.01)
                row = [work, str(size), *(f"{cells[title]:.2f} s" if title in cells else "" for title in titles)]
                row.append(f"{own / cells[native]:.2f}" if work != "converge" and stack in cells else "")
                rows.append(
                    row
                    + [
                        f"{cells[title] / cells[stack]:.1f}" if title in cells and stack in cells else ""
                        for title in (module, community)
                    ]
                )
                cells = {title: line[size] for title, line in self.used[work].items() if size in line}
                used.append([work, str(size), *(f"{cells[title]:.2f} s" if title in cells else "" for title in titles)])
        heading = ["work", "N", native, "stack", "our module, loop", "community.general, loop"]
        ratios = ["(stack - start) / native", "our loop / stack", "community.general / stack"]
        lines = [f"{self.notes['machine']}; load average {self.notes['load']}.", ""]
        lines += [
            f"A play with no task takes {self.notes['empty']:.2f} s, one with a ping {self.notes['ping']:.2f} s (the "
            "start).",
            "",
        ]
        lines += [
            table([*heading, *ratios], rows),
            "Time of the processor that the command took, the daemon's not counted:",
            "",
            table(heading, used),
        ]
        if "many gone" in self.notes:
            requests = ", ".join(f"`{request}`" for request in self.notes["many requests"])
            lines.append(
                f"{self.notes['many']} stopped, empty instances: made in {self.notes['many made']:.1f} s, run again "
                f"in {self.notes['many again']:.2f} s "
                f"with {len(self.notes['many requests'])} requests ({requests}), deleted in "
                f"{self.notes['many gone']:.1f} s.\n"
            )
        return "\n".join([*lines, *self.tables.values()])

    def write(self) -> None:
        """What there is, as tables and as a plot."""
        self.notes.setdefault("load", []).append(round(os.getloadavg()[0], 1))
        self.keep()
        text = self.report()
        print(text)
        self.place.with_suffix(".md").write_text(text)
        panels = {
            PANELS[work]: {title: list(line.items()) for title, line in self.figures[work].items()}
            for work in WORKS
            if self.figures[work]
        }
        colors = {contender.title: contender.color for contender in self.contenders}
        if panels:
            title = f"Seconds by number of containers, {self.daemon.kind}, start of Ansible included"
            self.place.with_name(f"stack-{self.daemon.kind}.svg").write_text(plot.svg(title, panels, colors))


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(heading: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [heading, ["---"] * len(heading), *rows]) + "\n"


def machine(daemon: Daemon) -> str:
    import ansible.release

    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    environment = daemon.query("/1.0")["environment"]
    return (
        f"{environment['server']} {environment['server_version']}, ansible-core {ansible.release.__version__}, "
        f"Python {platform.python_version()}, "
        f"Linux {platform.release()}, {os.cpu_count()} cores ({model[1] if model else '?'}), {memory:.0f} GiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="?", default="lxd", choices=["lxd", "incus"])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", choices=["running", "standing", "many", "parallel", "planner"])
    parser.add_argument(
        "--size", action="append", type=int, help="how many running containers; the default is 1, 5, 20 and 50"
    )
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # the daemon is ended in any case
        signal.signal(number, lambda _number, _frame: sys.exit("stopped"))
    parts = options.only or ["planner", "running", "standing", "many", "parallel"]
    image = pathlib.Path(os.environ["CLOUDHOST_TEST_IMAGE"])
    place = ROOT / ".cache" / "bench"
    place.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cloudhost-bench-", dir="/var/tmp"))
    folder.chmod(0o711)
    daemon = Daemon(options.kind, folder)
    try:
        daemon.start()
        url = {"url": daemon.url}
        run_module("storage_pool", name="default", driver="btrfs", config={"size": "16GiB"}, **url)
        run_module("network", name="lxdbr0", config={"ipv4.address": "10.158.1.1/24", "ipv6.address": "none"}, **url)
        devices = {
            "root": {"type": "disk", "path": "/", "pool": "default"},
            "eth0": {"type": "nic", "network": "lxdbr0"},
        }
        run_module("profile", name="default", devices=devices, **url)
        run_module(
            "image", name="debian/12", file=str(image / "metadata.tar.gz"), rootfs=str(image / "rootfs.squashfs"), **url
        )
        bench = Bench(daemon, folder, options.quick, place / f"{options.kind}.json")
        if options.only:
            bench.recall()
        bench.notes["machine"], bench.notes["load"] = machine(daemon), [round(os.getloadavg()[0], 1)]
        bench.contenders[0].create(["warm"])  # the image is unpacked once
        bench.contenders[0].delete(["warm"])
        bench.startup()
        try:
            if "planner" in parts:
                bench.tables["planner"] = planner_table(
                    table, (100, 1000) if options.quick else (100, 300, 1000, 3000, 10000)
                )
            if "running" in parts:
                bench.running(options.size or ([1, 3] if options.quick else [1, 5, 20, 50]), 1 if options.quick else 3)
            if "standing" in parts:
                bench.standing(5 if options.quick else 100)
            if "many" in parts:
                bench.many(20 if options.quick else 500)
            if "parallel" in parts:
                bench.parallels(4 if options.quick else 20, 1)
        finally:
            bench.write()
    finally:
        daemon.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
