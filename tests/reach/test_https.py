# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both plugins over TLS: pins, refusals, first contact with a token, and secrets (complaints 56 and 58)."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Iterator

import pytest
import yaml
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from integration.modules import ModuleFailed, run_module
from integration.tls import identity, listening
from lab.daemon import Daemon
from reach.control import PASSWORD, Control

PORT = 18443
SAY = "echo $((6 * 7)) is said in the guest"


@pytest.fixture(scope="module")
def https(server, guest, tmp_path_factory) -> Iterator[dict[str, Any]]:  # type: ignore[no-untyped-def]
    """Variables of hosts that use the port of the daemon."""
    folder = tmp_path_factory.mktemp("tls")
    client = identity(folder, "client")
    identity(folder, "newcomer")
    add = ["add"] if server.kind == "lxd" else ["add-certificate"]
    server.daemon.cli("config", "trust", *add, client.cert)
    with listening(server, PORT) as connection:
        del connection["timeout"]
        yield {
            f"ansible_lxd_{name}": value
            for name, value in {**connection, "client_cert": client.cert, "client_key": client.key}.items()
        }


def raw(control: Control, guest: str, command: str, **changes: Any) -> str:
    control.variables.update(changes)
    control.variables = {name: value for name, value in control.variables.items() if value is not None}
    control.hosts({guest: {}})
    return control("ansible", "api", "-m", "ansible.builtin.raw", "-a", command, inside=True).stdout


