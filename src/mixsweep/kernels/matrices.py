"""Factors and inverses of many small matrices, one after the other."""

from __future__ import annotations

import math

from mixsweep.kernels.options import exact

__all__ = ["choleskys", "factor", "triangular_inverses"]


@exact
def factor(matrix, result):
    """Write a lower Cholesky factor into zeros; return whether the matrix is positive definite."""
    for i in range(len(matrix)):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= result[i, k] * result[j, k]
            if j < i:
                result[i, j] = total / result[j, j]
            elif 0.0 < total < math.inf:
                result[i, i] = math.sqrt(total)
            else:
                return False
    return True


@exact
def factor_or_nothing(matrix, result):
    """Write a lower Cholesky factor into zeros; zero, or NaN where it is not finite, for a matrix without."""
    if not factor(matrix, result):
        for i in range(len(matrix)):
            for j in range(i + 1):
                result[i, j] = 0.0 if math.isfinite(matrix[i, j]) else math.nan


@exact
def choleskys(matrices, factors):
    """Write what `mixsweep.linalg.cholesky` returns into zeros."""
    for m in range(len(matrices)):
        factor_or_nothing(matrices[m], factors[m])


@exact
def triangular_inverses(factors, inverses):
    """Write the inverses of lower triangular matrices into zeros."""
    count, d, _ = factors.shape
    for m in range(count):
        for i in range(d):
            row = inverses[m, i]
            for j in range(i):
                share = factors[m, i, j]
                other = inverses[m, j]
                for k in range(j + 1):
                    row[k] -= share * other[k]
            reciprocal = 1.0 / factors[m, i, i]
            for k in range(i):
                row[k] *= reciprocal
            row[i] = reciprocal
