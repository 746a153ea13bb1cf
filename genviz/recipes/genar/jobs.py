"""What the command line does for GenAR, as plain functions: files in, files out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genviz import datasets, io, metrics, pl, pp
from genviz._errors import UsageError
from genviz._keys import Layers, Obsm
from genviz.io.files.atomic import atomic_write_h5ad, atomic_write_json
from genviz.io.files.output import check_writable_file
from genviz.models import GenAR
from genviz.models.zoo import MODEL_FOLDER
from genviz.pl.report_data import provenance_of, result_key
from genviz.recipes.genar.held_out import attach_counts
from genviz.recipes.inputs import check_sections, load_training_rows, run_folder
from genviz.recipes.leakage import LEAKAGE
from genviz.recipes.seen_by import gate, seen_by_genar

if TYPE_CHECKING:
    from anndata import AnnData


def train_genar(
    data: str,
    *,
    # input
    sections: Sequence[str] | None,
    val: str | None,
    panel: Path | None,
    # model and training
    preset: str,
    epochs: int | None,
    resume: bool,
    seed: int,
    device: str,
    # result
    out: Path,
    **architecture: Any,
) -> Path:
    """Train GenAR and save it; returns the model's folder, ``out/model``.

    Parameters
    ----------
    data, sections
        See `load_training_rows`.
    val
        Section held out for early stopping; it is added to ``sections`` if it is not among them.
    panel
        Gene list; the packaged ``genes_genar200`` for HER2ST, all genes of the phantom, else ``var["panel"]``.
    preset, epochs, resume, seed, device, architecture
        See `GenAR` and `GenAR.train`.
    out
        Run folder.
    """
    check_sections(sections)
    with run_folder(out, go_on=resume):
        wanted = None if sections is None else [*sections, *([val] if val and val not in sections else [])]
        adata = load_training_rows(data, wanted)
        choose_panel(adata, data, panel)
        ensure_features(adata)
        GenAR.setup_anndata(adata)
        model = GenAR(adata, preset=preset, **architecture)
        model.train(max_epochs=epochs, val=val, seed=seed, out_dir=out, resume=resume, device=device)
        folder = out / MODEL_FOLDER
        model.save(folder)
        return folder


def choose_panel(adata: AnnData, data: str, panel: Path | None) -> None:
    """Mark the genes to model in ``var["panel"]``, unless the object already has."""
    if panel is not None:
        pp.select_genes(adata, panel=panel)
    elif data == "her2st":
        pp.select_genes(adata, panel=datasets.panel("genes_genar200"))


def ensure_features(adata: AnnData, encoder: str = "morphology") -> None:
    """Tile and embed unless the features are already there."""
    if Obsm.features(encoder) not in adata.obsm:
        pp.tile(adata)
        pp.embed(adata, encoder=encoder)


def embed_as_in_training(rows: AnnData, model: GenAR) -> None:
    """Tile and embed in the way of the model's training rows, unless the features are already there.

    Raises
    ------
    UsageError
        When the model does not know how its features were made.
    """
    features, recipe = model.fitted.features, model.fitted.recipe
    if features in rows.obsm:
        return
    around = {} if recipe.get("ring", "none") == "none" else {"pitch_um": recipe.get("pitch_um")}
    if not {"name", "ring", "stain"} <= set(recipe) or None in around.values():
        raise UsageError(
            f"Expected rows with the features that the model was trained on, obsm['{features}']; how they were made is "
            "not recorded. Make them in the same way and give the rows with --adata."
        )
    pp.tile(rows)
    pp.embed(
        rows,
        encoder=recipe["name"],
        stain=None if recipe["stain"] == "none" else recipe["stain"],
        ring=None if recipe["ring"] == "none" else recipe["ring"],
        key_added=features.removeprefix(Obsm.features("")),
        **around,
    )


def rows_from_slide(image: Path | None, spots: Path | None, *, section: str, mpp: float | None) -> AnnData:
    """Rows of one section from its slide and spot table, without counts."""
    if image is None or spots is None:
        raise UsageError("Expected both an image and a spot table.")
    return io.read_st(None, spots, image, section=section, mpp=mpp)


def rows_from_h5ad(path: Path) -> AnnData:
    """Rows of an .h5ad file, validated."""
    return io.read_h5ad(path)


def predict_genar(
    rows: AnnData, *, model: str, out: Path, depth: float | None, n_samples: int, seed: int, device: str
) -> AnnData:
    """Predict and write the result; features are computed when the rows carry none."""
    check_writable_file(out)
    fitted = GenAR.load(model, device=device)
    embed_as_in_training(rows, fitted)
    predicted = fitted.predict(rows, depth=depth, n_samples=n_samples, seed=seed)
    atomic_write_h5ad(predicted, out)
    return predicted


def evaluate_genar(
    pred: Path, counts: Path, json_file: Path, *, allow_seen: bool = False, seed: int = 0
) -> str:
    """Score a prediction file against a table of counts; writes JSON, returns a table to print.

    Parameters
    ----------
    pred
        A prediction, .h5ad; its provenance says what the model has seen.
    counts
        Measured counts, a table as `io.read_counts` reads it.
    json_file
        Receives the scores in the schema of `metrics.scores_to_json`, and the stamp of the gate under ``leakage``.
    allow_seen
        Whether rows may be scored that the model, its panel or its tree has seen; stamped.
    seed
        Of the intervals.

    Raises
    ------
    UsageError
        For rows that were seen.
    """
    check_writable_file(json_file)
    predicted = io.read_h5ad(pred)
    key = result_key(predicted)
    joined, measured = attach_counts(predicted, io.read_counts(counts))
    seen = seen_by_genar(provenance_of(predicted, key), predicted.var_names)
    report = gate(joined, seen, allow_seen=allow_seen)
    scores = metrics.expression(measured, joined, key=key, seed=seed)
    atomic_write_json(
        json_file,
        metrics.scores_to_json(scores)
        | {"n_rows": joined.n_obs, "n_rows_without_counts": predicted.n_obs - joined.n_obs}
        | {LEAKAGE: report.stamp()},
    )
    return aligned(metrics.scores_table({key: scores}))


def aligned(table: Iterable[Sequence[str]]) -> str:
    """Rows of text, as `metrics.scores_table` gives them, in columns; the first to the left, others right."""
    columns = list(zip(*table, strict=True))
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(
        "   ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
        for row in zip(*columns, strict=True)
    )


def write_report(
    file: Path, out: Path, *, counts: Path | None, genes: list[str] | None, title: str | None, seed: int = 0
) -> Path:
    """The HTML page of a prediction file, scored when it holds measured counts or a table is given.

    Parameters
    ----------
    file, out
        A prediction, .h5ad; the page.
    counts
        Measured counts, a table as `io.read_counts` reads it.
    genes, title
        See `pl.report`.
    seed
        Of the intervals.
    """
    predicted = io.read_h5ad(file)
    key = result_key(predicted)
    scores = None
    if counts is not None:
        predicted, measured = attach_counts(predicted, io.read_counts(counts))
        scores = {key: metrics.expression(measured, predicted, key=key, seed=seed)}
    elif Layers.COUNTS in predicted.layers:
        scores = {key: metrics.expression(predicted, predicted, key=key, seed=seed)}
    return pl.report(predicted, out, key=key, genes=genes, scores=scores, title=title)