@pytest.mark.both
def test_commands_and_files_over_tls(control, https, guest, tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert raw(control, guest, "echo 汉语; head -c 3000000 /dev/zero | tr '\\0' x | tail -c 5", **https).split()[
        -2:
    ] == ["汉语", "xxxxx"]
    (tmp_path / "file").write_bytes(b"over TLS " * 100_000)
    done = control(
        "ansible",
        "api",
        "-m",
        "ansible.builtin.copy",
        "-a",
        f"src={tmp_path}/file dest=/root/tls mode=0600",
        inside=True,
    )
    assert "CHANGED" in done.stdout, done.stdout
    done = control(
        "ansible",
        "api",
        "-m",
        "ansible.builtin.fetch",
        "-a",
        f"src=/root/tls dest={tmp_path}/back flat=true",
        inside=True,
    )
    assert "CHANGED" in done.stdout, done.stdout
    assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()


def test_the_variables_of_the_modules(control, https, guest, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """The older names take precedence. A proxy, at whose address nobody listens, is not used."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    given = {name.replace("ansible_", ""): value for name, value in https.items()}
    older = dict.fromkeys(["ansible_lxd_url", *https])
    assert raw(control, guest, SAY, **{**older, **given}).split()[-6:] == ["42", "is", "said", "in", "the", "guest"]
    fingerprint = {"lxd_server_fingerprint": "0" * 64}
    assert "0" * 64 in raw(control, guest, SAY, **fingerprint)
    older = {"ansible_lxd_server_fingerprint": https["ansible_lxd_server_fingerprint"]}
    assert raw(control, guest, SAY, **older).split()[-6:] == ["42", "is", "said", "in", "the", "guest"]


@pytest.mark.both
def test_who_is_refused(control, https, guest) -> None:  # type: ignore[no-untyped-def]
    wrong = raw(control, guest, "true", **{**https, "ansible_lxd_server_fingerprint": "0" * 64})
    assert "UNREACHABLE" in wrong
    assert https["ansible_lxd_server_fingerprint"] in wrong
    unpinned = raw(control, guest, "true", ansible_lxd_server_fingerprint=None)
    assert "not verified" in unpinned
    folder = pathlib.Path(https["ansible_lxd_client_cert"]).parent
    stranger = {
        **https,
        "ansible_lxd_client_cert": f"{folder}/newcomer.crt",
        "ansible_lxd_client_key": f"{folder}/newcomer.key",
    }
    untrusted = raw(control, guest, "true", **stranger)
    assert "does not trust this client" in untrusted
    assert "trust_token" in untrusted


def test_no_host_uses_the_session_of_another(control, https, guest) -> None:  # type: ignore[no-untyped-def]
    """A host with another pin, or with a certificate that the server does not trust, in the same run as one with a
    session to the same instance.
    """
    folder = pathlib.Path(https["ansible_lxd_client_cert"]).parent
    others = {
        "wrong": {"ansible_lxd_server_fingerprint": "0" * 64},
        "stranger": {
            "ansible_lxd_client_cert": f"{folder}/newcomer.crt",
            "ansible_lxd_client_key": f"{folder}/newcomer.key",
        },
        "unpinned": {"ansible_lxd_server_fingerprint": ""},
    }
    control.variables.update(https)
    control.hosts(
        {
            "right": {"ansible_host": guest},
            **{name: {"ansible_host": guest, **options} for name, options in others.items()},
        }
    )
    opened = {
        "ansible.builtin.raw": "echo parent $PPID",
        "register": "said",
        "until": "'parent 0' not in said.stdout",
        "retries": 60,
        "delay": 1,
    }
    plays = [
        {"hosts": "right", "tasks": [opened]},
        {"hosts": "api", "tasks": [{"ansible.builtin.raw": "echo in; hostname"}]},
    ]
    (control.folder / "play.yml").write_text(yaml.safe_dump([{"gather_facts": False, **play} for play in plays]))
    done = control("ansible-playbook", "-v", str(control.folder / "play.yml"), inside=True).stdout
    assert re.search(r"right +: ok=2 ", done), done
    for name in others:
        assert re.search(rf"{name} +: ok=0 +changed=0 +unreachable=1 ", done), done


@pytest.mark.both
def test_the_inventory_hands_the_pin_on(control, https, guest) -> None:  # type: ignore[no-untyped-def]
    server = {name[len("ansible_lxd_") :]: value for name, value in https.items()}
    control.instances(servers=[server])
    done = control(
        "ansible", guest, "-m", "ansible.builtin.raw", "-a", "hostname", inside=True, inventory="instances.yml"
    )
    assert done.stdout.strip().endswith(guest), done.stdout
    key = pathlib.Path(server["client_key"]).read_text()
    control.instances(servers=[{**server, "client_key": key}])
    listed = control("ansible-inventory", "--list", inside=True, inventory="instances.yml").stdout
    assert https["ansible_lxd_server_fingerprint"] in listed
    assert "PRIVATE KEY" not in listed


@pytest.mark.both
def test_first_contact_with_a_token(control, https, server, guest) -> None:  # type: ignore[no-untyped-def]
    """Complaint 58: the token makes the server trust the certificate. Later, the token is ignored."""
    name = ["newcomer"] if server.kind == "incus" else ["--name", "newcomer"]
    token = server.daemon.cli("config", "trust", "add", *name, "-q").strip().splitlines()[-1]
    folder = pathlib.Path(https["ansible_lxd_client_cert"]).parent
    newcomer = {
        "ansible_lxd_client_cert": f"{folder}/newcomer.crt",
        "ansible_lxd_client_key": f"{folder}/newcomer.key",
        "ansible_lxd_trust_token": token,
    }
    for _contact in range(2):
        assert "42 is said in the guest" in raw(control, guest, SAY, **{**https, **newcomer})
    assert len(server.query("/1.0/certificates")) == 2


def test_options_from_the_environment_and_from_ansible_cfg(control, https, guest, tmp_path) -> None:  # type: ignore[no-untyped-def]
    options = {name[len("ansible_lxd_") :]: value for name, value in https.items()}
    assert set(options) == {"url", "server_fingerprint", "client_cert", "client_key"}
    control.variables = {"ansible_connection": "cloudhost.lxd.api"}
    control.hosts({guest: {}})
    environ = {f"LXD_{name.upper()}": value for name, value in options.items()}
    config = tmp_path / "ansible.cfg"
    for project, said in (
        ("default", "42 is said in the guest"),
        ("nowhere", f"no instance {guest} in project nowhere|Project not found"),
    ):
        config.write_text(
            "[lxd_connection]\n"
            + "".join(f"{name} = {value}\n" for name, value in {**options, "project": project}.items())
        )
        for given in ({**environ, "LXD_PROJECT": project}, {"ANSIBLE_CONFIG": str(config)}):
            done = control("ansible", "api", "-m", "ansible.builtin.raw", "-a", SAY, inside=True, **given)
            assert re.search(said, done.stdout), done.stdout


@pytest.mark.parametrize(
    ("option", "written", "meant"),
    [
        *[
            (name, f"the {name}", f"the {name}")
            for name in (
                "client_cert",
                "client_key",
                "server_cert",
                "server_fingerprint",
                "trust_token",
                "project",
            )
        ],
        ("url", "a,b", ["a", "b"]),
        ("timeout", "7", 7),
        ("keep_open", "false", False),
        ("fork_modules", "false", False),
        ("cache_code", "false", False),
    ],
)
def test_every_environment_variable(monkeypatch: pytest.MonkeyPatch, option: str, written: str, meant: Any) -> None:
    monkeypatch.setenv(f"LXD_{option.upper()}", written)
    connection = connection_loader.get("cloudhost.lxd.api", PlayContext(), "/dev/null")
    connection.set_options(var_options={"inventory_hostname": "guest"})
    assert connection.get_option(option) == meant


@pytest.mark.both
def test_nothing_secret_is_shown(control, https, guest) -> None:  # type: ignore[no-untyped-def]
    key = pathlib.Path(https["ansible_lxd_client_key"]).read_text()
    control.variables.update(
        {**https, "ansible_lxd_client_key": key, "ansible_user": "tester", "ansible_become_password": PASSWORD}
    )
    control.hosts({guest: {}})
    done = control("ansible", "api", "-b", "-vvvvv", "-m", "ansible.builtin.ping", inside=True)
    assert "SUCCESS" in done.stdout, done.stdout
    assert "ESTABLISH API CONNECTION" in done.stdout
    assert PASSWORD not in done.stdout
    assert key.splitlines()[1] not in done.stdout
    assert "secret=" not in done.stdout


@pytest.mark.both
def test_complaint_57_an_image_server_that_signs_its_own_certificate(https, server, lab) -> None:  # type: ignore[no-untyped-def]
    """The certificate of the image server is a part of the source. Another certificate is refused."""
    server.run("image", name="debian/12", public=True)
    folder = lab / f"pulls-{server.kind}"
    folder.mkdir()
    folder.chmod(0o711)
    second = Daemon(server.kind, folder, beside=server.daemon)
    try:
        second.start()
        source = {
            "type": "image",
            "mode": "pull",
            "server": https["ansible_lxd_url"],
            "protocol": server.kind,
            "alias": "debian/12",
        }
        wrong = pathlib.Path(https["ansible_lxd_client_cert"]).read_text()
        with pytest.raises(ModuleFailed, match="certificate"):
            run_module("image", name="debian/12", url=second.url, timeout=60, source={**source, "certificate": wrong})
        right = (server.daemon.folder / "server.crt").read_text()
        done = run_module(
            "image", name="debian/12", url=second.url, timeout=60, source={**source, "certificate": right}
        )
        assert done["changed"] is True
        assert done["image"]["fingerprint"] == server.query("/1.0/images/aliases/debian%2F12")["target"]
    finally:
        second.stop()
