# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role init beside the daemon's own init: from variables, from a preseed file as it is, half-finished, edited,
wrong.
"""

from __future__ import annotations

import base64
import json
import ssl

import pytest
import yaml
from integration.tls import identity
from roles.conftest import Player, ansible

# As `lxd init` prints it at the end of its questions, with the nulls and empty strings that are in it.
PRESEED = """config:
  core.https_address: 127.0.0.1:8443
  images.auto_update_interval: "15"
networks:
- config:
    ipv4.address: auto
    ipv6.address: none
  description: ""
  name: lxdbr0
  type: ""
  project: default
storage_pools:
- config: {}
  description: ""
  name: local
  driver: dir
profiles:
- config: {}
  description: ""
  devices:
    eth0:
      name: eth0
      network: lxdbr0
      type: nic
    root:
      path: /
      pool: local
      type: disk
  name: default
projects:
- name: web
  description: The shop
  config:
    features.images: "false"
cluster: null
"""

BRIDGES = {"lxd": "lxdbr0", "incus": "incusbr0"}


def state_of(daemon):
    """Everything that init decides, as the daemon's own client shows it."""
    kinds = {
        kind: daemon.query(f"/1.0/{kind}?recursion=1") or []
        for kind in ("storage-pools", "networks", "projects", "profiles")
    }
    return {
        "config": daemon.query("/1.0")["config"],
        **{kind: sorted(found, key=lambda obj: obj["name"]) for kind, found in kinds.items()},
    }


def init(play, daemon, *options, **variables):
    return play("init", *options, init_url=daemon.url, **variables)


@pytest.fixture
def preseed(tmp_path):
    def write(text=PRESEED, **changes):
        path = tmp_path / "preseed.yml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(text), **changes}) if changes else text)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"storage_pool": []}, "storage_pool: there is no such section. Did you mean 'storage_pools'?"),
        (
            {"networks": [{"name": "lxdbr0", "typ": "bridge"}]},
            "networks[0] 'lxdbr0': typ: there is no such key. Did you mean 'type'?",
        ),
        ({"networks": [{"config": {}}]}, "networks[0]: name: it is missing"),
        ({"storage_pools": {"name": "x"}}, "storage_pools: a list of storage_pool entries is needed, each with"),
        ({"cluster": {"enabled": True, "server_name": "one"}}, "init_preseed.cluster is not for this role"),
        (
            {"storage_volumes": [{"name": "v", "pool": "local", "type": "container"}]},
            "storage_volumes[0] 'local/v': type: 'container' is none of custom",
        ),
    ],
)
def test_what_is_refused_before_anything_is_changed(play, kept, preseed, changes, words):
    before = state_of(kept)
    refused = init(play, kept, init_preseed_file=preseed(PRESEED, **{"projects": [{"name": "never"}], **changes}))
    assert refused.failed and words in refused.text, refused.text
    assert state_of(kept) == before


def test_a_preseed_that_says_nothing_does_nothing(play, kept, preseed):
    before = state_of(kept)
    for text in (
        "{}\n",
        "# nothing yet\n",
        "config: {}\nstorage_pools: []\nstorage_volumes: []\ncluster_groups: []\ncluster: null\n",
    ):
        assert init(play, kept, init_preseed_file=preseed(text)).changed == 0
    assert init(play, kept, init_preseed={}).changed == 0
    assert state_of(kept) == before


def test_a_preseed_that_is_not_yaml_is_told_with_file_and_line(play, kept, preseed):
    wrong = {
        "config: {}\nnetworks: [\n": "preseed.yml:3: this is not YAML",
        "config: {}\nconfig: {}\n": "preseed.yml:2: the key 'config' is written",
    }
    for text, words in wrong.items():
        refused = init(play, kept, init_preseed_file=preseed(text))
        assert refused.failed and words in refused.text, refused.text


