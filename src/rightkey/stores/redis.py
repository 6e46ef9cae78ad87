"""RedisStore: what the processes of many hosts share, in Redis or Valkey.

By redis-py's plain client: refreshes run on threads of their own, so asyncio and trio need none of theirs.
Every wait is short and nothing is tried twice, since a refresh waits for it. The scripts are the rules of
`turns`, by the server's clock; each runs on one key, so that a cluster can hold them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Hashable, Iterable
from math import inf
from typing import Any
from urllib.parse import urlsplit

from rightkey.errors import Misconfigured, quoted
from rightkey.stores.store import MAX_RECORDS, Asked, News, StoreFailed, StoreRefused, Turn
from rightkey.stores.turns import MAX_PAUSE
from rightkey.verdict.denylist import MAX_DENIED

TIMEOUT = 0.25
"""Seconds that one answer of a server may take, and a connection to it."""
MAX_TIMEOUT = 1.0
"""Seconds that a client which is passed in may wait at most."""
KEPT_FOR = 172_800
"""Seconds after which a place is forgotten that no process asks about."""
EVICTION_LOOKED_AT = 60.0
"""Seconds from one look at whether a server may forget used proofs to the next."""
_RECORDS = "rightkey:{distrust}"
_DENIED = ("rightkey:{deny}", "rightkey:{deny}:ends", "rightkey:{deny}:latest")
_PAGE = 1000
_EVICTS = "has a maxmemory-policy by which it may forget used proofs: it must be noeviction"

_LOOK = f"""
local h = redis.call('HMGET', KEYS[1], 'number', 'kept', 'began', 'leading', 'until', 'paused',
  'paused_forced', 'failures', 'spent', 'since', 'word', 'entry')
local function n(i) return tonumber(h[i] or 0) or 0 end
local held, lease, anew, leads, forced = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local draws, every, least = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local number = math.max(n(1), held)
local function turn(verb, ms, age)
  return {{verb, number, math.ceil(ms), age, h[12] or '', now, n(8), h[11] or ''}}
end
if n(2) > held and anew == '0' then return turn('found', 0, math.max(0, now - n(3))) end
if leads == '0' then return turn('lead', 0, 0) end
local pause = (forced == '1' and n(7) or n(6)) - now
if pause > 0 and pause <= {MAX_PAUSE * 1000:.0f} then return turn('paused', pause, 0) end
local left = n(5) - now
if n(4) > 0 and left > 0 and left <= lease then return turn('wait', left, 0) end
if forced == '1' then
  local spent = math.max(0, n(9) - math.max(0, now - n(10)) / every)
  local lacking = least - (draws - spent)
  if lacking > 0 then return turn('spent', lacking * every, 0) end
  redis.call('HSET', KEYS[1], 'spent', string.format('%.6f', spent + 1), 'since', string.format('%.0f', now))
end
number = math.max(number + 1, now)
local text = string.format('%.0f', number)
redis.call('HSET', KEYS[1], 'number', text, 'leading', text, 'until', string.format('%.0f', now + lease))
redis.call('EXPIRE', KEYS[1], {KEPT_FOR})
return turn('lead', 0, 0)
"""
_PUT = """
local number = tonumber(ARGV[1])
local h = redis.call('HMGET', KEYS[1], 'leading', 'kept')
if (tonumber(h[2] or 0) or 0) < number then
  redis.call('HSET', KEYS[1], 'kept', ARGV[1], 'began', ARGV[2], 'entry', ARGV[3], 'paused', 0,
    'paused_forced', 0, 'failures', 0)
end
if h[1] == ARGV[1] then redis.call('HSET', KEYS[1], 'leading', 0) end
return 1
"""
_FAIL = """
local h = redis.call('HMGET', KEYS[1], 'leading', 'kept')
if h[1] == ARGV[1] then redis.call('HSET', KEYS[1], 'leading', 0) end
local pause = tonumber(ARGV[2])
if pause > 0 and (tonumber(h[2] or 0) or 0) < tonumber(ARGV[1]) then
  local time = redis.call('TIME')
  local until_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + pause)
  redis.call('HSET', KEYS[1], ARGV[4] == '1' and 'paused_forced' or 'paused', until_ms, 'word', ARGV[3])
  redis.call('HINCRBY', KEYS[1], 'failures', 1)
end
return 1
"""
_ADD = f"""
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 1 end
if redis.call('HLEN', KEYS[1]) > {MAX_RECORDS} then return 0 end
local time = redis.call('TIME')
redis.call('HSETNX', KEYS[1], 'version', time[1] .. '000')
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[1], 'version', 1)
return 1
"""
_DENY = f"""
local time = redis.call('TIME')
for _, ended in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', time[1] - 60, 'LIMIT', 0, 100)) do
  redis.call('ZREM', KEYS[1], ended)
  redis.call('ZREM', KEYS[2], ended)
