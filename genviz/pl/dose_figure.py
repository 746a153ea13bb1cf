"""What editing a gene does to generated tiles: the tiles dose by dose, and the change of each statistic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from genviz._errors import MissingKeyError, UsageError
from genviz._keys import Obs, Obsm
from genviz.core.arguments import check_adata
from genviz.core.counts import first_names
from genviz.pl.colours import CATEGORIES
from genviz.pl.house_style import LAYOUT, short, warning
from genviz.pl.pair_strips import strip
from genviz.pl.section import jpeg_uri
from genviz.tl.perturbation.tables import perturbation_effects, perturbation_summary

if TYPE_CHECKING:
    from anndata import AnnData

_TITLE = 150
_TILE = 118
_HEAD = 78
_Z = 1.96  # 95 %
_COLUMNS = 3


def doses(
    adata: AnnData,
    gene: str | None = None,
    *,
    rows: Sequence[str] | None = None,
    n: int = 5,
    draw: int = 0,
    key: str = "genevar",
) -> go.Figure:
    """Draw tiles of one gene (or set): a line a row, a column a dose, all of one line with the same random numbers.

    Parameters
    ----------
    adata
        From `tl.perturb`; reads ``obsm["<key>"]`` and gene, dose_label, source, draw of ``obs``.
    gene
        Gene or set; default the one with the largest effect.
    rows
        Names of the measured rows to show; default the first `n`.
    n
        How many, without `rows`.
    draw
        Which draw of each.
    key
        Result key.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    MissingKeyError
        For rows that are of no perturbation.
    UsageError
        For a gene, rows or a draw that are not there.
    """
    gene = _gene(adata, gene, key)
    own = adata.obs[(adata.obs[Obs.GENE] == gene) & (adata.obs[Obs.DRAW] == draw)]
    known = list(dict.fromkeys(own[Obs.SOURCE].astype(str)))
    shown = known[:n] if rows is None else [str(row) for row in rows]
    if strangers := sorted(set(shown) - set(known)):
        raise UsageError(
            f"Expected names of measured rows ({first_names(known)}); got {first_names(strangers)}."
        )
    if not shown:
        raise UsageError(f"Expected draw {draw} of at least one row; there is none.")
    labels = list(own[Obs.DOSE_LABEL].cat.remove_unused_categories().cat.categories)
    width = _TILE * len(labels)
    figure = go.Figure()
    figure.update_xaxes(visible=False, range=[0, _TITLE + width], fixedrange=True)
    figure.update_yaxes(visible=False, range=[len(shown) * _TILE, 0], fixedrange=True)
    for k, row in enumerate(shown):
        line = own[own[Obs.SOURCE].astype(str) == row]
        places = [adata.obs_names.get_loc(line.index[line[Obs.DOSE_LABEL] == label][0]) for label in labels]
        pixels = strip(np.asarray(adata.obsm[Obsm.image(key)][places]), scale=4)
        figure.add_layout_image(
            source=jpeg_uri(pixels, 8192, quality=92), x=_TITLE, y=k * _TILE, sizex=width, sizey=_TILE - 4,
            xref="x", yref="y", xanchor="left", yanchor="top", sizing="stretch",
        )  # fmt: skip
        figure.add_annotation(
            text=row, x=_TITLE - 8, y=(k + 0.5) * _TILE, showarrow=False, xanchor="right", font_size=11
        )
    for k, label in enumerate(labels):
        figure.add_annotation(
            text=f"<b>{label}</b>" if label in ("x1", "measured") else label, x=_TITLE + (k + 0.5) * _TILE, y=0,
            yanchor="bottom", showarrow=False,
        )  # fmt: skip
    figure.update_layout(
        width=_TITLE + width + 8,
        height=len(shown) * _TILE + _HEAD + 8,
        margin={"l": 0, "r": 8, "t": _HEAD, "b": 8},
        title=_title(short(gene), "synthetic tiles, dose by dose"),
        **LAYOUT,
    )
    return figure


def dose_effects(
    adata: AnnData,
    gene: str | None = None,
    *,
    statistics: Sequence[str] | None = None,
    n: int = 6,
    key: str = "genevar",
) -> go.Figure:
    """Draw the change of statistics against the dose, beside what independent seeds and the controls would show.

    A panel a statistic: the mean change with its 95 % interval over rows; in grey the interval that independent random
    numbers would have around no effect; crosses at the largest change of the matched random gene sets, triangles at
    that of the random code directions, both signs; dashed the change that the ridge predicts.

    Parameters
    ----------
    adata
        From `tl.perturb`; reads ``uns["genviz"]["<key>_statistics"]``.
    gene
        Gene or set; default the one with the largest effect.
    statistics
        Names out of `metrics.TISSUE`; default the `n` with the largest change.
    n
        How many, without `statistics`.
    key
        Result key.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    MissingKeyError
        For rows that are of no perturbation.
    UsageError
        For a gene or statistics that are not there.
    """
    gene = _gene(adata, gene, key)
    table = perturbation_effects(adata, key=key)
    table = table[table["gene"] == gene]
    sizes = table.assign(size=table["change"].abs()).groupby("statistic")["size"].max()
    ranked = list(sizes.sort_values(ascending=False, kind="stable").index)
    drawn = ranked[:n] if statistics is None else list(statistics)
    if not drawn or set(drawn) - set(ranked):
        raise UsageError(
            f"Expected statistics out of {', '.join(sorted(ranked))}; got {', '.join(drawn) or 'none'}."
        )
    columns = min(_COLUMNS, len(drawn))
    lines = -(-len(drawn) // columns)
    figure = make_subplots(
        rows=lines, cols=columns, subplot_titles=[name.replace("_", " ") for name in drawn],
        horizontal_spacing=0.07, vertical_spacing=0.28 / lines,
    )  # fmt: skip
    for k, name in enumerate(drawn):
        place = {"row": k // columns + 1, "col": k % columns + 1}
        for trace in _curve(table[table["statistic"] == name], legend=k == 0):
            figure.add_trace(trace, **place)
        figure.update_yaxes(zerolinecolor="#999", **place)
    figure.update_yaxes(title_text="change, sd", col=1)
    figure.update_xaxes(title_text="dose", row=lines)
    figure.update_layout(
        width=290 * columns + 80,
        height=250 * lines + 150,
        margin={"l": 60, "r": 20, "t": 96, "b": 80},
        title=_title(
            f"{short(gene, 48)}: change of generated tiles", "synthetic tiles; correlational, about the model"
        ),
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        **LAYOUT,
    )
    return figure


def _title(text: str, careful: str) -> dict[str, Any]:
    """A title at the very top, with words below it that a reader must not miss."""
    return {
        "text": f"{text}<br>{warning(careful)}", "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 26},
    }  # fmt: skip


def _curve(own: Any, *, legend: bool) -> list[go.Scatter]:
    """Traces of one panel; doses stand at even distances, because 0 has no logarithm."""
    x, change = own["dose"].tolist(), own["change"].to_numpy()
    # A single row has no standard error: no bar then.
    se, noise = (np.nan_to_num(own[name].to_numpy(float)) for name in ("se", "independent_se"))
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "legendgroup": "noise"}
    traces = [
        go.Scatter(x=x, y=-_Z * noise, showlegend=False, **band),
        go.Scatter(
            x=x, y=_Z * noise, fill="tonexty", fillcolor="rgba(120,120,120,0.18)", showlegend=legend,
            name="no effect, independent seeds", **band,
        ),
    ]  # fmt: skip
    controls = {
        "matched_largest": ("largest of matched gene sets", "x-thin", CATEGORIES[1]),
        "direction_largest": ("largest of random code directions", "triangle-up-open", CATEGORIES[3]),
    }
    for column, (name, symbol, colour) in controls.items():
        size = own[column].to_numpy(float)
        if np.isfinite(size).any():
            traces.append(
                go.Scatter(
                    x=[*x, *x], y=[*size, *-size], mode="markers", name=name, legendgroup=column, showlegend=legend,
                    marker={"symbol": symbol, "size": 8, "color": colour, "line": {"width": 1.6, "color": colour}},
                )
            )  # fmt: skip
    ridge = own["ridge_change"].to_numpy(float)
    if np.isfinite(ridge).any():
        traces.append(
            go.Scatter(
                x=x, y=ridge, mode="lines", name="ridge on real tiles", legendgroup="ridge", showlegend=legend,
                line={"dash": "dash", "width": 1.6, "color": CATEGORIES[2]},
            )
        )  # fmt: skip
    traces.append(
        go.Scatter(
            x=x, y=change, mode="lines+markers", name="change, 95 % interval", legendgroup="change",
            showlegend=legend, line={"width": 2, "color": CATEGORIES[0]}, marker={"size": 7},
            error_y={"type": "data", "array": _Z * se, "thickness": 1.6, "width": 4},
        )
    )  # fmt: skip
    return traces


def _gene(adata: AnnData, gene: str | None, key: str) -> str:
    """The gene asked for, or the one with the largest effect."""
    check_adata(adata)
    needed = {Obs.GENE, Obs.DOSE_LABEL, Obs.SOURCE, Obs.DRAW}
    if missing := sorted(needed - set(adata.obs)):
        raise MissingKeyError(
            f"Expected rows of a perturbation; obs lacks {', '.join(missing)}. Make them with gv.tl.perturb(...)."
        )
    known = list(dict.fromkeys(adata.obs[Obs.GENE].astype(str)))
    if gene is None:
        return str(perturbation_summary(adata, key=key)["gene"].iloc[0])
    if gene not in known:
        raise UsageError(f"Expected one of {first_names(known, 8)}; got {gene!r}.")
    return gene
