"""AWS-LC: it says the same as `cryptography`, and says it only where it was asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import signing_key

import rightkey
from rightkey import KeySet, Misconfigured, TokenRejected, Verifier, awslc, verify_jws
from rightkey.jose.algorithms import ALGORITHMS, Check
from rightkey.localissuer import ATTACKS, LocalIssuer

CASES = Path(__file__).resolve().parents[2] / "shared" / "vectors" / "cases.jsonl"
NAMES = ("RS256", "PS256", "ES256")
P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
DATA = b"header.payload"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="AWS-LC is for Linux alone"),
]
RSA_KEY = signing_key("RS256").private
EC_KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def installed() -> Iterator[None]:
    before = dict(ALGORITHMS)
    awslc.install()
    yield
    ALGORITHMS.update(before)


def both(name: str, key: Any) -> tuple[Check, Check]:
    """The check by `cryptography`, and by AWS-LC."""
    before = dict(ALGORITHMS)
    awslc.install()
    ours = ALGORITHMS[name].bind(key)
    ALGORITHMS.update(before)
    return ALGORITHMS[name].bind(key), ours


@pytest.fixture(scope="module")
def checks() -> dict[str, tuple[Check, Check]]:
    keys: dict[str, Any] = {"RS256": RSA_KEY, "PS256": RSA_KEY, "ES256": EC_KEY}
    return {name: both(name, key.public_key()) for name, key in keys.items()}


def passes(check: Check, signature: bytes, data: bytes = DATA) -> bool:
    try:
        check(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def sha256() -> hashes.HashAlgorithm:
    return hashes.SHA256()


def raw(signature: bytes) -> bytes:
    """An ECDSA signature as JOSE has it."""
    return b"".join(number.to_bytes(32) for number in decode_dss_signature(signature))


def pss(salt: int) -> bytes:
    return RSA_KEY.sign(DATA, padding.PSS(padding.MGF1(sha256()), salt), sha256())


SIGNED: dict[str, Callable[[], bytes]] = {
    "RS256": lambda: RSA_KEY.sign(DATA, padding.PKCS1v15(), sha256()),
    "PS256": lambda: pss(32),
    "ES256": lambda: raw(EC_KEY.sign(DATA, ec.ECDSA(sha256()))),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_good_signature_passes_and_no_other(name: str, checks: dict[str, tuple[Check, Check]]) -> None:
    """Nor by other data, nor one that is longer or shorter, nor one with any octet changed."""
    signature = SIGNED[name]()
    for check in checks[name]:
        assert passes(check, signature)
        assert not passes(check, signature, DATA + b"!")
        for other in (b"", signature[:-1], signature[1:], signature + b"\0", b"\0" + signature):
            assert not passes(check, other)
        for at in range(len(signature)):
            assert not passes(check, signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=200, deadline=None)
@given(noise=st.binary(max_size=300), size=st.sampled_from((0, 64, 256)))
def test_noise_is_no_signature(
    name: str, checks: dict[str, tuple[Check, Check]], noise: bytes, size: int
) -> None:
    """Of whatever length; and nothing but a refusal comes of it."""
    for check in checks[name]:
        assert not passes(check, (noise * 300)[:size] if noise and size else noise)


def test_of_rsa_the_scheme_hash_and_salt_count(checks: dict[str, tuple[Check, Check]]) -> None:
    """What was signed in another way is not signed; a number that is too large is not reduced."""
    modulus = RSA_KEY.public_key().public_numbers().n
    pkcs1, good = padding.PKCS1v15(), SIGNED["RS256"]()
    larger = int.from_bytes(good) + modulus
    wrong = [
        RSA_KEY.sign(DATA, pkcs1, other) for other in (hashes.SHA384(), hashes.SHA512(), hashes.SHA3_256())
    ]
    wrong += [pss(salt) for salt in (0, 20, 31, 33, 64, padding.PSS.MAX_LENGTH)]
    wrong += [SIGNED["ES256"](), bytes(256), b"\xff" * 256, (1).to_bytes(256), (modulus - 1).to_bytes(256)]
    wrong += [larger.to_bytes(256)] if larger < 1 << 2048 else []
    for name, others in (("RS256", [*wrong, pss(32)]), ("PS256", [*wrong, good])):
        for check in checks[name]:
            assert [passes(check, other) for other in others] == [False] * len(others)


def test_of_ecdsa_numbers_out_of_range_are_none(checks: dict[str, tuple[Check, Check]]) -> None:
    """Zero, the order and beyond, of r and of s; the negative of s is another spelling, which both take."""
    signature = SIGNED["ES256"]()
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    odd = (0, P256, P256 + 1, 2**256 - 1)
    pairs = [(number, s) for number in odd] + [(r, number) for number in odd] + [(s, r), (0, 0)]
    for check in checks["ES256"]:
        assert not any(passes(check, a.to_bytes(32) + b.to_bytes(32)) for a, b in pairs)
        assert passes(check, r.to_bytes(32) + (P256 - s).to_bytes(32))


@pytest.mark.parametrize("name", ["RS256", "PS256"])
@pytest.mark.parametrize("modulus", [2**2055 - 1, 2**4097 - 1, 2**8192 - 1, 2**2048 - 2])
def test_keys_that_it_does_not_take_stay_with_cryptography(name: str, modulus: int) -> None:
    """Larger than it supports, of a length that is no whole number of octets, or with an even modulus."""
    bits = modulus.bit_length()
    plain, ours = both(name, rsa.RSAPublicNumbers(65537, modulus).public_key())
    assert not passes(ours, bytes((bits + 7) // 8))
    assert ours.__module__ == plain.__module__ == "rightkey.jose.algorithms"


@pytest.mark.skipif(not CASES.is_file(), reason="../shared/vectors is not here")
@pytest.mark.parametrize("alg", NAMES)
def test_it_says_the_same_of_other_peoples_tokens(alg: str, request: pytest.FixtureRequest) -> None:
    """Of every one that names the algorithm: accepted by both, or refused by both and for the same reason."""
    cases = [case for case in map(json.loads, CASES.read_text().splitlines()) if case["alg"] == alg]
    plain = [decided(case, alg) for case in cases]
    request.getfixturevalue("installed")
    assert [decided(case, alg) for case in cases] == plain
    assert plain.count("accept") >= 5
    assert plain.count("signature_invalid") >= 5


def decided(case: dict[str, Any], alg: str) -> str:
    document = case.get("jwks") or json.loads((CASES.parent / case["jwks_file"]).read_bytes())
    try:
        verify_jws(case["token"], KeySet.parse(document), algorithms=[alg])
    except TokenRejected as error:
        return error.code
    return "accept"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("alg", NAMES)
def test_verifiers_use_it(alg: str) -> None:
    """From the issuer's name to the verdict, and through a rotation; attacks are refused as ever."""
    with LocalIssuer(algorithm=alg) as issuer:
        verifier = Verifier(issuer.url, audience=issuer.audience)
        token = verifier.verify(issuer.token(sub="alice"))
        assert token.subject == "alice"
        assert token.key.checks[alg].__module__ == "rightkey.awslc"
        issuer.rotate(surprise=True)
        assert verifier.verify(issuer.token(sub="bob")).subject == "bob"
        for attack in ATTACKS:
            with pytest.raises(TokenRejected):
                verifier.verify(issuer.attack(attack, sub="mallory"))


def test_nothing_changes_unasked() -> None:
    """That the package is there decides nothing."""
    key = KeySet.parse({"keys": [rightkey.localissuer.SigningKey.generate("RS256").public_jwk()]}).keys[0]
    assert {check.__module__ for check in key.checks.values()} == {"rightkey.jose.algorithms"}


def test_where_it_is_not_to_be_had_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """On another system, and without the package."""
    before = dict(ALGORITHMS)
    monkeypatch.setitem(sys.modules, "awscrt", None)
    with pytest.raises(Misconfigured, match="not installed") as caught:
        awslc.install()
    assert caught.value.hint == "pip install 'rightkey[awslc]'"
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(Misconfigured, match="Linux"):
        awslc.install()
    assert before == ALGORITHMS
