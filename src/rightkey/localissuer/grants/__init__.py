"""OAuth's grants, by Authlib's server, which nothing else of the local issuer needs."""
