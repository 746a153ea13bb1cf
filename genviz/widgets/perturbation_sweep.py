"""A live view: what a model makes of a profile when genes are turned up and down, beside what means nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from genviz._errors import UsageError
from genviz._keys import Obsm
from genviz._settings import settings
from genviz.controllers.lanes import Task
from genviz.controllers.sweep.controller import Sweeping, SweepRequest, SweepRun
from genviz.controllers.sweep.rows import groups_of, places_of
from genviz.controllers.sweep.told import STATISTICS, dose_of, frame_of, run_of, tiles_of
from genviz.tl.perturbation.gene_edits import ABSOLUTE, FOLD, FOLDS
from genviz.tl.perturbation.run import CONTROLS
from genviz.tl.perturbation.verdict import ENOUGH_EACH
from genviz.widgets.messages import Answer, Asked, Handler, Later, jpeg
from genviz.widgets.view import View

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from anndata import AnnData

    from genviz.controllers.history import History
    from genviz.metrics import TissueStandard
    from genviz.models import GeneVAR
    from genviz.tl.perturbation.under_way import Perturbing, Step

_LANE = "run"
_PAGE_QUALITY = 92


class PerturbationSweep(View):
    """Turn genes up and down in some rows and watch the model draw, with controls, curves and a ranking.

    What is found is about the model, and correlational. Runs on the Dask client of the session where there is one.

    Parameters
    ----------
    model
        A trained `GeneVAR` that is told genes, such as ``GeneVAR.load("genevar-her2st-mini")``.
    adata
        Rows with the profiles that the model was trained on (raw counts or TPM); not changed.
    training
        Rows that the range of values is taken from; default the picked rows themselves.
    standard
        Of the 14 statistics; default that of the measured profiles' generated tiles.
    impute_missing
        Set genes that the condition uses and `adata` lacks to their training mean.
    key
        Result key.
    **state
        Traits.

    Attributes
    ----------
    genes, together
        Genes to edit, each by itself or all at once.
    rows
        Names of the rows.
    doses, dose_kind
        Doses, and whether they multiply the measured counts (``"fold"``) or set them (``"absolute"``). The measured
        dose is always added.
    n, seed, controls
        Tiles of each row and dose, seed, controls of each kind; see `tl.perturb`.
    gene, row, dose, draw
        What is looked at: gene (or set), row, label of the dose, draw.

    Raises
    ------
    UsageError
        For another kind of model, or one that is told no genes.
    DataError
        For no rows, rows of one name, or rows without the model's genes.

    Examples
    --------
    >>> view = gv.widgets.PerturbationSweep(model, adata, genes=["ERBB2"])
    >>> view  # in a cell of its own; press Run
    >>> gv.tl.perturbation_summary(view.result)
    """

    scripts = (
        "chart",
        "spots",
        "sweep_pick",
        "sweep_map",
        "sweep_strip",
        "sweep_effects",
        "sweep_table",
        "sweep_view",
    )
    styles = ("chart", "perturbation_sweep")

    genes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    together = traitlets.Bool(False).tag(sync=True)
    rows = traitlets.List(traitlets.Unicode()).tag(sync=True)
    doses = traitlets.List(traitlets.CFloat(), default_value=list(FOLDS)).tag(sync=True)
    dose_kind = traitlets.Enum([FOLD, ABSOLUTE], FOLD).tag(sync=True)
    n = traitlets.Int(2).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    controls = traitlets.Int(CONTROLS).tag(sync=True)
    gene = traitlets.Unicode("").tag(sync=True)
    row = traitlets.Unicode("").tag(sync=True)
    dose = traitlets.Unicode("").tag(sync=True)
    draw = traitlets.Int(0).tag(sync=True)
    shown = traitlets.Int(0).tag(sync=True)  # number of the run in the history; 0: none

    def __init__(
        self,
        model: GeneVAR,
        adata: AnnData,
        *,
        training: AnnData | None = None,
        standard: TissueStandard | None = None,
        impute_missing: bool = False,
        key: str = "genevar",
        **state: Any,
    ) -> None:
        self._sweeping = Sweeping(
            model, adata, training=training, standard=standard, impute_missing=impute_missing, key=key
        )
        self._ticket = 0
        state.setdefault("rows", self._sweeping.first_rows())
        state.setdefault("seed", settings.seed)
        super().__init__(**state)

    # ---- from Python

    @property
    def result(self) -> AnnData | None:
        """The run that is looked at, as `tl.perturb` gives it; None before the first."""
        return self._sweeping.result

    @property
    def gene_names(self) -> list[str]:
        """Genes that can be edited, those with most reads in training first."""
        return list(self._sweeping.genes)

    @property
    def history(self) -> History[SweepRun | None]:
        """All runs; step 0 is none."""
        return self._sweeping.history

    def run(self) -> AnnData:
        """Run what is set, here and now; the view fills in as it goes.

        Returns
        -------
        The result, equal to that of `tl.perturb`.

        Raises
        ------
        UsageError, DataError
            As `tl.perturb`.
        """
        self.lanes.cancel(_LANE)
        return self._run(self._present(), None).result

    def look(self, number: int) -> AnnData:
        """Go to an earlier run.

        Parameters
        ----------
        number
            From 1, see `history`.

        Raises
        ------
        UsageError
            There is no such run.
        """
        run = self._numbered(number)
        self.history.go(number)
        self.shown = number
        return run.result

    def to_figure(self, kind: str = "effects") -> go.Figure:
        """The run that is looked at, as a still figure of its chosen gene.

        Parameters
        ----------
        kind
            ``"effects"`` (curves, `pl.dose_effects`) or ``"tiles"`` (`pl.doses`).

        Raises
        ------
        UsageError
            Before the first run, or for another kind.
        """
        from genviz import pl

        drawn = {"effects": pl.dose_effects, "tiles": pl.doses}
        if kind not in drawn:
            raise UsageError(f"Expected kind 'effects' or 'tiles'; got {kind!r}.")
        run = self._numbered(self.history.at)
        facts = {own["name"] for own in run_of(run, self._sweeping.key)["frame"]["sets"]}
        return drawn[kind](run.result, self.gene if self.gene in facts else None, key=self._sweeping.key)

    # ---- questions

    def handlers(self) -> Mapping[str, Handler]:
        """Questions of the front end."""
        return {"start": self._start, "run": self._later, "look": self._look, "tiles": self._tiles}

    def page_questions(self) -> Iterable[tuple[str, Asked]]:
        """The run that is looked at: curves, table, and the tiles of all its genes."""
        number = self.history.at
        run = self._numbered(number)
        yield "start", {}
        yield "look", {"run": number}
        for own in run_of(run, self._sweeping.key)["frame"]["sets"]:
            yield "tiles", {"run": number, "gene": own["name"], "as": "jpeg"}

    def _start(self, asked: Asked) -> Answer:
        fitted = self._sweeping.model.fitted
        tokenizer = fitted.trained_tokenizer().config
        mpp = fitted.facts.get("mpp")
        adata = self._sweeping.adata
        data = {
            "genes": self._sweeping.genes,
            "names": self._sweeping.row_names,
            "groups": groups_of(adata),
            "side": tokenizer.size_px,
            "side_um": None if mpp is None else round(float(mpp) * tokenizer.size_px, 1),
            "statistics": [[name, told] for name, told in STATISTICS.items()],
            "enough_controls": ENOUGH_EACH,
            "runs": self._runs(),
        }
        return Answer(data, {} if Obsm.SPATIAL not in adata.obsm else {"places": places_of(adata)})

    def _later(self, asked: Asked) -> Later:
        wanted = SweepRequest(
            genes=tuple(map(str, asked["genes"])),
            rows=tuple(map(str, asked["rows"])),
            together=bool(asked["together"]),
            doses=tuple(asked["doses"]),
            kind=str(asked["kind"]),
            n=asked["n"],
            seed=asked["seed"],
            controls=asked["controls"],
        )
        return Later(_LANE, lambda task: Answer({"run": self._run(wanted, task) and self.history.at}))

    def _look(self, asked: Asked) -> Answer:
        number = asked["run"]
        run = self._numbered(number)
        self.history.go(number)
        return Answer(run_of(run, self._sweeping.key) | {"run": number, "runs": self._runs()})

    def _tiles(self, asked: Asked) -> Answer:
        labels, tiles = tiles_of(self._numbered(asked["run"]), asked["gene"], self._sweeping.key)
        if asked["as"] == "raw":
            return Answer({"doses": labels}, {"tiles": tiles})
        n_doses, n_rows, n, h, w, _ = tiles.shape
        # Sides of tiles are multiples of JPEG's blocks: nothing bleeds from tile to tile.
        sheet = tiles.transpose(1, 3, 0, 2, 4, 5).reshape(n_rows * h, n_doses * n * w, 3)
        return Answer({"doses": labels}, pictures={"sheet": jpeg(sheet, _PAGE_QUALITY)})

    # ---- runs

    def _present(self) -> SweepRequest:
        return SweepRequest(
            genes=tuple(self.genes),
            rows=tuple(self.rows),
            together=self.together,
            doses=tuple(self.doses),
            kind=self.dose_kind,
            n=self.n,
            seed=self.seed,
            controls=self.controls,
        )

    def _run(self, asked: SweepRequest, task: Task | None) -> SweepRun:
        """Run and tell every front end of this view, whoever asked."""
        self._ticket += 1
        ticket = self._ticket

        def begun(under_way: Perturbing) -> None:
            self.tell("begun", Answer({"ticket": ticket, "frame": frame_of(under_way)}))

        def made(under_way: Perturbing, step: Step) -> None:
            data = {
                "ticket": ticket,
                "done": step.done,
                "gene": step.gene,
                "dose": step.dose,
                "start": step.rows.start,
                "complete": dose_of(under_way, step),
            }
            if step.images_MHW3 is None:
                self.tell("step", Answer(data))
            else:
                tiles = step.images_MHW3.reshape(-1, under_way.draw.n, *step.images_MHW3.shape[1:])
                self.tell("step", Answer(data, {"tiles": tiles}))

        ended = None
        try:
            run = self._sweeping.run(asked, task, begun=begun, made=made)
            ended = self.history.at
        finally:
            self.tell("ended", Answer({"ticket": ticket, "run": ended}))
        self.shown = self.history.at
        return run

    def _numbered(self, number: Any) -> SweepRun:
        steps = self.history.steps
        if len(steps) == 1:
            raise UsageError("Expected a run; there is none yet. Press Run, or call view.run().")
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number < len(steps):
            raise UsageError(f"Expected a run from 1 to {len(steps) - 1}; got {number!r}.")
        run = steps[number].state
        assert run is not None
        return run

    def _runs(self) -> list[dict[str, Any]]:
        return [{"run": step.number, "name": step.name} for step in self.history.steps[1:]]
