"""What an exception of a socket, of TLS or of an HTTP client means, in one word and one sentence."""

from __future__ import annotations

import socket
import ssl

from rightkey.exchange import ExchangeFailed

# The first row that fits the exception at the root speaks. Exceptions are never quoted whole: theirs may
# hold a URL or a header. `detail` is the text of the operating system, or of OpenSSL.
_MEANINGS: tuple[tuple[type[Exception], str, str], ...] = (
    (TimeoutError, "timeout", "{host} did not answer in full within {seconds:.3g} s"),
    (socket.gaierror, "dns", "the name {host} cannot be looked up: {detail}"),
    (ssl.SSLError, "tls", "no tls connection with {host}: {detail}"),
    (ConnectionRefusedError, "refused", "{host} refused the connection: is it running, and the port right?"),
    (ConnectionError, "reset", "{host} closed the connection before its answer was complete"),
    (OSError, "unreachable", "{host} cannot be reached: {detail}"),
    (Exception, "protocol", "the exchange with {host} failed ({kind})"),
)

# X.509 verification results of OpenSSL (x509_vfy.h), and what to do about them.
_UNKNOWN_ISSUER = (2, 18, 19, 20, 21)
_NOT_STRICT = range(79, 95)  # what X509_V_FLAG_X509_STRICT finds: RFC 5280 is not kept to
_VERIFY_HINTS = {
    **dict.fromkeys(_UNKNOWN_ISSUER, ": use a ca file if its certificate is private"),
    **dict.fromkeys(_NOT_STRICT, ": have it reissued, or set strict_x509=False"),
}
_PLAIN = ": does the server speak plain http there, or is it not the one for this port?"
_ALERT_HINTS = {
    "WRONG_VERSION_NUMBER": _PLAIN,
    "HTTP_REQUEST": _PLAIN,
    "PACKET_LENGTH_TOO_LONG": _PLAIN,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": ": give Credentials(..., certificate_file=..., key_file=...)",
}


def failure(error: BaseException, host: str, seconds: float) -> ExchangeFailed:
    """The ExchangeFailed that stands for an exception; `seconds` is the bound that was kept."""
    root = _root(error)
    reason, words = next((reason, words) for kind, reason, words in _MEANINGS if isinstance(root, kind))
    said = words.format(host=host, seconds=seconds, detail=_detail(root), kind=type(root).__name__)
    return ExchangeFailed(reason, said)


def _root(error: BaseException) -> BaseException:
    """HTTP clients wrap what happened, layer upon layer, each `from` the one below."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _detail(root: BaseException) -> str:
    if isinstance(root, ssl.SSLCertVerificationError):
        hint = _VERIFY_HINTS.get(root.verify_code, "")
        return f"certificate refused, {root.verify_message.rstrip('.')}{hint}"
    if isinstance(root, ssl.SSLError):
        reason = root.reason or type(root).__name__
        return reason.lower().replace("_", " ") + _ALERT_HINTS.get(reason, "")
    return str(getattr(root, "strerror", None) or type(root).__name__).lower()
