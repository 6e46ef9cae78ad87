"""The same key set and token, given at the same time to rightkey, joserfc, PyJWT and jwcrypto.

    python -m fuzz differential --runs 50000 --seed 7

Each input is good but for one oddity, which has a name. A class is that name and which of the others accept.
What rightkey decides against two or more of the others stands in `known.toml`, with its reason; a class that
does not is a finding.
"""
