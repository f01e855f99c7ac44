# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection plugin beside that of community.general, and beside the daemon's exec without any client, in one run.

Usage, as root: nox -s bench-reach -- [lxd|incus] [ROUNDS]. CLOUDHOST_TEST_IMAGE is an image with python3.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, Callable

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from ansible.module_utils.common.text.converters import to_text  # noqa: E402 - the tests folder is no package of the collection
from ansible.playbook.play_context import PlayContext  # noqa: E402
from ansible.plugins.loader import connection_loader, init_plugin_loader  # noqa: E402

init_plugin_loader([])

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.connect import connect as engine  # noqa: E402
from integration.modules import run_module  # noqa: E402
from lab.daemon import Daemon  # noqa: E402

INSTANCES, COMMANDS, SIZE, HOSTS = 10, 40, 100 * 1024 * 1024, 200
WORKERS, EACH = 8, 200
OURS = "cloudhost.lxd.api"
#: Twenty tasks of what plays are made of.
TASKS = [
    {"ansible.builtin.command": "true"},
    {"ansible.builtin.copy": {"content": "some text\n", "dest": "{{ place }}/file"}},
    {"ansible.builtin.file": {"path": "{{ place }}/folder", "state": "directory"}},
    {"ansible.builtin.lineinfile": {"path": "{{ place }}/file", "line": "one more"}},
    {"ansible.builtin.stat": {"path": "{{ place }}/file"}},
] * 4


def prepare(daemon: Daemon, image: pathlib.Path) -> list[str]:
    url = {"url": daemon.url, "timeout": 300}
    run_module("storage_pool", name="default", driver="btrfs", config={"size": "8GiB"}, **url)
    run_module("profile", name="default", devices={"root": {"type": "disk", "path": "/", "pool": "default"}}, **url)
    run_module(
        "image", name="debian/12", file=str(image / "metadata.tar.gz"), rootfs=str(image / "rootfs.squashfs"), **url
    )
    names = [f"c{number}" for number in range(1, INSTANCES + 1)]
    for name in names:  # with sleep as its init: what is measured is the way to a container, not what runs in it
        run_module(
            "instance", name=name, image="debian/12", config={"raw.lxc": "lxc.init.cmd = /bin/sleep infinity"}, **url
        )
    return names


def plugin(name: str, daemon: Daemon, host: str = "c1", **options: Any) -> Any:
    connection = connection_loader.get(name, PlayContext(), "/dev/null")
    connection.set_options(var_options={"inventory_hostname": host, "ansible_lxd_url": daemon.url, **options})
    return connection


def as_a_user(daemon: Daemon) -> dict[str, str]:
    """The environment without what tests set, or a developer's terminal: the first three change how fast every
    Python is that inherits them.
    """
    left_out = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "ANSIBLE_PIPELINING")
    return {name: value for name, value in daemon.environ().items() if name not in left_out}


def program(name: str, *arguments: str, environ: dict[str, str]) -> None:
    """Run a program of Ansible, and end it with all that it started if it hangs, as `lxc exec` does now and then."""
    command = [str(pathlib.Path(sys.executable).with_name(name)), *arguments]
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            said, _errors = process.communicate(timeout=240)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, [line for line in said.splitlines() if line.startswith("fatal") or "ERROR" in line]


