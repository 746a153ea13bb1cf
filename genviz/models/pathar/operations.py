"""What can be done with tokens once a model is trained: encode, decode, swap, render, fill a region."""

from __future__ import annotations

from collections.abc import Sequence

from anndata import AnnData
from numpy.typing import ArrayLike

from genviz._keys import Obs
from genviz.models.life_cycle import LifeCycle
from genviz.models.pathar import editing
from genviz.models.pathar.conditions import Organs, conditions_given, conditions_of, organs_of
from genviz.models.pathar.fitted import Fitted
from genviz.models.pathar.generating import check_structure, decoded_rows, rule_of, with_log_prob
from genviz.models.pathar.inpainting import Filling, inpaint
from genviz.models.pathar.inputs import BOTH, masks_given, stored_streams, tokens_of
from genviz.models.pathar.prior.rule import SampleRule
from genviz.models.pathar.rows import put_tokens, record_of


class TokenOperations(LifeCycle[Fitted]):
    """The part of `PathAR` that works on rows and their tokens."""

    def encode(self, adata: AnnData) -> AnnData:
        """Tokens of tiles and masks.

        Parameters
        ----------
        adata
            Rows with ``obsm["tiles"]`` and ``obsm["masks"]`` of equal sides, multiples of a token's.

        Returns
        -------
        A copy with ``obsm["structure_tokens"]`` and ``obsm["appearance_tokens"]``, int32 (n_obs, N), raster order,
        and ``uns["genviz"]["tokens"]`` (JSON): their grid and which tokenizer they are of.

        Raises
        ------
        MissingKeyError, DataError
            Without tiles or masks, or for sides that do not fit.
        """
        fitted = self._ready()
        tokens = tokens_of(fitted, adata, fresh=True)
        result = adata.copy()
        put_tokens(fitted, result, tokens)
        return result

    def decode(self, adata: AnnData, *, key_added: str = "pathar") -> AnnData:
        """Image and mask of the rows' tokens (or of their tiles, encoded first): the tokenizer's reconstruction.

        Parameters
        ----------
        adata
            Rows with tokens (of one stream or both), or with tiles and masks; labels say which rows are grey.
        key_added
            Result key.

        Returns
        -------
        New AnnData as of `generate`, rows named as those of `adata`.
        """
        fitted = self._ready()
        tokens = tokens_of(fitted, adata, stored_streams(adata) or BOTH)
        obs = conditions_of(fitted, adata).columns() | {Obs.SOURCE: adata.obs_names.tolist()}
        return decoded_rows(
            fitted, adata.obs_names.tolist(), obs, tokens, record_of(fitted, "decode", 0, {}), key_added
        )

    def log_prob(self, adata: AnnData, *, key_added: str = "pathar") -> AnnData:
        """How likely the model finds each token, given those before it.

        Parameters
        ----------
        adata
            Rows with tokens, or with tiles and masks, and labels (and organs, where the model has any).
        key_added
            Result key.

        Returns
        -------
        A copy with tokens and ``obsm["<key>_structure_log_prob"]``, ``obsm["<key>_appearance_log_prob"]``: float32
        (n_obs, N), nats.
        """
        fitted = self._ready()
        fitted.trained_prior()
        tokens = tokens_of(fitted, adata, of_prior=True)
        return with_log_prob(fitted, adata, tokens, conditions_of(fitted, adata), key_added)

    def swap(
        self, structure: AnnData, appearance: AnnData, *, matched: bool = False, key_added: str = "pathar"
    ) -> AnnData:
        """Structure tokens of one row with appearance tokens of another, row by row.

        Parameters
        ----------
        structure, appearance
            Rows with tokens, or with masks and with tiles; equally many, or one on one side.
        matched
            Take each appearance token from the cell of the other tile whose surroundings are most alike, instead of
            from the same place.
        key_added
            Result key.

        Returns
        -------
        New AnnData as of `generate`; rows ``<structure>+<appearance>``, label and organ those of the appearance.

        Raises
        ------
        UsageError
            For numbers of rows that do not pair.
        """
        return editing.swap(self._ready(), structure, appearance, matched=matched, key=key_added)

    def render(
        self,
        adata: AnnData,
        labels: str | Sequence[str] | None = None,
        n: int = 1,
        seed: int | None = None,
        *,
        organs: Organs = None,
        rule: str | SampleRule | None = None,
        key_added: str = "pathar",
    ) -> AnnData:
        """The same structure in new appearance: another label's, or `n` of them.

        Parameters
        ----------
        adata
            Rows with structure tokens, or with masks.
        labels
            One for all rows, or one a row; default the rows' own.
        n
            Renderings a row.
        organs
            One for all rows, or one a row, None for unknown; default the rows' own.
        seed, rule, key_added
            As in `generate`. A generated row rendered under its own label and seed gives itself.

        Returns
        -------
        New AnnData as of `generate`; rows ``<row>@<label>``, ``obs["source"]`` the row.
        """
        fitted = self._ready()
        check_structure(fitted)
        tokens = tokens_of(fitted, adata, ("structure",), of_prior=True)
        names = adata.obs_names.tolist()
        return editing.render(
            fitted,
            names,
            tokens.structure_RN,
            conditions_of(fitted, adata, labels, organs),
            n,
            self._seed(seed),
            rule_of(fitted, rule),
            what="render",
            key=key_added,
        )

    def from_mask(
        self,
        masks: AnnData | ArrayLike,
        labels: str | Sequence[str],
        n: int = 1,
        seed: int | None = None,
        *,
        organs: Organs = None,
        rule: str | SampleRule | None = None,
        key_added: str = "pathar",
    ) -> AnnData:
        """Images for masks that are given: ``p(A | S, c)`` with S the tokens of the mask.

        Parameters
        ----------
        masks
            (n, H, W) or (H, W), whole numbers (of any type), 0 for background; or rows with ``obsm["masks"]``.
        labels
            One for all masks, or one a mask.
        n, seed, organs, rule, key_added
            As in `render`.

        Returns
        -------
        New AnnData as of `generate`; the mask is the decoded one.

        Raises
        ------
        DataError
            For masks of another size than the tiles that the model makes, of fractions (threshold a map of
            probabilities first), NaN, or negative values.
        """
        fitted = self._ready()
        check_structure(fitted)
        names, structure_RN = masks_given(fitted, masks)
        if organs is None and isinstance(masks, AnnData):
            organs = organs_of(fitted, masks)
        return editing.render(
            fitted,
            names,
            structure_RN,
            conditions_given(fitted, labels, organs, len(names)),
            n,
            self._seed(seed),
            rule_of(fitted, rule),
            what="from_mask",
            key=key_added,
        )

    def inpaint(
        self,
        adata: AnnData,
        region: ArrayLike,
        *,
        what: str = "both",
        labels: str | Sequence[str] | None = None,
        organs: Organs = None,
        masks: ArrayLike | None = None,
        n: int = 1,
        n_candidates: int = 1,
        seed: int | None = None,
        rule: str | SampleRule | None = None,
        key_added: str = "pathar",
    ) -> AnnData:
        """Draw a region anew; tokens outside it stay as they are.

        A raster-order model draws a cell given the cells before it; what lies after the region does not weigh in.
        With `n_candidates` fillings each, one is drawn in proportion to how likely it makes the tokens that stay.

        Parameters
        ----------
        adata
            Rows with tokens, or with tiles and masks.
        region
            Pixels (H, W) or (n_obs, H, W), True or above 0 inside; every cell that it touches is drawn anew.
        what
            ``"both"`` streams, or ``"appearance"`` with the structure kept.
        labels, organs
            As in `render`.
        masks
            Painted masks (n_obs, H, W) or (H, W), as in `from_mask`: inside the region they are the new structure,
            and appearance is drawn.
        n, n_candidates
            Fillings a row; candidates for each.
        seed, rule, key_added
            As in `generate`.

        Returns
        -------
        New AnnData as of `generate`; rows ``<row>~<j>``.

        Raises
        ------
        UsageError
            For a region of another size than the tiles, or an empty one.
        DataError
            For tiles or painted masks of another size than the model makes; for a region or masks of fractions, NaN,
            or negative values.
        """
        fitted = self._ready()
        filling = Filling(what, n, n_candidates, self._seed(seed), rule_of(fitted, rule))
        conditions = conditions_of(fitted, adata, labels, organs)
        return inpaint(fitted, adata, region, conditions, masks, filling, key_added)
