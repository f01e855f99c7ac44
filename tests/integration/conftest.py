# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real daemons for the whole run, and a server object that tests talk to modules through."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import sys
from typing import Any, ClassVar, Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import converge as _converge  # noqa: E402 - the tests folder is no package of the collection
from integration import raw  # noqa: E402
from integration.modules import late_imports, refused, run_module  # noqa: E402
from integration.stacks import document  # noqa: E402
from lab import tiny as busybox  # noqa: E402
from lab.daemon import KINDS, Daemon  # noqa: E402
from lab.folder import folder  # noqa: E402
from lab.foretold import added  # noqa: E402
from lab.foretold import check as check_prediction
from lab.forks import Task  # noqa: E402
from lab.proxy import Proxy  # noqa: E402
from lab.simplestreams import Trusting  # noqa: E402
from lab.watched import pytest_runtest_makereport, pytest_runtest_setup  # noqa: E402, F401 - hooks
from specification import Watch  # noqa: E402

#: How long a single test may take with what it is the first to need, in seconds. A daemon that hangs shall not hold up
#: the whole run.
LIMIT = 600
#: What functions may import although nothing changes: for a connection over TCP, a condition, a file that is sent.
LATE = {"_files", "_wait", "tls"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items if config.pluginmanager.hasplugin("timeout") else ():
        item.add_marker(pytest.mark.timeout(LIMIT))


@pytest.fixture(scope="session", autouse=True)
def hasty() -> Iterator[pytest.MonkeyPatch]:
    """Nobody else writes here, so no change is looked after for another writer's sake; undone where that is what is
    tested.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_converge, "LONGEST_LOOK", 0.0)
        yield patch


@pytest.fixture(autouse=True)
def known_names() -> Iterator[None]:
    """Every path, verb and field of a body that a test sends is known to the version of the server, and to newer ones
    that no server of the tests has.
    """
    yield
    wrong = [words for watch in Server.watches for words in watch.take()]
    assert wrong == [], "see docs/daemons.md, 'What no server of the tests has'"


@pytest.fixture(scope="session")
def lab() -> Iterator[pathlib.Path]:
    with folder("lab") as lab:
        yield lab


@pytest.fixture(scope="session")
def image_files() -> dict[str, str]:
    """What the image `debian/12` is made of: busybox, as no test here but one needs a distribution."""
    return busybox.files("debian")


@pytest.fixture(scope="session")
def debian() -> dict[str, str]:
    """The image of Debian that the role image_build made for this run (tests/lab/image.yml)."""
    folder = pathlib.Path(os.environ["CLOUDHOST_TEST_IMAGE"])
    return {"file": str(folder / "metadata.tar.gz"), "rootfs": str(folder / "rootfs.squashfs")}


def cost(module: str, arguments: dict[str, Any], check: bool) -> int:
    """How many requests a task that changes nothing takes (docs/architecture.md)."""
    if (module == "image" and arguments.get("state") != "absent") or module == "instance_template":
        return 2
    moves = [option for option in ("new_name", "new_pool", "new_project") if arguments.get(option)]
    conditions = arguments.get("wait_for") or []
    seen = bool({*conditions} - {"cloud_init"})  # check mode looks at the present addresses once
    return 2 ** len(moves) + ("ready" in conditions) + (seen if check else len(conditions))


class Server:
    """A daemon with pool `default`, bridge `lxdbr0`, images `debian/12` and `busybox`, and a recording proxy before its
    socket, which compares each request with the specifications of the API.
    """

    watches: ClassVar[list[Watch]] = []

    def __init__(self, daemon: Daemon, proxy: Proxy) -> None:
        self.daemon, self.proxy = daemon, proxy
        self.kind = daemon.kind
        self.asked: list[str] = []  # for the instance of the fixture running
        self._there: tuple[tuple[int, int], set[raw.Thing]] | None = None
        watch = Watch(self.kind, self.query("/1.0")["environment"]["server_version"])
        proxy.watch = watch.see
        self.watches.append(watch)

    def run(self, module: str, /, check: bool = False, **arguments: Any) -> dict[str, Any]:
        return run_module(module, check, **{"url": self.proxy.url, "timeout": 120, **arguments})

    def fails(self, module: str, /, **arguments: Any) -> str:
        """The error of a task that must fail, in check mode too (`modules.refused`), and writes nothing."""
        self.proxy.forget()
        words = refused(self.run, module, **arguments)
        assert self.proxy.writes == []
        return words

    def converges(self, module: str, /, **arguments: Any) -> dict[str, Any]:
        """The criteria of every change: predicted exactly, with the object to come; nothing written meanwhile, done,
        and done once.
        """
        self.proxy.forget()
        predicted = self.run(module, check=True, **arguments)
        assert self.proxy.writes == [], "check mode wrote"
        done = self.run(module, **arguments)
        assert done["changed"] is True, "the first run changed nothing"
        check_prediction(module, predicted, done)
        assert done["diff"]["before"] != done["diff"]["after"]
        # what a server adds to what is new, and LXD to what comes to another project (a root disk), cannot be known
        # before
        if not any(re.match(r"create |import |move .* to project ", action) for action in done["actions"]):
            assert added(predicted[module], done[module]) == []
        self.unchanged(module, **arguments)
        return done

    def unchanged(self, module: str, /, **arguments: Any) -> dict[str, Any]:
        """Nothing is to be done, nothing is written, and it takes as few requests as is claimed."""
        for check in (True, False):
            self.proxy.forget()
            with late_imports() as late:
                again = self.run(module, check=check, **arguments)
            assert late <= LATE, "an unchanged run loads what only a change needs"
            assert (again["changed"], again["actions"], again["diff"]["before"]) == (False, [], ""), again["diff"]
            assert self.proxy.writes == [], "an unchanged run wrote"
            assert len(self.proxy.requests) == cost(module, arguments, check), self.proxy.requests
        return again

    def has(self, extension: str) -> bool:
        return extension in self.query("/1.0")["api_extensions"]

    def isolated(self, module: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """A module run in the daemon's network namespace where its TCP port is."""
        self.daemon.touched += 1
        output = Task(module, arguments, self.daemon.keeper.pid).communicate()[0]
        assert output, "the module ended without a result"
        return json.loads(output)

    def query(self, path: str, method: str = "GET", body: object = None) -> Any:
        """What the daemon says, past the proxy."""
        return raw.done(self.daemon.place if method == "GET" else self.daemon.socket, method, path, body)

    def things(self) -> set[raw.Thing]:
        """All that is there. It is listed again only if something can have changed: that takes a dozen requests, which
        is more than many a test sends.
        """
        now = (self.proxy.written, self.daemon.touched)
        if self._there is None or self._there[0] != now:
            self._there = (now, raw.things(self.daemon.place))
        return self._there[1]

    def remove(self, what: set[raw.Thing]) -> None:
        """What a test has left behind."""
        rest, self._there = self.things() - what, None
        raw.remove(self.daemon.place, what)
        self._there = ((self.proxy.written, self.daemon.touched), rest)


@pytest.fixture(scope="session", params=KINDS)
def server(request: pytest.FixtureRequest, lab: pathlib.Path) -> Iterator[Server]:
    daemon = Trusting(request.param, lab)
    proxy = None
    try:
        daemon.start()
        proxy = Proxy(str(lab / f"{request.param}.proxy"), str(daemon.socket))
        server = Server(daemon, proxy)
        server.run("server", config={"images.compression_algorithm": "none"})
        server.run("storage_pool", name="default", driver="btrfs", config={"size": "8GiB"})
        server.run("network", name="lxdbr0", config={"ipv4.address": "10.158.1.1/24", "ipv6.address": "none"})
        devices = {
            "root": {"type": "disk", "path": "/", "pool": "default"},
            "eth0": {"type": "nic", "network": "lxdbr0"},
        }
        server.run("profile", name="default", devices=devices)
        server.run("image", name="debian/12", **request.getfixturevalue("image_files"))
        server.run("image", name=busybox.ALIAS, **busybox.files())
        yield server
    finally:
        if proxy:
            proxy.close()
        daemon.stop()


@pytest.fixture
def api(server: Server) -> Iterator[Server]:
    """The server, with everything that the test made gone afterwards, whatever it did."""
    before = server.things()
    yield server
    server.proxy.cut, server.proxy.around = None, lambda request: contextlib.nullcontext()
    if server.daemon.killed:
        server.daemon.start()
    server.remove(server.things() - before)


@pytest.fixture
def distribution(api: Server, debian: dict[str, str]) -> str:
    """The alias of an image with what busybox has not: systemd, which mounts control groups, and perl."""
    api.run("image", name="distribution", **debian)
    return "distribution"


@pytest.fixture(scope="session")
def running(server: Server) -> Iterator[str]:
    """One running container for tests that only look at it or change it in passing."""
    server.proxy.forget()
    server.run("instance", name="shared", image="busybox", wait_for=["ipv4"])
    server.asked = list(server.proxy.requests)
    yield "shared"
    server.run("instance", name="shared", state="absent", force=True)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An image of a few bytes that nobody else has."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.tar.gz"
    busybox.empty(path, "tiny")
    return path


@pytest.fixture
def shop(api: Server, tiny: pathlib.Path) -> Iterator[Server]:
    """A server on which others have something, and which is as it was when the test is over."""
    api.run(
        "profile",
        name="foreign",
        config={"limits.cpu": 3},
        devices={"root": {"type": "disk", "path": "/", "pool": "default"}},
    )
    api.run(
        "stack",
        name="neighbour",
        definition={"instances": [{"name": "next-door", "source": {"type": "none"}, "state": "stopped"}]},
    )
    api.proxy.forget()
    yield api
    api.run("stack", name="shop", state="absent", force=True, definition=document(tiny))
    api.run("stack", name="neighbour", state="absent")
    api.run("profile", name="foreign", state="absent")