end
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 1 end
if redis.call('ZCARD', KEYS[1]) >= {MAX_DENIED} then return 0 end
local last = tonumber(redis.call('HGET', KEYS[3], 'number') or 0) or 0
local number = math.max(last + 1, time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSETNX', KEYS[3], 'epoch', time[1] .. '.' .. time[2])
redis.call('HSET', KEYS[3], 'number', string.format('%.0f', number))
redis.call('ZADD', KEYS[1], string.format('%.0f', number), ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return 1
"""


class RedisStore:
    """A server of Redis or Valkey.

    Args:
        server: its URL (`redis://`, `rediss://`, `unix://`), or a client with redis-py's methods, which must
            wait for a second at most (`socket_timeout`) and answer with octets.

    Raises:
        Misconfigured: neither, or a client that waits for longer. No password is quoted.
    """

    private = False

    def __init__(self, server: Any) -> None:
        if isinstance(server, str):
            self.name = _named(server)
            self._client = _client(server)  # now, since the first refresh has no time to load redis-py
        else:
            _require_bounded(server)
            self.name = f"a client of {type(server).__module__.partition('.')[0]}"
            self._client = server
        self._server = server
        self._lasting_until = -inf

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RedisStore) and self._server == other._server

    def __hash__(self) -> int:
        return hash(self._server) if isinstance(self._server, str) else id(self._server)

    def __repr__(self) -> str:
        return f"RedisStore({self.name!r})"

    def __reduce__(self) -> tuple[type[RedisStore], tuple[Any]]:
        return RedisStore, (self._server,)

    def look(self, place: str, asked: Asked, /) -> Turn:
        flags = [int(asked.anew), int(asked.leads), int(asked.forced)]
        lease, every = int(asked.lease * 1000), max(1, int(asked.every * 1000))
        answer = self._run(_LOOK, place, asked.held, lease, *flags, asked.draws, every, asked.least)
        verb, number, milliseconds, age, entry, at, failures, word = answer
        return Turn(
            verb=_VERBS[verb],
            number=int(number),
            seconds=milliseconds / 1000,
            age=age / 1000,
            entry=entry or None,
            at=at / 1000,
            failures=int(failures),
            word=word.decode("ascii", "replace"),
        )

    def put(self, place: str, turn: Turn, entry: bytes, /) -> None:
        self._run(_PUT, place, turn.number, int(turn.at * 1000), entry)

    def fail(self, place: str, turn: Turn, pause: float, word: str, forced: bool, /) -> None:
        self._run(_FAIL, place, turn.number, int(pause * 1000), word, int(forced))

    def version(self) -> Hashable:
        version: bytes | None = self._call(lambda client: client.hget(_RECORDS, "version"))
        return version or b""

    def records(self) -> Iterable[bytes]:
        found: dict[bytes, bytes] = self._call(lambda client: client.hgetall(_RECORDS))
        return [record for field, record in found.items() if field != b"version"]

    def add(self, record: bytes, /) -> None:
        field = hashlib.sha256(record).hexdigest()
        if self._call(lambda client: _script(client, _ADD, (_RECORDS,), field, record)) != 1:
            raise StoreFailed("full", f"{self.name} holds {MAX_RECORDS} distrusted keys already")

    def mark(self, mark: bytes, seconds: float, /) -> bool:
        now = time.monotonic()
        if now >= self._lasting_until:
            if self._call(_evicts):
                raise StoreRefused("evicts", f"{self.name} {_EVICTS}")
            self._lasting_until = now + EVICTION_LOOKED_AT
        name, life = f"rightkey:used:{mark.hex()}", max(1, int(seconds * 1000))
        return self._call(lambda client: client.set(name, b"", nx=True, px=life)) is not None

    def deny(self, record: bytes, until: float, /) -> None:
        if self._call(lambda client: _script(client, _DENY, _DENIED, record, int(until))) != 1:
            raise StoreRefused("full", f"{self.name} holds {MAX_DENIED} denials already")

    def denied(self, since: Hashable, /) -> News:
        return self._call(lambda client: _news(client, since))  # type: ignore[no-any-return]

    def _run(self, script: str, place: str, *arguments: Any) -> Any:
        """One script at a place; its braces keep a place on one server of a cluster."""
        return self._call(lambda client: _script(client, script, (f"rightkey:{{{place}}}",), *arguments))

    def _call(self, step: Callable[[Any], Any]) -> Any:
        try:
            return step(self._client)
        except Exception as error:
            word = type(error).__name__  # its message may hold the address, and so a password
            raise StoreFailed(word, f"{self.name} gives no answer: {word}") from error


_VERBS: dict[bytes, Any] = {verb.encode(): verb for verb in ("found", "lead", "wait", "spent", "paused")}


def _script(client: Any, script: str, keys: tuple[str, ...], *arguments: Any) -> Any:
    """Run a script by its hash; the whole of it where the server does not know it."""
    try:
        return client.evalsha(hashlib.sha1(script.encode()).hexdigest(), len(keys), *keys, *arguments)  # noqa: S324
    except Exception as error:
        if type(error).__name__ != "NoScriptError":
            raise
    return client.eval(script, len(keys), *keys, *arguments)


def _news(client: Any, since: Hashable) -> News:
    """Numbers go up even where the server was restored from a backup; where it was emptied, its epoch is
    another one."""
    records, _, latest = _DENIED
    epoch, number = client.hmget(latest, "epoch", "number")
    position = epoch, int(number or 0)
    if position == since:
        return News(position, False, [])
    known = isinstance(since, tuple) and since[0] == epoch and since[1] <= position[1]
    found, begin = list[bytes](), f"({since[1]}" if known else "-inf"  # type: ignore[index]
    while page := client.zrangebyscore(records, begin, "+inf", start=0, num=_PAGE, withscores=True):
        found += [record for record, _ in page]
        begin = f"({page[-1][1]:.0f}"
    return News(position, not known, found)


def _evicts(client: Any) -> bool:
    """Whether the server may forget what has not ended. One that does not say is taken to keep it."""
    try:
        memory = client.info("memory")
    except Exception as error:
        if type(error).__name__ not in ("ResponseError", "NoPermissionError"):
            raise
        return False
    limited = isinstance(memory, dict) and memory.get("maxmemory", 0)
    return bool(limited) and memory.get("maxmemory_policy", "noeviction") != "noeviction"


def _client(url: str) -> Any:
    """A client that waits a quarter of a second and tries nothing twice, whatever the URL's query says."""
    import encodings.idna  # noqa: F401 - by which names are looked up, with the first connection

    try:
        from redis import ConnectionPool, Redis  # twenty times as slow to load as all the rest
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error}; install it with: pip install 'rightkey[redis]'", name=error.name
        ) from error
    try:
        pool = ConnectionPool.from_url(url)
    except ValueError:
        raise Misconfigured(f"store {_named(url)} has a query that redis-py does not know") from None
    limits = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT, "retry": Retry(NoBackoff(), 0)}
    plain = {"decode_responses": False, "retry_on_timeout": False}
    pool.connection_kwargs |= limits | plain | _unnamed()
    return Redis(connection_pool=pool)


