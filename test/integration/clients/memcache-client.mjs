// npm's memcache-client (text protocol) against a fleet: clients/memcache-client.mjs KEYS SERVER...
// It takes several servers for copies of one another and knows no ring: its users place keys themselves, so this does.
import { MemcacheClient } from 'memcache-client';
import { check, checkFails, count, forEach, inParts, keysOf, PAST_S, servers } from './npm-support.mjs';

const options = { cmdTimeout: 20_000, connectTimeout: 20_000 };
const clients = servers.map((server) => new MemcacheClient({ server: { server, maxConnections: 3 }, ...options }));
const [client] = clients;

function valueOf(i) {
  return [`text ü ${i}`, Buffer.alloc((i % 50) * 4, Buffer.of(0, 0xff, 0x0d, 0x0a)), i, { i: [i] }, 'z'.repeat(3000)][
    i % 5
  ];
}

const STORED = ['STORED'];
const keys = keysOf('memcache-client:');
const clientOf = (i) => clients[i % clients.length];
const value = async (key) => (await client.get(key))?.value;
await forEach(keys, 100, async (key, i) => check('set', await clientOf(i).set(key, valueOf(i)), STORED));
await forEach(keys, 100, async (key, i) => check(key, (await clientOf(i).get(key)).value, valueOf(i)));
for (const [index, one] of clients.entries()) {
  const own = [...keys.keys()].filter((i) => clientOf(i) === clients[index]);
  for (const part of inParts(own, 100)) {
    const found = await one.get(part.map((i) => keys[i]));
    for (const i of part) check('get of many', found[keys[i]].value, valueOf(i));
  }
}

await checkFails('add of what is there', client.add(keys[0], 'x'));
await checkFails('replace of what is not', client.replace('none', 'x'));
await client.set('n', 10);
check('incr', await client.incr('n', 5), '15');
check('decr', await client.decr('n', 100), '0');
await checkFails('incr of what is not', client.incr('none', 1));
await client.set('a', 'b', { lifetime: 0 });
await checkFails('incr of no number', client.incr('a', 1));
check('append', await client.append('a', 'c'), STORED);
check('prepend', await client.prepend('a', 'a'), STORED);
const found = await client.gets('a');
check('gets', found.value, 'abc');
check('cas', await client.cas('a', 'new', { casUniq: found.casUniq }), STORED);
await checkFails('cas with an old one', client.cas('a', 'newer', { casUniq: found.casUniq }));
check('touch', await client.touch('a', 100), ['TOUCHED']);
check('touched', await value('a'), 'new');
check('touch with a time that is past', await client.touch('a', PAST_S), ['TOUCHED']);
check('expired', await value('a'), undefined);
await client.set('a', 'b', { lifetime: -1 });
check('expired at once', await value('a'), undefined);
await client.set('a', 'quiet', { noreply: true });
check('set without an answer', await value('a'), 'quiet');
await client.set('a', { long: 'z'.repeat(1000) }, { lifetime: 100 });
check('JSON', await value('a'), { long: 'z'.repeat(1000) });
check('delete', await client.delete('a'), ['DELETED']);
await checkFails('delete of what is not', client.delete('a'));
check('delete', await client.delete('n'), ['DELETED']);
for (const one of clients) check('version', (await one.version())[0].startsWith('VERSION'), true);
for (const one of clients) one.shutdown();
console.log('ok', count);
