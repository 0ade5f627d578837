<?php
// php-memcached (libmemcached) against a fleet: clients/memcached.php MODE KEYS SERVER...
// MODE is text, binary, ketama (text on a ketama ring), or sasl (binary with a login from MEMFLEET_TEST_USER).

[, $mode, $count] = $argv;
$servers = array_slice($argv, 3);
$client = new Memcached();
if ($mode === 'ketama') $client->setOption(Memcached::OPT_LIBKETAMA_COMPATIBLE, true);
if ($mode === 'binary' || $mode === 'sasl') $client->setOption(Memcached::OPT_BINARY_PROTOCOL, true);
if ($mode === 'sasl') $client->setSaslAuthData(...explode(':', getenv('MEMFLEET_TEST_USER')));
foreach ($servers as $server) {
    [$host, $port] = explode(':', $server);
    $client->addServer($host, (int) $port);
}

function check(string $what, mixed $got, mixed $wanted): void {
    if ($got === $wanted) return;
    fwrite(STDERR, "$what: got " . var_export($got, true) . ', wanted ' . var_export($wanted, true) . "\n");
    exit(1);
}

function value_of(int $i): mixed {
    return ["text ü $i", str_repeat("\0\xff\r\n", $i % 50), $i, [$i], str_repeat('z', 3000)][$i % 5];
}

$keys = array_map(fn ($i) => "php:$mode:$i", range(0, $count - 1));
foreach ($keys as $i => $key) check('set', $client->set($key, value_of($i)), true);
foreach ($keys as $i => $key) check($key, $client->get($key), value_of($i));
foreach (array_chunk($keys, 100, true) as $part) {
    $wanted = [];
    foreach ($part as $i => $key) $wanted[$key] = value_of($i);
    $got = $client->getMulti(array_values($part), Memcached::GET_PRESERVE_ORDER);
    check('getMulti', $got, $wanted);
}
$again = array_fill_keys(array_slice($keys, 0, 100), 'again');
check('setMulti', $client->setMulti($again), true);
check('again', $client->getMulti(array_keys($again), Memcached::GET_PRESERVE_ORDER), $again);

check('add of what is there', $client->add($keys[0], 'x'), false);
check('its code', $client->getResultCode(), $mode === 'binary' || $mode === 'sasl' ? Memcached::RES_DATA_EXISTS : Memcached::RES_NOTSTORED);
check('replace of what is not', $client->replace('none', 'x'), false);
$client->set('n', 10);
check('increment', $client->increment('n', 5), 15);
check('decrement', $client->decrement('n', 100), 0);
check('increment of what is not', $client->increment('none'), false);
if ($mode === 'binary' || $mode === 'sasl') check('increment makes', $client->increment('m', 1, 7, 100), 7);
$client->setOption(Memcached::OPT_COMPRESSION, false);
$client->set('a', 'b');
check('append', $client->append('a', 'c'), true);
check('prepend', $client->prepend('a', 'a'), true);
$found = $client->get('a', null, Memcached::GET_EXTENDED);
check('appended', $found['value'], 'abc');
check('cas', $client->cas($found['cas'], 'a', 'new'), true);
check('cas with an old one', $client->cas($found['cas'], 'a', 'newer'), false);
check('touch', $client->touch('a', 100), true);
check('delete', $client->delete('a'), true);
check('deleted', $client->get('a'), false);
$client->deleteMulti(['n', 'm']);
check('getVersion', count($client->getVersion()), count($servers));
echo "ok $count\n";
