# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every kind does alike, on real daemons: one entry of the table in `conformance/` for each kind."""

from __future__ import annotations

import contextlib
import json
import pathlib
import time
from typing import Any, Iterator

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import Devices, Map, Moment
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.secrets import is_secret
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.resource_info import COLLECTIONS
from integration.conformance import TABLE
from integration.conftest import Server
from integration.subject import Subject
from lab.daemon import Daemon
from lab.proxy import Cut, Proxy

SECRET = "hunter22-of-the-suite"


@pytest.fixture(scope="session")
def clustered(server: Server, lab: pathlib.Path) -> Iterator[Server]:
    """A daemon of the same product that is the only member of a cluster."""
    daemon = Daemon(server.daemon.name, lab / "clustered")
    proxy = None
    try:
        daemon.start()
        proxy = Proxy(str(lab / f"{server.daemon.name}.clustered"), str(daemon.socket))
        alone = Server(daemon, proxy)
        alone.query("/1.0", "PATCH", {"config": {"core.https_address": "127.0.0.1:8443"}})
        alone.query("/1.0/cluster", "PUT", {"server_name": "node1", "enabled": True})
        yield alone
    finally:
        if proxy:
            proxy.close()
        daemon.stop()


@pytest.fixture(params=TABLE)
def subject(request: pytest.FixtureRequest, api: Server) -> Iterator[Subject]:
    entry = TABLE[request.param]
    there = request.getfixturevalue("clustered") if entry.place == "cluster" else api
    subject = Subject(there, request.param, entry)
    with contextlib.closing(subject):
        yield subject


# -- a life -----------------------------------------------------------------------------------------------------------


def test_a_life(subject: Subject) -> None:
    """Made, changed field by field and back, purged, exported, renamed and deleted, each predicted and done once."""
    if not subject.known():
        return
    subject.unchanged(state="absent")
    subject.prepare()
    result = subject.converges(**subject.new)
    made = subject.query()
    assert result == subject.kind.returned(made), "the result is not what the API shows"
    for option, value in subject.changes.items():
        _change(subject, option, value, made)
    for name, field in subject.fields.items():
        if isinstance(field, Map) and field.purge:
            _purge(subject, name, field)
    _is_read(subject)
    if subject.kind.stackable:
        _is_exported(subject)
    if subject.kind.renames:
        _renames(subject)
    subject.converges(state="absent")
    assert subject.seen() is None


def _change(subject: Subject, option: str, value: Any, made: dict[str, Any]) -> None:
    """Change a field, and unset it again."""
    done, seen = subject.converges(**{option: value}) or {}, subject.kind.returned(subject.query())
    hidden = {field.name for field in subject.kind.fields if is_secret(field.name)}  # Ansible hides what a task writes
    assert {**done, **dict.fromkeys(hidden)} == {**seen, **dict.fromkeys(hidden)}, (
        "the result is not what the API shows"
    )
    subject.shows(option, value)
    none = subject.unset(option, value)
    if none is not None:
        subject.converges(**{option: none})
        key = subject.fields[option].key
        assert _value(subject, option, subject.query().get(key)) == _value(subject, option, made.get(key)), (
            "it is not as it was"
        )


def _value(subject: Subject, option: str, value: Any) -> Any:
    """A value as it is compared: servers have several for nothing."""
    return subject.fields[option].shown(value, None) if isinstance(subject.fields[option], Moment) else value or None


def _purge(subject: Subject, option: str, field: Map) -> None:
    """Take away what a task does not have, and nothing of the server's."""
    before = subject.query().get(field.key)
    loose: dict[str, Any] = {"loose": {"type": "none"}} if isinstance(field, Devices) else {"user.loose": "x"}
    subject.run(**{option: loose})
    assert set(subject.query()[field.key]) == {*(before or {}), *loose}
    subject.converges(**{option: subject.new.get(option, {}), field.purge: True})
    assert subject.query().get(field.key) == before


