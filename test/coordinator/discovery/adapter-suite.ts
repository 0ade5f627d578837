/**
 * The contract of a discovery adapter, as tests that every adapter runs: what it reports, when, and what it does when
 * its source goes away. `make` gives an adapter on a source that the suite can change.
 */
import { describe, expect, test } from 'vitest';
import type { FleetError } from '../../../src/base/errors.ts';
import type { DiscoveryAdapter, ObservedNode } from '../../../src/coordinator/discovery/adapter.ts';

/** An adapter under test and its source. */
export interface AdapterUnderTest {
  adapter: DiscoveryAdapter;
  /** Makes the source hold exactly these nodes, by the number in their names. */
  hold: (...numbers: number[]) => void;
  /** Makes the source unreadable, or readable again. */
  readable: (yes: boolean) => void;
  /** Lets so much time pass that an adapter must have looked again. */
  pass: () => Promise<void>;
  /** The name of node `number`. */
  nameOf: (number: number) => string;
}

/** Looks after which every adapter must have noticed that a node is gone. */
const LOOKS_MAX = 20;

/** What an adapter has reported. */
class Reports {
  readonly lists: (readonly ObservedNode[])[] = [];
  readonly losses: FleetError[] = [];

  observed(nodes: readonly ObservedNode[]): void {
    this.lists.push(nodes);
  }

  lost(error: FleetError): void {
    this.losses.push(error);
  }

  get names(): string[] | undefined {
    return this.lists
      .at(-1)
      ?.map((node) => node.name)
      .sort();
  }
}

/** Adds the suite. */
export function describeAdapter(title: string, make: () => Promise<AdapterUnderTest>): void {
  async function started(...numbers: number[]): Promise<AdapterUnderTest & { reports: Reports }> {
    const made = await make();
    made.hold(...numbers);
    const reports = new Reports();
    made.adapter.start(reports);
    await made.pass();
    return { ...made, reports };
  }

  describe(`${title}, as a discovery adapter`, () => {
    test('reports the whole list, each node complete', async () => {
      const { adapter, reports, nameOf } = await started(1, 2);
      expect(reports.names).toEqual([nameOf(1), nameOf(2)]);
      for (const node of reports.lists[0] ?? []) {
        expect(node).toMatchObject({ hint: 'running', weight: 1, port: expect.any(Number) as number });
        expect(node.host).not.toBe('');
        expect(node.ip).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
        expect(node.sidecar).toMatch(/^http:\/\//);
      }
      await adapter.close();
    });

    test('reports an empty list too: that there is nothing is not that nothing is known', async () => {
      const { adapter, reports } = await started();
      expect(reports.lists).toEqual([[]]);
      await adapter.close();
    });

    test('reports what comes and goes', async () => {
      const { adapter, reports, hold, pass, nameOf } = await started(1);
      hold(1, 2);
      await pass();
      expect(reports.names).toEqual([nameOf(1), nameOf(2)]);
      hold(2);
      // Where one absence is no removal, it takes several looks.
      for (let looks = 0; looks < LOOKS_MAX && reports.names?.length !== 1; looks += 1) await pass();
      expect(reports.names).toEqual([nameOf(2)]);
      await adapter.close();
    });

    test('says nothing again that it has said', async () => {
      const { adapter, reports, pass } = await started(1);
      await pass();
      await pass();
      expect(reports.lists.length).toBe(1);
      await adapter.close();
    });

    test('says that its source is lost, once it is, and never that the fleet is empty', async () => {
      const { adapter, reports, readable, pass } = await started(1);
      readable(false);
      await pass();
      expect(reports.losses[0]).toMatchObject({ code: 'DISCOVERY_FAILED' });
      expect(reports.lists.length).toBe(1);
      await adapter.close();
    });

    test('reports again when its source is back, even what has not changed', async () => {
      const { adapter, reports, readable, pass, nameOf } = await started(1);
      readable(false);
      await pass();
      readable(true);
      await pass();
      expect(reports.lists.length).toBe(2);
      expect(reports.names).toEqual([nameOf(1)]);
      await adapter.close();
    });

    test('goes on trying when its source was never there', async () => {
      const made = await make();
      made.readable(false);
      made.hold(1);
      const reports = new Reports();
      made.adapter.start(reports);
      await made.pass();
      expect(reports.losses.length).toBeGreaterThan(0);
      expect(reports.lists).toEqual([]);
      made.readable(true);
      await made.pass();
      expect(reports.names).toEqual([made.nameOf(1)]);
      await made.adapter.close();
    });

    test('reports nothing after it was closed', async () => {
      const { adapter, reports, hold, readable, pass } = await started(1);
      await adapter.close();
      hold(1, 2);
      await pass();
      readable(false);
      await pass();
      expect([reports.lists.length, reports.losses.length]).toEqual([1, 0]);
    });
  });
}
