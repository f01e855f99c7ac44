# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry of OCI images over TLS, in the namespaces of an Incus 7, and an image in it: busybox as an application."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pathlib
import platform
import subprocess
import tarfile
import tempfile
import threading
from typing import Any

from . import cache, tiny
from .daemon import Daemon
from .simplestreams import ADDRESSES, authority

#: The image as a registry names it, and its tag.
NAME, TAG = "suite/greeter", "1.0"
#: What the image says of itself.
ENVIRONMENT = {"PATH": "/bin", "GREETING": "hello"}
ENTRYPOINT = "/bin/greet"
#: Its one process writes down what it was started with, answers at port 80 with its greeting, and ends when it is told
#: to.
GREET = """#!/bin/sh
trap 'exit 0' TERM
echo "$GREETING from $(pwd) with $*" >/tmp/started
nc -ll -p 80 -e echo "$GREETING" &
wait $!
"""
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_MEDIA = "application/vnd.oci.image"
_CONFIG = """version: 0.1
log: {{level: info, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "{address}:{port}", tls: {{certificate: {pem}, key: {pem}}}}}
"""


def layout() -> pathlib.Path:
    """An OCI layout (a folder) with the image."""
    return cache.have(f"oci-{cache.key(pathlib.Path(__file__).read_text(), platform.machine())}", _make)


def _make(place: pathlib.Path) -> None:
    def add(content: bytes, sort: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (place / "blobs" / "sha256" / digest).write_bytes(content)
        return {"mediaType": f"{_MEDIA}.{sort}", "digest": f"sha256:{digest}", "size": len(content)}

    (place / "blobs" / "sha256").mkdir(parents=True)
    files = _files()
    config = {
        "architecture": _MACHINES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": "2023-11-14T22:13:20Z",
        "config": {
            "Env": [f"{key}={value}" for key, value in ENVIRONMENT.items()],
            "Entrypoint": [ENTRYPOINT],
            "Cmd": ["care"],
            "WorkingDir": "/srv",
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(files).hexdigest()}"]},
    }
    layer = add(gzip.compress(files, mtime=0), "layer.v1.tar+gzip")
    parts = {"config": add(json.dumps(config).encode(), "config.v1+json"), "layers": [layer]}
    manifest = add(json.dumps({"schemaVersion": 2, **parts}).encode(), "manifest.v1+json")
    named = {**manifest, "annotations": {"org.opencontainers.image.ref.name": TAG}}
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def _files() -> bytes:
    """The one layer of the image, a tar archive."""
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as work, tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("bin", "dev", "etc", "proc", "run", "srv", "sys", "tmp"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(entry)
        for name, content in {
            "bin/busybox": tiny.busybox(pathlib.Path(work)),
            ENTRYPOINT[1:]: GREET.encode(),
            "etc/passwd": tiny.FILES["etc/passwd"].encode(),
        }.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
        for name in ("cat", "echo", "env", "nc", "pwd", "sh"):
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(entry)
    return packed.getvalue()


class Registry:
    """docker-registry, as a daemon sees it, with the image. The daemon trusts its certificate (`Trusting`)."""

    def __init__(self, daemon: Daemon, folder: pathlib.Path, port: int = 18447) -> None:
        self.address = f"{ADDRESSES[0]}:{port}"
        self.url = f"https://{self.address}"
        pem = authority(daemon.folder.parent)
        config = folder / "config.yml"
        given = {"folder": folder / "registry", "address": ADDRESSES[0], "port": port, "pem": pem}
        config.write_text(_CONFIG.format(**given))
        enter = ["nsenter", "--net", "--mount", f"--target={daemon.keeper.pid}"]
        self.process = subprocess.Popen(
            [*enter, "docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert self.process.stderr is not None
        said = next((line for line in self.process.stderr if b"listening on" in line), b"")
        assert said, "the registry ended at its start"
        threading.Thread(target=self.process.stderr.read, daemon=True).start()  # a full pipe would stop it
        copy = ["skopeo", "--insecure-policy", "copy", f"oci:{layout()}:{TAG}", f"docker://{self.address}/{NAME}:{TAG}"]
        subprocess.run([*enter, *copy], check=True, env=daemon.environ(), stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
