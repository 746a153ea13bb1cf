"""Write her2st.toml from the file list of the public repository and whatever files are at hand.

The list is what git says about the commit, one ``<blob id><tab><path>`` a line:

    git clone https://github.com/almaan/her2st && cd her2st
    git ls-tree -r --format='%(objectname)%x09%(path)' 85df741 data > blobs.tsv

Files are looked for under ``--data`` without the leading ``data/``. A SHA-256 is written only for files that
are there and whose recomputed blob id is the listed one; everything else stays ``verified = false``.
The same input gives the same bytes.

    python data_manifests/make_her2st.py --blobs blobs.tsv --data $GENVIZ_DATA/her2st
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from genviz.core.geometry import mpp_from_pitch
from genviz.io.spots.st_tables import GRID, PIXELS, read_spot_table

HERE = Path(__file__).parent
COMMIT = "85df7411b987a7dec3feff9718b869a7a82091ec"
RAW = f"https://raw.githubusercontent.com/almaan/her2st/{COMMIT}/"
PITCH_UM = 200.0

HEAD = f'''# Written by make_her2st.py; change that, not this.
name = "her2st"
title = "HER2-positive breast tumours, Spatial Transcriptomics (36 sections of 8 patients)"
kind = "spatial"
licence = "CC-BY-4.0"
citation = """Andersson A, Larsson L, Stenbeck L, et al. Spatial deconvolution of HER2-positive breast \\
cancer delineates tumor-associated cell type interactions. Nature Communications 12, 6012 (2021). \\
https://doi.org/10.1038/s41467-021-26271-2"""
licence_url = "https://creativecommons.org/licenses/by/4.0/"
licence_note = """The GitHub repository carries no LICENSE file; CC BY 4.0 is the licence recorded for \\
this study (all 36 sections, SPA119-SPA154) in the HEST-1k metadata and for the article."""

[source]
repository = "https://github.com/almaan/her2st"
commit = "{COMMIT}"
record = "https://zenodo.org/record/3957257"
note = """Judged to be plain git blobs, not git-LFS pointers: the recomputed blob ids of the JPEG images at \\
hand are the listed ones, and an LFS rule would have caught these too. The folder of an image tells its \\
section; its file name does not (C3 is 5714_HE_BT_D1.jpg)."""

[spots]
platform = "Spatial Transcriptomics, 1k array"
pitch_um = {PITCH_UM}
diameter_um = 100.0
mpp_rule = """Micrometres per pixel differ by patient and are recorded nowhere: derive them for each section \\
from the 200 um pitch, as pitch / sqrt(|det A|), A the robust affine fit of pixel_x, pixel_y to x, y \\
(genviz.core.geometry). `mpp` below is that number, where the spot file was at hand."""
n_spots_rule = "Spots that both the count table and the spot file name, where both were at hand."

'''

NOTES = {
    "data/ST-pat/lbl/J1_labeled_coordinates.tsv": "The repository has no section J1.",
    "data/ST-pat/lbl/G2_labeled_coordinates.tsv": "The annotated image is of G1.",
}

PANELS = [
    {
        "name": "genes_genar200",
        "file": "her2st/genes_genar200.txt",
        "note": "Panel of the GenAR paper: its appendix lists 208 genes, "
        "its loader keeps the first 200 alphabetically.",
    },
    {
        "name": "genes_hvg200_C2-C5",
        "file": "her2st/genes_hvg200_C2-C5.txt",
        "note": "200 highly variable genes, selected on sections C2-C5: "
        "scores on these sections with it are leaked.",
    },
]


def main() -> None:
    """Read the list, look at the files, write the TOML."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blobs", type=Path, required=True, help="blob id and path of each file, by tab")
    parser.add_argument("--data", type=Path, required=True, help="folder with ST-cnts/, ST-imgs/, ...")
    parser.add_argument("--out", type=Path, default=HERE / "her2st.toml")
    args = parser.parse_args()
    listed = [line.split("\t") for line in args.blobs.read_text().splitlines() if line]
    files = [_file(path, blob, args.data) for blob, path in sorted(listed, key=lambda row: row[1])]
    names = sorted({file["section"] for file in files if file["role"] == "counts"})
    text = HEAD
    text += "".join(_table("panels", panel) for panel in PANELS)
    text += "".join(_table("sections", _section(name, args.data)) for name in names)
    text += "".join(_table("files", file) for file in files)
    args.out.write_text(text, encoding="utf-8", newline="\n")
    checked = sum(file["verified"] for file in files)
    print(f"{args.out}: {len(files)} files, {checked} verified, {len(names)} sections")


def _file(path: str, blob: str, data: Path) -> dict[str, Any]:
    local = path.removeprefix("data/")
    role = _role(local)
    found = re.match(r"ST-imgs/./(..)/", local) or re.match(r".*/([A-H][1-6])[._]", local)
    entry: dict[str, Any] = {"path": path, "local": local, "url": RAW + path, "role": role}
    entry["section"] = found[1] if found else ""
    entry |= {"git_blob": blob}
    if (data / local).is_file():
        content = (data / local).read_bytes()
        computed = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        if computed != blob:
            raise SystemExit(f"{data / local} is not the file of the commit: blob {computed}, listed {blob}.")
        entry |= {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    return entry | {"verified": "sha256" in entry}


def _role(local: str) -> str:
    folders = {
        "ST-cnts/": "counts",
        "ST-spotfiles/": "spots",
        "ST-imgs/": "image",
        "ST-pat/img/": "annotation",
        "ST-pat/lbl/README": "readme",
        "ST-pat/lbl/": "labels",
    }
    return next(role for start, role in folders.items() if local.startswith(start))


def _section(name: str, data: Path) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "patient": name[0]}
    spots, counts = data / f"ST-spotfiles/{name}_selection.tsv", data / f"ST-cnts/{name}.tsv.gz"
    if spots.is_file():
        table = read_spot_table(spots)
        entry["mpp"] = round(
            mpp_from_pitch(table[PIXELS].to_numpy(float), table[GRID].to_numpy(float), PITCH_UM), 4
        )
        if counts.is_file():
            entry["n_spots"] = int(table.index.isin(_counted(counts)).sum())
    return entry


def _counted(counts: Path) -> list[str]:
    """Names of the spots of a count table; the counts themselves are not needed here."""
    with gzip.open(counts, "rt") as lines:
        next(lines)
        return [line.partition("\t")[0] for line in lines]


def _table(name: str, entry: dict[str, Any]) -> str:
    note = NOTES.get(entry.get("path", ""))
    lines = [f"# {note}"] if note else []
    lines += [f"[[{name}]]"]
    lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()]
    return "\n".join(lines) + "\n\n"


if __name__ == "__main__":
    main()
