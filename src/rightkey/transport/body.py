"""How a body is put together: decompressed, whole, and within its bound.

Decompressing is done here, and not by an HTTP client: those expand a whole chunk at once (64 KiB become
64 MiB) or take the cut-off half of a stream for the whole. Only gzip is asked for, since every server has it.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from rightkey.exchange import ExchangeFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ACCEPTED = "gzip"
"""The `Accept-Encoding` of every request."""

_GZIP = zlib.MAX_WBITS + 16  # the format of RFC 1952 alone
_CODINGS = frozenset(
    {"gzip", "x-gzip", "compress", "x-compress", "deflate", "br", "zstd", "dcb", "dcz", "exi"}
)
"""Content codings (IANA's registry). Servers also write there what is none, such as `utf-8`, `none` or
`aws-chunked`: that changes nothing of the body, and is passed over."""
_STREAMS = 16
"""Gzip streams in one body at most. Each may be empty, and costs as much as a large one."""


def collect(chunks: Iterable[bytes], encoding: str, max_body: int) -> bytes:
    """The body that the chunks make.

    Args:
        chunks: as they come off the wire, without their transfer coding.
        encoding: the `Content-Encoding` of the response, empty where it has none.
        max_body: in bytes, after decompression.

    Raises:
        ExchangeFailed: `too_large`, or `protocol` where the coding is not one that was asked for, is
            broken or ends too early.
    """
    body = bytearray()
    for piece in _decoded(chunks, encoding, max_body):
        body += piece
        if len(body) > max_body:
            raise ExchangeFailed("too_large", f"the body is larger than the {max_body} bytes allowed")
    return bytes(body)


def _decoded(chunks: Iterable[bytes], encoding: str, max_body: int) -> Iterable[bytes]:
    codings = [one for one in encoding.lower().replace(",", " ").split() if one in _CODINGS]
    if not codings:
        return chunks
    if codings in (["gzip"], ["x-gzip"]):  # the same: RFC 9110, section 8.4.1.3
        return _gunzipped(chunks, max_body)
    named = ", ".join(codings[:3])
    raise ExchangeFailed("protocol", f"the body has the content-encoding {named}: only gzip was asked for")


def _gunzipped(chunks: Iterable[bytes], max_body: int) -> Iterator[bytes]:
    """Several streams, one after another, are one body (RFC 1952, section 2.2)."""
    stream, streams, begun = zlib.decompressobj(_GZIP), 1, False
    for chunk in chunks:
        begun, rest = True, chunk
        while rest:
            if stream.eof:
                stream, streams = zlib.decompressobj(_GZIP), streams + 1
            if streams > _STREAMS:
                raise ExchangeFailed("protocol", f"the body has more than {_STREAMS} gzip streams")
            # One byte over the bound is enough for `collect` to refuse: no more is ever expanded.
            yield _inflated(stream, rest, max_body + 1)
            rest = stream.unused_data
    # A response that has no body (304) may still name the coding it would have had.
    if begun and not stream.eof:
        raise ExchangeFailed("protocol", "the gzip stream is cut off")


def _inflated(stream: zlib._Decompress, octets: bytes, at_most: int) -> bytes:
    try:
        return stream.decompress(octets, at_most)
    except zlib.error as error:
        raise ExchangeFailed(
            "protocol", "the body is not gzip, though its content-encoding says so"
        ) from error
