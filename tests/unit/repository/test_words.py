# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words that the documentation does not use: each has a plain or a standard term instead (docs/glossary.md)."""

from __future__ import annotations

import ast
import io
import pathlib
import re
import tokenize

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
DOCUMENTED = (ast.ClassDef, ast.FunctionDef)

#: Expressions for whole words, in any case, and what to write instead. Add a word only if it is never right in prose.
WORDS = {
    r"all the same": "still, anyway",
    r"as (it|they) should be": "in the desired state",
    r"behaviours?": "behavior",
    r"folders?": "directory",
    r"initialis\w+": "initialize",
    r"(made|makes?|begun) (it )?anew": "re-create, start again",
    r"nobody's": "unmanaged",
    r"(is|are) seen to": "handled",
    r"recognis\w+": "recognize",
    r"shall": "must, or the present tense",
    r"tells?|told": "report, show, determine",
    r"wire form": "API representation",
    r"wish(es|ed)?": "desired state, desired value",
}


def markdown(path):
    """Without code, and without the targets of links. Lines keep their numbers."""
    text = re.sub(
        r"(?ms)^ *(`{3,})\w*$.*?^ *\1$", lambda code: "\n" * code[0].count("\n"), path.read_text(encoding="utf-8")
    )
    return re.sub(r"`[^`\n]*`|\]\([^)]*\)", " ", text)


def options(text):
    """YAML without what the markup of Ansible declares to be code, an option or a value."""
    return re.sub(r"\b[A-Z]{1,3}\([^)]*\)", " ", text)


def specs(path):
    return options(path.read_text(encoding="utf-8"))


def plugin(path):
    """What ansible-doc shows of a plugin, or of a fragment, but for its examples."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    texts = [
        node.value.value
        for node in found
        if isinstance(node.targets[0], ast.Name) and re.fullmatch(r"(?!EXAMPLES)[A-Z]+", node.targets[0].id)
    ]
    return options("\n".join(texts))


def source(path):
    """Docstrings and comments, without what they declare to be code. Lines keep their numbers."""
    text = path.read_text(encoding="utf-8")
    found = [""] * (text.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            found[token.start[0] - 1] += token.string
    for node in ast.walk(ast.parse(text)):
        words = ast.get_docstring(node, clean=False) if isinstance(node, (ast.Module, *DOCUMENTED)) else None
        for number, line in enumerate((words or "").split("\n")):
            found[node.body[0].lineno - 1 + number if words else 0] += line
    return re.sub(r"`[^`\n]*`", " ", "\n".join(found))


#: Where prose is, and how it is read.
PROSE = (
    ("README.md", markdown),
    ("docs/*.md", markdown),
    ("roles/*/README.md", markdown),
    ("roles/*/meta/argument_specs.yml", specs),
    *((f"plugins/module_utils/_{room}/**/*.py", source) for room in ("audit", "engine", "kinds", "jobs", "stack")),
    *((f"plugins/{kind}/*.py", plugin) for kind in ("modules", "doc_fragments", "connection", "inventory", "filter")),
)

FILES = [(path, read) for pattern, read in PROSE for path in sorted(ROOT.glob(pattern))]


def unused(text):
    """The words of a text that are not to be used, each with its line and with what to write instead."""
    return [
        f"{text.count(chr(10), 0, match.start()) + 1}: '{match[0]}' (write: {instead})"
        for word, instead in WORDS.items()
        for match in re.finditer(rf"(?<![\w-])(?:{word})(?![\w-])", text, re.I)
    ]


@pytest.mark.parametrize(
    ("path", "read"), FILES, ids=lambda value: str(value.relative_to(ROOT)) if isinstance(value, pathlib.Path) else ""
)
def test_plain_words(path, read):
    assert unused(read(path)) == [], path.name


def test_only_prose_is_read(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "The folder.\n\n```sh\nls folder\n```\n\n`folder`, [it](folder.md), trust_folder: it is Nobody's.\n",
        encoding="utf-8",
    )
    assert [words.partition(" (")[0].partition(": ")[2] for words in unused(markdown(page))] == [
        "'folder'",
        "'Nobody's'",
    ]
    spec = tmp_path / "specs.yml"
    spec.write_text("description: The folder C(folder), as O(folder) has it.\n", encoding="utf-8")
    assert len(unused(specs(spec))) == 1
    module = tmp_path / "module.py"
    module.write_text(
        'DOCUMENTATION = r"""\nIt shall V(shall).\n"""\nEXAMPLES = "shall"\n\n\nclass ModuleDocFragment:\n    TLS = '
        '"wish"\n',
        encoding="utf-8",
    )
    assert len(unused(plugin(module))) == 2
    code = tmp_path / "code.py"
    code.write_text('"""It shall be."""\n\nx = "shall"  # as they `shall`, in a folder\n', encoding="utf-8")
    assert [words.partition(" (")[0] for words in unused(source(code))] == ["3: 'folder'", "1: 'shall'"]