@pytest.fixture(scope="module")
def preseeded(kept, tmp_path_factory):
    """A server that was empty, what a preseed would have done to it by a run in check mode, and what it did."""
    folder = tmp_path_factory.mktemp("preseeded")
    (folder / "preseed.yml").write_text(PRESEED)
    before = state_of(kept)
    predicted = init(Player(folder), kept, "--check", init_preseed_file=str(folder / "preseed.yml"))
    untouched = state_of(kept) == before
    return kept, predicted, untouched, init(Player(folder), kept, init_preseed_file=str(folder / "preseed.yml"))


def test_check_mode_tells_the_whole_plan_of_an_empty_server(preseeded):
    _server, predicted, untouched, first = preseeded
    assert untouched, predicted.text
    assert first.plan == predicted.plan


def test_a_preseed_as_it_is(play, preseeded, preseed):
    daemon, _predicted, _untouched, first = preseeded
    assert sorted(first.plan) == [
        "+ network lxdbr0",
        "+ project web",
        "+ storage_pool local",
        "~ profile default",
        "~ server",
    ]
    state = state_of(daemon)
    assert state["config"]["images.auto_update_interval"] == "15"
    assert [(pool["name"], pool["driver"]) for pool in state["storage-pools"]] == [("local", "dir")]
    assert [project["description"] for project in state["projects"] if project["name"] == "web"] == ["The shop"]
    (profile,) = [profile for profile in state["profiles"] if profile["name"] == "default"]
    assert profile["devices"]["root"] == {"path": "/", "pool": "local", "type": "disk"}
    assert profile["description"].startswith("Default")  # an empty description in a preseed changes nothing
    (bridge,) = [network for network in state["networks"] if network["managed"]]
    assert bridge["config"]["ipv4.address"].endswith("/24")

    assert init(play, daemon, init_preseed_file=preseed()).changed == 0
    assert state_of(daemon) == state  # auto was not sent again, or the bridge would have another subnet


@pytest.mark.both
def test_the_daemons_own_init_finds_nothing_to_do_after_us_and_we_after_it(play, daemon, preseed):
    """What `lxd init --preseed` makes is what we would make. (It renumbers a bridge of auto by itself, so the subnet is
    written.)
    """
    document = yaml.safe_load(PRESEED)
    document["networks"][0]["config"]["ipv4.address"] = "10.158.3.1/24"
    program = ["lxd", "init"] if daemon.kind == "lxd" else ["incus", "admin", "init"]
    done = daemon.inside("sh", "-c", f"{' '.join(program)} --preseed < {preseed(yaml.safe_dump(document))}")
    assert done.returncode == 0, done.stderr
    theirs = state_of(daemon)
    ours = init(play, daemon, init_preseed_file=preseed(yaml.safe_dump(document)))
    assert ours.changed == 0, ours.text
    assert state_of(daemon) == theirs


# What YAML makes numbers, dates and truth of, and the daemons' own init does not.
SCALARS = """profiles:
- name: NAME
  description: 2026-12-31
  config:
    security.nesting: yes
    user.date: 2026-12-31
    user.float: 1.10
    user.hexadecimal: 0x1F
    user.infinite: .inf
    user.octal: 0660
    user.thousand: 1_000
    user.time: 12:30
    user.truth: True
    user.word: on
  devices:
    eth0: {type: nic, network: lxdbr0, hwaddr: 10:16:30:12:34:56}
    tty: {type: unix-char, path: /dev/tty9, source: /dev/null, mode: 0660, required: no}
"""


