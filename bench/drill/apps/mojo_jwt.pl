# Mojo::JWT on Mojolicious; it leaves fetching to its users, who keep the keys for two seconds.
use Mojolicious::Lite -signatures;
use Mojo::JWT;

my ($port, $jwks_uri, $issuer, $audience) = splice @ARGV;
my ($held, $at) = (undef, 0);

sub keys_now {
    return $held if $held && time - $at < 2;
    my $got = Mojo::UserAgent->new->get($jwks_uri)->result->json;
    ($held, $at) = ($got, time);
    return $held;
}

sub honest ($claims) {
    my $aud = $claims->{aud};
    return ($claims->{iss} // '') eq $issuer && grep { $_ eq $audience } ref $aud ? @$aud : $aud // '';
}

get '/me' => sub ($c) {
    my $token = ($c->req->headers->authorization // '') =~ s/^bearer //ri;
    my $keys  = keys_now();
    my $said  = eval { Mojo::JWT->new->add_jwkset($keys)->decode($token) };
    return $c->render(text => 'welcome') if $said && honest($said);
    $c->res->headers->header('WWW-Authenticate' => 'Bearer');
    $c->render(text => 'refused', status => 401);
};

app->log->level('fatal');
app->start('daemon', '-l', "http://127.0.0.1:$port");
