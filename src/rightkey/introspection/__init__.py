"""What RFC 7662 and RFC 9701 say of a token that only its issuer can read: the request, and its answer."""
