# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks cost that change nothing: API requests, and time beside ansible.builtin.ping and community.general, in one
run.

Usage: nox -s bench-task -- lxd, or incus. Writes its table into .cache/bench; docs/benchmarks.md has the results.
"""

from __future__ import annotations

import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from integration.modules import run_module  # noqa: E402 - the tests folder is no package of the collection
from lab.daemon import Daemon  # noqa: E402
from lab.folder import folder  # noqa: E402
from lab.proxy import Proxy  # noqa: E402

TASKS, ITEMS, ROUNDS = 20, 50, 5
CONFIG = {"limits.memory": "512MiB", "limits.cpu": 1, "user.role": "web"}
OURS, THEIRS, PING = "cloudhost.lxd.instance", "community.general.lxd_container", "ansible.builtin.ping"
HERE, THERE = "in the worker", "in a process of its own"


class Play:
    """A playbook whose tasks are all alike, what it takes, and what of the processor."""

    def __init__(
        self, place: pathlib.Path, title: str, module: str, direct: bool = True, tasks: int = 1, **arguments: Any
    ) -> None:
        self.title, self.tasks = title, tasks
        self.times: list[float] = []
        self.used: list[float] = []
        self.path = place / f"{title.replace(' ', '-').replace(',', '')}.yml"
        loop = {"loop": arguments.pop("loop")} if "loop" in arguments else {}
        task = {module: arguments, "vars": {"ansible_lxd_direct": direct}, **loop}
        self.path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [task] * tasks}]))

    def run(self) -> None:
        program = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
        command = [
            program,
            "-i",
            "localhost,",
            "-c",
            "local",
            "-e",
            f"ansible_python_interpreter={sys.executable}",
            str(self.path),
        ]
        begin, before = time.monotonic(), processor()
        environ = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": os.environ["PYTHONPATH"], "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode or "changed=0" not in (done.stdout if self.tasks else "changed=0"):
            raise RuntimeError(done.stdout[-4000:])
        self.times.append(time.monotonic() - begin)
        self.used.append(processor() - before)

    def cost(self, base: Play, count: int) -> tuple[float, float]:
        """Milliseconds of one of `count` tasks or items, and of the processor, Ansible's start taken off."""
        both = ((self.times, base.times), (self.used, base.used))
        wall, used = (1000 * (statistics.median(mine) - statistics.median(start)) / count for mine, start in both)
        return wall, used


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def prepared(daemon: Daemon, place: pathlib.Path) -> dict[str, Any]:
    """A daemon with an instance that is as a task says, and some more; the arguments of that task."""
    run_module("storage_pool", name="default", driver="dir", url=daemon.url)
    task = {"name": "web0", "source": {"type": "none"}, "state": "stopped", "config": CONFIG, "pool": "default"}
    for number in range(ITEMS):
        run_module("instance", url=daemon.url, **{**task, "name": f"web{number}"})
    proxy = Proxy(str(place / "proxy"), str(daemon.socket))
    try:
        assert run_module("instance", url=proxy.url, **task)["changed"] is False
        print(
            f"one unchanged instance task on {daemon.kind}: {len(proxy.requests)} request ({', '.join(proxy.requests)})"
        )
    finally:
        proxy.close()
    return {**task, "url": daemon.url}


def plays(place: pathlib.Path, task: dict[str, Any]) -> dict[str, Play]:
    """All that is measured, by name."""
    names = [f"web{number}" for number in range(ITEMS)]
    theirs = {
        "name": "web0",
        "state": "stopped",
        "url": task["url"].replace("unix://", "unix:"),
        "config": {key: str(value) for key, value in CONFIG.items()},
    }
    each = {"name": "{{ item }}", "loop": names}
    made = [
        Play(place, "none", PING, tasks=0),
        Play(place, "ping", PING, tasks=TASKS),
        Play(place, "ours", OURS, tasks=TASKS, **task),
        Play(place, "ours off", OURS, False, tasks=TASKS, **task),
        Play(place, "theirs", THEIRS, tasks=TASKS, **theirs),
        Play(place, "loop ours", OURS, **{**task, **each}),
        Play(place, "loop ours off", OURS, False, **{**task, **each}),
        Play(place, "loop theirs", THEIRS, **{**theirs, **each}),
    ]
    return {play.title: play for play in made}


def table(found: dict[str, Play]) -> str:
    base = found["none"]
    ping = found["ping"].cost(base, TASKS)
    lines = [
        f"| {TASKS} tasks, nothing to do | a task | of the processor | times a ping |",
        "| --- | --- | --- | --- |",
    ]
    titles = {
        "ping": f"`{PING}`",
        "ours": f"`{OURS}`, {HERE}",
        "ours off": f"`{OURS}`, {THERE}",
        "theirs": f"`{THEIRS}`",
    }
    for name, title in titles.items():
        wall, used = found[name].cost(base, TASKS)
        lines.append(f"| {title} | {wall:.0f} ms | {used:.0f} ms | {wall / ping[0]:.2f} |")
    lines += [
        "",
        f"| a loop over {ITEMS} instances, nothing to do | the whole play | an item | ratio |",
        "| --- | --- | --- | --- |",
    ]
    best = statistics.median(found["loop ours"].times)
    for name, title in (
        ("loop ours", titles["ours"]),
        ("loop ours off", titles["ours off"]),
        ("loop theirs", titles["theirs"]),
    ):
        whole = statistics.median(found[name].times)
        lines.append(f"| {title} | {whole:.2f} s | {found[name].cost(base, ITEMS)[0]:.0f} ms | {whole / best:.1f} |")
    return "\n".join(lines) + "\n"


def main(kind: str = "lxd", rounds: str = str(ROUNDS)) -> None:
    with folder("bench") as place:
        daemon = Daemon(kind, place)
        try:
            daemon.start()
            found = plays(place, prepared(daemon, place))
            for turn in range(int(rounds)):  # interleaved, so that a busy machine slows all alike
                for play in found.values():
                    play.run()
                    print(
                        f"{turn + 1} {play.title:15} {play.times[-1]:6.2f} s {play.used[-1]:6.2f} s of the processor "
                        f"(load {os.getloadavg()[0]:.1f})",
                        flush=True,
                    )
        finally:
            daemon.stop()
    base = found["none"]
    text = f"{kind}, Python {platform.python_version()}; median of {rounds} runs, Ansible's start of "
    text += f"{statistics.median(base.times):.2f} s taken off where it says a task or an item.\n\n{table(found)}"
    kept = ROOT / ".cache" / "bench" / f"task-{kind}.md"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(text)
    print(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
