// npm's memcache against a fleet: clients/npm-memcache.mjs MODE KEYS SERVER...
// MODE is text, modula (text, without a ring), or sasl (binary, with a login from MEMFLEET_TEST_USER).
import { Memcache, ModulaHash } from 'memcache';
import { check, count, forEach, inParts, keysOf, mode, PAST_S, servers } from './npm-support.mjs';

const options = { nodes: servers, timeout: 20_000, maxExpiration: PAST_S };
if (mode === 'modula') options.hash = new ModulaHash();
if (mode === 'sasl') {
  const [username, password] = process.env.MEMFLEET_TEST_USER.split(':');
  options.sasl = { username, password };
}
const client = new Memcache(options);
// Whatever fails without a listener for its event is a miss to this client.
client.on('error', (node, error) => {
  console.error(node, error);
  process.exit(1);
});

function valueOf(i) {
  return [`text ü ${i}`, '\0\r\nEND\r\n'.repeat(i % 50), 'z'.repeat(3000)][i % 3];
}

// Requests at once that find no connection open one each, and all but one of these stay open for good.
await client.connect();
const keys = keysOf(`npm-memcache:${mode}:`);
if (mode === 'sasl') await overBinary();
else await overText();
await client.disconnect();
console.log('ok', count);

async function overText() {
  await forEach(keys, 100, async (key, i) => check('set', await client.set(key, valueOf(i)), true));
  await forEach(keys, 100, async (key, i) => check(key, await client.get(key), valueOf(i)));
  for (const part of inParts([...keys.keys()], 100)) {
    const wanted = new Map(part.map((i) => [keys[i], valueOf(i)]));
    const found = await client.gets([...wanted.keys()]);
    check('gets', new Map([...wanted.keys()].map((key) => [key, found.get(key)])), wanted);
  }
  check('add of what is there', await client.add(keys[0], 'x'), false);
  check('replace of what is not', await client.replace('none', 'x'), false);
  await client.set('n', '10');
  check('incr', await client.incr('n', 5), 15);
  check('decr', await client.decr('n', 100), 0);
  check('incr of what is not', await client.incr('none'), undefined);
  await client.set('a', 'b', 100, 7);
  check('append', await client.append('a', 'c'), true);
  check('prepend', await client.prepend('a', 'a'), true);
  check('appended', await client.get('a'), 'abc');
  check('cas with a wrong one', await client.cas('a', 'new', '1'), false);
  check('touch', await client.touch('a', 100), true);
  check('touch with a time that is past', await client.touch('a', PAST_S), true);
  check('expired', await client.get('a'), undefined);
  check('touch of what is not', await client.touch('a', 100), false);
  await client.set('a', 'b', PAST_S);
  check('expired at once', await client.get('a'), undefined);
  check('delete', await client.delete('n'), true);
  check('delete of what is not', await client.delete('n'), false);
  const stats = await client.stats();
  check(
    'stats',
    [...stats.values()].map(({ version }) => /^1\.6\.\d+$/.test(version)),
    servers.map(() => true),
  );
  check('version', [...(await client.version()).keys()].sort(), [...servers].sort());
}

/** Its methods for the binary protocol belong to a node and take one request at a time. */
async function overBinary() {
  const nodeOf = (i) => client.nodes[i % client.nodes.length];
  await forEach(keys, 2, async (key, i) => check('set', await nodeOf(i).binarySet(key, valueOf(i)), true));
  // An empty value is nothing to it.
  await forEach(keys, 2, async (key, i) => check(key, await nodeOf(i).binaryGet(key), valueOf(i) || undefined));
  const [node] = client.nodes;
  check('add of what is there', await node.binaryAdd(keys[0], 'x'), false);
  check('replace of what is not', await node.binaryReplace('none', 'x'), false);
  check('increment makes', await node.binaryIncr('n', 5, 10), 10);
  check('increment', await node.binaryIncr('n', 5), 15);
  check('decrement', await node.binaryDecr('n', 100), 0);
  await node.binarySet('a', 'b');
  check('append', await node.binaryAppend('a', 'c'), true);
  check('prepend', await node.binaryPrepend('a', 'a'), true);
  check('appended', await node.binaryGet('a'), 'abc');
  check('touch', await node.binaryTouch('a', 100), true);
  for (const key of ['n', 'a']) check('delete', await node.binaryDelete(key), true);
  check('version', /^1\.6\.\d+$/.test(await node.binaryVersion()), true);
  check('stats', /^\d+$/.test((await node.binaryStats()).pid), true);
}
