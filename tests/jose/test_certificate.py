"""Certificates: what they say, and whether that satisfies a policy."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import math
import pickle
import time
import warnings
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from rightkey.errors import Misconfigured
from rightkey.jose import certificate as certificate_file
from rightkey.jose import x509 as jose_x509
from rightkey.jose.certificate import Certificate, Certificates, Unreadable, policy, read_der, read_x5c

BEGIN, END = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
MIDDLE = dt.datetime(2026, 7, 1, tzinfo=dt.UTC).timestamp()
SIGNS = {
    "digital_signature": True,
    "content_commitment": False,
    "key_encipherment": False,
    "data_encipherment": False,
    "key_agreement": False,
    "key_cert_sign": False,
    "crl_sign": False,
    "encipher_only": False,
    "decipher_only": False,
}
CERTIFIES = SIGNS | {"digital_signature": False, "key_cert_sign": True}


@cache
def key(name: str) -> ec.EllipticCurvePrivateKey:
    """The key of this name: one is made, once."""
    return ec.generate_private_key(ec.SECP256R1())


def made(
    name: str,
    by: str | None = None,
    *,
    ca: bool = False,
    usage: dict[str, bool] | None = None,
    public_key=None,
    key_of: str | None = None,
    serial: int | None = None,
    begin: dt.datetime = BEGIN,
    end: dt.datetime = END,
) -> bytes:
    """A certificate of this name, in DER, by another name or its own; `key_of` lets a third one sign."""
    issuer = by or name
    signer = key(key_of or issuer)
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, issuer)]
    builder = x509.CertificateBuilder(subject_name=names[0], issuer_name=names[1])
    builder = builder.public_key(public_key or key(name).public_key())
    builder = builder.serial_number(serial or x509.random_serial_number())
    builder = builder.not_valid_before(begin).not_valid_after(end)
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(authority, critical=False)
    if ca:
        identifier = x509.SubjectKeyIdentifier.from_public_key(key(name).public_key())
        builder = builder.add_extension(identifier, critical=False)
    if usage or ca:
        builder = builder.add_extension(x509.KeyUsage(**(usage or CERTIFIES)), critical=True)
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)


def pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()


def b64(der: bytes) -> str:
    return base64.b64encode(der).decode()


def b64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def test_what_a_certificate_says() -> None:
    """Subject, issuer, serial number, dates and hash, as they stand in it."""
    facts = read_der(made("leaf", "ca", serial=77))
    assert (facts.subject, facts.issuer, facts.serial_number) == ("CN=leaf", "CN=ca", 77)
    assert (facts.not_before, facts.not_after, facts.signature_hash) == (BEGIN, END, "sha256")
    assert not facts.self_issued
    assert read_der(made("ca", ca=True)).self_issued


def test_an_algorithm_that_hashes_by_itself() -> None:
    """Ed25519 has no hash to name."""
    own = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, own.public_key(), 5, BEGIN, END)
    assert read_der(builder.sign(own, None).public_bytes(Encoding.DER)).signature_hash is None


def test_thumbprints() -> None:
    """The octets' (RFC 7517, sections 4.8 and 4.9), and Auth0's of the hexadecimal text."""
    der = made("leaf", "ca")
    facts = read_der(der)
    assert facts.x5t == b64url(hashlib.sha1(der).digest())
    assert facts.x5t_s256 == b64url(hashlib.sha256(der).digest())
    assert facts.x5t_hex == b64url(hashlib.sha1(der).hexdigest().upper().encode())


def test_dates_include_their_ends() -> None:
    """A certificate is good on its first second and on its last."""
    facts = read_der(made("leaf"))
    begin, end = BEGIN.timestamp(), END.timestamp()
    assert [facts.covers(now) for now in (begin - 1, begin, end, end + 1)] == [False, True, True, False]


def test_whose_certificate_it_is() -> None:
    """It matches the key inside, and no other."""
    facts = read_der(made("leaf", "ca"))
    assert facts.matches(key("leaf").public_key())
    assert not facts.matches(key("ca").public_key())
    assert not facts.matches(ed25519.Ed25519PrivateKey.generate().public_key())


def test_a_certificate_pickles() -> None:
    """With its chain, and with a key of use."""
    facts = read_x5c([b64(made("leaf", "ca")), b64(made("ca", ca=True))])
    again = pickle.loads(pickle.dumps(facts))
    assert again == facts
    assert again.matches(key("leaf").public_key())


def test_a_repr_is_short() -> None:
    """Octets and keys do not stand in it."""
    assert len(repr(read_der(made("leaf", "ca")))) < 500


def test_white_space_in_x5c() -> None:
    """Line breaks, and PEM's habit of them, are in the wild."""
    der = made("leaf")
    assert read_x5c([base64.encodebytes(der).decode()]).der == der


