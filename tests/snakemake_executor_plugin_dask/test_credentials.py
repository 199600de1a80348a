import datetime
import os
import stat
from pathlib import Path

import pytest

from snakemake_executor_plugin_dask import credentials
from snakemake_executor_plugin_dask.options import ClusterError


def test_only_the_user_may_read_them(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    credentials.make(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    credentials.check(folder)
    with pytest.raises(FileExistsError):
        credentials.make(folder)


def test_every_run_has_its_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        credentials.make(tmp_path / name)
    assert (tmp_path / "one" / "key.pem").read_bytes() != (tmp_path / "two" / "key.pem").read_bytes()


def test_clocks_may_differ_by_hours(tmp_path: Path) -> None:
    from cryptography import x509

    credentials.make(tmp_path / "tls")
    certificate = x509.load_pem_x509_certificate((tmp_path / "tls" / "cert.pem").read_bytes())
    now = datetime.datetime.now(tz=datetime.UTC)
    assert certificate.not_valid_before_utc < now - datetime.timedelta(hours=20)


def test_dask_accepts_them_for_every_role(tmp_path: Path) -> None:
    credentials.make(tmp_path / "tls")
    security = credentials.security(tmp_path / "tls")
    for role in ("client", "scheduler", "worker"):
        assert security.get_connection_args(role)["require_encryption"]
        assert security.get_connection_args(role)["ssl_context"] is not None


@pytest.mark.parametrize("file", [credentials.AUTHORITY, credentials.CERTIFICATE, credentials.KEY])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    credentials.make(tmp_path / "tls")
    (tmp_path / "tls" / file).unlink()
    with pytest.raises(ClusterError, match=f"has no readable {file}"):
        credentials.check(tmp_path / "tls")


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    credentials.make(tmp_path / "tls")
    os.chmod(tmp_path / "tls" / "key.pem", 0o640)
    with pytest.raises(ClusterError, match="Others may read the key"):
        credentials.check(tmp_path / "tls")


def test_what_is_no_certificate_is_refused(tmp_path: Path) -> None:
    credentials.make(tmp_path / "tls")
    (tmp_path / "tls" / "cert.pem").write_text("nothing of the kind")
    with pytest.raises(ClusterError, match=r"cert\.pem is not a certificate"):
        credentials.check(tmp_path / "tls")


@pytest.mark.parametrize(
    ("days", "message"), [(-100, "has expired"), (100, r"is not valid yet \(do the clocks differ")]
)
def test_a_certificate_of_another_time_is_refused(tmp_path: Path, days: int, message: str) -> None:
    begin = datetime.datetime.now(tz=datetime.UTC) + datetime.timedelta(days=days)
    credentials.make(tmp_path / "tls", begin)
    with pytest.raises(ClusterError, match=message):
        credentials.check(tmp_path / "tls")
