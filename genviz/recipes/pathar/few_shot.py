"""Few-shot, told fairly: a generator and a U-Net from the same few real images of one label.

`score_use` trains its nets on pairs of a generator that has seen all training images. Here it has seen the few and no
others, so that what its pairs add is what a lab with five annotated images could have added.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz import metrics, pp
from genviz._errors import UsageError
from genviz._keys import Obs
from genviz.core.counts import first_names
from genviz.core.keyed import row_key
from genviz.io.files.atomic import atomic_write_json
from genviz.metrics import Score, scores_from_json, scores_to_json
from genviz.metrics.image_set import image_set
from genviz.models import PathAR
from genviz.models.pathar.training.image_set import image_set as whole_images
from genviz.models.zoo import MODEL_FOLDER
from genviz.recipes.pathar.jobs import KEY
from genviz.recipes.pathar.pairs import with_nuclei

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models.pathar.prior.rule import SampleRule

N_IMAGES = 5
# A third of mini's steps, in which each of five images is seen about ten times as often as one of many is there.
RECIPE: dict[str, dict[str, Any]] = {
    "tokenizer": {"max_epochs": 8, "gan_epochs": 2},
    "prior": {"max_epochs": 10, "n_views": 4096},
}
_SCORES = "scores.json"

Scores = dict[str, dict[str, Score]]


def few_shot(
    train: AnnData,
    val: AnnData,
    label: str,
    *,
    out: Path,
    n_images: int = N_IMAGES,
    n: int = 100,
    seed: int = 0,
    preset: str = "mini",
    tokenizer: Mapping[str, Any] | None = None,
    prior: Mapping[str, Any] | None = None,
    rule: str | SampleRule | None = None,
    device: str = "auto",
) -> Scores:
    """Dice on held-out pairs of nets trained on few real pairs, on synthetic ones of those few, and on both.

    Parameters
    ----------
    train, val
        Whole images with masks and labels; the few are drawn from `train` (see `few_images`), and nets are judged on
        all crops of `val` that hold nuclei.
    label
        The label; the generator knows no other.
    out
        Folder of this label, seed and recipe. The generator's training goes on where it was stopped, and scores that
        are there already are read.
    n_images, n
        Real images; synthetic pairs. Empty ones are left in, as a user would not know.
    seed
        Of the choice of images, the generator, its pairs and the nets.
    preset, tokenizer, prior
        As in `PathAR`; options are laid over `RECIPE`.
    rule
        As in `PathAR.generate`.
    device
        Where to compute.

    Returns
    -------
    ``<n_images> real``, ``<n> synthetic`` and ``<n_images> real + <n> synthetic``, each with ``dice`` beside that of
    the real ones alone (see `metrics.downstream`); with the synthetic ones also ``empty_share`` and the
    ``nearest_...`` scores of `metrics.nearest_training` against `seen_tiles`, for a generator of five images may well
    copy them.

    Raises
    ------
    UsageError
        For too few images of the label, none to judge on, or images that are in both sets.
    """
    if both := sorted(set(train.obs_names) & set(val.obs_names)):
        raise UsageError(
            f"Expected held-out images that are not trained on; got {first_names(both)} twice. Part the rows by split."
        )
    held = val[(val.obs[Obs.LABEL].astype(str) == label).to_numpy()].copy()
    if not held.n_obs:
        raise UsageError(f"Expected held-out images of {label!r} to judge on; got none.")
    few = few_images(train, label, n_images, seed)
    PathAR.setup_anndata(few)
    parts = {
        "tokenizer": RECIPE["tokenizer"] | dict(tokenizer or {}),
        "prior": RECIPE["prior"] | dict(prior or {}),
    }
    model = PathAR(few, preset=preset, **parts)
    run = {
        "label": label, "seed": seed, "n": n, "rule": str(rule), "recipe": model.config.to_dict(),
        "images": few.obs_names.tolist(), "held_out": held.obs_names.tolist(),
    }  # fmt: skip
    if found := _stored(out / _SCORES, run):
        return found
    folder = out / "run"
    model.train(seed=seed, device=device, out_dir=folder, resume=folder.exists())
    model.save(folder / MODEL_FOLDER)
    scores = _scores(model, few, held, label, n, seed, rule, device)
    documents = {name: scores_to_json(one) for name, one in scores.items()}
    atomic_write_json(out / _SCORES, {"run": run, "sets": documents})
    return scores


def few_images(images: AnnData, label: str, n: int, seed: int = 0) -> AnnData:
    """`n` images of a label by key, one of each scene before a second of any; without their split.

    Parameters
    ----------
    images
        Rows to choose from.
    label
        The label.
    n
        How many; a larger number only adds images.
    seed
        Which.

    Raises
    ------
    UsageError
        When there are fewer.
    """
    rows = np.flatnonzero(images.obs[Obs.LABEL].astype(str) == label)
    if len(rows) < n or n < 1:
        raise UsageError(f"Expected at least {max(n, 1)} images of {label!r} to train on; got {len(rows)}.")
    names = images.obs_names.to_numpy()
    scenes = images.obs[Obs.SCENE].astype(str).to_numpy() if Obs.SCENE in images.obs else names
    keys = {int(row): row_key(seed, "", str(names[row]), "few shot") for row in rows}
    turns: dict[str, int] = {}
    order = []
    for row in sorted(keys, key=keys.__getitem__):
        turns[scenes[row]] = turns.get(scenes[row], 0) + 1
        order.append((turns[scenes[row]], keys[row], row))
    few = images[np.sort([row for *_, row in sorted(order)[:n]])].copy()
    # All of them are trained on, whatever they were marked as.
    few.obs = few.obs.drop(columns=Obs.SPLIT, errors="ignore")
    return few


def _scores(
    model: PathAR,
    few: AnnData,
    val: AnnData,
    label: str,
    n: int,
    seed: int,
    rule: str | SampleRule | None,
    device: str,
) -> Scores:
    """Generate, train the nets, and look for copies."""
    size_px = model.config.tokenizer.size_px
    real, held = (with_nuclei(image_set(pp.crops(rows, size_px))) for rows in (few, val))
    made = image_set(model.generate([label], n, seed, rule=rule, key_added=KEY), KEY)
    sets = metrics.downstream_sets(real, made, n_real=(few.n_obs,), n_synthetic=n, seed=seed)
    del sets["all real"]  # the few
    scores = metrics.downstream(sets, held, baseline=f"{few.n_obs} real", seeds=(seed,), device=device)
    scores[f"{n} synthetic"] |= metrics.empty_share(made.needed("masks"), seed=seed)
    seen = seen_tiles(few, label, size_px)
    scores[f"{n} synthetic"] |= metrics.nearest_training(made, seen, held_out=held, seed=seed).scores
    return scores


def seen_tiles(images: AnnData, label: str, size_px: int) -> NDArray[np.uint8]:
    """Overlapping tiles a quarter of a side apart: nearly all that was cropped at random from so few images.

    Parameters
    ----------
    images
        Whole images of one label.
    label
        The label.
    size_px
        Side of a tile.

    Returns
    -------
    uint8 (n, size_px, size_px, 3).
    """
    step = max(size_px // 4, 1)
    parts = []
    for image in whole_images(images, Obs.LABEL, [label], size_px).images:
        windows = np.lib.stride_tricks.sliding_window_view(image, (size_px, size_px, 3))[::step, ::step, 0]
        parts.append(windows.reshape(-1, size_px, size_px, 3))
    return np.concatenate(parts)


def _stored(path: Path, run: Mapping[str, Any]) -> Scores:
    """Scores of this very run; none when it is another, or unfinished."""
    if not path.is_file():
        return {}
    document = json.loads(path.read_text(encoding="utf-8"))
    if document["run"] != json.loads(json.dumps(run)):
        return {}
    return {name: scores_from_json(one) for name, one in document["sets"].items()}
