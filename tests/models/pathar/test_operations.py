"""What edits must be equal to: each other, sampling, and the tokenizer."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._keys import Obs
from genviz.models.pathar.codec import Tokens, decode_foreground, encode_masks
from genviz.models.pathar.inpainting import _resampled, region_cells
from genviz.models.pathar.matching import matched_appearance
from genviz.models.pathar.prior.batch_sampler import BatchSampler
from genviz.models.pathar.prior.rule import SAMPLE_RULES
from tests.models.pathar.tile_cases import LABELS, SIDE, loaded_as, tiles, trained, untrained

S, A = "structure_tokens", "appearance_tokens"


@pytest.fixture(scope="module")
def model():
    """Random networks whose tokens depend on everything they may see."""
    return loaded_as(untrained())


@pytest.fixture(scope="module")
def rows(model):
    return model.generate(LABELS, n=3, seed=1)


def equal(a, b, *keys):
    return all(np.array_equal(a.obsm[key], b.obsm[key]) for key in keys)


@pytest.mark.parametrize("rule", SAMPLE_RULES)
def test_a_row_is_the_same_whatever_the_sampler_and_the_batch(model, rule):
    expected = model.generate(LABELS, n=3, seed=1, rule=rule)
    assert len(np.unique(expected.obsm[S])) > 5
    for sampler in ("paired", "two_phase", "interleaved"):
        for size in (4, 16):
            found = model.generate(LABELS, n=3, seed=1, rule=rule, sampler=sampler, batch_size=size)
            assert equal(found, expected, S, A, "pathar", "pathar_mask")


def test_a_row_depends_on_its_name_and_the_seed_alone(model, rows):
    more = model.generate(["stained"], n=5, seed=1)
    assert np.array_equal(more.obsm[A][:3], rows.obsm[A][3:])
    assert not equal(model.generate(LABELS, n=3, seed=2), rows, A)
    assert not np.array_equal(rows.obsm[S][0], rows.obsm[S][1])


@pytest.mark.parametrize(("n", "expected"), [(1, 2), (3, 8), (8, 16), (20, 16)])
def test_few_rows_are_a_small_batch(model, n, expected, monkeypatch):
    """Two labels, `n` rows each: the next power of two, and at most the device's batch."""
    sizes, own = [], BatchSampler.__init__

    def noted(self, *words, **options):
        sizes.append(words[4])
        own(self, *words, **options)

    monkeypatch.setattr(BatchSampler, "__init__", noted)
    found = model.generate(LABELS, n=n, seed=1, rule="model")
    assert set(sizes) == {expected}
    if n == 3:
        assert equal(model.generate(LABELS, n=n, seed=1, rule="model", batch_size=16), found, S, A)


def test_masks_are_those_of_generate(model, rows):
    assert equal(model.masks(LABELS, n=3, seed=1), rows, S, "pathar_mask")


def test_rendering_a_row_as_it_is_gives_itself(model, rows):
    assert equal(model.render(rows, seed=1), rows, S, A, "pathar")
    several = model.render(rows, n=3, seed=1)
    assert np.array_equal(several.obsm[A][::3], rows.obsm[A])
    assert not np.array_equal(several.obsm[A][1], several.obsm[A][0])
    assert np.array_equal(several.obsm[S], np.repeat(rows.obsm[S], 3, axis=0))


def test_rendering_as_another_label_keeps_structure_and_changes_appearance(model, rows):
    other = model.render(rows, [*["stained"] * 3, *["dark"] * 3], seed=1)
    assert equal(other, rows, S, "pathar_mask") and not equal(other, rows, A)
    assert other.obs[Obs.SOURCE].tolist() == rows.obs_names.tolist()


def test_an_image_for_a_mask_has_the_mask_that_the_tokenizer_decodes(model):
    """So Dice between the given and the decoded mask is the tokenizer's own."""
    real = tiles(3)
    made = model.from_mask(real.obsm["masks"], real.obs[Obs.LABEL].tolist(), seed=0)
    structure = encode_masks(model.fitted, real.obsm["masks"] > 0)
    assert np.array_equal(made.obsm[S], structure)
    assert equal(made, model.decode(real), "pathar_mask")
    foreground = decode_foreground(model.fitted, Tokens(structure, structure[:, :0], (4, 4)))
    assert foreground.shape == (6, SIDE, SIDE)
    assert not ((made.obsm["pathar_mask"] > 0) & ~foreground).any()
    assert equal(model.from_mask(real, real.obs[Obs.LABEL].tolist(), seed=0), made, S)


def test_a_swap_takes_each_stream_from_its_own_row(model):
    real = tiles(2)
    encoded = model.encode(real)
    p, q = real[:2].copy(), real[2:].copy()
    swapped = model.swap(p, q)
    assert np.array_equal(swapped.obsm[S], encoded.obsm[S][:2])
    assert np.array_equal(swapped.obsm[A], encoded.obsm[A][2:])
    assert swapped.obs[Obs.LABEL].tolist() == ["stained", "stained"]
    one_to_many = model.swap(p[[0]].copy(), q)
    assert np.array_equal(one_to_many.obsm[S][1], encoded.obsm[S][0])
    itself = model.swap(real, real)
    assert equal(itself, model.decode(real), S, A, "pathar")
    assert equal(model.swap(encoded[:2].copy(), encoded[2:].copy()), swapped, S, A)


