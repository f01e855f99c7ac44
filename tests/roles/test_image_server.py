# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role image_server with a real nginx, and both products as its clients: what they take, and what they refuse."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import time
from typing import Any, Callable, Iterator

import pytest
from integration.examples import arguments
from integration.modules import ModuleFailed, refused, run_module
from lab import tiny
from lab.daemon import Daemon
from roles.image_site import BROKEN, EXPIRED, PORT, SERVER, SLOW, Nginx, Site, beside, disk, image, played, shown


@pytest.fixture(scope="module")
def site(lab: pathlib.Path) -> Iterator[Site]:
    folder = lab / "site"
    folder.mkdir()
    first = played(folder)
    assert not first.failed, first.text
    site = Site(folder, first)
    (folder / "broken").mkdir()
    nginx = Nginx(folder, "outside", None)  # where the modules of these tests run
    try:
        nginx.start()
        yield site
    finally:
        nginx.stop()


@pytest.fixture(scope="module")
def nginx(site: Site, kept: Daemon) -> Iterator[Nginx]:
    """Where the daemon is."""
    nginx = Nginx(site.folder, kept.name, kept.keeper.pid)
    try:
        nginx.start()
        yield nginx
    finally:
        nginx.stop()


@pytest.fixture
def run(kept: Daemon, nginx: Nginx) -> Callable[..., dict[str, Any]]:
    def run(module: str, **options: Any) -> dict[str, Any]:
        return run_module(module, url=kept.url, **options)

    return run


def converges(run: Callable[..., dict[str, Any]], module: str, **options: Any) -> dict[str, Any]:
    predicted, done = run(module, check=True, **options), run(module, **options)
    assert (predicted["actions"], predicted["diff"]) == (done["actions"], done["diff"]) and done["changed"]
    assert run(module, **options)["changed"] is False
    return done


def target(daemon: Daemon, alias: str) -> str:
    return str(daemon.query(f"/1.0/images/aliases/{alias.replace('/', '%2F')}")["target"])


def test_the_role_again(site: Site) -> None:
    for options in (["--check"], []):
        again = played(site.folder, *options)
        assert again.changed == 0, again.text
    (key,) = (site.folder / "etc").glob("*.key")
    assert key.stat().st_mode & 0o077 == 0 and key.parent.stat().st_mode & 0o077 == 0
    assert site.first.changed > 3


def test_the_example_of_the_module(site: Site, tmp_path: pathlib.Path) -> None:
    """And the tool of Incus finds nothing wrong with what it writes."""
    given = arguments("simplestreams", "Publish an image")
    ours = image(tmp_path, "example")
    files = {option: ours[option] for option in ("file", "rootfs")}
    options = {**given, "directory": str(tmp_path), "images": [{**given["images"][0], **files}]}
    assert run_module("simplestreams", **options)["changed"]
    subprocess.run(["incus-simplestreams", "verify"], cwd=tmp_path, check=True, timeout=60)
    text = subprocess.run(
        ["incus-simplestreams", "list", "--format", "json"], cwd=tmp_path, check=True, capture_output=True, timeout=60
    ).stdout
    (listed,) = json.loads(text)
    done = run_module("simplestreams", **options)
    assert done["changed"] is False
    assert done["images"][0]["fingerprint"] == listed["fingerprint"]
    assert {"debian/12", "debian/bookworm"} <= {one["name"] for one in listed["aliases"]}
    assert (listed["type"], listed["properties"]["release"]) == ("container", "bookworm")


@pytest.mark.both
def test_images_are_taken_and_updated(run: Callable[..., dict[str, Any]], site: Site, kept: Daemon) -> None:
    first, second = image(site.folder, "debian/12"), image(site.folder, "debian/12", "newer")
    old = site.publish(first)["images"][0]["fingerprint"]
    options = {"name": "from/own", "remote": "own:debian/12", "auto_update": True, **site.remote()}
    done = converges(run, "image", **options, properties={"note": "x"})
    assert done["image"]["fingerprint"] == old and done["image"]["properties"]["os"] == "Busybox"
    assert done["image"]["update_source"]["certificate"].strip() == site.certificate.strip()

    run("storage_pool", name="default", driver="dir")
    converges(run, "instance", name="c1", image="own:debian/12", pool="default", state="present", **site.remote())
    entry = {"name": "c2", "image": "own:debian/12", "pool": "default", "state": "present"}
    done = run("stack", name="own", definition={"instances": [entry]}, **site.remote())
    assert done["changed"] and kept.query("/1.0/instances/c2")["config"]["volatile.base_image"] == old

    new = site.publish(second)["images"][0]["fingerprint"]
    assert run("image", **options)["changed"] is False, "nobody asked for a newer one"
    done = converges(run, "image", **options, refresh=True, properties={"note": "x"})
    assert done["actions"] == [f"take the newer image {new[:12]} for alias from/own"]
    assert (
        (done["image"]["fingerprint"], done["image"]["auto_update"]) == (new, True) == (target(kept, "from/own"), True)
    )
    assert done["image"]["properties"]["note"] == "x"
    assert done["image"]["update_source"]["server"] == "https://127.0.0.1:18450"
    assert f"/1.0/images/{old}" not in kept.query("/1.0/images"), "the daemon has replaced it"


