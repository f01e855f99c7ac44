# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a second run of playbooks/site.yml costs on a host that is as its inventory says, beside that of another
checkout.

Usage, as root on a machine that quickstart.sh left with the daemon: nox -s bench-site -- 74ce5dc, or a folder in place
of the commit. The host is this machine, locally and over ssh (openssh-server: an sshd of our own on a port of its own).
The inventory is inventories/single, with an image for each checkout. Runs of both are interleaved, so that a busy
machine slows both. Writes a table into .cache/bench.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any, Iterator

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENTS = {"lxd": "lxc", "incus": "incus"}
SUBNETS = {"lxd": "10.158.1.1/24", "incus": "10.158.2.1/24"}  # those of the quickstart
NAMES = ("this", "other")


class Tree:
    """A checkout where Ansible finds it, and its runs."""

    def __init__(self, name: str, checkout: pathlib.Path, folder: pathlib.Path) -> None:
        self.name, self.checkout = name, checkout
        self.collections = folder / f"collections-{name}"
        place = self.collections / "ansible_collections" / "cloudhost"
        place.mkdir(parents=True)
        (place / "lxd").symlink_to(checkout)
        self.times: dict[str, list[float]] = {}
        self.used: dict[str, list[float]] = {}
        self.tasks: dict[str, str] = {}

    def run(self, inventory: pathlib.Path) -> tuple[float, float, str]:
        """A run: seconds of wall time, seconds of the processor (of the controller, and of a host that is the
        controller), and what it said.
        """
        program = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
        environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environ |= {
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(inventory.parent / "cp"),
        }
        command = [
            program,
            "-i",
            str(inventory),
            "-e",
            f"bench_tree={self.name}",
            str(self.checkout / "playbooks" / "site.yml"),
        ]
        start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        took, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise RuntimeError(done.stdout[-4000:])
        return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout

    def measure(self, where: str, inventory: pathlib.Path) -> None:
        took, used, said = self.run(inventory)
        ok, changed, skipped = re.search(r": ok=(\d+) +changed=(\d+) .*skipped=(\d+) ", said).groups()  # type: ignore[union-attr]
        if changed != "0":
            raise RuntimeError(f"this was to be a run that changes nothing:\n{said[-4000:]}")
        self.times.setdefault(where, []).append(took)
        self.used.setdefault(where, []).append(used)
        self.tasks[where] = f"{ok} + {skipped}"


@contextlib.contextmanager
def checkout(other: str, folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """The folder of the other checkout; what is no folder is a commit of this repository."""
    if pathlib.Path(other).is_dir():
        yield pathlib.Path(other).resolve()
        return
    place = folder / "checkout"
    subprocess.run(["git", "-C", str(ROOT), "worktree", "add", "--detach", "--quiet", str(place), other], check=True)
    try:
        yield place
    finally:
        subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", str(place)], check=True)


@contextlib.contextmanager
def sshd(folder: pathlib.Path) -> Iterator[dict[str, Any]]:
    """An sshd that lets this process in as root, as the variables of a host."""
    program = shutil.which("sshd", path="/usr/sbin:/sbin")
    if program is None:
        raise SystemExit("error: there is no sshd: install openssh-server, or measure with --only local")
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "PidFile": "none",
    }
    settings |= {"StrictModes": "no", "UsePAM": "no", "PermitRootLogin": "yes", "Subsystem": "sftp internal-sftp"}
    (folder / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "sshd_config")], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 20
        while socket.socket().connect_ex(("127.0.0.1", port)):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((folder / "sshd.log").read_text())
            time.sleep(0.05)
        yield {
            "ansible_host": "127.0.0.1",
            "ansible_port": port,
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(folder / "user"),
            "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o "
            "LogLevel=ERROR -o IdentitiesOnly=yes",
        }
    finally:
        process.terminate()
        process.wait()


