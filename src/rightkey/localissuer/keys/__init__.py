"""The keys that an issuer signs with."""