@pytest.mark.both
def test_a_host_without_a_route_to_the_internet(run: Callable[..., dict[str, Any]], site: Site, kept: Daemon) -> None:
    """It takes images of the server that it reaches, by TLS that is verified, and no others."""
    site.publish(image(site.folder, "offline"))
    run("storage_pool", name="default", driver="dir")
    root = {"root": {"type": "disk", "path": "/", "pool": "default"}}
    with beside(kept) as server:
        nginx = Nginx(site.folder, f"beside-{kept.name}", server, SERVER)
        try:
            nginx.start()
            for version in ("-4", "-6"):
                assert kept.inside("ip", version, "route", "show", "default").stdout == ""
            own = site.remote(url=f"https://{SERVER}:{PORT}")
            with pytest.raises(
                ModuleFailed, match="x509: certificate"
            ):  # first: of an index that it has it asks no more
                run(
                    "image",
                    name="other",
                    remote="own:offline",
                    **site.remote(url=own["remotes"]["own"]["url"], pem=site.other),
                )
            done = converges(run, "image", name="offline", remote="own:offline", auto_update=True, **own)
            assert done["image"]["update_source"]["server"] == f"https://{SERVER}:{PORT}"
            converges(run, "instance", name="off", image="own:offline", devices=root, **own)
            assert kept.query("/1.0/instances/off/state")["status"] == "Running"
            for module, options in (
                ("image", {"name": "other", "remote": "images:debian/12"}),
                ("instance", {"name": "other", "image": "images:debian/12", "devices": root}),
            ):
                with pytest.raises(ModuleFailed) as failed:
                    run(module, **options, **own)
                assert "network is unreachable" in str(failed.value) and "lxd_remotes" in str(failed.value)
        finally:
            nginx.stop()
            run("instance", name="off", state="absent", force=True)
    assert "other" not in str(kept.query("/1.0/images/aliases"))


@pytest.mark.both
def test_images_of_virtual_machines(
    run: Callable[..., dict[str, Any]], site: Site, kept: Daemon, tmp_path: pathlib.Path
) -> None:
    """They have the aliases of those of containers, are another product, and are taken by who asks for them."""
    container = image(site.folder, "twin")
    versions = [{**container, "rootfs": disk(site.folder / f"{name}.qcow2", name)} for name in ("old", "middle", "new")]
    done = [site.publish(container, machine, keep=2, grace="0s")["images"] for machine in versions]
    keys = {one["type"]: one["product"] for one in done[-1]}
    assert keys["virtual-machine"] == f"{keys['container']}:vm"
    old, _middle, new = (listed[1]["fingerprint"] for listed in done)
    again = site.publish(container, versions[-1], keep=2, grace="0s")
    assert again["changed"] is True and [words.split()[0] for words in again["actions"]] == ["remove", "remove"]
    assert not list(site.tree.glob(f"images/{old}*")) and list(site.tree.glob(f"images/{new}.qcow2"))

    remote = site.remote()
    own = remote["remotes"]["own"]
    source = {"type": "image", "mode": "pull", "server": own["url"], "protocol": "simplestreams", "alias": "twin"}
    source = {**source, "certificate": site.certificate, "image_type": "virtual-machine"}
    listed = shown(kept, tmp_path, own["url"], site.certificate)
    assert {(one["type"], one["fingerprint"]) for one in listed} >= {
        ("virtual-machine", new), ("container", done[-1][0]["fingerprint"]),
    }  # fmt: skip
    done = converges(run, "image", name="twin/vm", source=source)
    assert (done["image"]["type"], done["image"]["fingerprint"]) == ("virtual-machine", new)
    exported = {one["name"]: one["source"] for one in run("stack_export", kinds=["image"])["definition"]["images"]}
    assert exported["twin/vm"] == source
    done = converges(run, "image", name="twin", remote="own:twin", **remote)
    assert done["image"]["type"] == "container"


@pytest.mark.both
def test_what_is_refused(run: Callable[..., dict[str, Any]], site: Site, kept: Daemon) -> None:
    """With words that say what, and nothing is left of it."""
    site.publish(image(site.folder, "first"))
    run("image", name="first", remote="own:first", **site.remote())
    before = sorted(kept.query("/1.0/images"))
    for remote, words, ours in (
        # by another address, of which the daemon keeps no index
        (site.remote(pem=site.other, url=f"https://localhost:{PORT}"), "x509: certificate", "is not the one that"),
        (site.remote(EXPIRED, site.expired), "certificate has expired", "certificate has expired"),
        (site.remote(PORT + 9), "connection refused", "cannot be read"),
    ):
        with pytest.raises(ModuleFailed) as failed:
            run("image", name="second", remote="own:second", **remote)
        assert words in str(failed.value)
        assert ours in refused(run, "image", name="first", remote="own:first", refresh=True, **remote)
    plain = site.remote(url=f"http://127.0.0.1:{PORT}")
    assert "is not encrypted" in refused(run, "image", name="second", remote="own:first", **plain)
    assert "has no image 'frist'" in refused(
        run, "image", name="first", remote="own:frist", refresh=True, **site.remote()
    )
    assert sorted(kept.query("/1.0/images")) == before


