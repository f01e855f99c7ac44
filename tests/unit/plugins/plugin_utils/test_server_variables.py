# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which variables of which host become options of a module."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecretsContext
from ansible.template import Templar, trust_as_template
from ansible_collections.cloudhost.lxd.plugins.doc_fragments import _connection, _reach
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.images._remotes import own_remote
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import CONNECTION
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._server_variables import OPTIONS, with_server

URL = "https://lxd1.example.net:8443"
#: What the playbook trust writes.
HOST = {
    "inventory_hostname": "lxd1",
    "lxd_url": URL,
    "lxd_server_fingerprint": "1f3e",
    "lxd_client_cert": "/me/client.crt",
    "lxd_client_key": "/me/client.key",
}
ALL = {name[4:]: value for name, value in HOST.items() if name.startswith("lxd_")}
#: The same without some of them.
NO_URL, NO_KEY, NO_PIN = (
    {name: value for name, value in ALL.items() if name != left_out}
    for left_out in ("url", "client_key", "server_fingerprint")
)
SOCKET = "unix:///run/incus/unix.socket"


def taken(variables, arguments=None, transport="local", delegate_to=None, of_delegate=None):
    """The options that a module has in addition to its own."""
    arguments = arguments or {}
    if delegate_to:
        variables = {**variables, "ansible_delegated_vars": {delegate_to: of_delegate or {"inventory_hostname": "x"}}}
    given = with_server(arguments, transport, delegate_to, variables, Templar(DataLoader(), variables))
    assert all(given[name] == value for name, value in arguments.items() if value is not None)
    return {name: value for name, value in given.items() if value is not None and arguments.get(name) is None}


def test_they_are_documented():
    """And they are options of every module and of the connection."""
    modules = yaml.safe_load(_connection.ModuleDocFragment.DOCUMENTATION)
    reach = yaml.safe_load(_reach.ModuleDocFragment.CONNECTION)["options"]
    assert set(OPTIONS) <= set(CONNECTION)
    for option in OPTIONS:
        assert f"C(lxd_{option})" in str(modules["options"][option]["description"]), option
        assert f"C(lxd_{option})" in str(modules["notes"]), option
        # Ansible takes the last one that is set.
        assert [entry["name"] for entry in reach[option]["vars"]] == [f"lxd_{option}", f"ansible_lxd_{option}"]


OWN = {"own": {"url": "https://images.example.net"}}


@pytest.mark.parametrize(
    ("variables", "arguments", "transport", "remotes"),
    [
        ({"lxd_remotes": OWN}, {}, "local", OWN),
        ({"lxd_remotes": OWN}, {}, "ssh", OWN),
        # They describe no server, so the address of the task does not matter.
        ({**HOST, "lxd_remotes": OWN}, {"url": "https://other:8443"}, "ssh", OWN),
        ({"lxd_remotes": OWN}, {"remotes": {}}, "local", None),
        ({"lxd_remotes": {}}, {}, "local", None),
        ({"lxd_remotes": ""}, {}, "local", None),
        ({"lxd_remotes": trust_as_template("{{ all }}"), "all": OWN}, {}, "local", OWN),
        ({"lxd_remotes": {"own": trust_as_template("{{ one }}")}, "one": OWN["own"]}, {}, "local", OWN),
        # In an instance, variables of the server are those of the server that it is on, but image servers are for all.
        ({"lxd_remotes": OWN}, {}, "cloudhost.lxd.api", OWN),
    ],
)
def test_image_servers(variables, arguments, transport, remotes):
    assert taken({"inventory_hostname": "lxd1", **variables}, arguments, transport).get("remotes") == remotes


def test_image_servers_of_another_host():
    of_delegate = {"inventory_hostname": "x", "lxd_remotes": OWN}
    given = taken({"inventory_hostname": "lxd1"}, delegate_to="x", of_delegate=of_delegate)
    assert given["remotes"] == OWN


def test_an_image_server_that_cannot_be_evaluated_is_an_error_of_who_uses_it():
    """The role that sets it up may come later in the play."""
    later = trust_as_template("{{ image_server_remote }}")
    given = taken({"inventory_hostname": "lxd1", "lxd_remotes": {**OWN, "later": later}})["remotes"]
    assert given["own"] == OWN["own"]
    assert "lxd_remotes.later of host lxd1 cannot be evaluated: 'image_server_remote' is undefined" in str(
        given["later"]
    )
    given = taken({"inventory_hostname": "lxd1", "lxd_remotes": later})["remotes"]
    with pytest.raises(InvalidInput, match="The variable lxd_remotes of host lxd1 cannot be evaluated"):
        own_remote(given, "own")


