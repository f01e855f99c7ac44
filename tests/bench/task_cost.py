# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one task costs that changes nothing: API requests, and wall time beside ansible.builtin.ping, in one run.

Usage, as root, with PYTHONPATH as for the tests and CLOUDHOST_TEST_IMAGE set: python tests/bench/task_cost.py [lxd|incus]
"""

from __future__ import annotations

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from integration.modules import run_module  # noqa: E402 - the tests folder is no package of the collection
from lab.daemon import Daemon  # noqa: E402
from lab.proxy import Proxy  # noqa: E402

TASKS, ROUNDS = 20, 5
CONFIG = {"limits.memory": "512MiB", "limits.cpu": 1, "user.role": "web"}


def playbook(folder: pathlib.Path, name: str, tasks: list[dict]) -> list[str]:
    path = folder / f"{name}.yml"
    path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    program = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    return [program, "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", str(path)]


def seconds(command: list[str]) -> float:
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": os.environ["PYTHONPATH"]})
    return time.monotonic() - start


def main(kind: str) -> None:
    image = pathlib.Path(os.environ["CLOUDHOST_TEST_IMAGE"])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cloudhost-bench-", dir="/var/tmp"))
    folder.chmod(0o711)
    daemon, proxy = Daemon(kind, folder), None
    try:
        daemon.start()
        proxy = Proxy(str(folder / "proxy"), str(daemon.socket))
        url = {"url": proxy.url}
        run_module("storage_pool", name="default", driver="dir", **url)
        run_module("image", name="debian/12", file=str(image / "metadata.tar.gz"), rootfs=str(image / "rootfs.squashfs"), **url)
        task = {"name": "web1", "image": "debian/12", "state": "stopped", "config": CONFIG, "pool": "default", "url": daemon.url}
        run_module("instance", **task)

        proxy.forget()
        assert run_module("instance", **{**task, **url})["changed"] is False
        print(f"one unchanged instance task on {kind}: {len(proxy.requests)} request ({', '.join(proxy.requests)})")

        commands = {
            "no task": playbook(folder, "none", []),
            "ping": playbook(folder, "ping", [{"ansible.builtin.ping": {}}] * TASKS),
            "instance": playbook(folder, "instance", [{"cloudhost.lxd.instance": task}] * TASKS),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _round in range(ROUNDS):  # interleaved, so that a busy machine slows all alike
            for name, command in commands.items():
                times[name].append(seconds(command))
        base = statistics.median(times["no task"])
        cost = {name: (statistics.median(values) - base) / TASKS * 1000 for name, values in times.items() if name != "no task"}
        print(f"ping     {cost['ping']:6.0f} ms a task (median of {ROUNDS} runs of {TASKS} tasks, Ansible's start of {base:.2f} s taken off)")
        print(f"instance {cost['instance']:6.0f} ms a task, {cost['instance'] / cost['ping']:.2f} times a ping")
    finally:
        if proxy:
            proxy.close()
        daemon.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["lxd"]))