@pytest.mark.both
def test_a_broken_server_is_refused(run: Callable[..., dict[str, Any]], site: Site, kept: Daemon) -> None:
    """An index that is cut off, files whose hash is wrong, and files that are not there; each in a path of its own,
    because daemons keep an index.
    """
    run("image", name="ours", **tiny.files())
    before, index = sorted(kept.query("/1.0/images")), "streams/v1/images.json"

    def damage(name: str, work: Callable[[pathlib.Path], None]) -> dict[str, Any]:
        place = site.folder / "broken" / name
        if not place.exists():
            place.mkdir()
            run_module("simplestreams", directory=str(place), images=[image(site.folder, "spoiled", "!")])
            work(place)
        return site.remote(url=f"https://127.0.0.1:{BROKEN}/{name}", pem=site.other)

    def cut(place: pathlib.Path) -> None:
        text = (place / index).read_bytes()
        (place / index).write_bytes(text[: len(text) // 2])

    def spoil(place: pathlib.Path) -> None:
        (file,) = (place / "images").glob("*.squashfs")
        file.write_bytes(file.read_bytes()[:-1] + b"?")

    def lose(place: pathlib.Path) -> None:
        for file in (place / "images").iterdir():
            file.unlink()

    for name, work, words, ours in (
        ("cut", cut, "unexpected end of JSON", "is broken (JSONDecodeError"),
        ("spoiled", spoil, "Hash mismatch", "Hash mismatch"),
        ("lost", lose, "Unable to fetch", "Unable to fetch"),
    ):
        remote = damage(name, work)
        with pytest.raises(ModuleFailed) as failed:
            run("image", name="other", remote="own:spoiled", **remote)
        assert words in str(failed.value), name
        with pytest.raises(ModuleFailed) as failed:
            run("image", name="ours", remote="own:spoiled", refresh=True, **remote)
        assert ours in str(failed.value), name
    assert sorted(kept.query("/1.0/images")) == before


@pytest.mark.both
def test_a_server_that_stops_meanwhile(
    run: Callable[..., dict[str, Any]], site: Site, kept: Daemon, nginx: Nginx
) -> None:
    """The next run takes the image."""
    site.publish(image(site.folder, "slow", "slow"))
    options = {"name": "slow", "remote": "own:slow"}

    def stop() -> None:
        end = time.monotonic() + 120
        while not _downloads(kept) and time.monotonic() < end:
            time.sleep(0.05)
        nginx.stop()

    with concurrent.futures.ThreadPoolExecutor() as pool:
        stopped = pool.submit(stop)
        with pytest.raises(ModuleFailed, match="(?s)(?=.*(EOF|refused|reset)).*127[.]0[.]0[.]1:18453"):
            run("image", **options, **site.remote(SLOW, site.other))
        stopped.result()
    nginx.start()
    assert run("image", **options, **site.remote())["changed"]
    assert run("image", **options, **site.remote())["changed"] is False


def _downloads(daemon: Daemon) -> bool:
    listed = daemon.query("/1.0/operations?recursion=1") or {}
    return any("download_progress" in (one.get("metadata") or {}) for group in listed.values() for one in group)


def test_nothing_else_is_served(site: Site) -> None:
    site.publish(image(site.folder, "first"))
    (site.tree / "secret").write_text("x")
    (site.tree / "streams/v1/.images.json.part").write_text("x")
    (name,) = [path.name for path in sorted((site.tree / "images").glob("*.squashfs"))[:1]]
    link = site.tree / "images" / f"{'0' * 64}.squashfs"
    link.symlink_to("/etc/passwd")
    context = ssl.create_default_context(cadata=site.certificate)

    def status(path: str, method: str = "GET") -> int:
        with contextlib.closing(http.client.HTTPSConnection("127.0.0.1", PORT, context=context)) as connection:
            connection.putrequest(method, path)
            connection.endheaders()
            return connection.getresponse().status

    try:
        assert [status(path) for path in ("/streams/v1/index.json", "/streams/v1/images.json", f"/images/{name}")] == [
            200
        ] * 3
        for path in (
            "/", "/secret", "/images/", "/streams/v1/.images.json.part", "/images/../secret", "/../etc/passwd",
            "/images/%2e%2e/secret", "/streams/v1/index.json/", f"/images/.{name}.part", "//etc/passwd",
        ):  # fmt: skip
            assert status(path) in (400, 403, 404), path
        assert status(f"/images/{link.name}") == 403, "a link leads out of the directory"
        assert [status("/streams/v1/index.json", method) for method in ("POST", "PUT", "DELETE")] == [403] * 3
        with socket.create_connection(("127.0.0.1", PORT)) as sock:
            sock.sendall(b"GET /streams/v1/index.json HTTP/1.1\r\nHost: x\r\n\r\n")
            assert sock.recv(64).startswith(b"HTTP/1.1 400"), "without TLS there is nothing"
    finally:
        link.unlink()
        (site.tree / "secret").unlink()