def test_no_more_than_ten() -> None:
    """A long x5c is read to its tenth certificate; what follows is not looked at."""
    leaf = made("leaf")
    assert len(read_x5c([b64(leaf)] * 10 + ["*"]).chain) == 9


def non_positive(serial: str) -> bytes:
    """A certificate whose serial number is replaced: such are made no more, and some exist."""
    before = "a003020102020101"
    der = made("leaf", serial=1)
    assert bytes.fromhex(before) in der
    return der.replace(bytes.fromhex(before), bytes.fromhex(f"a0030201020201{serial}"))


NO_X5C: dict[str, Any] = {
    "absent": None,
    "a string": "MIIB",
    "empty": [],
    "numbers": [5],
    "an object": {"0": "MIIB"},
    "not base64": ["MI*B"],
    "a foreign letter in the chain": [b64(made("leaf")), "é"],
    "no certificate": ["AAAA"],
    "nothing": [""],
    "PEM": [pem(made("leaf"))],
    "cut off": [b64(made("leaf")[:-5])],
    "with more behind": [b64(made("leaf") + b"\0")],
    "version 4": [b64(made("leaf").replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020103"), 1))],
    "serial number 0": [b64(non_positive("00"))],
    "serial number -1": [b64(non_positive("ff"))],
}


@pytest.mark.parametrize("x5c", NO_X5C.values(), ids=NO_X5C)
def test_what_is_no_certificate(x5c: Any) -> None:
    """It is unreadable, for whatever reason `cryptography` has."""
    with pytest.raises(Unreadable):
        read_x5c(x5c)


@pytest.mark.slow
def test_dsa_is_read() -> None:
    """What key is in a certificate is for others to judge."""
    other = dsa.generate_private_key(1024).public_key()
    assert read_der(made("leaf", "ca", public_key=other)).matches(other)


DER = made("leaf", "ca")


@pytest.mark.slow
@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(DER) - 1), st.integers(0, 255)), max_size=4))
def test_any_octets_are_facts_or_unreadable(changes: list[tuple[int, int]]) -> None:
    """Nothing else leaves, however a certificate is bent."""
    der = bytearray(DER)
    for place, octet in changes:
        der[place] = octet
    with contextlib.suppress(Unreadable):
        assert read_der(bytes(der)).der == bytes(der)


def fault(asked: Certificates, *ders: bytes, now: float = MIDDLE) -> str | None:
    return asked.fault(read_x5c([b64(der) for der in ders]), now)


def test_nothing_asked_is_nothing_lacking() -> None:
    """But that there be a certificate."""
    assert fault(Certificates(), made("leaf")) is None
    assert Certificates().fault(None, MIDDLE) == "the key has no certificate"


