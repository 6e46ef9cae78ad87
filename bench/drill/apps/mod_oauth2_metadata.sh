# mod_oauth2 on Apache, by the issuer's metadata: it asks the issuer about tokens that are no JWTs.
set -eu
metadata=${3%/}/.well-known/openid-configuration
kept="metadata.expiry=2&jwks_uri.expiry=2&introspect.expiry=0&expiry=0&verify.exp=required"
client="introspect.auth=client_secret_basic&client_id=drill&client_secret=secret"
verify="metadata $metadata $kept&$client"
. "$(dirname "$0")/mod_oauth2.sh"
