"""What OpenID Connect Discovery and RFC 8414 say of an issuer, and what is known of providers."""
