"""Make a shared library of the kernels: ``python -m mixsweep.kernels.build PATH``.

numba compiles them and the system's linker makes the library. It needs the C library alone, so that a process
that loads it is spared numba and LLVM: a second of its time and 180 MB of its memory.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import llvmlite.binding as llvm

from mixsweep.io import atomic_path
from mixsweep.kernels.entries import entries
from mixsweep.kernels.library import linker

__all__ = ["build"]

#: What the system's C library has, and the processor.
_FOUND_ELSEWHERE = ("llvm.", "log", "sqrt", "memcpy", "memmove", "memset")


def build(path: Path) -> None:
    """Write the library.

    Raises
    ------
    RuntimeError
        If there is no linker.
    subprocess.CalledProcessError
        If the linker fails.
    """
    command = linker()
    if command is None:
        raise RuntimeError("There is no linker here.")
    with tempfile.TemporaryDirectory() as folder, atomic_path(path) as temporary:
        code = Path(folder) / "kernels.o"
        code.write_bytes(_machine_code())
        subprocess.run([*command, "-o", temporary, code], check=True, capture_output=True, text=True)


def _machine_code() -> bytes:
    """Return an object file of the kernels for this processor."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    whole = llvm.parse_assembly("")
    for name, function in entries().items():
        module = llvm.parse_assembly(function.inspect_llvm())
        for value in (*module.functions, *module.global_variables):
            if not value.is_declaration:
                value.linkage = "internal"
            elif not value.name.startswith(_FOUND_ELSEWHERE):
                # What numba would call to raise an error, which no kernel does.
                value.linkage = "external_weak"
        entry = module.get_function(function.native_name)
        entry.linkage, entry.name = "external", name
        whole.link_in(module)
    code: bytes = _target().emit_object(whole)
    return code


def _target() -> llvm.TargetMachine:
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="small",
    )


if __name__ == "__main__":
    build(Path(sys.argv[1]))
