# Cache::Memcached against a fleet: clients/cache-memcached.pl KEYS SERVER...
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Support;
use Cache::Memcached;

my ($count, @servers) = @ARGV;
my $client = Cache::Memcached->new({ servers => \@servers, select_timeout => 20 });

my @keys = map { "perl:$_" } 0 .. $count - 1;
check('set', $client->set($keys[$_], value_of($_)), 1) for 0 .. $#keys;
check_all($client, @keys);
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
