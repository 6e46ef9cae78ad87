"""How a body is put together: decompressed, whole, and within its bound.

Decompressing is done here, and not by the HTTP clients: theirs expand a whole chunk at once (64 KiB become
64 MiB) or take the cut-off half of a stream for the whole. One gzip stream is taken, nothing else: it is
all we ask for, and every server has it.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from rightkey.exchange import ExchangeFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ACCEPTED = "gzip"
"""The `Accept-Encoding` of every request."""

CHUNK = 64 * 1024
"""Bytes to read at once."""

_GZIP = zlib.MAX_WBITS + 16  # the format of RFC 1952 alone


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
    for piece in _decoded(chunks, encoding.strip().lower(), max_body):
        body += piece
        if len(body) > max_body:
            raise ExchangeFailed("too_large", f"the body is larger than the {max_body} bytes allowed")
    return bytes(body)


def _decoded(chunks: Iterable[bytes], encoding: str, max_body: int) -> Iterable[bytes]:
    if encoding in ("", "identity"):
        return chunks
    if encoding in ("gzip", "x-gzip"):  # the same: RFC 9110, section 8.4.1.3
        return _gunzipped(chunks, max_body)
    raise ExchangeFailed("protocol", "the body has a content-encoding that was not asked for: only gzip was")


def _gunzipped(chunks: Iterable[bytes], max_body: int) -> Iterator[bytes]:
    stream = zlib.decompressobj(_GZIP)
    begun = False
    for chunk in chunks:
        begun = True
        # One byte over the bound is enough for `collect` to refuse: no more is ever expanded.
        yield _inflated(stream, chunk, max_body + 1)
    # A response that has no body (304) may still name the coding it would have had.
    if begun and not stream.eof:
        raise ExchangeFailed("protocol", "the gzip stream ends before its end")


def _inflated(stream: zlib._Decompress, chunk: bytes, at_most: int) -> bytes:
    try:
        piece = stream.decompress(chunk, at_most)
    except zlib.error as error:
        raise ExchangeFailed(
            "protocol", "the body is not gzip, though its content-encoding says so"
        ) from error
    if stream.unused_data:
        raise ExchangeFailed("protocol", "the body goes on after its gzip stream ended")
    return piece
