"""What RFC 7515 to 7519 and 7638 say of a key and a signature."""
