"""How documents are fetched: the transport that is used by default. The socket comes at the first fetch."""

from rightkey.transport.default import DefaultTransport

__all__ = ["DefaultTransport"]
