"""How an issuer is reached: sockets, TLS, or in process."""
