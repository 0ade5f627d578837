# Cache::Memcached against a fleet: clients/cache-memcached.pl KEYS SERVER...
use strict;
use warnings;
use Cache::Memcached;

my ($count, @servers) = @ARGV;
my $client = Cache::Memcached->new({ servers => \@servers, select_timeout => 20 });

sub check {
    my ($what, $got, $wanted) = @_;
    $got = defined $got ? $got : '(undef)';
    die "$what: got $got, wanted $wanted\n" unless $got eq $wanted;
}

sub value_of {
    my ($i) = @_;
    return ("text $i", "\0\xff\r\n" x ($i % 50), $i, 'z' x 3000)[$i % 4];
}

my @keys = map { "perl:$_" } 0 .. $count - 1;
check('set', $client->set($keys[$_], value_of($_)), 1) for 0 .. $#keys;
check($keys[$_], $client->get($keys[$_]), value_of($_)) for 0 .. $#keys;
for (my $start = 0; $start < $count; $start += 100) {
    my $last = $start + 99 < $#keys ? $start + 99 : $#keys;
    my $found = $client->get_multi(@keys[$start .. $last]);
    check('get_multi', scalar(keys %$found), $last - $start + 1);
    check($keys[$_], $found->{ $keys[$_] }, value_of($_)) for $start .. $last;
}
$client->set('structure', { list => [ 1, 2, 3 ] });
check('a structure', $client->get('structure')->{list}[2], 3);
check('add of what is there', $client->add($keys[0], 'x') ? 1 : 0, 0);
check('replace of what is not', $client->replace('none', 'x') ? 1 : 0, 0);
$client->set('n', 10);
check('incr', $client->incr('n', 5), 15);
check('decr', $client->decr('n', 100), '0');
check('delete', $client->delete($_), 1) for qw(structure n);
check('deleted', defined $client->get('n') ? 1 : 0, 0);
check('stats', scalar(keys %{ $client->stats(['misc'])->{hosts} }), scalar @servers);
print "ok $count\n";