@pytest.mark.both
def test_plain_values_are_the_text_that_is_written(play, preseeded, preseed):
    daemon = preseeded[0]
    program = "lxd init" if daemon.kind == "lxd" else "incus admin init"
    assert (
        daemon.inside("sh", "-c", f"{program} --preseed < {preseed(SCALARS.replace('NAME', 'theirs'))}").returncode == 0
    )
    ours = preseed(SCALARS.replace("NAME", "ours"))
    assert init(play, daemon, init_preseed_file=ours).plan == ["+ profile ours"]
    shown = [daemon.query(f"/1.0/profiles/{name}") for name in ("ours", "theirs")]
    assert [shown[0][key] for key in ("config", "description", "devices")] == [
        shown[1][key] for key in ("config", "description", "devices")
    ]
    assert (shown[0]["devices"]["tty"]["mode"], shown[0]["devices"]["eth0"]["hwaddr"]) == ("0660", "10:16:30:12:34:56")
    assert init(play, daemon, init_preseed_file=ours).changed == 0
    for name in ("ours", "theirs"):
        daemon.query(f"/1.0/profiles/{name}", method="DELETE")


def test_edits_are_applied_and_nothing_else(play, preseeded, preseed):
    daemon = preseeded[0]
    before = state_of(daemon)
    pools = [{"name": "local", "driver": "dir", "description": "On the disk of the system"}]
    edited = init(
        play,
        daemon,
        init_preseed_file=preseed(PRESEED, config={"images.auto_update_interval": 24}, storage_pools=pools),
    )
    assert edited.plan == ["~ server", "~ storage_pool local"], edited.text
    after = state_of(daemon)
    # What is no longer written is kept.
    assert after["config"] == {**before["config"], "images.auto_update_interval": "24"}
    assert after["storage-pools"][0]["description"] == "On the disk of the system"
    assert {key: after[key] for key in ("networks", "projects", "profiles")} == {
        key: before[key] for key in ("networks", "projects", "profiles")
    }


def test_a_wrong_name_is_refused_before_anything_is_changed(play, preseeded, preseed):
    daemon = preseeded[0]
    broken = yaml.safe_load(PRESEED)
    broken["profiles"][0]["devices"]["root"]["pool"] = "locl"
    broken["projects"][0]["description"] = "Another"  # which must not be done either
    before = state_of(daemon)
    for options in (["--check"], []):
        refused = init(play, daemon, *options, init_preseed_file=preseed(yaml.safe_dump(broken)))
        assert refused.failed and "there is no 'locl'" in refused.text and "Did you mean 'local'?" in refused.text, (
            refused.text
        )
        assert state_of(daemon) == before


def test_a_half_finished_run_is_resumed(play, daemon, preseed):
    """What the daemon refuses stops what needs it, and nothing else; the next run does the rest."""
    broken = yaml.safe_load(PRESEED)
    broken["networks"][0]["config"]["dns.zone.forward"] = "nowhere.test"  # only the daemon knows that there is none
    first = init(play, daemon, init_preseed_file=preseed(yaml.safe_dump(broken)))
    assert first.failed and "network lxdbr0" in first.text and "skipped" in first.text, first.text
    assert daemon.query("/1.0/profiles/default")["devices"] == {}
    assert [pool["name"] for pool in state_of(daemon)["storage-pools"]] == ["local"]
    second = init(play, daemon, init_preseed_file=preseed())
    assert second.plan == ["+ network lxdbr0", "~ profile default"], second.text


def test_init_converges_the_default_profile(play, daemon):
    """Complaint 60: after a failed init the default profile has no root disk, and `lxd init` never adds it to a pool
    that is there already.
    """
    daemon.query("/1.0/storage-pools", method="POST", body={"name": "default", "driver": "dir"})
    first = init(play, daemon)
    assert first.plan == ["+ network " + BRIDGES[daemon.kind], "~ profile default"], first.text
    assert daemon.query("/1.0/profiles/default")["devices"]["root"] == {"type": "disk", "path": "/", "pool": "default"}
    assert init(play, daemon).changed == 0


