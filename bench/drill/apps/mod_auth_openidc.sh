# mod_auth_openidc as a resource server on Apache. It looks at the keys again after 300 seconds at the earliest.
set -eu
port=$1 jwks_uri=$2 issuer=$3 audience=$4
root=${TMPDIR:-/tmp}/rightkey-drill-$port modules=/usr/lib/apache2/modules
mkdir -p "$root/www"
echo welcome >"$root/www/me"
cat >"$root/apache.conf" <<CONF
ServerName 127.0.0.1
ServerRoot $root
PidFile $root/pid
Listen 127.0.0.1:$port
ErrorLog /dev/stderr
LogLevel warn
DocumentRoot $root/www
Mutex file:$root
User www-data
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authn_core_module $modules/mod_authn_core.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule authz_user_module $modules/mod_authz_user.so
LoadModule auth_openidc_module $modules/mod_auth_openidc.so
OIDCOAuthVerifyJwksUri $jwks_uri
OIDCCABundlePath $SSL_CERT_FILE
OIDCJWKSRefreshInterval 300
OIDCOAuthRemoteUserClaim sub
<Location /me>
  AuthType oauth20
  <RequireAll>
    Require claim iss:$issuer
    Require claim aud:$audience
  </RequireAll>
</Location>
CONF
exec /usr/sbin/apache2 -DFOREGROUND -f "$root/apache.conf"
