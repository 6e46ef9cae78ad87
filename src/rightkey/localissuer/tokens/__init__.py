"""The tokens an issuer signs, and those it must never sign."""
