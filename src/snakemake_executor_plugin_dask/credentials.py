"""The credentials that a cluster's scheduler, workers and clients know each other by.

Dask's messages are pickles: whoever may connect may run anything. So each run
makes a key and a certificate of its own, in a folder that only its user can
read, and everybody who connects has to show it.
"""

# mypy: allow-untyped-calls

import datetime
import os
import stat
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_dask.options import ClusterError

__all__ = ["AUTHORITY", "CERTIFICATE", "KEY", "check", "make", "security"]

AUTHORITY = "ca.pem"
CERTIFICATE = "cert.pem"
KEY = "key.pem"

# Longer than any run; the folder is removed when the run ends.
_VALID = datetime.timedelta(days=90)
# Clocks of the machines of a cluster may differ.
_BACKDATED = datetime.timedelta(days=1)


def make(folder: Path, begin: datetime.datetime | None = None) -> None:
    """Write a new key and a certificate, which is its own authority.

    Parameters
    ----------
    folder
        Made for it, with access for the user alone.
    begin
        The moment from which they are valid; `None` for now.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dask-internal")])
    begin = begin or datetime.datetime.now(tz=datetime.UTC) - _BACKDATED
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + _VALID)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder.mkdir(mode=0o700)
    for file, content in ((AUTHORITY, pem), (CERTIFICATE, pem), (KEY, secret)):
        descriptor = os.open(folder / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as stream:
            stream.write(content)


def check(folder: Path) -> None:
    """Refuse credentials that would not work, or are not secret.

    Parameters
    ----------
    folder
        With ``ca.pem``, ``cert.pem`` and ``key.pem``.

    Raises
    ------
    ClusterError
        If one is missing or no certificate, if others may read the key, or if a
        certificate is not valid now.
    """
    from cryptography import x509

    for file in (AUTHORITY, CERTIFICATE, KEY):
        if not os.access(folder / file, os.R_OK):
            raise ClusterError(f"The folder of credentials {folder} has no readable {file}.")
    if stat.S_IMODE((folder / KEY).stat().st_mode) & 0o077:
        raise ClusterError(
            f"Others may read the key {folder / KEY}. Make new credentials, and keep their key to "
            "yourself (chmod 600)."
        )
    now = datetime.datetime.now(tz=datetime.UTC)
    for file in (AUTHORITY, CERTIFICATE):
        try:
            certificate = x509.load_pem_x509_certificate((folder / file).read_bytes())
        except ValueError as error:
            raise ClusterError(f"{folder / file} is not a certificate in PEM format.") from error
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if not begin <= now <= end:
            state = "has expired" if now > end else "is not valid yet (do the clocks differ?)"
            raise ClusterError(
                f"The certificate {folder / file} {state}: it is valid from {begin:%Y-%m-%d %H:%M} to "
                f"{end:%Y-%m-%d %H:%M} UTC, and now it is {now:%Y-%m-%d %H:%M} UTC."
            )


def security(folder: Path) -> Any:
    """Return Dask's object for the credentials of a folder.

    Parameters
    ----------
    folder
        With ``ca.pem``, ``cert.pem`` and ``key.pem``.

    Returns
    -------
    distributed.security.Security
        For every role, without a way to connect unencrypted.
    """
    from distributed.security import Security

    paths: dict[str, Any] = {"tls_ca_file": str(folder / AUTHORITY)}
    for role in ("client", "scheduler", "worker"):
        paths[f"tls_{role}_cert"] = str(folder / CERTIFICATE)
        paths[f"tls_{role}_key"] = str(folder / KEY)
    return Security(require_encryption=True, **paths)