@pytest.mark.parametrize("value", [["own"], "own", 1])
def test_image_servers_are_a_dictionary(value):
    with pytest.raises(AnsibleActionFail, match="The variable lxd_remotes of host lxd1 is no dictionary"):
        taken({"inventory_hostname": "lxd1", "lxd_remotes": value})


@pytest.mark.parametrize(
    ("variables", "arguments", "options"),
    [
        ({}, {}, {}),
        (HOST, {}, ALL),
        (HOST, {"url": None, "project": None}, ALL),
        ({**HOST, "lxd_project": "shop"}, {}, {**ALL, "project": "shop"}),
        ({**HOST, "lxd_validate_certs": False}, {}, {**ALL, "validate_certs": False}),
        ({**HOST, "lxd_url": ""}, {}, NO_URL),
        ({**HOST, "lxd_client_key": None}, {}, NO_KEY),
        # What a task writes takes precedence, and an empty value is written too.
        ({**HOST, "lxd_project": "shop"}, {"project": "web"}, ALL),
        (HOST, {"client_key": ""}, NO_KEY),
        # Another server has another pin, and gets no certificate, no token and no project of this one.
        ({**HOST, "lxd_project": "shop", "lxd_trust_token": "secret"}, {"url": "https://other:8443"}, {}),
        (HOST, {"url": ""}, {}),
        (HOST, {"url": f"{URL}/"}, NO_URL),
        ({"lxd_client_cert": "/me/client.crt"}, {"url": URL}, {"client_cert": "/me/client.crt"}),
        # One pin is enough.
        (HOST, {"server_cert": "/me/lxd1.crt"}, NO_PIN),
        ({**HOST, "lxd_server_cert": "/me/lxd1.crt"}, {"server_fingerprint": "2f"}, NO_PIN),
        # Other variables of the collection have nothing to do with it.
        ({"lxd_name": "web1", "lxd_server": "lxd1", "lxd_timeout": 3, "lxd_target": "x"}, {}, {}),
        ({"lxd_project": 2024}, {}, {"project": "2024"}),
    ],
)
def test_what_a_task_takes(variables, arguments, options):
    assert taken(variables, arguments) == options


#: The addresses of a cluster, as a list and as text.
URLS = [URL, "https://lxd2.example.net:8443", SOCKET]


@pytest.mark.parametrize("url", [URLS, ", ".join(URLS)])
def test_a_cluster_with_several_addresses(url):
    cluster = {**HOST, "lxd_url": url}
    assert taken(cluster) == {**ALL, "url": url}
    for written in (URLS[1], f"{URLS[1]}/", URLS[:2], ",".join(URLS[1:])):
        assert taken(cluster, {"url": written}) == NO_URL, "it is the same cluster"
    for written in ("", [], "https://other:8443", [URL, "https://other:8443"], "https://lxd2.example.net"):
        assert taken(cluster, {"url": written}) == {}, "it is another one"
    assert taken(cluster, transport="ssh") == {"url": [SOCKET]}
    assert taken({**HOST, "lxd_url": URLS[:2]}, transport="ssh") == {}
    assert taken({**HOST, "lxd_url": []}) == NO_URL


def test_an_address_that_is_empty():
    with pytest.raises(AnsibleActionFail, match="url: address 2 of 2 is empty"):
        taken({**HOST, "lxd_url": f"{URL},"}, {"url": URL})


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("https://{{ inventory_hostname }}.example.net:8443", {"url": URL}),
        ("https://{{ item }}.example.net:8443", {"url": "https://lxd2.example.net:8443"}),
        ("{{ nothing | default('') }}", {}),
        ("{{ nothing | default(omit) }}", {}),
        ("{{ none }}", {}),
    ],
)
def test_templates(url, options):
    variables = {"inventory_hostname": "lxd1", "item": "lxd2", "lxd_url": trust_as_template(url)}
    assert taken(variables) == options


