# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real daemons side by side that can make one cluster: each in namespaces of its own, as on a host of its own, and one
wire between them.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
from typing import Any

from integration.modules import ModuleFailed, refused

from .daemon import Daemon
from .foretold import check
from .forks import Task
from .proxy import Proxy


class Node(Daemon):
    """The daemon of one host, reached by the others at `address`."""

    def __init__(self, kind: str, lab: pathlib.Path, number: int) -> None:
        super().__init__(kind, lab / f"node{number}")
        self.name = f"node{number}"
        self.ip = f"10.0.0.{number}"  # as in the examples of the modules
        self.address = f"{self.ip}:8443"

    def run(self, module: str, /, check: bool = False, **arguments: Any) -> dict[str, Any]:
        """A module on this host: in the daemon's network namespace, in a process of its own."""
        return self.end(self.begin(module, check, **arguments))

    def begin(self, module: str, /, check: bool = False, **arguments: Any) -> Task:
        return Task(module, {"url": self.url, "timeout": 120, "check": check, **arguments}, self.keeper.pid)

    @staticmethod
    def end(task: Task) -> dict[str, Any]:
        output, _errors = task.communicate()
        assert output, "the module ended without a result"
        result: dict[str, Any] = json.loads(output)
        if result.get("failed"):
            raise ModuleFailed(result)
        return result

    def refuses(self, module: str, /, **arguments: Any) -> str:
        """The error of a task that fails, in check mode too (`modules.refused`)."""
        return refused(self.run, module, **arguments)

    def converges(self, module: str, /, **arguments: Any) -> dict[str, Any]:
        """Predicted by a check run that wrote nothing, done, and done once."""
        with contextlib.closing(Proxy(str(self.folder.parent / "seen"), str(self.socket))) as proxy:
            predicted = self.run(module, check=True, url=proxy.url, **arguments)
            assert proxy.requests and not proxy.writes, "check mode wrote"
            done = self.run(module, url=proxy.url, **arguments)
        pathlib.Path(proxy.path).unlink()
        assert done["changed"] is True
        check(module, predicted, done)
        for dry in (True, False):
            again = self.run(module, check=dry, **arguments)
            assert (again["changed"], again["actions"]) == (False, []), again["diff"]
        return done


class Hosts:
    """So many hosts, the first of which has the wire's bridge. Without a size, one of each kind in a list."""

    def __init__(self, kind: str | list[str], lab: pathlib.Path, size: int = 1) -> None:
        kinds = [kind] * size if isinstance(kind, str) else kind
        self.lab = lab
        self.nodes = [Node(one, lab, number) for number, one in enumerate(kinds, 1)]

    def start(self) -> None:
        first = self.nodes[0]
        for node in self.nodes:
            node.start()
        first.inside("ip", "link", "add", "wire", "type", "bridge")
        first.inside("ip", "address", "add", f"{first.ip}/24", "dev", "wire")
        first.inside("ip", "link", "set", "wire", "up")
        for node in self.nodes[1:]:
            self._connect(node)

    def grow(self) -> Node:
        """One more host, whose daemon is in no cluster yet."""
        node = Node(self.nodes[0].kind, self.lab, len(self.nodes) + 1)
        self.nodes.append(node)
        node.start()
        self._connect(node)
        return node

    def _connect(self, node: Node) -> None:
        port = f"to-{node.name}"
        for command in (
            ["ip", "link", "add", port, "type", "veth", "peer", "name", "wire0", "netns", str(node.keeper.pid)],
            ["ip", "link", "set", port, "master", "wire", "up"],
        ):
            self._must(self.nodes[0], *command)
        self._must(node, "ip", "address", "add", f"{node.ip}/24", "dev", "wire0")
        self._must(node, "ip", "link", "set", "wire0", "up")

    @staticmethod
    def _must(node: Node, *command: str) -> None:
        done: subprocess.CompletedProcess[str] = node.inside(*command)
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def join(self, node: Node, **arguments: Any) -> dict[str, Any]:
        token = self.nodes[0].run("cluster_token", name=node.name)["cluster_token"]["token"]
        return node.run("cluster", server_name=node.name, server_address=node.address, cluster_token=token, **arguments)

    def stop(self) -> None:
        with contextlib.ExitStack() as stack:  # the others are stopped whatever becomes of one
            for node in self.nodes:
                stack.callback(node.stop)
