"""Forward auth: answers a proxy whether a request may pass, for services in any language."""
