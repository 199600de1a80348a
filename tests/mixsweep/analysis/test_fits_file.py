from __future__ import annotations

import csv

import numpy as np
import pytest
from click.testing import CliRunner

from mixsweep.analysis.fits_file import read_fits
from mixsweep.cli import main
from mixsweep.errors import MixsweepError

HEADER = "problem,family,n_components,log_likelihood\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fits.csv"


def test_columns_in_any_order_others_ignored_missing_values_kept(path):
    path.write_text(
        "tool,log_likelihood,n_components,family,problem\n"
        "x,-10.5,2,gaussian-full,a\n\n"
        'x,NA,3.0,gaussian-full,"a, b"\n',
        encoding="utf-8-sig",
    )
    found = read_fits(path)
    assert found["problem"].values.tolist() == ["a", "a, b"]
    assert found["n_components"].values.tolist() == [2, 3]
    np.testing.assert_array_equal(found["log_likelihood"], [-10.5, np.nan])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "found no header and no fits; expected the columns problem, family, n_components"),
        (HEADER, "found no fits"),
        ("problem,family,K,loglik\na,f,1,-2\n", "no column 'n_components'"),
        ("problem,family,n_components,loglikelihood\na,f,1,-2\n", "did you mean 'loglikelihood'?"),
        ("problem," + HEADER + "a,a,f,1,-2\n", "'problem' appears more than once"),
        (HEADER + "a,f,1,-2\na,f,2\n", "line 3: found 3 values; expected 4"),
        (HEADER + "a,f,two,-2\n", "line 2: n_components is 'two'; expected a whole number of at least 1"),
        (HEADER + "a,f,0,-2\n", "n_components is '0'"),
        (HEADER + "a,f,2.5,-2\n", "n_components is '2.5'"),
        (HEADER + "a,f,1,high\n", "line 2: log_likelihood is 'high'; expected a number"),
        (HEADER + ",f,1,-2\n", "line 2: problem is empty"),
        (HEADER + 'a,"f,1,-2\n', "not readable as csv"),
    ],
)
def test_mistakes_are_told_with_their_line(path, text, told):
    path.write_text(text)
    with pytest.raises(MixsweepError, match=str(path)) as error:
        read_fits(path)
    assert told in str(error.value)


def test_files_that_are_not_text_or_not_there(path, tmp_path):
    with pytest.raises(MixsweepError, match="no such file; expected the columns"):
        read_fits(path)
    with pytest.raises(MixsweepError, match="cannot be read"):
        read_fits(tmp_path)
    path.write_bytes(b"\xff\xfe\x00p")
    with pytest.raises(MixsweepError, match="not text in UTF-8"):
        read_fits(path)


def call(*arguments, code=0):
    result = CliRunner().invoke(main, ["audit", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


def test_audit_of_a_csv_file(path, tmp_path):
    path.write_text(HEADER + "a,gaussian-full,1,-20\na,gaussian-full,2,-20.5\na,gaussian-diag,1,\n")
    output = call(path, "--output", tmp_path / "audit.csv", code=1)
    assert "a, gaussian-full, K = 2: -20.5000 is 0.5000 nats below gaussian-full, K = 1" in output
    assert "3 cells, 1 audited: 1 more than 0.01 nats below a nested one (100.0%" in output
    rows = list(csv.DictReader((tmp_path / "audit.csv").read_text().splitlines()))
    assert [row["broken"] for row in rows] == ["False", "True", "False"]
    assert rows[2]["reason"] == "cannot say: the log-likelihood is missing or not finite"
    assert "0 more than 1 nats" in call(path, "--tolerance", 1)


def test_audit_where_nothing_is_nested(path):
    path.write_text(HEADER + "a,gaussian-full,1,-20\nb,gaussian-full,2,-30\n")
    assert "2 cells: none can be audited" in call(path)


def test_audit_of_a_results_folder(sweep_path, tmp_path):
    output = call(sweep_path.parent)
    assert "3 cells, 1 audited: 0 more than 0.0001 nats below" in output
    assert "sweep.nc: no such file" in call(tmp_path, code=2)


def test_audit_of_a_bad_file_ends_with_code_2(path):
    path.write_text(HEADER)
    assert "Error: " in call(path, code=2)
