/** A sidecar's looks at the coordinators that it does not follow. */
import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import type { TopologySource } from '../../src/client/following/topology-source.ts';
import { LOOK_AROUND_MS } from '../../src/sidecar/limits.ts';
import { lookAround } from '../../src/sidecar/look-around.ts';
import type { TopologyDocument } from '../../src/topology/document.ts';
import { until } from '../support/until.ts';
import { documentOf } from '../topology/nodes.ts';

/** Coordinators by URL; one without a document does not answer. */
function world(url: string, addresses: readonly string[], documents: ReadonlyMap<string, TopologyDocument>) {
  const clock = new ManualClock();
  const chances = [0, 0.4, 0.9];
  let round = 0;
  const delayMs = (): number => LOOK_AROUND_MS * (0.75 + (chances[round % chances.length] ?? 0) / 2);
  let dueMs = delayMs();
  const asked: string[] = [];
  const open = new Set<string>();
  const offered: number[] = [];
  const stop = lookAround({
    url,
    clock,
    random: () => chances[round % chances.length] ?? 0,
    lookup: async () => {
      if (addresses.length === 0) throw new Error('ENOTFOUND');
      return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
    offer: ({ version }) => void offered.push(version),
    follow: (chosen): TopologySource => {
      asked.push(chosen);
      open.add(chosen);
      const closed = Promise.withResolvers<void>();
      return {
        start: async (onDocument) => {
          const document = documents.get(chosen);
          if (document === undefined) return closed.promise;
          onDocument(document);
        },
        close: () => {
          open.delete(chosen);
          closed.reject(new Error('closed'));
          closed.promise.catch(() => {});
        },
      };
    },
  });
  const pass = async (): Promise<void> => {
    clock.advance(dueMs);
    dueMs = delayMs();
    await new Promise((wake) => setImmediate(wake));
    round += 1;
  };
  return { asked, offered, open, stop, pass };
}

test('each look asks any of the coordinators, and offers what it has', async () => {
  const documents = new Map(
    ['http://10.0.0.1:8080/', 'http://10.0.0.2:8080/', 'http://[fd00::3]:8080/'].map((url, index) => [
      url,
      documentOf([], { version: 100 + index }),
    ]),
  );
  const { asked, offered, open, stop, pass } = world(
    'http://coordinator:8080',
    ['10.0.0.1', '10.0.0.2', 'fd00::3'],
    documents,
  );
  for (let count = 0; count < 3; count += 1) await pass();
  expect(asked).toEqual([...documents.keys()]);
  expect(offered).toEqual([100, 101, 102]);
  await until('all are closed', () => open.size === 0);
  stop();
  await pass();
  expect(asked.length).toBe(3);
});

test('one that does not answer is given up at the next look', async () => {
  const { asked, open, stop, pass } = world('http://coordinator:8080/', ['10.0.0.1', '10.0.0.2'], new Map());
  await pass();
  expect([...open]).toEqual(['http://10.0.0.1:8080/']);
  await pass();
  await pass();
  expect(open.size).toBe(1);
  expect(asked.length).toBe(3);
  stop();
  expect(open.size).toBe(0);
});

test('a name that does not resolve is nothing to tell, and behind TLS the name stays', async () => {
  const unknown = world('http://coordinator:8080/', [], new Map());
  await unknown.pass();
  expect(unknown.asked).toEqual([]);
  unknown.stop();
  const secure = world('https://coordinator/', ['10.0.0.1'], new Map());
  await secure.pass();
  expect(secure.asked).toEqual(['https://coordinator/']);
  secure.stop();
});