def medians(rounds: int, work: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Seconds, interleaved, so that a busy machine slows all alike. What hangs or fails is said, and not counted."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for _round in range(rounds):
        for name, run in work.items():
            start = time.monotonic()
            try:
                run()
            except (subprocess.TimeoutExpired, AssertionError) as exc:
                print(f"{name} did not come to its end: {exc}", flush=True)
                continue
            times[name].append(time.monotonic() - start)
    assert times[next(iter(work))], "ours never came to its end, so there is nothing to compare with"
    return {name: statistics.median(values) for name, values in times.items() if values}


def table(title: str, unit: str, factor: float, figures: dict[str, float]) -> None:
    """Each figure, and how many times ours it is."""
    ours = next(iter(figures.values()))
    print(f"\n{title}\n| way | {unit} | times ours |\n| --- | --- | --- |")
    for name, seconds in figures.items():
        print(f"| {name} | {seconds * factor:.1f} | {seconds / ours:.2f} |", flush=True)


def lost(daemon: Daemon, name: str, **options: Any) -> int:
    """Of how many commands, some at a time, the output does not come. A client that hangs is killed."""
    answers: list[bool] = []

    def work(connection: Any) -> None:
        answers.extend(
            to_text(connection.exec_command(f"/bin/sh -c 'echo {number}'")[1]) == f"{number}\n"
            for number in range(EACH)
        )

    with ThreadPoolExecutor(WORKERS) as pool:
        pending = {
            pool.submit(work, plugin(name, daemon, f"c{worker % INSTANCES + 1}", **options))
            for worker in range(WORKERS)
        }
        while pending:
            before = len(answers)
            done, pending = wait(pending, timeout=20)
            for future in done:
                future.result()
            if len(answers) == before and not done:
                subprocess.run(
                    ["pkill", "-KILL", "--parent", str(os.getpid()), "--full", f"{daemon.client}.* exec "], check=False
                )
    return answers.count(False)


def bare(daemon: Daemon, recorded: bool) -> Callable[[], None]:
    """The daemon's own exec over a kept connection: without streams, or with its output recorded in files and read."""
    client = engine({"url": daemon.url, "timeout": 600, "trust_token": None})
    body = {
        "command": ["/bin/sh", "-c", "true"],
        "wait-for-websocket": False,
        "interactive": False,
        "record-output": recorded,
    }

    def run() -> None:
        done = client.write("POST", "/1.0/instances/c1/exec", body)
        for path in (done.get("output") or {}).values():
            client.fetch(path)

    return run


def files(
    daemon: Daemon, folder: pathlib.Path, names: dict[str, str]
) -> tuple[dict[str, Callable[[], Any]], dict[str, Callable[[], Any]]]:
    with (folder / "large").open("wb") as stream:
        for _count in range(SIZE // 1048576):
            stream.write(os.urandom(1048576))
    made = {label: plugin(name, daemon) for label, name in names.items()}
    push = {label: (lambda c=c: c.put_file(str(folder / "large"), "/root/large")) for label, c in made.items()}
    pull = {label: (lambda c=c: c.fetch_file("/root/large", str(folder / "back"))) for label, c in made.items()}
    return push, pull


def plays(daemon: Daemon, folder: pathlib.Path, hosts: list[str], theirs: str) -> dict[str, Callable[[], Any]]:
    (folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": TASKS}]))
    common = {"ansible_python_interpreter": "/usr/bin/python3", "ansible_lxd_url": daemon.url, "place": "/root"}
    found = {"plugin": "cloudhost.lxd.instances", "servers": [{"url": daemon.url}], "compose": {"place": "'/root'"}}
    inventories = {
        "api, hosts by the inventory plugin": ("instances.yml", found),
        "api, hosts by hand": ("api.yml", {"ansible_connection": OURS}),
        "api, each command an exec of its own": (
            "single.yml",
            {"ansible_connection": OURS, "ansible_lxd_keep_open": False},
        ),
        "api, modules forked, code not cached": (
            "forked.yml",
            {"ansible_connection": OURS, "ansible_lxd_cache_code": False},
        ),
        "api, modules started": (
            "started.yml",
            {"ansible_connection": OURS, "ansible_lxd_fork_modules": False},
        ),
        "community.general, pipelining": ("piped.yml", {"ansible_connection": theirs, "ansible_pipelining": True}),
        "community.general": ("theirs.yml", {"ansible_connection": theirs}),
        "ansible.builtin.local: no way to go at all": (
            "local.yml",
            {"ansible_connection": "local", "place": str(folder)},
        ),
    }
    environ = {**as_a_user(daemon), "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3"}

    def runner(name: str, content: dict[str, Any]) -> Callable[[], None]:
        whole = (
            content
            if "plugin" in content
            else {"all": {"hosts": {host: {} for host in hosts}, "vars": {**common, **content}}}
        )
        (folder / name).write_text(yaml.safe_dump(whole))
        return lambda: program("ansible-playbook", "-i", str(folder / name), str(folder / "play.yml"), environ=environ)

    return {label: runner(*inventory) for label, inventory in inventories.items()}


def inventory(daemon: Daemon, folder: pathlib.Path) -> dict[str, Callable[[], Any]]:
    """Stopped, empty instances in a project of their own, with composed variables, a keyed group and a group by a
    condition.
    """
    url = {"url": daemon.url, "timeout": 600}
    run_module(
        "project",
        name="many",
        config={"features.images": False, "features.profiles": True, "features.storage.volumes": True},
        **url,
    )
    disk = {"type": "disk", "path": "/", "pool": "default"}
    run_module("profile", name="default", project="many", devices={"root": disk}, config={"user.role": "web"}, **url)
    empty = {"source": {"type": "none"}, "state": "stopped", "project": "many"}
    instances = [{"name": f"i{number}", "config": {"user.number": str(number)}, **empty} for number in range(HOSTS)]
    run_module("stack", definition={"instances": instances}, **url)
    cache = folder / "cache"
    plain = {
        "plugin": "cloudhost.lxd.instances",
        "servers": [{"url": daemon.url}],
        "projects": ["many"],
        "compose": {"role": "lxd_config['user.role']", "number": "lxd_config['user.number'] | int"},
        "keyed_groups": [{"key": "lxd_config['user.role']", "prefix": "role"}],
        "groups": {"even": "lxd_config['user.number'] | int % 2 == 0"},
    }
    cached = {**plain, "cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(cache)}
    for name, content in (("many.instances.yml", plain), ("cached.instances.yml", cached)):
        (folder / name).write_text(yaml.safe_dump(content))
    environ = as_a_user(daemon)

    def listed(name: str) -> Callable[[], None]:
        return lambda: program("ansible-inventory", "-i", name, "--list", environ=environ)

    client = engine({"url": daemon.url, "timeout": 600, "trust_token": None})
    return {
        "read": listed(str(folder / "many.instances.yml")),
        "from the cache": listed(str(folder / "cached.instances.yml")),
        "Ansible's start, with no host at all": listed("localhost,"),
        "the daemon's answer": lambda: client.get("/1.0/instances", recursion=2, project="many"),
    }


def main(kind: str = "lxd", rounds: str = "1") -> None:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cloudhost-bench-", dir="/var/tmp"))
    folder.chmod(0o711)
    daemon = Daemon(kind, folder)
    theirs = f"community.general.{kind}"
    try:
        daemon.start()
        os.environ[daemon.variable] = str(daemon.folder)  # for the client that the other plugin starts
        hosts = prepare(daemon, pathlib.Path(os.environ["CLOUDHOST_TEST_IMAGE"]))
        ours, single, other = (
            plugin(OURS, daemon),
            plugin(OURS, daemon, ansible_lxd_keep_open=False),
            plugin(theirs, daemon),
        )
        raw = medians(
            COMMANDS,
            {
                "api": lambda: ours.exec_command("true"),
                "api, each command an exec of its own": lambda: single.exec_command("true"),
                "the daemon, without streams": bare(daemon, recorded=False),
                "the daemon, output recorded and read": bare(daemon, recorded=True),
                f"{daemon.client} exec": lambda: daemon.cli("exec", "c1", "--", "/bin/sh", "-c", "true"),
                "community.general": lambda: other.exec_command("true"),
            },
        )
        print(
            f"{kind} {daemon.query('/1.0')['environment']['server_version']}, {os.cpu_count()} cores, load "
            f"{os.getloadavg()[0]:.1f}"
        )
        table(f"A raw command, median of {COMMANDS}", "ms", 1000, raw)
        print(
            f"\nOf {WORKERS * EACH} commands, {WORKERS} at a time, the output is lost\n| way | commands |\n| --- | "
            "--- |"
        )
        for label, name, options in (
            ("api", OURS, {}),
            ("api, each command an exec of its own", OURS, {"ansible_lxd_keep_open": False}),
            ("community.general", theirs, {}),
        ):
            print(f"| {label} | {lost(daemon, name, **options)} |", flush=True)
        push, pull = files(daemon, folder, {"api": OURS, "community.general": theirs})
        table("Push of 100 MiB", "s", 1, medians(3, push))
        table("Pull of 100 MiB", "s", 1, medians(3, pull))
        table(f"An inventory of {HOSTS} instances", "s", 1, medians(9, inventory(daemon, folder)))
        table(
            f"A play of {len(TASKS)} tasks on {INSTANCES} instances",
            "s",
            1,
            medians(int(rounds), plays(daemon, folder, hosts, theirs)),
        )
        print(f"load at the end {os.getloadavg()[0]:.1f}")
    finally:
        daemon.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
