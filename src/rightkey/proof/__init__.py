"""Proofs that a token's sender may use it: DPoP (RFC 9449)."""
