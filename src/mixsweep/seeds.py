"""Random numbers from stable keys: the same key gives the same numbers, whatever else runs."""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["generator", "seed_sequence"]


def seed_sequence(seed: int, *key: str | int) -> np.random.SeedSequence:
    """Return the seed sequence of a key.

    Parameters
    ----------
    seed : int
        The sweep's seed.
    *key : str or int
        What the numbers are for, such as ``("start", "faithful", "gaussian-full", 3, "kmeans++", 17)``.
        The words are hashed with SHA-256, so neither their order in a config nor Python's own
        hash plays a part.

    Returns
    -------
    numpy.random.SeedSequence
    """
    words: list[int] = []
    for part in key:
        digest = hashlib.sha256(f"{type(part).__name__}:{part}".encode()).digest()
        words.extend(int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4))
    return np.random.SeedSequence(seed, spawn_key=tuple(words))


def generator(seed: int, *key: str | int) -> np.random.Generator:
    """Return a PCG64 generator seeded by a key (see `seed_sequence`)."""
    return np.random.Generator(np.random.PCG64(seed_sequence(seed, *key)))