@pytest.mark.both
def test_nothing_declared_is_the_minimal_server(play, daemon):
    first = init(play, daemon)
    assert sorted(first.plan) == ["+ network " + BRIDGES[daemon.kind], "+ storage_pool default", "~ profile default"], (
        first.text
    )
    devices = daemon.query("/1.0/profiles/default")["devices"]
    assert devices["eth0"]["network"] == BRIDGES[daemon.kind]
    state = state_of(daemon)
    again = init(play, daemon)
    assert again.changed == 0 and state_of(daemon) == state


@pytest.mark.both
def test_variables_and_projects_with_networks_of_their_own(play, daemon):
    variables = {
        "init_config": {"core.trust_password" if daemon.kind == "lxd" else "user.secret": "s3cret-s3cret"},
        "init_storage_pools": [
            {"name": "one", "driver": "btrfs", "config": {"size": "2GiB"}},
            {"name": "two", "driver": "dir"},
        ],
        "init_projects": [{"name": "blue", "config": {"features.profiles": True, "features.images": False}}],
        "init_profiles": [
            {"name": "default", "project": "blue", "devices": {"root": {"type": "disk", "path": "/", "pool": "two"}}}
        ],
    }
    first = init(play, daemon, "-v", "--diff", **variables)
    assert not first.failed, first.text
    assert "s3cret-s3cret" not in first.text
    assert daemon.query("/1.0/profiles/default?project=blue")["devices"]["root"]["pool"] == "two"
    again = init(play, daemon, **variables)
    # LXD never shows a trust password, only that there is one: it cannot be compared, and update_secrets decides
    assert again.changed == 0, again.text


@pytest.mark.both
def test_the_certificates_of_a_preseed_and_of_a_variable(play, preseeded, preseed, tmp_path):
    daemon = preseeded[0]
    client = identity(tmp_path, "ci")
    bare = base64.b64encode(
        ssl.PEM_cert_to_DER_cert(client.pem)
    ).decode()  # as the API and the daemon's own init take it
    entry = {
        "name": "ci",
        "type": "client",
        "certificate": bare,
        "restricted": True,
        "projects": ["web"],
        "description": "",
    }
    first = init(play, daemon, init_preseed_file=preseed(PRESEED, certificates=[entry]))
    assert not first.failed, first.text
    shown = daemon.query(f"/1.0/certificates/{client.fingerprint}")
    assert (shown["name"], shown["restricted"], shown["projects"]) == ("ci", True, ["web"])
    assert init(play, daemon, init_preseed_file=preseed(PRESEED, certificates=[entry])).changed == 0
    preseed_file = preseed(PRESEED, certificates=[{**entry, "name": "of the preseed"}])
    opened = init(
        play, daemon, init_preseed_file=preseed_file, init_certificates=[{**entry, "restricted": False, "projects": []}]
    )
    assert opened.changed == 1, opened.text
    shown = daemon.query(f"/1.0/certificates/{client.fingerprint}")
    assert (shown["name"], shown["restricted"]) == ("ci", False)  # the variable stands for that part of the preseed


def test_the_timeout_of_roles_is_that_of_their_modules(silent, tmp_path):
    """Thirty seconds is how long a daemon that does not listen is waited for without it."""
    go_on = {"ansible.builtin.meta": "noop"}
    roles = [
        {"block": [{"ansible.builtin.import_role": {"name": f"cloudhost.lxd.{role}"}}], "rescue": [go_on]}
        for role in ("init", "cluster")
    ]
    (tmp_path / "play.yml").write_text(
        yaml.safe_dump([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": roles}])
    )
    variables = {
        "ansible_python_interpreter": "/usr/bin/python3",
        "init_url": silent,
        "init_timeout": 1,
        "cluster_url": silent,
        "cluster_timeout": 1,
    }
    done = ansible("-i", "localhost,", "-e", json.dumps(variables), str(tmp_path / "play.yml"))
    for request in ("GET /1.0/projects ", "GET /1.0/cluster "):
        assert f"The timeout of 1 s is over while sending {request}" in done.text, done.text
