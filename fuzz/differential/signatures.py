"""What may be odd about a signature: by which key, over what, and how it is spelled."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from fuzz.differential.case import HASHES, KID, NAMES, SIZES, Case, Sign, Signer, ec_sign, rsa_sign, signers
from fuzz.differential.oddity import Oddity, later
from fuzz.mutation import encode

CURVE_ORDERS = {
    "P-256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp256k1": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
}


ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def other_algorithm(case: Case) -> None:
    """The header names one, and another signed."""
    others = {"RS": "PS", "PS": "RS"}
    alg = case.signer.alg
    named = others.get(alg[:2], "ES" if alg[:2] != "ES" else "RS") + (
        alg[2:5] if alg[2:5] in HASHES else "256"
    )
    case.header["alg"] = named


def mac(case: Case) -> None:
    """HS256 with the public key in PEM as the secret: the oldest trick against JWT."""
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    secret = case.signer.private.public_key().public_bytes(serialization.Encoding.PEM, spki)
    case.header["alg"] = "HS256"
    case.sign = lambda data: hmac.digest(secret, data, hashlib.sha256)


def mac_by_oct(case: Case) -> None:
    """HS256 with the secret that the key set itself holds, under the token's key id."""
    case.header["alg"] = "HS256"
    case.sign = lambda data: hmac.digest(b"s" * 32, data, hashlib.sha256)
    case.jwk = {"kty": "oct", "k": encode(b"s" * 32).decode(), "kid": KID, "alg": "HS256"}


def none(case: Case) -> None:
    """Not signed, and it says so."""
    case.header["alg"] = "none"
    case.sign = lambda data: b""


def stranger(case: Case) -> Signer:
    """Another key of the same kind, which is in no key set."""
    kty, crv, alg = case.signer.jwk["kty"], case.signer.jwk.get("crv"), case.signer.alg
    alike = (one for one in signers(1).values() if (one.jwk["kty"], one.jwk.get("crv")) == (kty, crv))
    return next(one for one in alike if kty != "RSA" or one.alg == alg)


def by_a_stranger(case: Case) -> None:
    """Signed by another key of the same kind."""
    case.sign = stranger(case).sign


def header_key(name: str) -> Oddity:
    """Signed by a stranger's key, which the header brings along."""

    def change(case: Case) -> None:
        """As a JWK, or where one is to be found."""
        other = stranger(case)
        case.sign = other.sign
        case.header[name] = other.jwk | {"kid": KID} if name == "jwk" else "https://evil.example/jwks.json"

    return change


def salt(length: int) -> Oddity:
    """PSS with a salt of another length (RFC 7518, section 3.5)."""

    def change(case: Case) -> None:
        """Where it is PSS."""
        if case.signer.alg.startswith("PS"):
            case.sign = rsa_sign(case.signer.private, case.signer.alg, length)

    return change


def other_hash(case: Case) -> None:
    """The right key, and another hash than the algorithm's."""
    alg = case.signer.alg
    bits = next(one for one in HASHES if one != alg[2:5])
    if alg[:2] in ("RS", "PS"):
        case.sign = rsa_sign(case.signer.private, alg[:2] + bits)
    elif alg in NAMES:
        case.sign = ec_sign(case.signer.private, HASHES[bits], SIZES[NAMES[alg]])


def as_numbers(change: Callable[[Case, int, int], tuple[int, int]]) -> Oddity:
    """Change r and s of an ECDSA signature."""

    def oddity(case: Case) -> None:
        """Where it is ECDSA."""
        if case.signer.alg not in NAMES:
            return
        size = SIZES[NAMES[case.signer.alg]]

        def changed(raw: bytes) -> bytes:
            """Both numbers, cut to their size."""
            numbers = change(case, int.from_bytes(raw[:size]), int.from_bytes(raw[size:]))
            return b"".join((one % 256**size).to_bytes(size) for one in numbers)

        case.then("signature", changed)

    return oddity


def order_of(case: Case) -> int:
    """The order of the curve, or for curves where that is not at hand, 1."""
    return CURVE_ORDERS.get(NAMES[case.signer.alg], 1)


def as_der(case: Case) -> None:
    """ECDSA as ASN.1 has it, and not JOSE."""
    if case.signer.alg in NAMES:
        size = SIZES[NAMES[case.signer.alg]]
        case.then(
            "signature",
            lambda raw: encode_dss_signature(int.from_bytes(raw[:size]), int.from_bytes(raw[size:])),
        )


def widened(case: Case) -> None:
    """Each number of an ECDSA signature behind a zero octet."""
    if case.signer.alg in NAMES:
        size = SIZES[NAMES[case.signer.alg]]
        case.then("signature", lambda raw: b"\0" + raw[:size] + b"\0" + raw[size:])


def without_zeros(case: Case) -> None:
    """A signature of RSA that begins with a zero octet, without it (RFC 8017, section 8.2.2)."""
    if case.signer.jwk["kty"] != "RSA":
        return
    sign: Sign = case.sign

    def shorter(data: bytes) -> bytes:
        """PSS until one begins so, which one in 256 does; by PKCS #1 there is one a text, and it may not."""
        tries = 2000 if case.signer.alg.startswith("PS") else 1
        found = (sign(data) for _ in range(tries))
        return next((raw[1:] for raw in found if raw[0] == 0), sign(data))

    case.sign = shorter


def second_s(case: Case) -> None:
    """An Ed25519 signature with s + L for s (RFC 8032, section 5.1.7)."""
    if case.signer.jwk.get("crv") == "Ed25519":
        case.then(
            "signature",
            lambda raw: (
                raw[:32] + (int.from_bytes(raw[32:], "little") + ED25519_ORDER).to_bytes(32, "little")
            ),
        )


SIGNATURE: dict[str, Oddity] = {
    "a bit flipped": later("signature", lambda raw: bytes([raw[0] ^ 1]) + raw[1:]),
    "the last bit flipped": later("signature", lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
    "an octet less": later("signature", lambda raw: raw[:-1]),
    "an octet more": later("signature", lambda raw: raw + b"\0"),
    "a zero octet in front": later("signature", lambda raw: b"\0" + raw),
    "all zero": later("signature", lambda raw: bytes(len(raw))),
    "all ones": later("signature", lambda raw: b"\xff" * len(raw)),
    "empty": later("signature", lambda raw: b""),
    "twice": later("signature", lambda raw: raw + raw),
    "in hexadecimal": later("signature", lambda raw: raw.hex().encode()),
    "by a stranger": by_a_stranger,
    "by the key in jwk": header_key("jwk"),
    "by the key at jku": header_key("jku"),
    "by another hash": other_hash,
    "under another algorithm's name": other_algorithm,
    "PSS without salt": salt(0),
    "PSS with a long salt": salt(100),
    "RSA without its zero": without_zeros,
    "ECDSA in DER": as_der,
    "ECDSA behind zeros": widened,
    "ECDSA, n - s for s": as_numbers(lambda case, r, s: (r, order_of(case) - s)),
    "ECDSA, r = 0": as_numbers(lambda case, r, s: (0, s)),
    "ECDSA, s = 0": as_numbers(lambda case, r, s: (r, 0)),
    "ECDSA, r = n": as_numbers(lambda case, r, s: (order_of(case), s)),
    "ECDSA, r = s = n": as_numbers(lambda case, r, s: (order_of(case), order_of(case))),
    "Ed25519, s + L for s": second_s,
    "HS256 by the public key": mac,
    "HS256 by an oct key": mac_by_oct,
    "none": none,
}
