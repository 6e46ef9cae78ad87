# RabbitMQ's management API with its OAuth 2.0 backend: one node, with an epmd of its own that ends with it.
set -eu
port=$1 jwks_uri=$2 audience=$4
root=${TMPDIR:-/tmp}/rightkey-drill-$port
rm -rf "$root"
mkdir -p "$root"
cat >"$root/rabbitmq.conf" <<CONF
auth_backends.1 = rabbit_auth_backend_oauth2
auth_oauth2.resource_server_id = $audience
auth_oauth2.jwks_url = $jwks_uri
auth_oauth2.https.cacertfile = $SSL_CERT_FILE
auth_oauth2.algorithms.1 = RS256
listeners.tcp = none
management.tcp.ip = 127.0.0.1
management.tcp.port = $port
log.console = true
log.console.level = error
CONF
echo '[rabbitmq_management,rabbitmq_auth_backend_oauth2].' >"$root/enabled_plugins"
export HOME="$root" ERL_EPMD_PORT=$((port + 1)) RABBITMQ_NODENAME="drill-$port@localhost"
export RABBITMQ_CONFIG_FILE="$root/rabbitmq" RABBITMQ_ENABLED_PLUGINS_FILE="$root/enabled_plugins"
export RABBITMQ_MNESIA_BASE="$root" RABBITMQ_LOG_BASE="$root" RABBITMQ_DIST_PORT=$((port + 2))
epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" &
exec /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server
