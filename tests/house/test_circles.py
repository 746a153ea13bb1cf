"""No module needs another that needs it: imports go one way, within a room too."""

from __future__ import annotations

from collections import defaultdict

import grimp
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import one another, over however many others."""
    names = sorted(imports)
    place = {name: i for i, name in enumerate(names)}
    pairs = np.array([(place[a], place[b]) for a in names for b in imports[a]], int).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(names), len(names)))
    _, group = connected_components(graph, connection="strong")
    members = defaultdict(list)
    for name, own in zip(names, group, strict=True):
        members[own].append(name)
    return [found for found in members.values() if len(found) > 1]


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def test_imports_go_one_way():
    graph = grimp.build_graph("genviz", exclude_type_checking_imports=True)
    found = circles({name: graph.find_modules_directly_imported_by(name) for name in graph.modules})
    assert not found, "\n".join(" <-> ".join(one) for one in found)