def test_whether_dates_count_is_true_or_false() -> None:
    """None of a configuration that does not say must not mean no."""
    with pytest.raises(Misconfigured, match="dates must be True or False"):
        Certificates(dates=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (BEGIN.timestamp() - 1, "not valid before 2026-01-01 00:00:00Z"),
        (BEGIN.timestamp(), None),
        (END.timestamp(), None),
        (END.timestamp() + 1, "valid until 2027-01-01 00:00:00Z"),
    ],
)
@pytest.mark.parametrize("asked", [Certificates(dates=True), Certificates(roots=pem(made("root", ca=True)))])
def test_dates_are_judged_where_asked(asked: Certificates, now: float, expected: str | None) -> None:
    """On both ends, always so with roots, and otherwise not at all."""
    found = fault(asked, made("leaf", "root"), now=now)
    assert found is expected if expected is None else expected in str(found)
    assert fault(Certificates(), made("leaf", "root"), now=now) is None


def test_pins_in_both_spellings() -> None:
    """`x5t#S256`, or hexadecimal with or without colons, in either letter case; one of several is enough."""
    der = made("leaf")
    print_ = hashlib.sha256(der).digest()
    for pin in (b64url(print_), print_.hex(), print_.hex(":").upper(), b64(print_)):
        assert fault(Certificates(pins=["00" * 32, pin]), der) is None
    assert fault(Certificates(pins=["00" * 32]), der) == "the certificate is none of those pinned"


@pytest.mark.parametrize("lost", [[], "", set(), frozenset()])
def test_a_list_of_pins_that_was_lost_is_refused(lost: Any) -> None:
    """Of a variable that is empty there are none: it must not end as no pinning."""
    with pytest.raises(Misconfigured, match="pins must hold at least one thumbprint"):
        Certificates(pins=lost)
    assert Certificates(pins=()) == Certificates()


@pytest.mark.parametrize("roots", ["", b"", [], ["-----BEGIN CERTIFICATE-----"], "/etc/roots.pem", 5])
def test_roots_of_another_kind(roots: Any) -> None:
    with pytest.raises(Misconfigured, match="roots hold no PEM certificate"):
        Certificates(roots=roots)


def test_a_chain_to_a_given_root() -> None:
    """Directly, or over an intermediate: one that came along, or one that was given."""
    root, middle = made("root", ca=True), made("middle", "root", ca=True)
    asked = Certificates(roots=pem(root))
    assert fault(asked, made("leaf", "root")) is None
    assert fault(asked, made("leaf", "root", usage=SIGNS)) is None
    assert fault(asked, made("leaf", "middle"), middle) is None
    assert (
        fault(Certificates(roots=pem(root).encode() + pem(middle).encode()), made("leaf", "middle")) is None
    )


def test_a_self_signed_ca_is_its_own_root() -> None:
    """Auth0's certificates say CA:TRUE and no key usage; given as the root, one leads to itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tenant.eu.auth0.com")])
    builder = x509.CertificateBuilder(name, name, key("tenant").public_key(), 5, BEGIN, END)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    der = builder.sign(key("tenant"), hashes.SHA256()).public_bytes(Encoding.DER)
    assert fault(Certificates(roots=pem(der)), der) is None
    assert fault(Certificates(roots=pem(made("root", ca=True))), der) is not None


AUTHORITY = Certificates(roots=pem(made("root", ca=True)))
NO_CHAIN = {
    "another root": [made("leaf", "stranger")],
    "the same name, another key": [made("leaf", "root", key_of="stranger")],
    "no intermediate": [made("leaf", "middle")],
    "an intermediate that is no CA": [made("leaf", "middle"), made("middle", "root")],
    "an intermediate of the past": [
        made("leaf", "middle"),
        made("middle", "root", ca=True, end=BEGIN + dt.timedelta(days=1)),
    ],
    "an unreadable intermediate": [made("leaf", "middle"), b"junk"],
    "an intermediate without a number": [made("leaf", "middle"), non_positive("00")],
    "a key that may not sign": [made("leaf", "root", usage=CERTIFIES)],
}


@pytest.mark.parametrize("ders", NO_CHAIN.values(), ids=NO_CHAIN)
def test_what_leads_to_no_root(ders: list[bytes]) -> None:
    """Each is lacking, and nothing is raised."""
    found = fault(AUTHORITY, *ders)
    assert found is not None
    assert found.startswith("the certificate's chain does not end in a given root")


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times at which a chain was walked."""
    walked, leads_to = [], jose_x509.leads_to

    def counted(roots: Any, der: bytes, others: Any, now: float) -> jose_x509.Judged:
        walked.append(now)
        return leads_to(roots, der, others, now)

    monkeypatch.setattr(jose_x509, "leads_to", counted)
    return walked


