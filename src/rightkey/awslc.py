"""AWS-LC for the signatures that most issuers make, RS256, PS256 and ES256, where a program asks for it.

It checks them in less time than OpenSSL, and without letting go of the interpreter's lock, so that no busy
thread keeps a verification waiting. It comes with awscrt (the extra `awslc`), which AWS keeps for its own
clients. Keys are judged and made by `cryptography` as ever, and so is every other check.

That the package is there changes nothing by itself: a token must not be good in one installation and bad in
another, unless it was decided which library judges it.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rightkey.errors import Misconfigured
from rightkey.jose.algorithms import ALGORITHMS, CURVES, Algorithm, Check, der

MAX_RSA = 4096
"""Bits of an RSA key: the most that awscrt names as supported, though on Linux it enforces no bound. Larger
ones, those of no whole number of octets, and whatever it refuses stay with `cryptography`."""


def install() -> None:
    """Have AWS-LC check RS256, PS256 and ES256, by every key that is made ready from now on.

    To be called once, where the process starts: before there is a verifier.

    Raises:
        Misconfigured: awscrt is not installed, or this is no Linux, where alone it brings AWS-LC.
    """
    if not sys.platform.startswith("linux"):
        raise Misconfigured("AWS-LC is available on Linux only")
    try:
        from awscrt import crypto
    except ImportError:
        raise Misconfigured("awscrt is not installed", hint="pip install 'rightkey[awslc]'") from None
    schemes = crypto.RSASignatureAlgorithm
    for algorithm in (
        _rsa(ALGORITHMS["RS256"], crypto.RSA, schemes.PKCS1_5_SHA256),
        _rsa(ALGORITHMS["PS256"], crypto.RSA, schemes.PSS_SHA256),  # the salt is hash-long, as in RFC 7518
        _ecdsa(ALGORITHMS["ES256"], crypto.EC),
    ):
        ALGORITHMS[algorithm.name] = algorithm


def _rsa(algorithm: Algorithm, keys: Any, scheme: Any) -> Algorithm:
    def bind(key: Any) -> Check:
        if key.key_size > MAX_RSA or key.key_size % 8:
            return algorithm.bind(key)
        try:
            made = keys.new_public_key_from_der_data(key.public_bytes(Encoding.DER, PublicFormat.PKCS1))
        except (ValueError, RuntimeError):  # one odd key must not cost the rest of its set
            return algorithm.bind(key)
        verify, size = made.verify, key.key_size // 8

        def check(signature: bytes, data: bytes) -> None:
            if len(signature) != size or not verify(scheme, hashlib.sha256(data).digest(), signature):
                raise InvalidSignature

        return check

    return algorithm._replace(bind=bind)


def _ecdsa(algorithm: Algorithm, keys: Any) -> Algorithm:
    size = CURVES["P-256"][1]

    def bind(key: Any) -> Check:
        public = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        verify = keys.new_key_from_der_data(public).verify

        def check(signature: bytes, data: bytes) -> None:
            if not verify(hashlib.sha256(data).digest(), der(signature, size)):
                raise InvalidSignature

        return check

    return algorithm._replace(bind=bind)
