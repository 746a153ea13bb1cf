"""What turns a gene expression profile into the vector that GeneVAR is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from genviz._errors import UsageError
from genviz.models.config_base import Choices, Config


@dataclass(frozen=True)
class ConditionConfig(Config):
    """Kind of the condition, its inputs, and the training recipe of the variational autoencoder.

    The defaults are for a few hundred spots. The published condition is ``kind="vae", units="tpm", n_genes=0,
    n_latent=200, depth=False``.

    Parameters
    ----------
    kind
        "pca": whitened principal components; "vae": standardised means of a variational autoencoder's posterior;
        "class": the row's label alone; "linear": a projection trained with the prior. The last two are ablations.
    units
        What profiles are given in: "counts" enter as ``log1p(scale x / depth)``, "tpm" as ``log2(1 + x)``.
    scale
        See above: 1e4 for spots, 1e6 for bulk.
    n_genes, min_detected
        Most variable genes of the training rows that enter, among those detected in at least this share of them. 0:
        all that vary.
    n_latent
        Length of the code (not of "class").
    depth
        Whether the standardised logarithm of the depth is one more number of the condition (not of "class").
    thin_from
        Training views keep a share of each row's counts, between this and 1; 1 keeps all. Only with counts.
    code_noise
        Deviation of Gaussian noise on the condition of a training view, in deviations of the training rows.
    std_floor
        Codes of the autoencoder are divided by their deviation or by this, whichever is larger: of a collapsed
        dimension there is nothing but noise.
    z_mode
        Training views of "vae" take the "mean" of the posterior or a "sample".
    likelihood
        Of the autoencoder: "gaussian_fixed" (deviation 1 on z-scores, constants left out), "gaussian_gene" (a learned
        deviation for each gene, at least exp(-3)), "nb" (negative binomial of counts).
    recon_reduction
        Negative log-likelihood as "sum" or "mean" over genes; always the mean over rows. A mean over 17,655 genes with
        beta 0.005 is a sum with beta 88.
    beta, kl_warmup_frac, free_bits
        Weight of the KL divergence; share of the steps over which it rises from 0; nats a dimension that are free.
    hidden, dropout
        Widths of the encoder's layers, which the decoder has in reverse; dropout in both.
    lr, final_lr_fraction, weight_decay, grad_clip, batch_size, max_epochs, patience
        AdamW with a cosine; epochs without better held-out likelihood before it stops.

    Raises
    ------
    UsageError
        For an unknown choice, a number outside its range, or a likelihood of counts with TPM.
    """

    choices: ClassVar[Choices] = {
        "kind": ("pca", "vae", "class", "linear"),
        "units": ("counts", "tpm"),
        "z_mode": ("mean", "sample"),
        "likelihood": ("gaussian_fixed", "gaussian_gene", "nb"),
        "recon_reduction": ("sum", "mean"),
    }

    kind: str = "pca"
    units: str = "counts"
    scale: float = 1e4
    n_genes: int = 2000
    min_detected: float = 0.05
    n_latent: int = 32
    depth: bool = True
    thin_from: float = 0.5
    code_noise: float = 0.15
    std_floor: float = 0.05
    z_mode: str = "mean"
    likelihood: str = "gaussian_fixed"
    recon_reduction: str = "sum"
    beta: float = 1.0
    kl_warmup_frac: float = 0.3
    free_bits: float = 0.02
    hidden: tuple[int, ...] = (1024, 256)
    dropout: float = 0.3
    lr: float = 1e-3
    final_lr_fraction: float = 0.05
    weight_decay: float = 1e-4
    grad_clip: float = 1.0
    batch_size: int = 64
    max_epochs: int = 200
    patience: int = 20

    def __post_init__(self) -> None:
        self.check_choices()
        self.check_positive(
            "scale", "n_latent", "std_floor", "lr", "grad_clip", "batch_size", "max_epochs", "patience"
        )
        self.check_fractions("min_detected", "dropout", "final_lr_fraction", "weight_decay")
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if not self.hidden or any(width < 1 for width in self.hidden):
            raise UsageError(f"Expected hidden widths from 1; got {self.hidden}.")
        self.check_from_zero("n_genes", "code_noise", "beta", "free_bits")
        self.check_shares("kl_warmup_frac")
        if not 0 < self.thin_from <= 1:
            raise UsageError(f"Expected thin_from in (0, 1]; got {self.thin_from!r}.")
        if self.likelihood == "nb" and self.units != "counts":
            raise UsageError(
                "Expected units='counts' with likelihood='nb', which is a likelihood of counts; got units='tpm'. Give "
                "counts, or take likelihood='gaussian_fixed'."
            )