def test_a_matched_swap_takes_tokens_from_alike_surroundings():
    grid = (4, 4)
    structure = np.arange(16, dtype=np.int32)[None]
    appearance = 100 + structure
    q = Tokens(structure, appearance, grid)
    assert np.array_equal(matched_appearance(q, q), appearance)  # each cell is most like itself
    moved = np.roll(structure.reshape(4, 4), 1, axis=1).reshape(1, 16)
    found = matched_appearance(Tokens(moved, appearance, grid), q).reshape(4, 4)
    assert np.array_equal(found[:, 2:], 100 + moved.reshape(4, 4)[:, 2:])
    flat = Tokens(np.zeros((1, 16), np.int32), appearance, grid)
    assert np.array_equal(
        matched_appearance(flat, flat)[0, 5], appearance[0, 5]
    )  # all alike: from the same place


class TestFilling:
    """In-painting."""

    region = np.zeros((SIDE, SIDE), bool)
    region[8:24, 9:16] = True  # cells 5 and 9

    def test_cells_are_those_that_the_region_touches(self, model):
        cells = region_cells(model.fitted, self.region, 2, (4, 4))
        assert [row.nonzero()[0].tolist() for row in cells] == [[5, 9]] * 2

    @pytest.mark.parametrize("what", ["both", "appearance"])
    @pytest.mark.parametrize("n_candidates", [1, 3])
    def test_tokens_outside_stay_and_inside_change(self, model, rows, what, n_candidates):
        made = model.inpaint(rows, self.region, what=what, n=2, n_candidates=n_candidates, seed=7)
        inside = np.zeros(16, bool)
        inside[[5, 9]] = True
        for key in (S, A):
            before = np.repeat(rows.obsm[key], 2, axis=0)
            assert np.array_equal(made.obsm[key][:, ~inside], before[:, ~inside])
            changed = (made.obsm[key][:, inside] != before[:, inside]).any()
            assert changed == (key == A or what == "both")
        assert made.obs[Obs.DRAW].tolist() == [0, 1] * 6

    def test_everything_anew_is_sampling(self, model, rows):
        bare = rows.copy()
        bare.obsm[S], bare.obsm[A] = np.zeros_like(rows.obsm[S]), np.zeros_like(rows.obsm[A])
        assert equal(model.inpaint(bare, np.ones((SIDE, SIDE)), seed=1), rows, S, A, "pathar")

    def test_appearance_anew_everywhere_is_rendering(self, model, rows):
        made = model.inpaint(rows, np.ones((SIDE, SIDE)), what="appearance", labels="dark", seed=5)
        assert equal(made, model.render(rows, "dark", seed=5), S, A)

    def test_a_painted_mask_is_the_structure_inside(self, model):
        real = tiles(2)
        painted = np.zeros((4, SIDE, SIDE), bool)
        painted[:, 10:20, 10:20] = True
        before, wanted = model.encode(real).obsm[S], encode_masks(model.fitted, painted)
        made = model.inpaint(real, self.region, masks=painted, seed=0)
        inside = np.zeros(16, bool)
        inside[[5, 9]] = True
        assert np.array_equal(made.obsm[S][:, inside], wanted[:, inside])
        assert np.array_equal(made.obsm[S][:, ~inside], before[:, ~inside])
        for same in (painted[0], painted * 7.0, painted.astype(np.uint16)):
            assert equal(model.inpaint(real, self.region * 1.0, masks=same, seed=0), made, S, A)

    def test_candidates_are_drawn_by_their_weight(self):
        names = [f"row{k}" for k in range(4000)]
        chosen = _resampled(np.log(np.tile([0.1, 0.6, 0.3], (4000, 1))), names, 0)
        share = np.bincount(chosen, minlength=3) / 4000
        np.testing.assert_allclose(share, [0.1, 0.6, 0.3], atol=0.03)
        few, more = (_resampled(np.zeros((n, 5)), names[:n], 3) for n in (2, 4))
        assert np.array_equal(few, more[:2])  # by name, not by place

    def test_more_candidates_fit_better_what_comes_after(self, model, rows):
        """Tokens that stay become likelier when fillings are chosen by how likely they make them."""
        later = np.arange(16) > 9

        def fit(n_candidates):
            made = model.inpaint(rows, self.region, n=8, n_candidates=n_candidates, rule="model", seed=3)
            found = model.log_prob(made)
            return sum(
                found.obsm[f"pathar_{stream}_log_prob"][:, later].sum(axis=1).mean()
                for stream in ("structure", "appearance")
            )

        assert fit(8) > fit(1) + 0.5


def test_log_probabilities_are_those_of_the_law_that_sampled():
    """The mean log-probability of the model's own draws is minus their entropy, and others are less likely."""
    model = trained()
    own = model.log_prob(model.generate(LABELS, n=4, seed=0, rule="model"))
    stranger = own.copy()
    stranger.obsm[A] = np.random.default_rng(0).integers(0, 32, own.obsm[A].shape)
    other = model.log_prob(stranger)
    assert own.obsm["pathar_appearance_log_prob"].mean() > other.obsm["pathar_appearance_log_prob"].mean()
    assert np.array_equal(own.obsm["pathar_structure_log_prob"], other.obsm["pathar_structure_log_prob"])