def write_inventory(folder: pathlib.Path, product: str, where: str, host: dict[str, Any]) -> pathlib.Path:
    """inventories/single with this host in it, for a product, and with an image of its own for each checkout."""
    place = folder / where
    place.mkdir()
    variables = yaml.safe_load((ROOT / "inventories" / "single" / "group_vars" / "all.yml").read_text())
    bridge = f"{product}br0"
    variables["install_product"] = product
    variables["init_networks"][0]["name"] = variables["init_profiles"][0]["devices"]["eth0"]["network"] = bridge
    variables["init_networks"][0]["config"]["ipv4.address"] = SUBNETS[product]
    variables["init_profiles"][1]["name"] = variables["site_instances"][0]["profiles"][1] = "bench-small"
    variables["site_built_images"][0]["alias"] = variables["site_instances"][0]["image"] = "bench/{{ bench_tree }}"
    variables["site_instances"][0]["name"] = "bench-web1"
    everything = {"vars": variables, "hosts": {"host1": host}}
    (place / "hosts.yml").write_text(yaml.safe_dump({"all": everything}))
    return place / "hosts.yml"


def tidy(product: str) -> None:
    """What was made is taken back; of an image that somebody has under another alias too, only our alias."""
    client = CLIENTS[product]
    for command in (["delete", "-f", "bench-web1"], ["profile", "delete", "bench-small"]):
        subprocess.run(
            [client, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False
        )
    listed = json.loads(
        subprocess.run(
            [client, "image", "list", "--format=json"], stdout=subprocess.PIPE, timeout=120, check=True
        ).stdout
    )
    for image in listed:
        aliases = {alias["name"] for alias in image["aliases"]}
        ours = aliases & {f"bench/{name}" for name in NAMES}
        commands = (
            [["image", "delete", image["fingerprint"]]]
            if ours and ours == aliases
            else [["image", "alias", "delete", name] for name in ours]
        )
        for command in commands:
            subprocess.run([client, *command], timeout=120, check=True)


def table(trees: list[Tree], labels: dict[str, str]) -> str:
    head = ["where", "checkout", "tasks run + skipped", "median", "fastest", "slowest", "of the other", "processor"]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for where in trees[0].times:
        base = statistics.median(trees[-1].times[where])
        for tree in trees:
            times = tree.times[where]
            middle = statistics.median(times)
            cells = [
                where,
                labels[tree.name],
                tree.tasks[where],
                *(f"{value:.2f} s" for value in (middle, min(times), max(times))),
                f"{middle / base:.2f}",
            ]
            cells.append(f"{statistics.median(tree.used[where]):.2f} s")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", help="a commit of this repository, or the folder of a checkout")
    parser.add_argument("--product", choices=sorted(CLIENTS), default="lxd")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=["local", "ssh"])
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cloudhost-bench-", dir="/var/tmp"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        trees = [
            Tree("this", ROOT, folder),
            Tree("other", stack.enter_context(checkout(options.other, folder)), folder),
        ]
        hosts: dict[str, dict[str, Any]] = {}
        if options.only != "ssh":  # as in inventories/single
            hosts["local"] = {
                "ansible_connection": "local",
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            }
        if options.only != "local":
            hosts["ssh"] = stack.enter_context(sshd(folder))
        inventories = {where: write_inventory(folder, options.product, where, host) for where, host in hosts.items()}
        stack.callback(tidy, options.product)
        for tree in trees:  # the first runs make it so
            tree.run(next(iter(inventories.values())))
        for _round in range(options.rounds):
            for where, inventory in inventories.items():
                for tree in trees:
                    tree.measure(where, inventory)
    labels = {"this": "this one", "other": f"`{options.other}`"}
    text = table(trees, labels)
    place = ROOT / ".cache" / "bench"
    place.mkdir(parents=True, exist_ok=True)
    (place / f"site-{options.product}.md").write_text(text + "\n")
    print(
        f"{options.product}, {options.rounds} runs of each, interleaved; load average {os.getloadavg()[0]:.1f} at "
        f"the end\n\n{text}"
    )


if __name__ == "__main__":
    main()
