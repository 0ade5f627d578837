// npm's memcached (text protocol, ketama) against a fleet: clients/npm-memcached.mjs KEYS SERVER...
import { promisify } from 'node:util';
import Memcached from 'memcached';
import { check, checkFails, count, forEach, inParts, keysOf, PAST_S, servers } from './npm-support.mjs';

/** As many connections as it opens to a server: of more requests at once it makes some wait a second. */
const POOL = 10;
const client = new Memcached(servers, { poolSize: POOL, timeout: 20_000, retries: 0 });
const call = (name) => promisify(client[name].bind(client));
const [set, get, gets, getMulti, cas, del, touch] = ['set', 'get', 'gets', 'getMulti', 'cas', 'del', 'touch'].map(call);
const [add, replace, append, prepend, incr, decr] = ['add', 'replace', 'append', 'prepend', 'incr', 'decr'].map(call);

function valueOf(i) {
  return [`text ü ${i}`, Buffer.alloc((i % 50) * 3, Buffer.of(0, 0xff, 0x41)), i, { i: [i] }, 'z'.repeat(3000)][i % 5];
}

const keys = keysOf('npm-memcached:');
await forEach(keys, POOL, async (key, i) => check('set', await set(key, valueOf(i), 0), true));
await forEach(keys, POOL, async (key, i) => check(key, await get(key), valueOf(i)));
for (const part of inParts([...keys.keys()], 100)) {
  const wanted = Object.fromEntries(part.map((i) => [keys[i], valueOf(i)]));
  check('getMulti', await getMulti(Object.keys(wanted)), wanted);
}

await checkFails('add of what is there', add(keys[0], 'x', 0));
await checkFails('replace of what is not', replace('none', 'x', 0));
await set('n', 10, 0);
check('incr', await incr('n', 5), 15);
check('decr', await decr('n', 100), 0);
check('incr of what is not', await incr('none', 1), false);
await set('a', 'b', 0);
await checkFails('incr of no number', incr('a', 1));
check('append', await append('a', 'c'), true);
check('prepend', await prepend('a', 'a'), true);
const found = await gets('a');
check('gets', found.a, 'abc');
check('cas', await cas('a', 'new', found.cas, 0), true);
check('cas with an old one', await cas('a', 'newer', found.cas, 0), false);
check('touch', await touch('a', 100), true);
check('touched', await get('a'), 'new');
check('touch with a time that is past', await touch('a', PAST_S), true);
check('expired', await get('a'), undefined);
check('touch of what is not', await touch('a', 100), false);
await set('a', 'b', -1);
check('expired at once', await get('a'), undefined);
check('delete', await del('n'), true);
check('delete of what is not', await del('n'), false);
for (const name of ['stats', 'settings', 'slabs', 'items', 'version']) {
  const answers = await call(name)();
  check(name, answers.map(({ server }) => server).sort(), [...servers].sort());
}
client.end();
console.log('ok', count);
