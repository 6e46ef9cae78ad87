"""Memory: tokens whose signature was checked, so that it need not be checked again.

It stands for the signature check, and for claims that cannot change between two times: the times themselves,
what a call asks, requirements, the key's presence and its certificate are judged at every use. Only verified
tokens enter, found by the whole of their text.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import InitVar, dataclass, field
from math import inf
from weakref import ref

from rightkey.jose import strictjson
from rightkey.jose.jws import Header, Unverified
from rightkey.jose.key import Key
from rightkey.jose.keyset import KeySet
from rightkey.policy.confirmation import token_hash
from rightkey.policy.trust import Trust

MAX_BYTES = 8 * 1024 * 1024
"""Bytes that remembered tokens take together, unless as many as were asked for need more."""
BYTES_EACH = 8192
"""Bytes that are allowed for each token asked for; a typical one takes 3 KiB."""
KEPT = 4
"""Bytes that a remembered token takes for each of its octets, about: its text, its entry, and its claims."""
MAX_HEADERS = 64
"""Headers of tokens that are remembered as read, by their spelling."""
LOOKED_AT = 64
"""Remembered tokens that are looked at to find one that may go. The last goes anyway, so that no caller pays
for all."""


@dataclass(slots=True, eq=False, repr=False)
class Entry:
    """A token that was verified: what it says, and by which key, out of which set.

    Neither set nor key is kept alive by it: either is an issuer's document, and may be long.

    Its claims pass again without being judged again from `since` on and before `until`, under the same trust,
    as long as the issuer's metadata say the same of `iss`.
    """

    header: Header
    payload: strictjson.Repeated
    key: InitVar[Key]
    mark: object | None
    """That of the set it was last judged by; None once a set has lacked the key."""
    since: float
    until: float
    expected: tuple[str, ...] | None
    trust: Trust
    bound: float = inf
    """Like `since`, of a token that is bound to its sender: all claims pass but for who uses it. Its `since`
    never comes."""
    ath: str | None = None
    """What proofs must say of it, once it came with one."""
    seen: bool = False
    """Whether it was recalled since the hand last passed it."""
    signer: ref[Key] = field(init=False)
    """The key, as long as the set lives that has it."""
    fingerprint: bytes = field(init=False)
    """The key's, by which one of another set is known for the same."""

    def __post_init__(self, key: Key) -> None:
        self.signer, self.fingerprint = ref(key), key.fingerprint


class Memory:
    """Tokens in the order in which they came, and a hand that passes along it to find who must go.

    A token that was seen since the hand last passed it stays where it is; the first that was not goes. So a
    token that came once leaves before those that come again and again, and a use is but a mark. (SIEVE: Zhang
    and others, NSDI 2024.)

    There is no lock. What threads that add tokens at once, or an interrupt, leave amiss in the hand's row
    is put right when it begins again.

    Args:
        most: how many tokens; 0 for none.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._most_bytes = max(MAX_BYTES, BYTES_EACH * most)
        self.headers: dict[bytes, Header] = {}
        self._entries: dict[str, Entry] = {}
        """By the text: to compare a text with octets is an error under `python -bb`."""
        self._ahead: deque[str] = deque()
        """Those before the hand, the newest last."""
        self._bytes = 0

    def recall(self, raw: str | bytes, keys: KeySet) -> Entry | None:
        """The token as it was read and the key that proves its signature, if that is still published."""
        # In line for text, which nearly all tokens are: the call would be 4 % of a remembered token.
        entry = self._entries.get(raw) if type(raw) is str else self.entry(raw)
        if entry is None:
            return None
        if entry.mark is keys.mark or _still_by_one_of(keys, entry):
            entry.seen = True
            return entry
        return None

    def entry(self, raw: str | bytes) -> Entry | None:
        """The token as it was read, whether or not its key is still published."""
        if type(raw) is str:
            return self._entries.get(raw)
        # A subclass may have another idea of being equal.
        return self._entries.get(raw.decode("latin-1")) if type(raw) is bytes else None

    def hash_of(self, raw: str | bytes) -> str:
        """What a proof for this token must say of it (`token_hash`): made once of a token that is remembered,
        since that takes a twentieth of a signature's check."""
        entry = self._entries.get(raw) if type(raw) is str else self.entry(raw)
        if entry is None:
            return token_hash(raw)
        if entry.ath is None:
            entry.ath = token_hash(raw)
        return entry.ath

    def keep_header(self, unverified: Unverified) -> None:
        """Remember how a header reads that a good signature has vouched for."""
        if len(self.headers) >= MAX_HEADERS:
            self.headers.clear()
        self.headers[unverified.segment] = unverified.header

    def keep(self, raw: str | bytes, entry: Entry) -> None:
        """Remember a token whose signature was checked."""
        if not self.most or type(raw) not in (str, bytes):
            return
        text = raw.decode("latin-1") if isinstance(raw, bytes) else raw
        if text not in self._entries:
            with suppress(IndexError):  # another thread has emptied it meanwhile
                while len(self._entries) >= self.most or self._bytes > self._most_bytes:
                    self._forget_one()
            self._ahead.append(text)
            self._bytes += KEPT * len(text)
        self._entries[text] = entry

    def _forget_one(self) -> None:
        """Raises IndexError: there is none."""
        for _ in range(LOOKED_AT):
            raw = self._at_hand()
            entry = self._entries.get(raw)
            if entry is None or not entry.seen:
                break
            entry.seen = False
        if self._entries.pop(raw, None) is not None:
            self._bytes -= KEPT * len(raw)

    def _at_hand(self) -> str:
        if not self._ahead:  # the hand is past the newest, and begins again with the oldest
            row = list(self._entries)
            self._ahead, self._bytes = deque(row), KEPT * sum(map(len, row))
        return self._ahead.popleft()

    def __len__(self) -> int:
        return len(self._entries)


def _still_by_one_of(keys: KeySet, entry: Entry) -> bool:
    """The set was replaced: the key counts only if the new one has the same, and it still fits. One that was
    missing does not come back: its tokens are verified again."""
    same = [key for key in keys.fitting(entry.header) if key.fingerprint == entry.fingerprint]
    if entry.mark is None or not same:
        entry.mark = None
        return False
    entry.signer = ref(same[0])
    entry.mark = keys.mark  # last: another thread that reads it finds the key in place
    return True