def _is_read(subject: Subject) -> None:
    """The module resource_info shows it, with one request."""
    kind = subject.kind
    if kind.kind not in COLLECTIONS:
        return
    given = {"kind": kind.kind, "parent": "/".join(str(subject.key[parent]) for parent in kind.parents()) or None}
    name = subject.query()[kind.key]
    subject.proxy.forget()
    found = subject.api.run("resource_info", name=name, **given)["resources"]
    assert ([one[kind.key] for one in found], len(subject.proxy.requests)) == ([name], 1)
    assert subject.api.run("resource_info", name="nobody-has-it", **given)["resources"] == []


def _is_exported(subject: Subject) -> None:
    """A document that describes the server changes nothing there, and makes again what was deleted."""
    kind, section = subject.kind, subject.kind.plural()
    exported = subject.api.run("stack_export", kinds=[kind.kind])["definition"]
    given = subject.resource().params
    (mine,) = [entry for entry in exported[section] if kind.label({**given, **entry}) == kind.label(given)]
    subject.proxy.forget()
    assert subject.api.run("stack", definition=exported)["changed"] is False
    assert subject.proxy.writes == []
    if subject.entry.remade:
        before = subject.query()
        subject.run(state="absent")
        subject.api.run("stack", definition={section: [mine]})
        after = subject.query()
        for field in kind.fields:
            assert _lasting(after.get(field.key)) == _lasting(before.get(field.key)), field.name


def _lasting(value: Any) -> Any:
    """A value without what the server makes anew each time."""
    if isinstance(value, dict):
        return {key: inner for key, inner in value.items() if not key.startswith(("volatile.", "image."))}
    return value


def _renames(subject: Subject) -> None:
    before, old = subject.query(), subject.url
    subject.converges(new_name=subject.entry.renamed)
    assert subject.url != old and subject.seen(old) is None
    after = subject.query()
    for field in subject.kind.fields:
        assert _lasting(after.get(field.key)) == _lasting(before.get(field.key)), field.name
    subject.name = subject.entry.renamed


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_what_it_refuses(subject: Subject) -> None:
    """Bad names, values and references, what cannot be changed, and what is in use: nothing is written."""
    if not subject.known():
        return
    subject.prepare()
    for option, value, words in _wrong(subject):
        message = subject.fails(**{**subject.new, option: value})
        assert [word for word in words if word not in message] == [], f"{option}: {message}"
    subject.run(**subject.new)
    for option, value in subject.fixed.items():
        message = subject.fails(**{option: value})
        assert "recreate: true" in message and f"{option} is '" in message, message
        if subject.entry.anew is not None:
            anew = subject.of_server(subject.entry.anew) or {**subject.new, option: value}
            planned = subject.run(check=True, **anew, recreate=True)
            assert [step["action"] for step in planned["steps"]][-2:] == ["delete", "create"]
    if subject.entry.users:
        _is_kept_while_used(subject)


def _wrong(subject: Subject) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """Options that are refused, a value of each, and words of the error."""
    for option, (value, words) in subject.entry.bad.items():
        yield option, value, words
    for option, field in subject.fields.items():
        if isinstance(field, Devices):
            yield option, {"d": "nic"}, (f"{option}.d", "dictionary")
        elif isinstance(field, Map):
            yield option, {"user.a": {"b": 1}}, (f"{option}.user.a", "not a dict")
        elif isinstance(field, Moment):
            yield option, "tomorrow", (option, "'tomorrow'", "2026-12-31T18:00:00Z")
        if field.extension and not subject.api.has(field.extension):
            yield option, subject.entry.changes.get(option, True), (f"needs the extension '{field.extension}'",)
    for parent in subject.kind.parents()[-1:]:
        yield parent, "nobody", (parent, "'nobody'")
    if subject.kind.scoped:
        yield "project", "nowhere", ("project", "'nowhere'")


def _is_kept_while_used(subject: Subject) -> None:
    """What the server refuses while something uses it is refused by the plan, which names the users."""
    subject.make(subject.entry.users)
    module, options = subject.entry.users[0]
    tasks: list[dict[str, Any]] = [{"state": "absent"}]
    tasks += [{"new_name": subject.entry.renamed}] if "rename" in subject.kind.unless_used else []
    for task in tasks:
        message = subject.fails(**task)
        assert f"{module} {options['name']}" in message and "while it is" in message, message
    subject.end(subject.entry.users)


