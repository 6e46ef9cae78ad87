"""Odd inputs, thrown at everything that reads what strangers send.

    python -m fuzz                              every target, 10,000 inputs each
    python -m fuzz verify --runs 250000 --seed 7
    python -m fuzz differential                 against joserfc, PyJWT and jwcrypto: see docs/fuzzing.md

Each target states its invariant in one sentence; the same seed makes the same inputs.
"""
