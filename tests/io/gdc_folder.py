"""Small folders as the GDC's client and portal leave them."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

HEADER = [
    "gene_id", "gene_name", "gene_type", "unstranded", "stranded_first", "stranded_second",
    "tpm_unstranded", "fpkm_unstranded", "fpkm_uq_unstranded",
]  # fmt: skip
GENES = (
    ("ENSG00000000003.15", "TSPAN6", "protein_coding"),
    ("ENSG00000002586.20", "CD99", "protein_coding"),
    ("ENSG00000002586.20_PAR_Y", "CD99", "protein_coding"),
    ("ENSG00000141510.18", "TP53", "protein_coding"),
    ("ENSG00000199377.1", "RNU5F-1", "snRNA"),
    ("ENSG00000223972.5", "DDX11L1", "transcribed_unprocessed_pseudogene"),
)
COLUMNS = "File ID\tFile Name\tData Category\tData Type\tProject ID\tCase ID\tSample ID\tSample Type"
NEW_COLUMNS = (
    "File ID\tFile Name\tData Category\tData Type\tProject ID\tCase ID\tSample ID\tTissue Type\t"
    "Tumor Descriptor\tSpecimen Type\tPreservation Method"
)


def counts_of(seed: int, n_genes: int = len(GENES)) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 5000, n_genes)


def tpm_of(counts: np.ndarray) -> np.ndarray:
    rate = counts / np.arange(1, len(counts) + 1)
    return np.round(rate / rate.sum() * 1e6, 4)


def star_table(
    counts: np.ndarray, *, genes=GENES, tpm=None, model: str = "GENCODE v36", summary: bool = True
) -> str:
    """The text of an ``augmented_star_gene_counts.tsv``."""
    lines = [f"# gene-model: {model}", "\t".join(HEADER)]
    for name in ("N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous") if summary else ():
        lines.append("\t".join([name, "", "", "1000", "2000", "3000", "", "", ""]))
    tpm = tpm_of(counts) if tpm is None else tpm
    for (ids, symbol, kind), count, share in zip(genes, counts, tpm, strict=True):
        lines.append(
            "\t".join(map(str, [ids, symbol, kind, count, count // 2, count - count // 2, share, 0, 0]))
        )
    return "\n".join(lines) + "\n"


@dataclass
class GdcFolder:
    """A folder under construction; ``lines`` is the body of its sample sheet."""

    path: Path
    lines: list[str] = field(default_factory=list)

    def profile(
        self, n: int, sample: str, kind: str = "Primary Tumor", *, packed: bool = False, text=None
    ) -> Path:
        """Add a profile with the counts of seed n."""
        name = f"{n:08d}-aaaa.rna_seq.augmented_star_gene_counts.tsv"
        file = self.path / f"{n:08d}-id" / (name + ".gz" * packed)
        file.parent.mkdir(parents=True, exist_ok=True)
        body = (star_table(counts_of(n)) if text is None else text).encode()
        file.write_bytes(gzip.compress(body) if packed else body)
        self.add(f"{n:08d}-id", name, "Gene Expression Quantification", sample, kind)
        return file

    def slide(
        self, n: int, sample: str, kind: str = "Primary Tumor", *, mark: str = "DX1", here: bool = False
    ) -> Path:
        """Add a slide, by default only to the sheet."""
        name = f"{sample}-00-{mark}.{n:08d}.svs"
        file = self.path / f"{n:08d}-slide" / name
        if here:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"pixels")
        self.add(f"{n:08d}-slide", name, "Slide Image", sample, kind)
        return file

    def add(self, file_id: str, name: str, data_type: str, sample: str, kind: str) -> None:
        case = sample[:12]
        self.lines.append("\t".join([file_id, name, "x", data_type, "TCGA-LUAD", case, sample, kind]))

    def save(self, name: str = "gdc_sample_sheet.2026-01-01.tsv", columns: str = COLUMNS) -> Path:
        (self.path / name).write_text("\n".join([columns, *self.lines]) + "\n")
        return self.path


def small_cohort(path: Path) -> GdcFolder:
    """Two tumours (one of them gzipped) and one normal sample, three slides."""
    path.mkdir(parents=True, exist_ok=True)
    folder = GdcFolder(path)
    folder.profile(1, "TCGA-05-4244-01A")
    folder.profile(2, "TCGA-05-4249-01A", packed=True)
    folder.profile(3, "TCGA-05-4249-11A", "Solid Tissue Normal")
    folder.slide(1, "TCGA-05-4244-01Z")
    folder.slide(2, "TCGA-05-4244-01A", mark="TS1", here=True)
    folder.slide(3, "TCGA-05-4249-11A", "Solid Tissue Normal", mark="TS1")
    folder.save()
    return folder
