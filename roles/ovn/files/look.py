# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print what this host has of OVN, as JSON: its databases, its part of Open vSwitch, its key and certificate.

It only reads. What is not installed, or does not run, is missing from the answer.

Usage: look.py DAYS    for which a certificate has to be valid
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import typing

#: By the name that the role uses: the name of the schema, the part of its name that files and clients have, and the
#: tables that networks are in.
DATABASES = {
    "northbound": ("OVN_Northbound", "nb", ("Logical_Switch", "Logical_Router")),
    "southbound": ("OVN_Southbound", "sb", ("Datapath_Binding",)),
}
FOLDER, RUN, TLS = "/var/lib/ovn", "/run/ovn", "/etc/ovn"
KEY, CERTIFICATE, AUTHORITY = f"{TLS}/key_host", f"{TLS}/cert_host", f"{TLS}/ovn-central.crt"
#: Servers, and what else is asked of them, as `cluster/status` prints it.
SERVER = re.compile(r"^ +(\w+) \(\w+ at (\S+)\)", re.M)
FIELD = re.compile(r"^(Status|Role|Leader|Log): (.*)$", re.M)
#: Transactions that wait, as `memory/show` counts them.
WAITING = re.compile(r"\btriggers:[1-9]")
#: Incus among the processes of a connection, as `ss` names them.
INCUS = '(("incusd",'
#: How long a program may take, how long a server until it accepts a connection, and how long one with a leader until
#: it ends a transaction or begins another one, in seconds.
PATIENCE, ACCEPTANCE, WORK = 20, 5, 1


