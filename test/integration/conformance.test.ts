/**
 * Goal: our daemon answers byte for byte as memcached does. Method: the transcripts of test/conformance/tables are sent
 * to the real memcached, which decides who is right, and to our daemon: whole, byte by byte and cut at random places.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import type { Need, WireCase, WireTable } from '../conformance/cases.ts';
import { seededRandom } from '../conformance/cuts.ts';
import type { Feed } from '../conformance/cuts.ts';
import { atLeast, imageMemcached, installedMemcached, ourDaemons } from '../conformance/driver.ts';
import type { Server, ServerKind } from '../conformance/driver.ts';
import { differenceTo } from '../conformance/difference.ts';
import { RawClient } from '../conformance/raw-client.ts';
import { forgetItems, runCase } from '../conformance/run-case.ts';
import { tables } from '../conformance/tables/index.ts';

const SEED = Number(process.env['MEMFLEET_SEED'] ?? 1);

function feedsOf(wireCase: WireCase): Feed[] {
  return wireCase.feed === 'whole' ? ['whole'] : ['whole', 'bytewise', 'random'];
}

async function check(port: number, table: WireTable, wireCase: WireCase, random: () => number): Promise<void> {
  for (const feed of feedsOf(wireCase)) {
    const client = await RawClient.connect(port);
    try {
      await forgetItems(client, table.needs);
      const answer = await runCase(client, wireCase, { feed, random, needs: table.needs });
      const difference = differenceTo(wireCase.expect, answer);
      if (difference !== undefined) {
        expect.fail(`${feed}, MEMFLEET_SEED=${SEED}: ${difference}`);
      }
    } finally {
      client.destroy();
    }
  }
}

/** Cases by the flags that their server must have, so that each server is started once. */
function byFlags(cases: readonly WireCase[]): [string[], WireCase[]][] {
  const groups = Map.groupBy(cases, (wireCase) => (wireCase.flags ?? []).join(' '));
  return [...groups.values()].map((group) => [group[0]?.flags ?? [], group]);
}

/** Everything that memcached has. */
const ALL: readonly Need[] = ['meta', 'binary', 'admin'];
/** What our daemon has beyond the classic commands: grows with it, until it is all. */
const OURS: readonly Need[] = ['meta', 'binary', 'admin'];

interface Subject {
  kind: ServerKind;
  has: readonly Need[];
  /** Whether this is memcached itself, which is also asked what our daemon answers differently on purpose. */
  real: boolean;
}

/** The case as it is for a subject; undefined where it does not apply. */
function caseFor(wireCase: WireCase, { kind, real, has }: Subject): WireCase | undefined {
  if (wireCase.needs !== undefined && !has.includes(wireCase.needs)) return undefined;
  if (!real && wireCase.ours !== undefined) return { ...wireCase, closes: false, ...wireCase.ours };
  if (!real && wireCase.memcachedOnly !== undefined) return undefined;
  if (atLeast(kind.version, wireCase.since ?? '0.0.0')) return wireCase;
  const { before } = wireCase;
  if (before === undefined || !atLeast(kind.version, before.since ?? '0.0.0')) return undefined;
  return { ...wireCase, closes: false, ...before };
}

function runTable(table: WireTable, subject: Subject, random: () => number): void {
  const cases = table.cases.map((wireCase) => caseFor(wireCase, subject)).filter((wireCase) => wireCase !== undefined);
  for (const [flags, group] of byFlags(cases)) {
    describe([table.topic, ...flags].join(' '), () => {
      let server: Server | undefined;
      beforeAll(async () => {
        server = await subject.kind.start(flags);
      });
      afterAll(async () => {
        await server?.stop();
      });
      for (const wireCase of group) {
        test(wireCase.name, async () => {
          await check(server?.port ?? 0, table, wireCase, random);
        });
      }
    });
  }
}

function runTables(subject: Subject): void {
  describe(subject.kind.name, () => {
    const random = seededRandom(SEED);
    for (const table of tables) {
      if (table.needs === undefined || subject.has.includes(table.needs)) {
        runTable(table, subject, random);
      } else {
        describe.skip(`${table.topic} (not there yet: ${table.needs})`, () => test('nothing'));
      }
    }
  });
}

describeWith(['memcached'], 'the installed memcached', () => {
  const kind = installedMemcached();
  if (kind !== undefined) {
    runTables({ kind, has: ALL, real: true });
  }
});

describeWith(['docker'], "memcached's image", () => {
  const kind = imageMemcached();
  if (kind === undefined && process.env['MEMFLEET_REQUIRE'] === 'all') {
    test('is there', () => expect.fail('MEMFLEET_REQUIRE=all, but no image memcached:1.6 on this machine'));
  } else if (kind === undefined) {
    describe.skip('no image memcached:1.6 on this machine', () => test('nothing'));
  } else {
    runTables({ kind, has: ALL, real: true });
  }
});

for (const kind of ourDaemons()) {
  runTables({ kind, has: OURS, real: false });
}
