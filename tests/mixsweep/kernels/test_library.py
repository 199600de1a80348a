from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mixsweep import kernels
from mixsweep.kernels import library

pytestmark = pytest.mark.skipif(kernels.load() is None, reason="numba is not in use")
needs_linker = pytest.mark.skipif(library.linker() is None, reason="there is no linker here")

PASS = """
import sys
import numpy as np
from mixsweep.kernels import compiled

rng = np.random.default_rng(0)
base = np.concatenate([np.ones((700, 1)), rng.normal(size=(700, 28))], axis=1)
first, second = np.triu_indices(29)
coefficients = rng.normal(size=(5, 3, len(first)))
coefficients[0] *= 0.01
take = compiled.LinearPass(base, np.ascontiguousarray(base.T), (first, second), None)
matrix = np.cov(base[:, 1:4].T)[None]
results = *take(coefficients), compiled.cholesky(matrix), compiled.triangular_inverse(np.tril(matrix))
print(b"".join(np.ascontiguousarray(result).tobytes() for result in results).hex())
print("numba" in sys.modules, "llvmlite" in sys.modules)
"""


#: A linker that tells of each time it is called.
TELLING = """#!/bin/sh
echo linked >> "$0.log"
exec {linker} "$@"
"""


def begin(cache: Path, path: str) -> subprocess.Popen[str]:
    """Begin a process that computes with what it finds in a cache folder, or makes there."""
    environment = {**os.environ, kernels.VARIABLE: "numba", "XDG_CACHE_HOME": str(cache), "PATH": path}
    return subprocess.Popen([sys.executable, "-c", PASS], env=environment, stdout=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Return what a process has computed, and whether it has imported numba and LLVM."""
    output, _ = process.communicate(timeout=300)
    result, imported = output.splitlines()
    return result, imported


@needs_linker
def test_processes_that_load_the_library_need_no_numba_and_compute_the_same(tmp_path):
    cc = tmp_path / "cc"
    cc.write_text(TELLING.format(linker=library.linker()[0]))
    cc.chmod(0o755)
    both = [begin(tmp_path / "linked", f"{tmp_path}{os.pathsep}{os.environ['PATH']}") for _ in range(2)]
    (first, *imported), second = map(end, both)
    assert imported == ["False False"]
    assert second == (first, "False False")
    assert (tmp_path / "cc.log").read_text() == "linked\n"  # one of them, and the other waited
    # a system without a linker
    assert end(begin(tmp_path / "alone", str(tmp_path / "nothing"))) == (first, "True True")
    assert not list((tmp_path / "alone").rglob("*.so"))
    assert list((tmp_path / "alone").rglob("*.nbc"))


@pytest.fixture
def few(monkeypatch):
    """Compile one small function alone, in this process."""
    from mixsweep.kernels import entries

    signatures = {"choleskys": library.SIGNATURES["choleskys"]}
    for module in (library, entries):
        monkeypatch.setattr(module, "SIGNATURES", signatures)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)


def assert_factors() -> None:
    matrix, factor = np.array([[4.0, 2.0], [2.0, 10.0]]), np.zeros((2, 2))
    library.functions()["choleskys"](matrix.ctypes.data, factor.ctypes.data, 1, 2)
    np.testing.assert_array_equal(factor, [[2.0, 0.0], [1.0, 3.0]])


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("state", ["fresh", "no folder", "damaged"])
def test_machine_code_is_made_whatever_the_state_of_its_cache(state, tmp_path, monkeypatch):
    monkeypatch.setattr(library, "linker", lambda: None)
    if state == "no folder":
        (tmp_path / "file").write_text("not a folder")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert_factors()
    written = [path for path in tmp_path.rglob("*") if path.suffix in (".nbi", ".nbc")]
    assert bool(written) == (state != "no folder")
    if state == "damaged":
        for path in written:
            path.write_bytes(b"damaged")
    assert_factors()


@needs_linker
@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("state", ["damaged", "of another version"])
def test_a_library_that_cannot_be_loaded_is_replaced(state, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = library.cache_folder() / library.NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged" if state == "damaged" else _empty_library(tmp_path))
    assert_factors()


@needs_linker
@pytest.mark.usefixtures("few")
def test_a_library_that_cannot_be_made_is_tried_once_and_says_why(tmp_path, monkeypatch):
    calls = tmp_path / "calls"
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho called >> {calls}\necho no such linker >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "executable", str(python))
    for _ in range(2):
        assert_factors()
    assert calls.read_text() == "called\n"
    (noted,) = tmp_path.rglob("*.failed")
    assert noted.read_text() == "no such linker\n"


def _empty_library(folder: Path) -> bytes:
    if shutil.which("cc") is None:
        pytest.skip("there is no compiler here")
    (folder / "empty.c").write_text("")
    command = ["cc", "-shared", "-nostdlib", "-o", folder / "empty.so", folder / "empty.c"]
    subprocess.run(command, check=True)
    return (folder / "empty.so").read_bytes()


def test_the_cache_is_another_one_on_another_processor(monkeypatch):
    before = library.cache_folder()
    monkeypatch.setattr(library, "processor", lambda: "another")
    assert library.cache_folder() != before


def test_a_linker_is_looked_for_in_order(monkeypatch):
    monkeypatch.setattr(library.shutil, "which", lambda name: f"/bin/{name}" if name == "ld" else None)
    library.linker.cache_clear()
    assert library.linker()[:2] == ("/bin/ld", "-shared")
    monkeypatch.setattr(library.shutil, "which", lambda name: None)
    library.linker.cache_clear()
    assert library.linker() is None
    library.linker.cache_clear()
