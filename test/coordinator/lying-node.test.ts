/**
 * What nodes tell of the topology, and what of it counts: nobody can use up the versions by a lie, and a coordinator whose
 * versions are used up goes on with what it has. In simulated time.
 */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { VERSION_LEAD_MAX } from '../../src/coordinator/limits.ts';
import { payloadSigner } from '../../src/coordinator/signature.ts';
import { memoryStore } from '../../src/coordinator/state-file.ts';
import { discoveryPayload } from '../../src/topology/discovery-payload.ts';
import { VERSION_MAX } from '../../src/topology/limits.ts';
import { documentOf, nodeOf } from '../topology/nodes.ts';
import { nodes, World } from './world.ts';
import { FakeSource } from './support.ts';

/** What the node at this address tells from now on. */
function tell(world: World, version: number, signature = ''): void {
  world.daemons.told.set('10.0.0.2', `${version}\ncache-1|10.0.0.1|11211 cache-2|10.0.0.2|11211\n`);
  world.daemons.signatures.set('10.0.0.2', signature);
}

/** Tells a version that is another day ahead at each look, as often as this. */
async function lieAhead(world: World, looks: number): Promise<void> {
  for (let look = 0; look < looks; look += 1) {
    tell(world, Math.min((world.versions.at(-1) ?? 0) + 86_400, VERSION_MAX));
    await world.pass(600);
  }
}

describe('a node that lies', () => {
  test('uses up no more than a day of versions in all, where there is no token', async () => {
    const world = await new World().with(1, 2);
    await lieAhead(world, 20);
    const ahead = (world.versions.at(-1) ?? 0) - world.clock.nowMs() / 1000;
    expect(ahead).toBeLessThanOrEqual(VERSION_LEAD_MAX);
    expect(world.refusals).toContain('ahead');
    tell(world, VERSION_MAX);
    await world.pass(1_000);
    expect(world.versions.at(-1)).toBeLessThan(VERSION_MAX);
    // Everything goes on.
    world.source.observe(...nodes(1, 2, 3));
    await world.pass(5_000);
    expect(world.last).toBe('cache-1 active, cache-2 active, cache-3 active');
    await world.fleet.close();
  });

  test('uses up none where there is a token', async () => {
    const signer = payloadSigner('the token', 'memfleet');
    const world = new World(memoryStore(), new ManualClock(), [new FakeSource()], signer);
    await world.with(1, 2);
    const [version] = world.versions;
    await lieAhead(world, 5);
    tell(world, VERSION_MAX, signer.sign('7\ncache-1|10.0.0.1|11211\n'));
    await world.pass(1_000);
    expect(world.versions).toEqual([version]);
    expect(new Set(world.refusals)).toEqual(new Set(['unsigned']));
    await world.fleet.close();
  });

  test('and what a coordinator has signed counts', async () => {
    const signer = payloadSigner('the token', 'memfleet');
    const world = new World(memoryStore(), new ManualClock(), [new FakeSource()], signer);
    await world.with(1, 2);
    const own = world.publisher.current?.document;
    expect(signer.verifies(discoveryPayload(own ?? documentOf([])) ?? '', own?.signature ?? '')).toBe(true);
    const version = (own?.version ?? 0) + 1_000_000;
    const payload = `${version}\ncache-1|10.0.0.1|11211 cache-2|10.0.0.2|11211\n`;
    tell(world, version, signer.sign(payload));
    await world.pass(1_000);
    expect(world.versions.at(-1)).toBe(version);
    expect(world.refusals).toEqual([]);
    await world.fleet.close();
  });
});

describe('versions that are used up', () => {
  test('keep the topology, and are said, from the start on', async () => {
    const store = memoryStore();
    const document = documentOf([nodeOf({ name: 'cache-1', ip: '10.0.0.1', sidecar: 'http://10.0.0.1:9150' })], {
      version: VERSION_MAX,
    });
    await store.save({ document, drained: [] });
    const world = new World(store);
    await world.fleet.start();
    expect(world.fleet.held).toMatch(/^versions are used up: 2147483647 is the last/);
    world.source.observe(...nodes(1, 2));
    await world.pass(5_000);
    expect(world.versions).toEqual([VERSION_MAX]);
    expect(world.fleet.nodes().map(({ health }) => health.state)).toEqual(['active', 'active']);
    expect(world.fleet.held).toMatch(/^versions are used up/);
    // Nodes that tell another list under the last version are another coordinator's that cannot go on either.
    world.daemons.told.set('10.0.0.1', `${VERSION_MAX}\ncache-9|10.0.0.9|11211\n`);
    await world.pass(10_000);
    expect(world.versions).toEqual([VERSION_MAX]);
    await world.fleet.close();
  });
});
