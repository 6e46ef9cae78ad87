"""base64url: one spelling for tokens, every published one for documents."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rightkey.jose.base64url import decode, decode_padded, decode_published, encode


@given(st.binary())
def test_what_is_encoded_is_decoded(octets: bytes) -> None:
    """Encoding is that of RFC 4648 without padding, and decoding undoes it."""
    spelled = encode(octets)
    assert spelled == base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
    assert decode(spelled.encode()) == octets


NEARLY = st.text("AQgwEIMZ09-_+/= \n", max_size=12).map(str.encode)


@given(st.binary() | NEARLY)
def test_nothing_has_two_spellings(segment: bytes) -> None:
    """Any octets are refused with ValueError, or are the very spelling that encoding gives."""
    try:
        octets = decode(segment)
    except ValueError:
        return
    assert encode(octets).encode() == segment


@pytest.mark.parametrize(
    "segment",
    [
        b"QQ==",
        b"QUI=",
        b"QUJD====",
        b"Q",
        b"QUJDR",
        b"QUJ+",
        b"QUJ/",
        b" QUJD",
        b"QUJD\n",
        b"QU JD",
        b"QR",
        b"QUJ",
        b"QU\x00D",
        b"QU\xffD",
        b"QU.D",
        b"QU....JD",
    ],
)
def test_every_other_spelling_is_refused(segment: bytes) -> None:
    """Padding, the other alphabet, white space, stray bits and a letter too many (RFC 7515, section 2)."""
    with pytest.raises(ValueError):
        decode(segment)


ENDS_WITH_X = bytes([0, 0, 23])


@given(st.binary())
@example(ENDS_WITH_X)
def test_with_padding_there_is_one_spelling_too(octets: bytes) -> None:
    """AWS's load balancers pad to whole groups of four letters (RFC 4648, section 3.2)."""
    spelled = base64.urlsafe_b64encode(octets)
    assert decode_padded(spelled) == octets
    bare = spelled.rstrip(b"=")
    for other in {bare, bare + b"=", bare + b"==", bare + b"===", bare + b"====", b"=" + bare} - {spelled}:
        with pytest.raises(ValueError):
            decode_padded(other)


def test_nothing_is_spelled_by_nothing() -> None:
    """The empty spelling is that of no octets."""
    assert decode(b"") == b""
    assert decode_published("") == b""


@pytest.mark.parametrize(
    "text", ["-_8A", "+/8A", "-/8A", "-_\n8A", " +/8A\r\n", "-_8A====", "\t-_8A ="], ids=ascii
)
def test_documents_may_spell_as_they_do(text: str) -> None:
    """Either alphabet, padded or not, with white space anywhere."""
    assert decode_published(text) == b"\xfb\xff\x00"


@given(st.binary(), st.sampled_from([base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes]))
@example(ENDS_WITH_X, base64.b64encode)
def test_every_usual_encoder_is_read(octets: bytes, encoder: object) -> None:
    """What the encoders of other libraries write is read."""
    assert decode_published(encoder(octets).decode()) == octets  # type: ignore[operator]


@pytest.mark.parametrize(
    "text", ["Q", "QUJDR", "QU*D", "QU=D", "QUé=", "\ud800AAA", "QU\x00D", "QUJD****"], ids=ascii
)
def test_foreign_letters_are_in_no_alphabet(text: str) -> None:
    """What is no base64 at all is refused in documents too."""
    with pytest.raises(ValueError):
        decode_published(text)


@given(st.text())
def test_any_text_is_octets_or_refused(text: str) -> None:
    """Nothing but ValueError leaves, and what is read is read the same in the spelling of RFC 7515."""
    try:
        octets = decode_published(text)
    except ValueError:
        return
    assert decode_published(encode(octets)) == octets