@pytest.mark.parametrize(
    "ders",
    [
        [made("leaf", "middle"), made("middle", "root", ca=True)],
        [made("leaf", "root"), b"unreadable"],
        [made("leaf")],
    ],
    ids=["good", "unreadable", "no root"],
)
def test_a_chain_is_judged_once_and_not_at_each_use(walks: list[float], ders: list[bytes]) -> None:
    """To walk it takes longer than a check of a signature. Another certificate or policy is another chain."""
    asked, other = (Certificates(roots=pem(made("root", ca=True))) for _ in range(2))
    certificate, again = (read_der(ders[0], tuple(ders[1:])) for _ in range(2))
    found = {asked.fault(one, MIDDLE + passed) for one in (certificate, again) for passed in range(100)}
    assert (len(found), len(walks)) == (1, 1)
    assert other.fault(certificate, MIDDLE) in found
    assert asked.fault(read_der(made("another", "root")), MIDDLE) is None
    assert len(walks) == 3


def test_a_chain_is_judged_again_when_a_certificate_begins_or_ends() -> None:
    """Whatever was found before, in any order of times: of the chain, and of the roots."""
    root = made("root", ca=True, begin=BEGIN + dt.timedelta(days=1), end=END - dt.timedelta(days=1))
    middle = made(
        "middle", "root", ca=True, begin=BEGIN + dt.timedelta(days=3), end=END - dt.timedelta(days=3)
    )
    certificate = read_der(made("leaf", "middle"), (middle,))
    times = [
        one.timestamp() + day * 86400 + seconds
        for one in (BEGIN, END)
        for day in (-3, -1, 0, 1, 3)
        for seconds in (-1, -0.5, 0, 0.5, 1)
    ]
    alone = {now: Certificates(roots=pem(root)).fault(certificate, now) for now in times}
    assert {alone[BEGIN.timestamp() + 3 * 86400], alone[END.timestamp() - 3 * 86400]} == {None}
    assert None not in (alone[BEGIN.timestamp() + 3 * 86400 - 1], alone[END.timestamp() - 3 * 86400 + 1])
    asked = Certificates(roots=pem(root))
    for now in (*times, *times[::-1], *times[::7], *times[::-3]):
        assert asked.fault(certificate, now) == alone[now]


def test_a_chain_is_remembered_by_its_digest(walks: list[float]) -> None:
    """Its octets may be as many as a document has, for each of the chains that are remembered."""
    asked = Certificates(roots=pem(made("root", ca=True)))
    leaf = read_der(made("leaf", "root"), (b"x" * 100_000,))
    assert asked.fault(leaf, MIDDLE) is not None
    assert [len(name) for name in asked._judged] == [32]
    assert asked.fault(read_der(leaf.der), MIDDLE) is None
    assert len(walks) == 2