def _unnamed() -> dict[str, None]:
    """Connections do not tell redis-py's version: to find it takes longer than all else that they begin
    with, and where 200 processes start at once, too long."""
    from importlib.util import find_spec

    newer = find_spec("redis.driver_info") is not None
    return {"driver_info": None} if newer else {"lib_name": None, "lib_version": None}


def _named(url: str) -> str:
    """The URL without user, password and query. Raises Misconfigured where it is none."""
    try:
        split = urlsplit(url)
        port = f":{split.port}" if split.port else ""
        if split.scheme in ("redis", "rediss", "unix"):
            return f"{split.scheme}://{split.hostname or ''}{port}{split.path}"
    except ValueError:
        pass
    raise Misconfigured(
        f"store {quoted(url)} is not the URL of a store",
        hint="a directory (file:///run/app/rightkey), or Redis (rediss://host:6379/0)",
    )


def _require_bounded(client: Any) -> None:
    """Raises Misconfigured where it is no client, or one that may wait for long."""
    if not hasattr(client, "evalsha"):
        raise Misconfigured(f"store must be a URL, a redis-py client or a Store, not {type(client).__name__}")
    pool = getattr(client, "connection_pool", None)
    settings = getattr(pool, "connection_kwargs", {"socket_timeout": TIMEOUT})
    waits = settings.get("socket_timeout")
    if settings.get("decode_responses") or waits is None or not 0 < waits <= MAX_TIMEOUT:
        raise Misconfigured(
            f"the store's client must have a socket_timeout up to {MAX_TIMEOUT:g} s, and no decode_responses",
            hint="Redis(..., socket_timeout=0.25, socket_connect_timeout=0.25, retry=Retry(NoBackoff(), 0))",
        )
