# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the role image_server share: what it made, a real nginx that serves it, and what is published."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import pathlib
import shutil
import struct
import subprocess
import time
from typing import Any, Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from integration.modules import run_module
from lab import tiny
from lab.daemon import Daemon
from roles.conftest import Player, Run

NAME, PORT = "images.lab", 18450
#: The image server and a host on a network that leads nowhere else (documentation addresses, RFC 5737).
SERVER, HOST = "198.51.100.1", "198.51.100.2"
#: Servers beside that of the role: one with a certificate whose time is over, one with what is broken, and a slow one.
EXPIRED, BROKEN, SLOW = PORT + 1, PORT + 2, PORT + 3
NGINX = """
daemon off;
worker_processes 1;
pid {folder}/{name}.pid;
error_log {folder}/{name}.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/{name}-body;
    include {folder}/site.conf;
    ssl_certificate {folder}/broken.crt;
    ssl_certificate_key {folder}/broken.key;
    ssl_protocols TLSv1.3; # the daemons take no other
    server {{
        listen 127.0.0.1:{expired} ssl;
        ssl_certificate {folder}/expired.crt;
        ssl_certificate_key {folder}/expired.key;
        root {folder}/tree;
    }}
    server {{ listen 127.0.0.1:{broken} ssl; root {folder}/broken; }}
    server {{ listen 127.0.0.1:{slow} ssl; root {folder}/tree; location /images/ {{ limit_rate 40k; }} }}
}}
"""


def certificate(path: pathlib.Path, days: int) -> str:
    """A certificate that is valid from ten days ago on, and its key beside it. Returns its text."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=10)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME), x509.DNSName("127.0.0.1")]), False)
        .sign(key, hashes.SHA256())
    )
    text = built.public_bytes(serialization.Encoding.PEM)
    path.with_suffix(".crt").write_bytes(text)
    path.with_suffix(".key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return text.decode()


class Nginx:
    """One that serves all of it, in the network namespace of a process."""

    def __init__(self, folder: pathlib.Path, name: str, pid: int | None, address: str = "127.0.0.1") -> None:
        self.enter = ["nsenter", "--net", f"--target={pid}"] if pid else []
        self.address = address
        self.file = folder / f"{name}.conf"
        text = NGINX.format(folder=folder, name=name, expired=EXPIRED, broken=BROKEN, slow=SLOW)
        site = (folder / "site.conf").read_text().replace(f"listen 127.0.0.1:{PORT}", f"listen {address}:{PORT}")
        self.file.write_text(text.replace(f"include {folder}/site.conf;", site))
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen([*self.enter, "nginx", "-c", str(self.file), "-e", str(self.log)])
        probe = [
            *self.enter,
            "python3",
            "-c",
            f"import socket; socket.create_connection(('{self.address}', {PORT})).close()",
        ]
        end = time.monotonic() + 60
        while subprocess.run(probe, capture_output=True, check=False).returncode:
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(60)
        self.process = None


class Site:
    """What the role made, and how clients name it."""

    def __init__(self, folder: pathlib.Path, first: Run) -> None:
        self.folder, self.first, self.tree = folder, first, folder / "tree"
        (made,) = (folder / "etc").glob("*.crt")
        self.certificate = made.read_text()
        self.other = certificate(folder / "broken", 30)
        self.expired = certificate(folder / "expired", 5)

    def remote(self, port: int = PORT, pem: str | None = None, **more: Any) -> dict[str, Any]:
        """Options of a module."""
        own = {"url": f"https://127.0.0.1:{port}", "certificate": pem or self.certificate, **more}
        return {"remotes": {"own": own}, "timeout": 120}

    def publish(self, *images: dict[str, Any], **more: Any) -> dict[str, Any]:
        done = run_module("simplestreams", directory=str(self.tree), images=list(images), **more)
        for path in self.tree.rglob("*"):
            assert path.is_dir() or path.stat().st_mode & 0o004, "nginx cannot read it"
        return done


def disk(path: pathlib.Path, content: str) -> str:
    """Write an empty disk of 1 MiB in the format qcow2 (docs/interop/qcow2 of QEMU), with a backing of nothing and some
    content after its last cluster.
    """
    cluster = 1 << 16
    header = b"QFI\xfb" + struct.pack(">IQIIQIIQQIIQ", 2, 0, 0, 16, 1 << 20, 0, 1, 3 * cluster, cluster, 1, 0, 0)
    parts = (header, struct.pack(">Q", 2 * cluster), struct.pack(">4H", 1, 1, 1, 1), b"")
    path.write_bytes(b"".join(part.ljust(cluster, b"\0") for part in parts) + content.encode())
    return str(path)


def image(folder: pathlib.Path, alias: str, content: str = "") -> dict[str, Any]:
    """A busybox of its own content, with what has to be said of it."""
    files = tiny.files()
    place = folder / f"{alias.replace('/', '-')}{content}"
    if not place.exists():
        place.mkdir()
        shutil.copy(files["file"], place / "metadata.tar.gz")
        shutil.copy(files["rootfs"], place / "rootfs.squashfs")
        with (place / "rootfs.squashfs").open("ab") as stream:
            stream.write(f"{alias} {content}".encode())  # what follows the end of a squashfs is not looked at
    return {
        "aliases": [alias],
        "os": "Busybox",
        "release": alias.replace("/", "-"),
        "file": str(place / "metadata.tar.gz"),
        "rootfs": str(place / "rootfs.squashfs"),
    }


def played(folder: pathlib.Path, *options: str) -> Run:
    variables = {
        "image_server_images": [image(folder, "first")],
        "image_server_directory": str(folder / "tree"),
        "image_server_site": str(folder / "site.conf"),
        "image_server_name": NAME,
        "image_server_names": ["127.0.0.1", "::1"],
        "image_server_port": PORT,
        "image_server_addresses": ["127.0.0.1"],
        "image_server_remove_default_site": False,
        "image_server_service": False,
        "image_server__folder": str(folder / "etc"),
    }
    return Player(folder)("image_server", *options, **variables)


@contextlib.contextmanager
def beside(daemon: Daemon) -> Iterator[int]:
    """A network of the host of the daemon and another one, and of nothing else. Yields a process of the other one."""
    other = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    try:
        own, end = os.readlink("/proc/self/ns/net"), time.monotonic() + 20
        while os.readlink(f"/proc/{other.pid}/ns/net") == own:
            assert time.monotonic() < end
            time.sleep(0.01)
        link = f"ip link add own0 netns {daemon.keeper.pid} type veth peer name own0 netns {other.pid}"
        subprocess.run(link.split(), check=True)
        for pid, address in ((daemon.keeper.pid, HOST), (other.pid, SERVER)):
            for work in ("link set lo up", f"address add {address}/24 dev own0", "link set own0 up"):
                subprocess.run(["nsenter", "--net", f"--target={pid}", "ip", *work.split()], check=True)
        yield other.pid
    finally:
        other.kill()
        other.wait()


def shown(daemon: Daemon, folder: pathlib.Path, url: str, pem: str) -> Any:
    """The images of a server, as the client of the daemon shows them to a user."""
    remotes = {"local": {"addr": "unix://"}, "own": {"addr": url, "protocol": "simplestreams", "public": True}}
    (folder / "config.yml").write_text(json.dumps({"default-remote": "local", "remotes": remotes}))
    (folder / "servercerts").mkdir()
    (folder / "servercerts" / "own.crt").write_text(pem)
    client = ["env", f"{daemon.kind.upper()}_CONF={folder}", daemon.client]
    done = daemon.inside(*client, "image", "list", "own:", "--format=json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
