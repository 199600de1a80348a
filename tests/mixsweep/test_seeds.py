from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from mixsweep.seeds import generator, seed_sequence

KEY = st.lists(st.one_of(st.text(max_size=8), st.integers(0, 10**6)), min_size=1, max_size=4)


@given(KEY, KEY)
def test_different_keys_give_different_numbers(a, b):
    same = [(type(x), x) for x in a] == [(type(x), x) for x in b]
    assert (generator(1, *a).random() == generator(1, *b).random()) == same


def test_numbers_do_not_change_between_processes_and_versions():
    code = "from mixsweep.seeds import generator; print(generator(1, 'start', 'iris', 3).integers(10**9))"
    values = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert values == {f"{generator(1, 'start', 'iris', 3).integers(10**9)}\n"}
    # pinned: a change here changes every result ever published with a seed
    assert seed_sequence(1, "start", "iris", 3).generate_state(2).tolist() == [2830727182, 540469715]
