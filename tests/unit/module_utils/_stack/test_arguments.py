# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of documents are validated as Ansible validates the arguments of modules.

`refused` and `stated` are the differences that are on purpose; `_stack/arguments.py` gives the reasons.
"""

from __future__ import annotations

import itertools

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.arguments import checked
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import spec_of
from hypothesis import given, settings
from hypothesis import strategies as st

RULES = ("mutually_exclusive", "required_together", "required_one_of", "required_by", "required_if")
#: Values for each type, some of which fit only after conversion.
FITTING = {
    "str": st.sampled_from(["", "x", "auto", "a, b", "true", 7, 1.5, True]),
    "path": st.sampled_from(["", "/x", "~/x", "$HOME/x", "${HOME}", 7, False]),
    "bool": st.sampled_from([True, False, 0, 1, 1.0, "true", "No", " y ", "T", "f", "n", "on", "OFF", "1", "0"]),
    "int": st.sampled_from([0, 7, -1, 2.0, True, "12", " 7 ", "1e3", "3.0", "1_000", "+5"]),
}
#: Values that an option of `required_if` has.
VALUES = st.sampled_from([True, 7, "x"])
WORDS = ["", "x", "auto", "yes ", "tru", "2", "1.5", "0x10", "NaN", "a,b", "a, b", "x=1", '{"x": 1}', "~", "None", "٣"]
NUMERALS = ["0", "1", "7", " 7 ", "1e3", "3.0", "1_000", "+5"]
BOOLEANS = ["Yes", "no", " y ", "T", "f", "n", "on", "OFF"]
EACH = [True, False, 0, 1, 2, -1, 1.0, 1.5, 2.0, 1e300, *NUMERALS, *BOOLEANS, *WORDS]
SCALARS = st.sampled_from([None, *EACH])
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "x"]), inner, max_size=3),
    max_leaves=4,
)


# -- made-up argument specs -------------------------------------------------------------------------------------------


@st.composite
def rules(draw, spec):
    """At most one rule between the options of a spec, so that many arguments keep it."""
    group = st.lists(st.sampled_from(sorted(spec)), min_size=1, max_size=3, unique=True)
    name = draw(st.sampled_from([None, *RULES]))
    if name is None:
        return {}
    if name == "required_by":
        return {name: draw(st.dictionaries(st.sampled_from(sorted(spec)), group, min_size=1, max_size=1))}
    if name == "required_if":
        return {name: [(draw(st.sampled_from(sorted(spec))), draw(VALUES), draw(group), draw(st.booleans()))]}
    return {name: [tuple(draw(group))]}


@st.composite
def entries(draw, depth):
    """An option of an argument spec."""
    scalar = draw(st.sampled_from(sorted(FITTING)))
    kind = draw(st.sampled_from([scalar, "list", "dict"]))
    entry = {"type": kind}
    inner = kind
    if kind == "list":
        inner = entry["elements"] = draw(st.sampled_from([scalar, "dict"]))
    if inner == "dict":
        if depth and draw(st.booleans()):
            entry["options"] = draw(specs(depth - 1))
            entry.update(draw(rules(entry["options"])))
    elif inner in ("str", "int") and draw(st.booleans()):
        entry["choices"] = ["x", "auto"] if inner == "str" else [0, 7]
    state = draw(st.sampled_from(["optional", "optional", "required", "default"]))
    if state == "required":
        entry["required"] = True
    elif state == "default" and kind == scalar:
        usual = {"str": "x", "path": "/x", "bool": True, "int": 7}
        entry["default"] = usual[scalar]
    return entry


def specs(depth=1):
    return st.dictionaries(st.sampled_from("abcdef"), entries(depth), min_size=1, max_size=4)


def fitting(entry):
    """Values that fit an option."""
    kind = entry["type"]
    if kind == "list":
        return st.lists(fitting({**entry, "type": entry["elements"]}), max_size=2)
    if entry.get("choices"):
        return st.sampled_from(entry["choices"])
    if kind == "dict":
        return written(entry["options"]) if entry.get("options") else st.dictionaries(st.text(max_size=2), ANYTHING)
    return FITTING[kind]


@st.composite
def written(draw, spec):
    """What somebody writes for a spec: mostly what fits; sometimes other values, and keys that it does not have."""
    careful = draw(st.integers(0, 2)) > 0
    keys = set(draw(st.lists(st.sampled_from(sorted(spec)), unique=True)))
    keys |= {key for key, entry in spec.items() if careful and entry.get("required")}
    values = {key: draw(fitting(spec[key]) if careful else fitting(spec[key]) | ANYTHING) for key in sorted(keys)}
    return values if careful or draw(st.booleans()) else {**values, "strange": draw(SCALARS)}


# -- the differences --------------------------------------------------------------------------------------------------


def refused(entry, value):
    """Whether a value has to be an error that Ansible converts instead."""
    kind = entry["type"]
    if kind == "list":
        items = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
        return any(refused({**entry, "type": entry["elements"]}, item) for item in items)
    if kind == "dict" and isinstance(value, dict):
        return any_refused(entry.get("options") or {}, value)
    return isinstance(value, str) if kind == "dict" else kind in ("str", "path") and isinstance(value, (dict, list))


def any_refused(spec, values):
    return any(key in spec and refused(spec[key], value) for key, value in values.items() if value is not None)


def stated(entry, value):
    """A value as Ansible has to be given it: booleans as text in the words of the daemons, no spaces after commas."""
    kind = entry["type"]
    if kind == "list":
        items = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        items = [str(items).lower()] if isinstance(items, bool) else items
        return (
            [stated({**entry, "type": entry["elements"]}, item) for item in items] if isinstance(items, list) else items
        )
    if kind == "dict" and entry.get("options") and isinstance(value, dict):
        return all_stated(entry["options"], value)
    return str(value).lower() if kind in ("str", "path") and isinstance(value, bool) else value


def all_stated(spec, values):
    """The options that are written: null is not."""
    known = {key: stated(spec[key], value) for key, value in values.items() if key in spec and value is not None}
    return {**known, **{key: value for key, value in values.items() if key not in spec}}


# -- both are the same ------------------------------------------------------------------------------------------------


def exact(value):
    """A value with its types: True is not 1, and 1 is not 1.0."""
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}
    return [exact(inner) for inner in value] if isinstance(value, list) else (type(value), value)


def compare(spec, constraints, values):
    params, complaints = checked(spec, constraints, values)
    if any_refused(spec, values):
        assert complaints
        return
    try:
        result = ArgumentSpecValidator(spec, **constraints).validate(all_stated(spec, values))
    except TypeError:  # of Ansible itself, where a dictionary with options is another value
        assert complaints
        return
    assert bool(complaints) == bool(result.error_messages), (complaints, result.error_messages)
    if not complaints:
        assert exact(params) == exact(result.validated_parameters)


@pytest.mark.parametrize("kind", sorted(FITTING))
@pytest.mark.parametrize("value", [*EACH, None, [], ["x"], {}, {"x": 1}], ids=repr)
def test_each_value_for_each_type(kind, value):
    compare({"a": {"type": kind}}, {}, {"a": value})
    compare({"a": {"type": "list", "elements": kind}}, {}, {"a": value})
    compare({"a": {"type": "list", "elements": kind}}, {}, {"a": [value]})


@pytest.mark.parametrize(
    "constraints",
    [
        *({name: [group]} for name in RULES[:3] for group in (("a", "b"), ("a", "b", "c"))),
        *({"required_by": {"a": needed}} for needed in ("b", ["b"], ["b", "c"])),
        *({"required_if": [("a", "x", ["b", "c"], *any_of)]} for any_of in ((), (False,), (True,))),
    ],
    ids=str,
)
@pytest.mark.parametrize("default", [None, "x", "y"])
def test_each_rule_with_each_choice_of_options(constraints, default):
    """Of the module and of a dictionary in it; the default is one of `a`, and of `c`."""
    spec = {"a": {"type": "str", "default": default}, "b": {"type": "str"}, "c": {"type": "str", "default": default}}
    for count in range(4):
        for names in itertools.combinations("abc", count):
            for value in ("x", "y"):
                given_options = dict.fromkeys(names, value)
                compare(spec, constraints, given_options)
                compare({"d": {"type": "dict", "options": spec, **constraints}}, {}, {"d": given_options})


@given(st.data())
@settings(max_examples=300)
def test_made_up_specs(data):
    spec = data.draw(specs())
    compare(spec, data.draw(rules(spec)), data.draw(written(spec)))


@pytest.mark.parametrize("name", sorted(name for name, kind in KINDS.items() if kind.stackable))
@given(st.data())
def test_the_specs_of_all_kinds(name, data):
    kind = KINDS[name]
    spec = data.draw(st.sampled_from([kind.argument_spec(), spec_of(kind)]))
    compare(spec, kind.constraints, data.draw(written(spec)))


@pytest.mark.parametrize("value", ["1e999999999", "Infinity", float("inf"), float("nan")])
def test_numbers_that_ansible_cannot_read(value):
    """Its own conversion fails, or fills the memory."""
    _params, complaints = checked({"a": {"type": "list", "elements": "int"}}, {}, {"a": [value]})
    assert [complaint.words for complaint in complaints] == [f"a[0]: a whole number is needed, not {value!r}."]
