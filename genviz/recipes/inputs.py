"""What every job is given: rows to train on, sections of them, and a run folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from genviz import datasets, io
from genviz._errors import UsageError
from genviz._keys import Obs
from genviz.io.files.locks import TRAINING, training_in
from genviz.io.files.output import check_new_folder, real_path

if TYPE_CHECKING:
    from anndata import AnnData

_HEST = "hest-"


def check_sections(sections: Sequence[str] | None) -> None:
    """Refuse a list of no sections, which an empty variable of a shell makes of "some".

    Parameters
    ----------
    sections
        Names; None: not asked for.

    Raises
    ------
    UsageError
        For an empty list.
    """
    if sections is not None and not sections:
        raise UsageError("Expected names of sections; got none. Name some, or leave sections out.")


@contextmanager
def run_folder(out: Path, *, go_on: bool) -> Iterator[None]:
    """Hold a run folder for as long as a training takes; only an empty one, unless what it holds is gone on with.

    Parameters
    ----------
    out
        Run folder of a training.
    go_on
        Whether what it holds is taken up.

    Raises
    ------
    UsageError
        When a training is running there, or it holds something and is not to be gone on with.
    GenvizError
        When it cannot be written.
    """
    check_new_folder(out, allow_content=True)
    with training_in(out):  # first: what another training has begun to fill is not to be told of --resume
        names = sorted(path.name for path in real_path(out).iterdir() if path.name != TRAINING)
        if names and not go_on:
            raise UsageError(
                f"Expected a new run folder; {out} holds {len(names)} entries, among them {names[0]!r}. Go on with a "
                "training there by --resume (resume=True), or choose another folder."
            )
        yield


def load_training_rows(data: str, sections: Sequence[str] | None) -> AnnData:
    """Rows of a dataset by name, or of an .h5ad file.

    Raises
    ------
    UsageError
        Neither a known dataset nor a file, or sections that are not there.
    """
    if data == "her2st":
        return datasets.her2st(list(sections) if sections else ["C2", "C3", "C4", "C5"])
    if data.startswith(_HEST):
        return datasets.hest(data, sections, images="slide")  # the ring around a spot is cut from the slide
    if data == "phantom":
        adata = datasets.phantom("spatial")
    elif Path(data).is_file():
        adata = io.read_h5ad(data, with_counts=True)
    else:
        raise UsageError(
            f"Expected a dataset (her2st, hest-..., phantom) or an .h5ad file, got {data!r}. See `genviz data list`."
        )
    if sections is None:
        return adata
    found = adata.obs[Obs.LIBRARY].astype(str)
    missing = sorted(set(sections) - set(found))
    if missing:
        raise UsageError(
            f"Expected sections of {data} ({', '.join(found.unique())}); got also {', '.join(missing)}."
        )
    return adata[found.isin(list(sections)).to_numpy()].copy()