def test_text_of_a_server_is_no_template():
    """Variables of the inventory plugin come from servers."""
    assert taken({"lxd_project": "{{ 1 + 1 }}"}) == {"project": "{{ 1 + 1 }}"}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"lxd_url": [URL, 7]}, "The variable lxd_url of host lxd1 is a list: write a string, or a list of strings."),
        ({"lxd_url": {"a": URL}}, "The variable lxd_url of host lxd1 is a dictionary: write a string, or a list of"),
        ({"lxd_client_key": {"key": "secret"}}, "The variable lxd_client_key of host lxd1 is a dictionary"),
        ({"lxd_project": True}, "The variable lxd_project of host lxd1 is a boolean"),
        ({"lxd_validate_certs": []}, "The variable lxd_validate_certs of host lxd1 is a list"),
        (
            {"lxd_url": trust_as_template("{{ nothing }}")},
            "variable lxd_url of host lxd1 cannot be evaluated: .*nothing",
        ),
        ({"lxd_project": trust_as_template("{{ 1 / 0 }}")}, "variable lxd_project of host lxd1 cannot be evaluated"),
    ],
)
def test_variables_that_are_no_values(variables, words):
    with pytest.raises(AnsibleActionFail, match=words) as error:
        taken({"inventory_hostname": "lxd1", **variables})
    assert "secret" not in str(error.value)
    assert not re.search(r"lxd_url", words) or taken({**variables}, {"url": "https://other:8443"}) == {}


@pytest.mark.parametrize("transport", ["ssh", "paramiko_ssh", "community.docker.docker"])
def test_on_another_host_only_what_is_valid_there(transport):
    """The key of the controller stays on it."""
    assert taken({**HOST, "lxd_project": "shop"}, transport=transport) == {"project": "shop"}
    assert taken({**HOST, "lxd_url": SOCKET}, transport=transport) == {"url": SOCKET}
    assert taken({**HOST, "lxd_project": "shop"}, {"url": SOCKET}, transport) == {}


def test_in_an_instance_nothing_is_valid():
    """Its variables are about the server that it is on, and a module in it is for a server in it."""
    instance = {**HOST, "lxd_url": SOCKET, "lxd_project": "shop", "lxd_name": "web1", "lxd_server": "lxd1"}
    assert taken(HOST, transport="cloudhost.lxd.api") == {}
    assert taken(instance, transport="ssh") == {}
    assert taken(instance, delegate_to="localhost") == {**ALL, "url": SOCKET, "project": "shop"}
    assert taken(instance, transport="ssh", delegate_to="lxd1", of_delegate={"lxd_url": "unix:///run/x"}) == {
        "url": "unix:///run/x"
    }


OTHER = {"lxd_url": "https://lxd2.example.net:8443", "lxd_project": "other"}


@pytest.mark.parametrize(
    ("host", "delegate_to", "of_delegate", "options"),
    [
        (HOST, "localhost", None, ALL),
        (HOST, "127.0.0.1", OTHER, ALL),  # the defaults of group_vars/all are variables of localhost too
        ({}, "localhost", OTHER, {"url": OTHER["lxd_url"], "project": "other"}),
        (HOST, "lxd2", OTHER, {"url": OTHER["lxd_url"], "project": "other"}),
        (HOST, "runner", {"lxd_project": "other"}, ALL),
        ({}, "runner", {}, {}),
        (HOST, "lxd2", {"lxd_url": trust_as_template("https://{{ own }}:1"), "own": "lxd2"}, {"url": "https://lxd2:1"}),
    ],
)
def test_delegated_tasks(host, delegate_to, of_delegate, options):
    assert taken(host, delegate_to=delegate_to, of_delegate=of_delegate) == options
    assert taken(host, transport="ssh", delegate_to=delegate_to, of_delegate=of_delegate).get("url") is None


def test_a_loop_goes_from_server_to_server():
    for name in ("lxd2", "lxd3"):
        assert taken(HOST, delegate_to=name, of_delegate={"lxd_url": f"https://{name}:8443"})["url"] == (
            f"https://{name}:8443"
        )


def test_a_vaulted_key_stays_marked():
    """So the action hides it wherever it is shown (test_vault.py)."""
    from ansible.constants import DEFAULT_VAULT_IDENTITY  # noqa: PLC0415 - the names of vaults are needed here only
    from ansible.parsing.vault import EncryptedString, VaultHelper, VaultLib, VaultSecret  # noqa: PLC0415

    secret = [(DEFAULT_VAULT_IDENTITY, VaultSecret(b"password"))]
    VaultSecretsContext.initialize(VaultSecretsContext(secret))
    text = VaultLib(secret).encrypt(b"-----BEGIN KEY-----").decode()
    key = taken({"lxd_client_key": EncryptedString(ciphertext=text)})["client_key"]
    assert key == "-----BEGIN KEY-----" and VaultHelper.get_ciphertext(key, with_tags=False)