def test_few_chains_are_remembered(walks: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """An issuer may publish any number in turn."""
    monkeypatch.setattr(certificate_file, "MAX_JUDGED", 2)
    leaves = [read_der(made(name, "root")) for name in ("one", "two", "three")]
    asked = Certificates(roots=pem(made("root", ca=True)))
    assert [asked.fault(one, MIDDLE) for one in (*leaves, *leaves[:1] * 2)] == [None] * 5
    assert len(walks) == 4


def test_a_policy_pickles() -> None:
    """Roots and pins are read again."""
    asked = Certificates(roots=pem(made("root", ca=True)), pins=["00" * 32], dates=True)
    again = pickle.loads(pickle.dumps(asked))
    assert again == asked
    assert fault(again, made("leaf", "root")) == "the certificate is none of those pinned"


@pytest.mark.parametrize(
    "settings_",
    [
        {"roots": ""},
        {"roots": "no PEM"},
        {"roots": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
        {"pins": ["5"]},
        {"pins": ["00" * 20]},
        {"pins": ["zz" * 32]},
        {"pins": [""]},
        {"pins": "00" * 32},
        {"pins": [5]},
        {"pins": [None]},
        {"pins": [b"00"]},
        {"pins": ["é" * 43]},
    ],
    ids=ascii,
)
def test_settings_that_are_wrong(settings_: dict[str, Any]) -> None:
    """They are found when the policy is built."""
    with pytest.raises(Misconfigured):
        Certificates(**settings_)


def test_the_three_words() -> None:
    """`match` and `ignore` ask nothing here; `valid` asks for dates where there is a certificate."""
    assert policy("match") is None
    assert policy("ignore") is None
    valid = policy("valid")
    assert valid is not None
    assert valid.fault(None, MIDDLE) is None
    assert fault(valid, made("leaf"), now=END.timestamp() + 1) is not None
    assert fault(valid, made("leaf")) is None
    asked = Certificates(dates=True)
    assert policy(asked) is asked


@pytest.mark.parametrize("asked", ["none", "MATCH", "", None, True, [], {}])
def test_another_word_is_misconfigured(asked: Any) -> None:
    """No word that is not known turns checking off."""
    with pytest.raises(Misconfigured):
        policy(asked)


def test_facts_are_frozen() -> None:
    """What a certificate said cannot be changed."""
    facts: Certificate = read_der(made("leaf"))
    with pytest.raises(AttributeError):
        facts.subject = "CN=other"  # type: ignore[misc]


def test_a_name_that_is_too_long_is_no_reason_to_lose_the_key() -> None:
    """X.520 allows 64 letters of a common name; Google's service accounts have more, and warnings may be
    errors, as they are here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x" * 66, _validate=False)])
        own = key("long")
        builder = x509.CertificateBuilder(name, name, own.public_key(), 1, BEGIN, END)
        der = builder.sign(own, hashes.SHA256()).public_bytes(Encoding.DER)
    certificate = read_der(der)
    assert (certificate.subject, certificate.issuer) == ("", "")
    assert certificate.matches(own.public_key())


EARLY = BEGIN - dt.timedelta(days=2)


def chained(*others: bytes, roots: tuple[bytes, ...] | None = None, now: float = MIDDLE) -> str | None:
    """What a leaf by `mid` lacks, with these certificates beside it; the root is `ca` unless told."""
    asked = Certificates(roots="".join(map(pem, roots or (made("ca", ca=True),))))
    return asked.fault(read_x5c([b64(made("leaf", "mid", usage=SIGNS)), *map(b64, others)]), now)


def test_a_chain_may_be_out_of_order_and_have_more_than_it_needs() -> None:
    """RFC 7517, section 4.7 wants an order; what counts is whether a way leads to the root."""
    mid, stranger = made("mid", "ca", ca=True), made("stranger", "elsewhere", ca=True)
    assert chained(mid) is None
    assert chained(stranger, made("ca", ca=True), mid) is None
    assert chained(stranger) is not None
    assert chained() is not None


def test_a_cross_signed_issuer_leads_to_either_root() -> None:
    """Two roots have vouched for one key; the one that has expired does not stand in the way of the other."""
    by_old = made("mid", "old", ca=True, begin=EARLY, end=BEGIN)
    by_ca, roots = made("mid", "ca", ca=True), (made("old", ca=True), made("ca", ca=True))
    assert chained(by_old, by_ca, roots=roots) is None
    assert chained(by_ca, by_old, roots=roots) is None
    assert chained(by_old, roots=roots) is not None


@pytest.mark.parametrize(
    "mid",
    [
        made("mid", "ca", ca=True, begin=EARLY, end=BEGIN),
        made("mid", "ca", ca=False),
        made("mid", "ca", ca=True, usage=SIGNS),
        made("mid", "ca", ca=True, key_of="another"),
        made("mid", "another", ca=True),
    ],
    ids=["expired", "no CA", "may not certify", "forged", "of another"],
)
def test_an_issuer_in_between_must_be_one(mid: bytes) -> None:
    """Within its dates, a CA that may certify, and truly issued by the one above."""
    assert chained(mid) is not None


def test_the_whole_chain_is_judged_at_the_same_moment() -> None:
    """The leaf is still good when its issuer is not any more."""
    mid = made("mid", "ca", ca=True, end=BEGIN + dt.timedelta(days=30))
    assert chained(mid, now=(BEGIN + dt.timedelta(days=30)).timestamp()) is None
    assert chained(mid, now=(BEGIN + dt.timedelta(days=30, seconds=1)).timestamp()) is not None


@pytest.mark.parametrize("usage", [{"key_encipherment": True}, {"content_commitment": True}])
def test_a_leaf_that_may_do_something_else_may_not_sign(usage: dict[str, bool]) -> None:
    """A server's or a mailbox's certificate vouches for no token (RFC 5280, section 4.2.1.3)."""
    leaf = made("leaf", "root", usage=SIGNS | {"digital_signature": False} | usage)
    assert fault(AUTHORITY, leaf) is not None
    assert fault(AUTHORITY, made("leaf", "root", usage=SIGNS | usage)) is None


@pytest.mark.parametrize(
    ("now", "since", "until"),
    [
        (BEGIN.timestamp() - 5, -math.inf, BEGIN.timestamp()),
        (BEGIN.timestamp(), BEGIN.timestamp(), END.timestamp() + 1),
        (END.timestamp(), BEGIN.timestamp(), END.timestamp() + 1),
        (END.timestamp() + 1, END.timestamp() + 1, math.inf),
    ],
)
def test_how_long_a_chain_stays_as_it_is(now: float, since: float, until: float) -> None:
    """From the last date to the next of all certificates, and for ever where there is none."""
    judged = jose_x509.leads_to(jose_x509.roots(pem(made("root", ca=True)).encode()), DER, (), now)
    assert judged[1:] == (since, until)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_dates_are_no_matter_of_the_machines_time_zone(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    """A chain is good from its first second in UTC (RFC 5280, section 4.1.2.5), wherever it is judged."""
    root = jose_x509.roots(pem(made("root", ca=True)).encode())
    leaf, begin = made("leaf", "root"), BEGIN.timestamp()
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        good = [jose_x509.leads_to(root, leaf, (), now).why is None for now in (begin - 1, begin, begin + 1)]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert good == [False, True, True]


def test_why_a_chain_leads_nowhere_is_told_by_kind() -> None:
    """Whether a certificate cannot be read, or there is no way to a root: with nothing out of it."""
    assert "(ValueError)" in str(fault(AUTHORITY, made("leaf", "middle"), b"junk"))
    assert "(VerificationError)" in str(fault(AUTHORITY, made("leaf", "stranger")))


def test_a_setting_that_is_wrong_says_what_to_give() -> None:
    """The words that are known, and both spellings of a pin."""
    with pytest.raises(Misconfigured) as caught:
        policy("none")  # type: ignore[arg-type]
    assert "match, valid, ignore" in str(caught.value.hint)
    with pytest.raises(Misconfigured) as caught:
        Certificates(pins=["5"])
    assert "x5t#S256" in str(caught.value.hint)
