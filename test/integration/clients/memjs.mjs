// npm's memjs (binary protocol) against a fleet: clients/memjs.mjs MODE KEYS SERVER...
// MODE is binary, or sasl (with a login from MEMFLEET_TEST_USER).
import memjs from 'memjs';
import { check, checkFails, count, forEach, keysOf, mode, PAST_S, servers } from './npm-support.mjs';

const options = { timeout: 20, retries: 1, logger: { log: () => {} } };
if (mode === 'sasl') [options.username, options.password] = process.env.MEMFLEET_TEST_USER.split(':');
const client = memjs.Client.create(servers.join(','), options);

function valueOf(i) {
  return [
    `text ü ${i}`,
    Buffer.from([0, 0xff, 0x0d, 0x0a])
      .toString('latin1')
      .repeat(i % 50),
    'z'.repeat(3000),
  ][i % 3];
}

const text = async (key) => (await client.get(key)).value?.toString();

const keys = keysOf(`memjs:${mode}:`);
await forEach(keys, 100, async (key, i) => check('set', await client.set(key, valueOf(i), {}), true));
await forEach(keys, 100, async (key, i) => check(key, await text(key), valueOf(i)));

check('add of what is there', await client.add(keys[0], 'x', {}), false);
check('replace of what is not', await client.replace('none', 'x', {}), false);
check('increment makes', await client.increment('n', 5, { initial: 10 }), { success: true, value: 10 });
check('increment', await client.increment('n', 5, {}), { success: true, value: 15 });
check('decrement', await client.decrement('n', 100, {}), { success: true, value: 0 });
check('add', await client.add('a', 'b', {}), true);
await checkFails('increment of no number', client.increment('a', 1, {}));
check('append', await client.append('a', 'c'), true);
// Its prepend sends the opcode of append.
check('append', await client.prepend('a', 'd'), true);
await checkFails('append to what is not', client.append('none', 'c'));
check('appended', await text('a'), 'bcd');
check('replace', await client.replace('a', 'new', {}), true);
check('flags', (await client.get('a')).flags, Buffer.alloc(4));
check('touch', await client.touch('a', 100), true);
check('touched', await text('a'), 'new');
check('touch with a time that is past', await client.touch('a', PAST_S), true);
check('expired', await text('a'), undefined);
check('touch of what is not', await client.touch('a', 100), false);
await client.set('a', 'b', { expires: PAST_S });
check('expired at once', await text('a'), undefined);
check('delete', await client.delete('n'), true);
check('delete of what is not', await client.delete('n'), false);
const found = new Map();
await new Promise((done, fail) => {
  client.stats((error, server, stats) => {
    if (error) fail(error);
    if (found.set(server, stats.pid).size === servers.length) done();
  });
});
check('stats', new Set(found.keys()), new Set(servers));
client.close();
console.log('ok', count);
