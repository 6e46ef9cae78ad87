"""What a service does when its issuer rotates, fails or is impersonated: played before it, and scored.

    card = drill(Target("http://127.0.0.1:8000/me"), command=["uvicorn", "--port", "8000", "app:app"], life=2)
    assert card.passed

The service may be written in any language: it is asked over HTTP, and its issuer is a `LocalIssuer`.
"""

from __future__ import annotations

from rightkey.drill.exercise import Exercise
from rightkey.drill.exercises import EXERCISES
from rightkey.drill.rehearsing import drill
from rightkey.drill.row import Row
from rightkey.drill.scorecard import Scorecard
from rightkey.drill.service import NotReady
from rightkey.drill.target import Target
from rightkey.drill.tokens import Tokens

__all__ = ["EXERCISES", "Exercise", "NotReady", "Row", "Scorecard", "Target", "Tokens", "drill"]
