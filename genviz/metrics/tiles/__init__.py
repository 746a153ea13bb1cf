"""Sets of tiles against sets of tiles: features, distances, diversity, copies."""
