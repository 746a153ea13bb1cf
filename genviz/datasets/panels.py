"""Gene panels that come with data sets."""

from __future__ import annotations

from collections.abc import Sequence

from genviz._errors import UsageError
from genviz.io.fetching.manifests import Panel, load_manifest, manifest_names


def panel(name: str) -> Sequence[str]:
    """Genes of a panel that comes with a data set, in the order of its file.

    Parameters
    ----------
    name
        ``genes_genar200`` (the GenAR paper's), or ``genes_hvg200_C2-C5`` (selected on HER2ST sections C2-C5,
        so scores on these are leaked).

    Returns
    -------
    Gene symbols, as the data set spells them.

    Raises
    ------
    UsageError
        When there is no such panel.
    """
    known: dict[str, tuple[Panel, str]] = {}
    for data_set in manifest_names():
        manifest = load_manifest(data_set)
        known |= {p.name: (p, (manifest.folder / p.file).read_text("utf-8")) for p in manifest.panels}
    if name not in known:
        raise UsageError(f"Expected the name of a panel; got {name!r}. There are: {', '.join(known)}.")
    return known[name][1].split()
