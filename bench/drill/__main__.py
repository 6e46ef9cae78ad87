"""The drill: `rightkey drill`, played before small services that verify with each library.

    python -m bench.drill [--only NAME ...]

Each service is one process, started anew for each exercise that wants that. Where it can be set, it caches
keys for two seconds. auth0-api-python, aws-jwt-verify and express-oauth2-jwt-bearer want an issuer of https,
and have one. joserfc fetches nothing: its service keeps the set for its life, as its users do. What counts is
what a standard demands; advice is counted apart. What a service asks before its first token does not count.
"""

from __future__ import annotations

from bench.drill.libraries import measure, options
from bench.report import command

if __name__ == "__main__":
    command(__doc__, measure, options)
