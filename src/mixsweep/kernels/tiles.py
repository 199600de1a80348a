"""Products whose sums stay in vector registers, written as LLVM code for numba to compile in.

A loop in Python that numba compiles reads and writes its sums in memory at every step; these do so at the
end, and so come to nine tenths of what the processor can do.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from mixsweep.kernels.options import exact
from mixsweep.kernels.sizes import TILE_ROWS

__all__ = ["LANES", "TILE_ROWS", "TILE_VECTORS", "WIDTH", "bits", "number", "product_tile", "whole_vectors"]

#: Numbers in a vector register.
LANES = 8 if llvm.get_host_cpu_features().get("avx512f") else 4
#: Registers side by side in a tile; with `TILE_ROWS` rows its sums fill no more than there are.
TILE_VECTORS = 4 if LANES == 8 else 3
WIDTH = LANES * TILE_VECTORS

INTEGER, NUMBER = ir.IntType(64), ir.DoubleType()
VECTOR = ir.VectorType(NUMBER, LANES)


@exact
def whole_vectors(count):
    """Return how many numbers the vectors have that hold so many."""
    return (count + LANES - 1) // LANES * LANES


class _Code:
    """What the code generators below share: pointers into arrays, vectors to and from memory."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        self.context, self.builder, self.signature, self.arguments = context, builder, signature, arguments

    def data(self, position: int) -> Any:
        """Return the address of a number of an array: its place is the next argument."""
        array_type = self.signature.args[position]
        array = self.context.make_array(array_type)(self.context, self.builder, self.arguments[position])
        return self.at(array.data, self.arguments[position + 1])

    def at(self, address: Any, offset: Any) -> Any:
        """Return the address some numbers further on."""
        return self.builder.gep(address, [offset])

    def offset(self, index: Any, stride: Any, column: int = 0) -> Any:
        """Return index x stride, plus a number of vectors."""
        index = ir.Constant(INTEGER, index) if isinstance(index, int) else index
        return self.builder.add(self.builder.mul(index, stride), ir.Constant(INTEGER, column * LANES))

    def vector(self, address: Any) -> Any:
        """Load a vector."""
        value = self.builder.load(self.builder.bitcast(address, VECTOR.as_pointer()))
        value.align = 8
        return value

    def keep(self, value: Any, address: Any) -> None:
        """Store a vector."""
        self.builder.store(value, self.builder.bitcast(address, VECTOR.as_pointer())).align = 8

    def spread(self, address: Any) -> Any:
        """Load a number into all lanes of a vector."""
        undefined, lane = ir.Constant(VECTOR, ir.Undefined), ir.IntType(32)
        one = self.builder.insert_element(undefined, self.builder.load(address), ir.Constant(lane, 0))
        return self.builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(lane, LANES), None))

    def register(self, value: Any) -> Any:
        """Return a variable, which the compiler will keep in a register."""
        variable = cgutils.alloca_once(self.builder, VECTOR)
        self.builder.store(value, variable)
        return variable

    def add_product(self, total: Any, left: Any, right: Any) -> None:
        """Add a product to a variable, rounded once where the processor can."""
        product = self.builder.fmul(left, right, flags=("contract",))
        self.builder.store(self.builder.fadd(self.builder.load(total), product, flags=("contract",)), total)


def product_tile(vectors: int, fresh: bool, by_row: bool = True) -> Any:
    """Return the product of a tile, C = A B if fresh, else C += A B.

    C is 4 x (vectors x lanes), A is 4 x length and B is length x (vectors x lanes); each is given by its
    array, the place of its first number and the distance of its rows. If not by_row, A' is given for A.
    """

    @intrinsic
    def tile(typing_context, c, c_first, c_stride, a, a_first, a_stride, b, b_first, b_stride, length):
        signature = types.void(c, c_first, c_stride, a, a_first, a_stride, b, b_first, b_stride, length)

        def generate(*parts):
            code = _Code(*parts)
            c_data, a_data, b_data = code.data(0), code.data(3), code.data(6)
            c_stride, a_stride, b_stride, length = (code.arguments[position] for position in (2, 5, 8, 9))
            sums = {}
            for row in range(TILE_ROWS):
                for column in range(vectors):
                    address = code.at(c_data, code.offset(row, c_stride, column))
                    total = code.register(ir.Constant(VECTOR, None) if fresh else code.vector(address))
                    sums[row, column] = total, address
            with cgutils.for_range(code.builder, length) as loop:
                right = [
                    code.vector(code.at(b_data, code.offset(loop.index, b_stride, column)))
                    for column in range(vectors)
                ]
                for row in range(TILE_ROWS):
                    if by_row:
                        offset = code.builder.add(code.offset(row, a_stride), loop.index)
                    else:
                        offset = code.builder.add(
                            code.offset(loop.index, a_stride), ir.Constant(INTEGER, row)
                        )
                    left = code.spread(code.at(a_data, offset))
                    for column in range(vectors):
                        code.add_product(sums[row, column][0], left, right[column])
            for total, address in sums.values():
                code.keep(code.builder.load(total), address)
            return code.context.get_dummy_value()

        return signature, generate

    return tile


@intrinsic
def bits(typing_context, value):
    """Return the bits of a float as an integer."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], INTEGER)

    return types.int64(types.float64), generate


@intrinsic
def number(typing_context, value):
    """Return the float with the bits of an integer."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], NUMBER)

    return types.float64(types.int64), generate
