"""Which certificates a client trusts, and what is wrong where TLS fails."""

import ssl
from pathlib import Path

from websockets.exceptions import InvalidURI

UP_KEEPS = "`sightstream up` keeps its own in its data folder, in tls/ca.pem"


class BadTrust(ValueError):
    """A file names no authority. The message says what to do."""


def trusted(authority: Path | None = None) -> ssl.SSLContext:
    """The authorities that this machine knows and those in the PEM file ``authority``.

    Raises:
        BadTrust: the file cannot be used.
    """
    context = ssl.create_default_context()
    if authority is not None:
        _add(context, authority)
    return context


def pinned(certificate: Path) -> ssl.SSLContext:
    """Only the certificates in this PEM file, whatever names they are for: the server is known by its file.

    Raises:
        BadTrust: the file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    _add(context, certificate)
    return context


def _add(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise BadTrust(
            f"{path} has no certificate in PEM form: name an authority's certificate; {UP_KEEPS}"
        ) from error
    except OSError as error:
        raise BadTrust(f"{path} cannot be read ({error.strerror}): name an authority's certificate") from error
    # a certificate that no authority of its own has signed may be named, too
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def tls_failure(url: str, error: BaseException) -> str:
    """What is wrong, and what to do, where a connection to ``url`` failed because of TLS; else empty."""
    match error:
        case ssl.SSLCertVerificationError(verify_code=62 | 64):  # X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH
            return f"the certificate of {url} has another name ({error.verify_message}): use a name that it has"
        case ssl.SSLCertVerificationError():
            why = error.verify_message
            return f"the certificate of {url} is not trusted ({why}): name its authority with --tls-ca; {UP_KEEPS}"
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE"):
            return f"{url} does not answer with TLS ({error.reason}): its address begins with http://"
        case InvalidURI(uri=uri) if uri.startswith("https:"):  # a redirect to it
            return f"{url} is served with TLS: its address begins with https://"
    return ""