def said(*command: str) -> str | None:
    """What a program prints, or nothing where it fails, does not answer, or is not installed."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def holds(*command: str) -> bool:
    return said(*command) is not None


def fields_of(name: str, control: str) -> tuple[str | None, dict[str, str]]:
    """What `cluster/status` prints, and single lines of it."""
    text = said("ovs-appctl", "-t", control, "cluster/status", name)
    return text, dict(FIELD.findall(text or ""))


def has_leader(fields: dict[str, str]) -> bool:
    return fields.get("Leader") not in (None, "unknown")


def stuck(name: str, control: str) -> bool:
    """Whether transactions wait here though there is a leader and nothing is written. A server that led while it could
    not reach the others forgets to try a transaction of that time again, until another one is written
    (ovsdb/trigger.c: `run_triggers` is set by commits only). Its client waits as long.
    """
    before = None
    for _attempt in range(10):
        if not WAITING.search(said("ovs-appctl", "-t", control, "memory/show") or ""):
            return False
        fields = fields_of(name, control)[1]
        if not has_leader(fields):
            return False
        if fields.get("Log") == before:
            return True
        before = fields.get("Log")
        time.sleep(WORK)
    return False


def status(name: str, control: str) -> dict[str, typing.Any] | None:
    """What a running server of a cluster knows of the cluster."""
    text, fields = fields_of(name, control)
    if text is None:
        return None
    return {
        "member": fields.get("Status") == "cluster member",
        "role": fields.get("Role"),
        "leader": has_leader(fields),
        "servers": [{"id": server, "address": address} for server, address in SERVER.findall(text)],
    }


def rows(path: str, name: str, tables: tuple[str, ...]) -> int:
    """How many networks the file of a server without a cluster describes."""
    selects = [{"op": "select", "table": table, "where": [], "columns": ["_uuid"]} for table in tables]
    found = said("ovsdb-tool", "query", path, json.dumps([name, *selects]))
    return sum(len(answer["rows"]) for answer in json.loads(found or "[]"))


def outdated(name: str, short: str) -> bool:
    """Whether the running database has an older schema than the one that is installed."""
    version = said("ovsdb-client", "-t", "10", "get-schema-version", f"unix:{RUN}/ovn{short}_db.sock", name)
    installed = said("ovsdb-tool", "schema-version", f"/usr/share/ovn/ovn-{short}.ovsschema")
    return bool(version and installed and holds("ovsdb-tool", "compare-versions", version, "<", installed))


def database(name: str, short: str, tables: tuple[str, ...]) -> dict[str, typing.Any]:
    path = f"{FOLDER}/ovn{short}_db.db"
    if not os.path.exists(path):
        return {"model": "missing", "kept": os.path.exists(f"{path}.standalone")}
    if holds("ovsdb-tool", "db-is-standalone", path):
        return {"model": "standalone", "rows": rows(path, name, tables)}
    if not holds("ovsdb-tool", "db-is-clustered", path):
        return {"model": "damaged", "path": path}
    client = (f"ovn-{short}ctl", "--timeout=10", "--no-leader-only", f"--db=unix:{RUN}/ovn{short}_db.sock")
    control = f"{RUN}/ovn{short}_db.ctl"
    return {
        "model": "clustered",
        "address": said("ovsdb-tool", "db-local-address", path),
        "server": said("ovsdb-tool", "db-sid", path),
        "cluster": said("ovsdb-tool", "db-cid", path),  # none before it has joined
        "status": status(name, control),
        "stuck": stuck(name, control),
        "outdated": outdated(name, short),
        "targets": said(*client, "--bare", "--columns=target", "list", "Connection"),
    }


def switch() -> dict[str, str]:
    """The settings of this host in Open vSwitch."""
    text = said("ovs-vsctl", "--timeout=10", "--format=json", "--columns=external_ids", "list", "Open_vSwitch", ".")
    return dict(json.loads(text)["data"][0][0][1]) if text else {}


def certificate(days: int) -> str:
    """What is wrong with the certificate of this host; `good` if nothing is."""
    if not os.path.exists(CERTIFICATE):
        return "missing"
    certified = said("openssl", "x509", "-in", CERTIFICATE, "-noout", "-pubkey")
    if certified != said("openssl", "pkey", "-in", KEY, "-pubout"):
        return "of another key"
    if not holds("openssl", "verify", "-no-CApath", "-CAfile", AUTHORITY, CERTIFICATE):
        return "of another authority"
    if not holds("openssl", "x509", "-in", CERTIFICATE, "-noout", "-checkend", str(days * 86400)):
        return "about to expire"
    return "good"


def text(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def key() -> str:
    if not os.path.exists(KEY):
        return "missing"
    return "good" if holds("openssl", "pkey", "-in", KEY, "-noout") else "damaged"


def encapsulations() -> dict[str, str]:
    """The addresses that chassis have tunnels from, and their names, if the southbound database is on this host."""
    client = ("ovn-sbctl", "--timeout=10", "--no-leader-only", f"--db=unix:{RUN}/ovnsb_db.sock")
    text = said(*client, "--format=json", "--columns=ip,chassis_name", "list", "Encap")
    return dict(json.loads(text)["data"]) if text else {}


def controller() -> bool:
    """Whether the controller of this host is connected to the southbound database."""
    return said("ovn-appctl", "--timeout=10", "-t", "ovn-controller", "connection-status") == "connected"


def accepts(peer: str) -> bool:
    """Whether a server accepts connections now. The host of one that is lost does not even refuse."""
    address, _mark, port = peer.rpartition(":")
    try:
        socket.create_connection((address.strip("[]"), int(port)), ACCEPTANCE).close()
    except OSError:
        return False
    return True


def connections() -> dict[str, bool] | None:
    """Where Incus on this host is connected to the northbound database, and whether this accepts connections; nothing
    where Incus does not run. `unix` is the socket on this host.
    """
    if not holds("pgrep", "-x", "incusd"):
        return None
    lines = (said("ss", "-Htnp", "state", "established", "dport", "=", ":6641") or "").splitlines()
    peers = {line.split()[3] for line in lines if INCUS in line}
    pairs = [(line, line.split()) for line in (said("ss", "-Hxp") or "").splitlines()]
    local = {fields[7] for _line, fields in pairs if fields[4].endswith(f"{RUN}/ovnnb_db.sock")}
    here = any(fields[5] in local and INCUS in line for line, fields in pairs)
    return {**{peer: accepts(peer) for peer in sorted(peers)}, **({"unix": True} if here else {})}


def main() -> None:
    answer = {
        "databases": {name: database(*parts) for name, parts in DATABASES.items()},
        "switch": switch(),
        "controller": controller(),
        "encapsulations": encapsulations(),
        "incus": connections(),
        "key": key(),
        "certificate": certificate(int(sys.argv[1])),
        "pem": {"certificate": text(CERTIFICATE), "authority": text(AUTHORITY)},
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
