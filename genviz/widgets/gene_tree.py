"""The gene tree, live: maps of groups at every scale, edits, and what follows when a group is held at another count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from genviz._errors import UsageError
from genviz.controllers.gene_tree.controller import GeneTreeController
from genviz.controllers.lanes import Task
from genviz.pl.group_maps_figure import GroupMap, group_maps
from genviz.pl.section import section_of
from genviz.tl.enrichment import GeneSets
from genviz.widgets.gene_tree_answers import clamped, group_answer, section_answer, tree_answer
from genviz.widgets.messages import Answer, Asked, Handler, Later
from genviz.widgets.view import View

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from anndata import AnnData

    from genviz.models import GenAR

_PAGE_NUMBERS = 1_500_000  # values in a page's maps: about 4 MB
_TRIED_SCALE = 2


class GeneTree(View):
    """The tree that GenAR predicts along, with maps of its groups over the tissue.

    Parameters
    ----------
    adata
        Rows with the model's features and positions; measured counts are shown beside where they are.
    model
        A trained GenAR. Without one a prediction in ``layers[key]`` is shown; nothing can be held or generated.
    gene_sets
        GMT file, or set → genes: each group's over-representation is shown (`tl.enrich`).
    depth
        As for `GenAR.predict`: a section's median panel count, where it is known.
    key
        Result key.
    gene, scale, library
        What to show first; also traits to set later.

    Attributes
    ----------
    gene
        The gene that is followed through the scales.
    scale
        Number of groups of the scale that is shown; the gene's own group there is on the maps.
    library
        Section.
    controller
        What the view does, without it: edits, clamps, training (`controllers.gene_tree.controller`).

    Raises
    ------
    UsageError
        A gene, scale or section that is not there.
    """

    scripts = (
        "spots",
        "gene_tree_icicle",
        "gene_tree_map",
        "gene_tree_panel",
        "gene_tree_parts",
        "gene_tree",
    )
    styles = ("gene_tree",)

    gene = traitlets.Unicode().tag(sync=True)
    scale = traitlets.Int().tag(sync=True)
    library = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        adata: AnnData,
        model: GenAR | None = None,
        *,
        gene_sets: GeneSets | None = None,
        depth: Any = None,
        key: str = "genar",
        gene: str | None = None,
        scale: int | None = None,
        library: str | None = None,
    ) -> None:
        self.controller = GeneTreeController(adata, model, gene_sets=gene_sets, depth=depth, key=key)
        tree, rows = self.controller.tree, self.controller.rows
        self._k = min(_TRIED_SCALE, len(tree.scales) - 1)
        super().__init__(
            gene=rows.genes[int(rows.mean_G.argmax())] if gene is None else gene,
            scale=tree.scales[self._k] if scale is None else scale,
            library=rows.sections[0] if library is None else library,
        )

    # ------------------------------------------------------------------ traits: what is not there is refused

    @traitlets.validate("gene")
    def _check_gene(self, proposal: Any) -> str:
        self.controller.chain(proposal["value"])
        return str(proposal["value"])

    @traitlets.validate("scale")
    def _check_scale(self, proposal: Any) -> int:
        self._k = self._scale(proposal["value"])
        return int(proposal["value"])

    @traitlets.validate("library")
    def _check_library(self, proposal: Any) -> str:
        there = self.controller.rows.sections
        if proposal["value"] not in there:
            raise UsageError(f"Expected a section of {', '.join(there)}; got {proposal['value']!r}.")
        return str(proposal["value"])

    # ------------------------------------------------------------------ what a user takes from it

    @property
    def selection(self) -> list[str]:
        """Names of the spots chosen on the map; empty: all."""
        chosen = self.controller.selection
        return [] if chosen is None else [str(name) for name in self.controller.adata.obs_names[chosen]]

    @property
    def result(self) -> AnnData | None:
        """Rows generated under the what-if, with intervals; None before "Keep rows" (or `regenerate`)."""
        return self.controller.result

    def select(self, rows: ArrayLike | None) -> None:
        """Choose the spots that a what-if acts on.

        Parameters
        ----------
        rows
            Mask, indices or names; None: all.
        """
        self.controller.select(rows)

    def clamp(
        self,
        scale: int,
        group: int,
        *,
        factor: float | None = None,
        value: float | None = None,
        selected: bool = False,
    ) -> None:
        """Hold a group at another count and show what follows; as the button does.

        Parameters
        ----------
        scale, group
            Number of groups of the scale, and the group.
        factor, value
            Multiply its count, or set it.
        selected
            Only in the chosen spots.

        Raises
        ------
        UsageError
            For a scale or group that the tree does not have, or as `GeneTreeController.clamp`.
        """
        k = self._scale(scale)
        self.controller.clamp(k, group, factor=factor, value=value, selected=selected)
        self.tell("changed")

    def to_figure(self) -> go.Figure:
        """The tree, and the maps of the group shown: predicted, measured, and the change under a what-if."""
        control = self.controller
        k = self._shown()
        group = control.chain(self.gene)[k]
        section = section_of(control.adata, self._library_name())
        predicted, measured, clamped = control.values(k, group)
        maps = [GroupMap("Predicted", predicted[section.rows])]
        if measured is not None:
            maps.append(GroupMap("Measured", measured[section.rows]))
        if clamped is not None:
            maps.append(
                GroupMap("Change under the what-if", (clamped - predicted)[section.rows], is_change=True)
            )
        title = f"{control.label(k, group)} · {control.tree.scales[k]} groups · {section.heading}"
        key = control.key if control.model is None else None
        return group_maps(control.adata, control.tree, section, maps, title=title, key=key)

    # ------------------------------------------------------------------ questions

    def handlers(self) -> Mapping[str, Handler]:
        """Questions of the front end."""
        return {
            "start": lambda asked: tree_answer(self.controller),
            "section": lambda asked: section_answer(self.controller, str(asked["library"])),
            "group": lambda asked: group_answer(
                self.controller, int(asked["scale"]), int(asked["group"]), str(asked["library"])
            ),
            "edit": self._edit,
            "select": self._select,
            "clamp": self._clamp,
            "release": self._release,
            "keep": self._keep,
            "write": self._write,
            "train": self._train,
        }

    def page_questions(self) -> Iterable[tuple[str, Asked]]:
        """All groups of the coarse scales and the genes, the most abundant first where a page would grow too large."""
        control = self.controller
        yield "start", {}
        tree, mean_G = control.tree, control.rows.mean_G
        last = len(tree.scales) - 1
        left = _PAGE_NUMBERS
        for library in control.rows.sections:
            yield "section", {"library": library}
        genes = [int(tree.groups[i, last]) for i in np.argsort(-mean_G)]
        groups = [(k, g) for k in range(last) for g in range(tree.scales[k])] + [(last, g) for g in genes]
        for k, group in groups:
            for library in control.rows.sections:
                left -= 2 * len(control.rows.rows_of(library))
                if left > 0 or k < min(2, last):
                    yield "group", {"scale": k, "group": group, "library": library}

    def _scale(self, n_groups: int) -> int:
        scales = self.controller.tree.scales
        if n_groups not in scales:
            raise UsageError(
                f"Expected a scale of the tree, by its number of groups: {', '.join(map(str, scales))}; got {n_groups}."
            )
        return scales.index(n_groups)

    def _shown(self) -> int:
        """Index of the scale that is shown; an edit may have given it another number of groups."""
        scales = self.controller.tree.scales
        return scales.index(self.scale) if self.scale in scales else self._k

    def _library_name(self) -> str | None:
        """None where rows do not name sections."""
        return self.library or None

    # ------------------------------------------------------------------ deeds

    def _edit(self, asked: Asked) -> Answer:
        control = self.controller
        op, k, group = asked.get("op"), int(asked.get("scale", 0)), int(asked.get("group", 0))
        if asked.get("at", control.history.at) != control.history.at:  # groups have other numbers by now
            self.tell("changed")
            raise UsageError(
                "Expected an edit of the tree as it is; it changed in between. Look again, then edit."
            )
        match op:
            case "move":
                control.move_gene(str(asked["gene"]), k, group)
            case "merge":
                control.merge(k, [int(one) for one in asked["groups"]])
            case "split":
                control.split(k, group)
            case "rename":
                control.rename(k, group, str(asked["name"]))
            case "undo":
                control.history.undo()
            case "redo":
                control.history.redo()
            case _:
                control.history.go(int(asked.get("step", -1)))
        self.tell("changed")
        return Answer({"words": control.history.steps[control.history.at].name})

    def _select(self, asked: Asked) -> Answer:
        rows: Sequence[int] = [int(row) for row in asked.get("rows", [])]
        self.controller.select(rows or None)
        return Answer()

    def _clamp(self, asked: Asked) -> Later:
        def work(task: Task) -> Answer:
            task.report(0.1, "generating what is finer")
            amount = {name: float(asked[name]) for name in ("factor", "value") if asked.get(name) is not None}
            self.controller.clamp(
                int(asked["scale"]), int(asked["group"]), selected=bool(asked.get("selected")),
                factor=amount.get("factor"), value=amount.get("value"), check=task.check,
            )  # fmt: skip
            self.tell("changed")
            return Answer({"words": (clamped(self.controller) or {}).get("words", "")})

        return Later("clamp", work)

    def _release(self, asked: Asked) -> Answer:
        self.lanes.cancel("clamp")  # one that still runs would be held afterwards
        self.controller.release()
        self.tell("changed")
        return Answer()

    def _keep(self, asked: Asked) -> Later:
        def work(task: Task) -> Answer:
            task.report(0.1, "drawing joint samples of every spot")
            made = self.controller.regenerate(check=task.check)
            return Answer({"words": f"{made.n_obs} rows with intervals are in .result of this view"})

        return Later("keep", work)

    def _write(self, asked: Asked) -> Answer:
        self.controller.write()
        return Answer({"words": 'The tree is in adata.varm["gene_tree"]; a training uses it as it is.'})

    def _train(self, asked: Asked) -> Later:
        def work(task: Task) -> Answer:
            task.report(0.1, "training a small model on this tree")
            self.controller.retrain(check=task.check)
            self.tell("changed")
            return Answer(
                {"words": "The maps show the new model; these rows were trained on, they are not held out."}
            )

        return Later("train", work)
