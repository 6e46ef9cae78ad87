# Crypt::JWT on Mojolicious; it leaves fetching to its users, who keep the keys for two seconds.
use Mojolicious::Lite -signatures;
use Crypt::JWT 'decode_jwt';

my ($port, $jwks_uri, $issuer, $audience) = splice @ARGV;
my ($held, $at) = (undef, 0);

sub keys_now {
    return $held if $held && time - $at < 2;
    my $got = Mojo::UserAgent->new->get($jwks_uri)->result->json;
    ($held, $at) = ($got, time);
    return $held;
}

get '/me' => sub ($c) {
    my $token = ($c->req->headers->authorization // '') =~ s/^bearer //ri;
    my $keys  = keys_now();
    my $said  = eval {
        decode_jwt(token => $token, kid_keys => $keys, accepted_alg => 'RS256', verify_iss => sub { $_[0] eq $issuer },
            verify_aud => sub { $_[0] eq $audience }, verify_exp => 1, verify_nbf => undef);
    };
    return $c->render(text => 'welcome') if $said;
    $c->res->headers->header('WWW-Authenticate' => 'Bearer');
    $c->render(text => 'refused', status => 401);
};

app->log->level('fatal');
app->start('daemon', '-l', "http://127.0.0.1:$port");