# -- others who write, and connections that break ---------------------------------------------------------------------


def test_a_write_of_somebody_else(subject: Subject) -> None:
    """Before ours, which the server refuses (412), and just after ours, which it takes back: both stay."""
    if not subject.known():
        return
    subject.prepare()
    subject.run(**subject.new)
    ours, value = next(iter(subject.changes.items()))
    theirs = subject.of_server(subject.entry.theirs) or {"config": {"user.theirs": "2"}}
    before = subject.query()
    other = {
        key: {**(before.get(key) or {}), **written} if isinstance(written, dict) else written
        for key, written in theirs.items()
    }
    for at in ("came", "answered") if subject.api.kind in subject.entry.etag else ("answered",):
        _put(subject, before)
        subject.proxy.forget()
        write = {**subject.query(), **other}
        subject.proxy.cut = Cut(f"PUT {subject.pattern}", lambda write=write: _put(subject, write), at)
        assert subject.run(**{ours: value})["changed"] is True
        _happened(subject)
        puts = [request for request in subject.proxy.writes if request.startswith("PUT ")]
        assert len(puts) == 2, f"the other write, when ours {at}, was not noticed: {subject.proxy.writes}"
        subject.shows(ours, value)
        now = subject.query()
        for key, written in theirs.items():
            if isinstance(written, dict):
                assert written.items() <= now[key].items()
            else:
                assert now[key] == written or key == subject.fields[ours].key


def _put(subject: Subject, body: dict[str, Any]) -> None:
    """Write as another client, as soon as the server has ended what it does with the object."""
    end = time.monotonic() + 10
    while True:
        try:
            subject.api.query(subject.url, "PUT", body)
            return
        except RuntimeError as exc:
            if "operation" not in str(exc) or time.monotonic() > end:
                raise
            time.sleep(0.02)


def test_writes_that_are_cut(subject: Subject) -> None:
    """The connection breaks before the daemon has a request, in its answer, and after it: nothing is done twice."""
    if not subject.known():
        return
    subject.prepare()
    option, value = next(iter(subject.changes.items()))
    collection = f"{subject.resource().collection}($|\\?)"
    for when in ("before", "mid", "after"):
        _cut(subject, "create", [Cut(f"POST {collection}", when)], **subject.new)
        _cut(
            subject,
            "update",
            [Cut(f"GET {subject.pattern}", when), Cut(f"PUT {subject.pattern}", when)],
            **{option: value},
        )
        subject.shows(option, value)
        if subject.kind.renames and when == "after":  # LXD 5.0 takes ten seconds to rename an alias
            _cut(subject, "rename", [Cut(f"POST {subject.pattern}", when)], new_name=subject.entry.renamed)
            subject.name = subject.entry.renamed
        _cut(subject, "delete", [Cut(f"DELETE {subject.pattern}", when)], state="absent")
        assert subject.seen() is None
        subject.name = ""


def _cut(subject: Subject, action: str, cuts: list[Cut], **options: Any) -> None:
    """A task whose requests are cut, and which does one thing all the same."""
    subject.proxy.cut, *subject.proxy.later = cuts
    done = subject.run(**options)
    _happened(subject)
    assert [step["action"] for step in done["steps"]] == [action] and done["changed"] is True
    subject.unchanged(**options)


def test_secrets_are_masked(subject: Subject) -> None:
    """A value whose key looks secret is neither in the result nor in the diff, and is compared all the same."""
    holder = subject.kind.holder()
    if not holder or not subject.known():
        return
    subject.prepare()
    options = {**subject.new, holder.name: {**subject.new.get(holder.name, {}), "user.password": SECRET}}
    for changed in (True, False):
        done = subject.run(**options)
        assert done["changed"] is changed and SECRET not in json.dumps({**done, "invocation": None})
    done = subject.run(**{holder.name: {"user.password": SECRET + "9"}})
    assert done["changed"] is True and SECRET not in json.dumps({**done, "invocation": None})
    assert subject.query()[holder.key]["user.password"] == SECRET + "9"


def _happened(subject: Subject) -> None:
    assert subject.proxy.cut is None and not subject.proxy.later, "the fault did not happen, so this proves nothing"
