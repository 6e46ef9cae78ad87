"""How a key ring is kept from run to run, private keys included."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from rightkey.localissuer.keys.ring import Ring
from rightkey.localissuer.keys.signing import Form, SigningKey

if TYPE_CHECKING:
    from rightkey.localissuer.answers import Document
    from rightkey.localissuer.state import Shelf


class Kept:
    """A key ring on a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def load(self) -> Ring:
        """The ring as it was last saved, or an empty one."""
        found = self._shelf.get("keys", "")
        if found is None:
            return Ring()
        keys, revoked = (tuple(map(_read, found[name])) for name in ("keys", "revoked"))
        return Ring(keys, revoked, found["since"], tuple(found["retired"]))

    def save(self, ring: Ring) -> None:
        """Save the whole ring."""
        written = {name: [_written(key) for key in getattr(ring, name)] for name in ("keys", "revoked")}
        self._shelf.put("keys", "", written | {"since": ring.since, "retired": ring.retired})


def _written(key: SigningKey) -> Document:
    private = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    certificate = key.certificate.hex() if key.certificate else None
    facts = {"kid": key.kid, "algorithm": key.algorithm, "form": asdict(key.form)}
    return facts | {"certificate": certificate, "private": private}


def _read(found: Document) -> SigningKey:
    form = Form(**{field.name: found["form"][field.name] for field in fields(Form)})
    certificate = bytes.fromhex(found["certificate"]) if found["certificate"] else None
    private: Any = load_pem_private_key(found["private"].encode("ascii"), password=None)
    return SigningKey(found["kid"], found["algorithm"], form, certificate, private)
