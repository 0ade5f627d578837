/** Traces: the generator does what its parameters say, the reader reads what others wrote. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { openTrace, traceNames } from '../../bench/eviction/eviction.ts';
import { generateTrace, parseTraceSpec, type TraceSpec } from '../../bench/eviction/generator.ts';
import { oracleRequests, readTrace } from '../../bench/eviction/reader.ts';
import type { Trace, TraceRequest } from '../../bench/eviction/trace.ts';

const folder = mkdtempSync(join(tmpdir(), 'memfleet-trace-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SPEC: TraceSpec = {
  name: 'test',
  title: 'test',
  source: 'test',
  seed: 1,
  requests: 20_000,
  keyBytes: 20,
  sizes: { kind: 'fixed', bytes: 100 },
  streams: [
    { kind: 'zipf', weight: 0.5, items: 1000, alpha: 1 },
    { kind: 'once', weight: 0.3 },
    { kind: 'scan', weight: 0.2, items: 50 },
  ],
  ttlRequests: [
    [10, 1],
    [20, 1],
  ],
  memoryMegabytes: [64],
};

async function all(trace: Trace): Promise<TraceRequest[]> {
  const requests: TraceRequest[] = [];
  for await (const request of trace.requests()) requests.push({ ...request });
  return requests;
}

/** The key that comes most often. */
function mostOften(keys: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? -1;
}

function write(name: string, data: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, data);
  return path;
}

async function brief(path: string): Promise<[number, number][]> {
  return (await all(readTrace(path))).map(({ key, valueBytes }) => [key, valueBytes]);
}

/** A file of libCacheSim's oracleGeneral records. */
function oracle(records: readonly (readonly [id: bigint, size: number])[]): Buffer {
  const data = Buffer.alloc(24 * records.length);
  for (const [i, [id, size]] of records.entries()) {
    data.writeUInt32LE(i, 24 * i);
    data.writeBigUInt64LE(id, 24 * i + 4);
    data.writeUInt32LE(size, 24 * i + 12);
    data.writeBigInt64LE(-1n, 24 * i + 16);
  }
  return data;
}

describe('generator', () => {
  test('gives the same trace every time', async () => {
    const trace = generateTrace(SPEC);
    const first = await all(trace);
    expect(first).toHaveLength(SPEC.requests);
    expect(await all(trace)).toEqual(first);
    expect(await all(generateTrace({ ...SPEC, seed: 2 }))).not.toEqual(first);
  });

  test('keeps to the weights, and each stream to its pattern', async () => {
    const keys = (await all(generateTrace(SPEC))).map(({ key }) => key);
    const streams = [0, 1, 2].map((stream) => keys.filter((key) => Math.floor(key / 200_000_000) === stream));
    expect((streams[0]?.length ?? 0) / keys.length).toBeCloseTo(0.5, 1);
    expect(new Set(streams[1]).size).toBe(streams[1]?.length);
    expect(streams[2]?.slice(0, 51).map((key) => key - 400_000_000)).toEqual([
      ...Array.from({ length: 50 }, (_, i) => i),
      0,
    ]);
  });

  test('drift brings new keys to the top', async () => {
    const drifting: TraceSpec = {
      ...SPEC,
      streams: [{ kind: 'zipf', weight: 1, items: 100, alpha: 2, driftEvery: 1000 }],
    };
    const keys = (await all(generateTrace(drifting))).map(({ key }) => key);
    expect(mostOften(keys.slice(0, 1000))).toBe(99);
    expect(mostOften(keys.slice(19_000))).toBe(99 + 19);
  });

  test('a key keeps its size and its time to live', async () => {
    const seen = new Map<number, number>();
    for (const { key, ttlRequests } of await all(generateTrace(SPEC))) {
      expect(seen.get(key) ?? ttlRequests).toBe(ttlRequests);
      seen.set(key, ttlRequests);
    }
    expect(new Set(seen.values())).toEqual(new Set([10, 20]));
  });

  test.each(traceNames())('%s can be generated', async (name) => {
    const requests = await all(openTrace(name, 1000));
    expect(requests).toHaveLength(1000);
    for (const { valueBytes, key } of requests) {
      expect(valueBytes).toBeGreaterThan(0);
      expect(key).toBeLessThan(2 ** 31);
    }
  });

  test('a parameter file that is wrong is refused with its reason', () => {
    expect(() => parseTraceSpec(JSON.stringify({ ...SPEC, streams: [] }), 'x.json')).toThrow('x.json: has no streams');
    expect(() => parseTraceSpec(JSON.stringify({ ...SPEC, requests: 0 }), 'x.json')).toThrow('requests is 0');
  });
});

describe('reader', () => {
  const RECORDS = [
    [1n, 10],
    [2n ** 63n, 20],
    [1n, 10],
  ] as const;

  test('oracleGeneral, plain and with zstd', async () => {
    const wanted = [
      [0, 10],
      [1, 20],
      [0, 10],
    ];
    expect(await brief(write('a.oracleGeneral.bin', oracle(RECORDS)))).toEqual(wanted);
    expect(await brief(write('a.oracleGeneral.bin.zst', zstdCompressSync(oracle(RECORDS))))).toEqual(wanted);
  });

  test('oracleGeneral at every cut', async () => {
    const data = oracle(RECORDS);
    for (let cut = 1; cut < data.length; cut++) {
      const keys: number[] = [];
      for await (const { key } of oracleRequests(Readable.from([data.subarray(0, cut), data.subarray(cut)])))
        keys.push(key);
      expect(keys).toEqual([0, 1, 0]);
    }
    await expect(all(readTrace(write('cut.oracleGeneral', data.subarray(0, 30))))).rejects.toThrow('within a record');
  });

  test('csv with and without titles', async () => {
    const wanted = [
      [0, 100],
      [1, 5],
      [0, 100],
    ];
    expect(await brief(write('a.csv', '0,a,100\n1,b,5\n2,a,100\n'))).toEqual(wanted);
    expect(await brief(write('b.csv', 'time,key,size\r\n0,a,100\r\n1,b,5\r\n2,a,100'))).toEqual(wanted);
  });

  test("Twitter's csv: only what reads", async () => {
    const lines = '0,k1,2,11,1,get,0\n0,k1,2,11,1,set,60\n1,k2,2,22,1,gets,0\n';
    expect(await brief(write('t.csv', lines))).toEqual([
      [0, 11],
      [1, 22],
    ]);
  });

  test('one key per line, with gzip and with marks', async () => {
    expect(await brief(write('lirs.trace.gz', gzipSync('7\n*\n9\n7\n')))).toEqual([
      [0, 100],
      [1, 100],
      [0, 100],
    ]);
  });

  test('stops after the number asked for', async () => {
    expect(await all(readTrace(write('many.txt', '1\n2\n3\n4\n'), 2))).toHaveLength(2);
  });

  test('a line that is no request is named', async () => {
    await expect(all(readTrace(write('bad.csv', '0,a,100\n1,b,x\n')))).rejects.toThrow('line 2');
  });
});
