/**
 * Makes traces from a few parameters that were published of production clusters: how skewed the popularity of keys is,
 * how many keys are asked for once and never again, scans, sizes and times to live. `bench/traces/*.json` hold the
 * parameters, each with its source. The same file gives the same trace everywhere.
 *
 *     request n:  a repetition? ──► the key of a request not long before
 *                     └─ no: which stream? (by weight) ──► zipf:  rank by Zipf's law, while keys come and go
 *                                                      ├─► once:  a key that nobody asked for before
 *                                                      └─► scan:  the next key of a range, again and again
 */
import { seededRandom, sizeOf, weighted, zipf, type Random, type SizeSpec } from '../load/random.ts';
import type { Trace, TraceRequest } from './trace.ts';

/** A part of the requests that follow one pattern. */
export type StreamSpec =
  | {
      readonly kind: 'zipf';
      readonly weight: number;
      readonly items: number;
      readonly alpha: number;
      /** After so many requests of this stream, the least popular key's place is taken by a new most popular one. */
      readonly driftEvery?: number;
      /** After so many requests of this stream, a new key takes some key's place, whatever its popularity. */
      readonly renewEvery?: number;
    }
  | { readonly kind: 'once'; readonly weight: number }
  | { readonly kind: 'scan'; readonly weight: number; readonly items: number };

/** A share of the requests is for the key that came d requests before; log d is uniform, so that short distances prevail. */
export interface RepeatSpec {
  readonly share: number;
  /** The largest distance. */
  readonly within: number;
}

/** A file of `bench/traces/`. */
export interface TraceSpec {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly seed: number;
  readonly requests: number;
  readonly keyBytes: number;
  readonly sizes: SizeSpec;
  readonly streams: readonly StreamSpec[];
  /** Requests that repeat an earlier one, as people and programs do; the streams give the others. */
  readonly repeat?: RepeatSpec;
  /** Times to live in requests, with weights; a key always has the same one. */
  readonly ttlRequests?: readonly (readonly [requests: number, weight: number])[];
  readonly pacePerSecond?: number;
  readonly memoryMegabytes: readonly number[];
}

/** Keys of each stream start this far apart, so that streams never share one. */
const STREAM_KEYS = 200_000_000;
const TTL_SEED = 77;

/** The trace of a parameter file, cut or stretched to `requests` if given. */
export function generateTrace(spec: TraceSpec, requests: number = spec.requests): Trace {
  return {
    name: spec.name,
    title: `${spec.title} (${spec.source})`,
    keyBytes: spec.keyBytes,
    memoryMegabytes: spec.memoryMegabytes,
    ...(spec.pacePerSecond === undefined ? {} : { pacePerSecond: spec.pacePerSecond }),
    requests: () => generate(spec, requests),
  };
}

function* generate(spec: TraceSpec, requests: number): Generator<TraceRequest> {
  const random = seededRandom(spec.seed);
  const pick = weighted(
    spec.streams.map(({ weight }) => weight),
    random,
  );
  const streams = spec.streams.map((stream, index) => streamOf(stream, index * STREAM_KEYS, random));
  const ttls = spec.ttlRequests ?? [];
  const ttlSizes: SizeSpec = { kind: 'mix', sizes: ttls };
  const request: TraceRequest = { key: 0, valueBytes: 0, ttlRequests: 0 };
  const fresh = (): number => streams[pick()]?.() ?? 0;
  const next = spec.repeat === undefined ? fresh : repeating(fresh, spec.repeat, random);
  for (let i = 0; i < requests; i++) {
    request.key = next();
    request.valueBytes = sizeOf(spec.sizes, request.key, spec.seed);
    request.ttlRequests = ttls.length === 0 ? 0 : sizeOf(ttlSizes, request.key, spec.seed + TTL_SEED);
    yield request;
  }
}

/** The keys of `fresh`, some of them again. */
function repeating(fresh: () => number, { share, within }: RepeatSpec, random: Random): () => number {
  const past = new Int32Array(within);
  let count = 0;
  return () => {
    const distance = random() < share ? Math.floor((within + 1) ** random()) : 0;
    const again = distance > 0 && distance <= count;
    const key = again ? (past[(count - distance) % within] ?? 0) : fresh();
    past[count++ % within] = key;
    return key;
  };
}

/** The keys of one stream, one per call. */
function streamOf(stream: StreamSpec, firstKey: number, random: Random): () => number {
  let count = 0;
  if (stream.kind === 'once') return () => firstKey + count++;
  if (stream.kind === 'scan') return () => firstKey + (count++ % stream.items);
  const rank = zipf(stream.items, stream.alpha, random);
  if (stream.renewEvery !== undefined) return renewing(stream.items, stream.renewEvery, firstKey, rank, random);
  const driftEvery = stream.driftEvery ?? Number.POSITIVE_INFINITY;
  // A key's rank rises by one at each drift: the key of rank r is the one that was born r drifts ago.
  return () => firstKey + stream.items + Math.floor(count++ / driftEvery) - 1 - rank();
}

/** Keys by rank, of which one after the other gives its place to a new one. */
function renewing(items: number, every: number, firstKey: number, rank: () => number, random: Random): () => number {
  const keys = Int32Array.from({ length: items }, (_, i) => firstKey + i);
  let newKey = firstKey + items;
  let due = every;
  return () => {
    // Several in one request if `every` is below 1.
    for (due--; due < 0; due += every) keys[Math.floor(random() * items)] = newKey++;
    return keys[rank()] ?? firstKey;
  };
}

/**
 * Checks a parameter file.
 * @throws Error naming the file and what is wrong with it
 */
export function parseTraceSpec(text: string, path: string): TraceSpec {
  const spec = JSON.parse(text) as TraceSpec;
  const wrong = (what: string): never => {
    throw new Error(`${path}: ${what}`);
  };
  if (typeof spec.name !== 'string' || typeof spec.source !== 'string') wrong('needs a name and a source');
  if (!Number.isInteger(spec.requests) || spec.requests < 1) wrong(`requests is ${spec.requests}`);
  if (!(spec.keyBytes >= 11 && spec.keyBytes <= 250)) wrong(`keyBytes is ${spec.keyBytes}, not 11 … 250`);
  if (!Array.isArray(spec.streams) || spec.streams.length === 0) wrong('has no streams');
  for (const stream of spec.streams) {
    if (!['zipf', 'once', 'scan'].includes(stream.kind)) wrong(`there is no stream ${stream.kind}`);
    if (!(stream.weight > 0)) wrong(`the weight of ${stream.kind} is ${stream.weight}`);
    if (stream.kind !== 'once' && !(stream.items >= 1 && stream.items <= STREAM_KEYS))
      wrong(`items is ${stream.items}`);
  }
  return spec;
}
