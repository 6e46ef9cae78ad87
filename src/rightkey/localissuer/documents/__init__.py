"""What an issuer publishes about itself, and whose issuer it looks like."""
