# mod_oauth2 on Apache: its keys are kept for two seconds, and the claims are required as its page says.
set -eu
port=$1 jwks_uri=$2 issuer=$3 audience=$4
verify=${verify:-"jwks_uri $jwks_uri jwks_uri.expiry=2&expiry=0&verify.exp=required"}
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
LoadModule oauth2_module $modules/mod_oauth2.so
OAuth2TokenVerify $verify
<Location /me>
  AuthType oauth2
  <RequireAll>
    Require oauth2_claim iss:$issuer
    Require oauth2_claim aud:$audience
  </RequireAll>
</Location>
CONF
exec /usr/sbin/apache2 -DFOREGROUND -f "$root/apache.conf"
