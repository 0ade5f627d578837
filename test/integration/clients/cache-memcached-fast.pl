# Cache::Memcached::Fast against a fleet: clients/cache-memcached-fast.pl MODE KEYS SERVER...
# MODE is modulo (keys as Cache::Memcached places them) or ketama (a ring of its own).
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Support;
use Cache::Memcached::Fast;

my ($mode, $count, @servers) = @ARGV;
my %options = (servers => \@servers, io_timeout => 20, connect_timeout => 20, max_failures => 0);
$options{ketama_points} = 150 if $mode eq 'ketama';
my $client = Cache::Memcached::Fast->new(\%options);

my @keys = map { "fast:$mode:$_" } 0 .. $count - 1;
my $half = int($count / 2);
check('set', $client->set($keys[$_], value_of($_)), 1) for 0 .. $half - 1;
my $stored = $client->set_multi(map { [ $keys[$_], value_of($_) ] } $half .. $#keys);
check('set_multi', $stored->{ $keys[$_] }, 1) for $half .. $#keys;
check_all($client, @keys);
$client->set('structure', { list => [ 1, 2, 3 ] });
check('a structure', $client->get('structure')->{list}[2], 3);
check('add of what is there', $client->add($keys[0], 'x') ? 1 : 0, 0);
check('replace of what is not', $client->replace('none', 'x') ? 1 : 0, 0);
$client->set('n', 10);
check('incr', $client->incr('n', 5), 15);
# Its 0 is a true one.
check('decr', $client->decr('n', 100), '0E0');
check('incr of what is not', $client->incr('none') ? 1 : 0, 0);
$client->set('a', 'b');
check('append', $client->append('a', 'c'), 1);
check('prepend', $client->prepend('a', 'a'), 1);
my ($cas, $value) = @{ $client->gets('a') };
check('gets', $value, 'abc');
check('cas', $client->cas('a', $cas, 'new'), 1);
check('cas with an old one', $client->cas('a', $cas, 'newer') ? 1 : 0, 0);
check('touch', $client->touch('a', 100), 1);
check('touched', $client->get('a'), 'new');
check('touch with a time that is past', $client->touch('a', 1_000_000_000), 1);
check('expired', defined $client->get('a') ? 1 : 0, 0);
check('delete', $client->delete($_), 1) for qw(structure n);
check('delete of what is not', $client->delete('n') ? 1 : 0, 0);
check('server_versions', scalar(keys %{ $client->server_versions }), scalar @servers);
print "ok $count\n";
