"""Keys in PEM: each block is the JWK that says the same, and judged as one."""

from __future__ import annotations

import base64
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID
from tests.conftest import signing_key

from rightkey.errors import Misconfigured
from rightkey.exchange import Response
from rightkey.issuer.jwks import read_jwks
from rightkey.jose.certificate import MAX_CHAIN
from rightkey.jose.key import Key
from rightkey.jose.keyset import KeySet
from rightkey.jose.pem import is_pem, members
from rightkey.jose.skipped import UnusableKey
from rightkey.sources.files import read

BEGIN = dt.datetime(2026, 1, 1)
ONE, TWO = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
RSA = signing_key("RS256").private


def public(key: Any, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    return key.public_key().public_bytes(Encoding.PEM, form).decode()


def private(key: Any, form: PrivateFormat = PrivateFormat.PKCS8, sealed: Any = None) -> str:
    return key.private_bytes(Encoding.PEM, form, sealed or NoEncryption()).decode()


def certificate(key: Any, name: str, by: str | None = None, signer: Any = ONE) -> str:
    """A certificate for a key, in the name of its issuer; self-issued where none is named."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, by or name)]
    builder = x509.CertificateBuilder(names[1], names[0], key.public_key(), 5, BEGIN, BEGIN + dt.timedelta(9))
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_a_bundle_is_read_block_by_block() -> None:
    """In its order, with words and blocks of other kinds between them; the first bad one harms none."""
    broken = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
    parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    text = broken + "für uns: \n" + public(ONE) + parameters + certificate(RSA, "rsa") + public(TWO)
    keys = KeySet.from_pem(text)
    assert [(key.kid, key.kty, key.certificate is None) for key in keys] == [
        (None, "EC", True),
        (None, "RSA", False),
        (None, "OKP", True),
    ]
    assert [one.reason for one in keys.skipped] == ["malformed"]


def test_what_is_named_is_each_keys() -> None:
    """Key id and algorithm; an algorithm that a key cannot serve skips it."""
    keys = KeySet.from_pem(public(ONE) + public(TWO), kid="k", alg="ES256")
    assert [(key.kid, key.alg, key.kty) for key in keys] == [("k", "ES256", "EC")]
    assert [(one.kid, one.reason) for one in keys.skipped] == [("k", "unusable_alg")]


@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
def test_rsa_in_either_form(form: PublicFormat) -> None:
    """As `PUBLIC KEY` and as `RSA PUBLIC KEY`, with any line ends and any white space in front."""
    text = b"\xef\xbb\xbf  \r\n" + public(RSA, form).replace("\n", "\r\n").encode()
    assert Key.from_pem(text).thumbprint == Key.from_pem(public(RSA)).thumbprint


def test_a_chain_is_of_the_certificate_before_it() -> None:
    """And its keys sign no tokens. Self-issued ones of one name, as Auth0 rotates them, are several keys."""
    leaf, above, root = (
        certificate(ONE, "leaf", "ca"),
        certificate(RSA, "ca", "root"),
        certificate(TWO, "root"),
    )
    keys = KeySet.from_pem(leaf + above + root + certificate(RSA, "tenant") + certificate(ONE, "tenant"))
    assert [key.kty for key in keys] == ["EC", "RSA", "EC"]
    assert [len(key.certificate.chain) for key in keys if key.certificate] == [2, 0, 0]
    assert Key.from_pem(leaf + above).certificate == Key.from_jwk(Key.from_pem(leaf + above).jwk).certificate


def test_the_chain_of_a_certificate_that_is_skipped_is_no_key_either() -> None:
    """Its issuer is not trusted in its stead."""
    leaf = certificate(x25519.X25519PrivateKey.generate(), "leaf", "ca")
    with pytest.raises(Misconfigured, match="type or curve"):
        KeySet.from_pem(leaf + certificate(ONE, "ca"))


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("key", [ONE, RSA], ids=["EC", "RSA"])
def test_a_private_key_is_as_a_private_jwk(key: Any, form: PrivateFormat) -> None:
    """Handed over, its public half is kept, with a warning; published, it is refused by its thumbprint."""
    mine = Key.from_pem(private(key, form))
    assert mine.thumbprint == Key.from_pem(public(key)).thumbprint
    assert mine.warnings == ("the document holds the private key: only its public half is kept",)
    assert "d" not in mine.jwk
    lost = KeySet.parse({"k": private(key, form), "good": public(TWO)}, published=True)
    assert [key.kid for key in lost] == ["good"]
    assert [(one.kid, one.reason, one.thumbprint) for one in lost.skipped] == [
        ("k", "private_key_published", mine.thumbprint)
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no key or certificate"),
        ("no PEM", "no key or certificate"),
        ("-----BEGIN PUBLIC KEY-----", "cut off"),
        (public(ONE)[:-40], "cut off"),
        (public(ONE).replace("END PUBLIC", "END PRIVATE"), "cut off"),
        (public(ONE).replace("\n", "\n*", 1), "not base64"),
        (private(ONE, sealed=BestAvailableEncryption(b"secret")), "encrypted"),
        (public(rsa.generate_private_key(65537, 1024)), "1024 bits"),
        (public(x25519.X25519PrivateKey.generate()), "type or curve"),
        (public(ec.generate_private_key(ec.SECP224R1())), "type or curve"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no readable certificate"),
    ],
)
def test_what_cannot_be_used_says_why(text: str, why: str) -> None:
    """By itself it is Misconfigured; beside a good key it is skipped, and harms nothing."""
    for reader in (Key.from_pem, KeySet.from_pem):
        with pytest.raises(Misconfigured, match=why):
            reader(text)
    if "BEGIN" in text:
        keys = KeySet.from_pem(public(TWO) + text)
        assert (len(keys), len(keys.skipped)) == (1, 1)


def test_one_key_is_not_several() -> None:
    """It is not guessed which was meant."""
    with pytest.raises(Misconfigured, match="several") as caught:
        Key.from_pem(public(ONE) + public(TWO))
    assert caught.value.hint == "KeySet.from_pem(...)"


def test_there_is_always_a_member() -> None:
    """So that what holds nothing is skipped with a reason, and not forgotten."""
    (one,) = members("nothing")
    assert isinstance(one, UnusableKey)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("nothing", "it holds no key or certificate in PEM form"),
        ("-----BEGIN PUBLIC KEY-----", "the PEM is cut off, or not base64"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "the PEM holds no readable certificate",
        ),
    ],
)
def test_a_block_that_cannot_be_read_is_malformed(text: str, detail: str) -> None:
    """An operator counts skipped keys by their reason, and reads the detail."""
    (one,) = members(text)
    assert isinstance(one, UnusableKey)
    assert (one.reason, one.detail) == ("malformed", detail)


def test_what_people_take_for_pem_is_told() -> None:
    """With the command that makes PEM of it."""
    der = ONE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ssh = ONE.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    for text, told in (
        (ssh, "ssh-keygen"),
        ("---- BEGIN SSH2 PUBLIC KEY ----", "ssh-keygen"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAA\n-----END CERTIFICATE REQUEST-----", "a request for"),
        ("-----BEGIN PKCS7-----\nAA\n-----END PKCS7-----", "PKCS #7"),
        (' {"kty": "EC"}', "KeySet.parse"),
        (der, "-inform DER"),
    ):
        with pytest.raises(Misconfigured, match=told):
            KeySet.from_pem(text)
    with pytest.raises(TypeError, match="str or bytes, not int"):
        KeySet.from_pem(5)  # type: ignore[arg-type]


def test_a_chain_is_kept_up_to_its_bound() -> None:
    """What a bundle makes us keep does not grow with it: no more certificates than a chain may have."""
    links = [certificate(ONE, f"{number}", f"{number + 1}") for number in range(MAX_CHAIN + 2)]
    (one,) = members("".join(links))
    assert isinstance(one, dict)
    assert len(one["x5c"]) == MAX_CHAIN


def test_the_member_of_a_private_key_does_not_repeat_it() -> None:
    """It says that the private half is known, with nothing of it."""
    (one,) = members(private(ONE))
    assert isinstance(one, dict)
    assert one["d"] == ""


def test_a_map_of_key_ids_is_a_key_set() -> None:
    """Certificates or public keys, with a bad member among them; published or handed over."""
    document = {
        "a": certificate(RSA, "a"),
        "b": "\n" + public(ONE),
        "c": "no PEM",
        "d": 5,
        "e": public(TWO)[:-9],
    }
    for published in (True, False):
        keys = KeySet.parse(document, published=published)
        assert [key.kid for key in keys] == ["a", "b"]
        assert [(one.kid, one.reason) for one in keys.skipped] == [(kid, "malformed") for kid in "cde"]
    x5c = base64.b64encode(keys.keys[0].certificate.der).decode()  # type: ignore[union-attr]
    assert keys.keys[0].jwk["x5c"] == [x5c]
    assert len(KeySet.parse({str(n): public(ONE) for n in range(1001)}).skipped) == 1


@pytest.mark.parametrize(
    "text",
    [
        public(ONE),
        "\ufeff\n" + public(ONE),
        "Bag Attributes\n    friendlyName: us\n" + public(ONE),
        public(ONE).replace("\n", "\\n"),
        public(ONE).replace("\n", "\\r\\n"),
        '"' + public(ONE).replace("\n", "\\n") + '"',
        "".join(public(ONE).splitlines()[1:-1]),
        "\n".join(public(ONE).splitlines()[1:-1]) + "\n",
        "".join(public(TWO).splitlines()[1:-1]),
    ],
    ids=range(9),
)
def test_pem_is_recognised_in_one_place(text: str, tmp_path: Path) -> None:
    """So that the same octets are read the same from a string, a file and an answer: words in front,
    line ends written out as in a variable, the base64 alone.
    """
    thumbprint = Key.from_pem(text).thumbprint
    assert is_pem(text)
    assert is_pem(text.encode())
    assert thumbprint in {Key.from_pem(public(ONE)).thumbprint, Key.from_pem(public(TWO)).thumbprint}
    file = tmp_path / "key"
    file.write_text(text, encoding="utf-8")
    answer = Response(200, {}, text.encode())
    assert (
        [key.thumbprint for key in read(file)]
        == [key.thumbprint for key in read_jwks(answer)]
        == [thumbprint]
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"a": "-----BEGIN CERTIFICATE-----"}',
        ' [["-----BEGIN "]]',
        "<pre>-----BEGIN ",
        "MII",
        "a.b.c",
    ],
)
def test_what_quotes_pem_is_not_pem(text: str) -> None:
    """JSON, web pages and short words are something else."""
    assert not is_pem(text)
    assert not is_pem(text.encode())
