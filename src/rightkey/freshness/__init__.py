"""One issuer's keys over time: serve them, refresh them, wait for them, or refuse."""

from rightkey.freshness.settings import Freshness as Freshness
