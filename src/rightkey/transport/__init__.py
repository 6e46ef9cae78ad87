"""How documents are fetched: by default.py, guard.py, or with a client of the user's own, by httpx.py."""
