"""Logos by rules."""

import numpy as np
import pytest

from solutions.images import FAMILIES, drawing, features


@pytest.mark.parametrize("family", FAMILIES)
def test_a_logo_is_told_by_its_family_number_and_seed(family: str) -> None:
    logo = drawing.draw(family, 7, seed=20)

    assert (logo.size, logo.mode) == ((224, 224), "RGB")
    assert np.array_equal(np.asarray(logo), np.asarray(drawing.draw(family, 7, seed=20)))
    assert not np.array_equal(np.asarray(logo), np.asarray(drawing.draw(family, 8, seed=20)))
    assert not np.array_equal(np.asarray(logo), np.asarray(drawing.draw(family, 7, seed=21)))


def test_no_two_logos_are_the_same() -> None:
    drawn = {np.asarray(drawing.draw(family, at, seed=20)).tobytes() for family in FAMILIES for at in range(12)}

    assert len(drawn) == 48


def test_complex_logos_have_more_edges_and_gradients_more_colours_than_simple_ones() -> None:
    mean = {
        family: {
            name: np.mean([features.of(np.asarray(drawing.draw(family, at, seed=20)))[name] for at in range(8)])
            for name in ("edge_density", "unique_colors")
        }
        for family in FAMILIES
    }

    assert mean["complex"]["edge_density"] > mean["simple"]["edge_density"]
    assert mean["gradient"]["unique_colors"] > mean["simple"]["unique_colors"]


def test_the_features_of_a_plain_picture_are_those_of_nothing() -> None:
    told = features.of(np.full((224, 224, 3), 200, dtype=np.uint8))

    assert set(told) == set(features.NAMES)
    assert told["flat_share"] == 1.0
    assert told["edge_density"] == told["corner_density"] == told["gradient_strength"] == told["entropy"] == 0.0


def test_the_features_of_a_checkerboard_are_corners_and_edges() -> None:
    board = np.kron(np.indices((14, 14)).sum(axis=0) % 2, np.ones((16, 16)))[..., None].repeat(3, axis=2)

    told = features.of((board * 255).astype(np.uint8))

    assert told["corner_density"] > 0.01
    assert told["edge_density"] > 0.1
    assert told["unique_colors"] == 1.0
    assert told["entropy"] == pytest.approx(1.0)
