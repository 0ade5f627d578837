/**
 * Reads traces in the usual public formats, plain or compressed (.gz, .zst):
 *
 * - oracleGeneral (libCacheSim): records of 24 bytes, little endian: u32 time, u64 object, u32 size, i64 next access;
 *   recognised by `oracleGeneral` in the file's name;
 * - CSV `time,key,size`, with or without a line of titles; columns beyond these are ignored;
 * - Twitter's cache-trace CSV: `time,key,key size,value size,client,operation,ttl`; only get and gets are replayed;
 * - one key per line, without sizes; a line that is `*` is skipped (as in the traces of LIRS).
 */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { TRACE_VALUE_BYTES_MAX, type Trace, type TraceRequest } from './trace.ts';

const ORACLE_RECORD_BYTES = 24;
/** Size of a value where the trace has none. */
const DEFAULT_VALUE_BYTES = 100;
const KEY_BYTES = 20;
const MEMORY_MEGABYTES = [64];

/** The formats that are understood. */
export type TraceFormat = 'oracle-general' | 'csv' | 'twitter' | 'keys';

/** The format that a line of a text trace has. */
export function formatOf(line: string): Exclude<TraceFormat, 'oracle-general'> {
  const columns = line.split(',').length;
  return columns >= 7 ? 'twitter' : columns >= 3 ? 'csv' : 'keys';
}

/** Numbers for keys that are text, in the order in which they appear first. */
class KeyNumbers {
  readonly #numbers = new Map<string, number>();

  numberOf(key: string): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const next = this.#numbers.size;
    this.#numbers.set(key, next);
    return next;
  }
}

/** A trace of a file, cut after `requests` if given. */
export function readTrace(path: string, requests = Number.POSITIVE_INFINITY): Trace {
  const name = basename(path);
  return {
    name,
    title: name,
    keyBytes: KEY_BYTES,
    memoryMegabytes: MEMORY_MEGABYTES,
    async *requests() {
      let left = requests;
      const source = decompressed(path);
      const all = /oracleGeneral/i.test(name) ? oracleRequests(source) : textRequests(source);
      for await (const request of all) {
        if (left-- <= 0) break;
        yield request;
      }
      source.destroy();
    },
  };
}

function decompressed(path: string): Readable {
  const file = createReadStream(path);
  const unpack = path.endsWith('.gz') ? createGunzip() : path.endsWith('.zst') ? createZstdDecompress() : undefined;
  if (unpack === undefined) return file;
  // The error reaches whoever reads `unpack`; one because reading was stopped early concerns nobody.
  pipeline(file, unpack, () => {});
  return unpack;
}

function clamp(bytes: number): number {
  return Math.min(TRACE_VALUE_BYTES_MAX, Math.max(1, bytes));
}

/** Records of 24 bytes, however the source cuts them. */
export async function* oracleRequests(source: AsyncIterable<Buffer>): AsyncGenerator<TraceRequest> {
  const keys = new KeyNumbers();
  const request: TraceRequest = { key: 0, valueBytes: 0, ttlRequests: 0 };
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (; at + ORACLE_RECORD_BYTES <= data.length; at += ORACLE_RECORD_BYTES) {
      request.key = keys.numberOf(data.toString('latin1', at + 4, at + 12));
      request.valueBytes = clamp(data.readUInt32LE(at + 12));
      yield request;
    }
    rest = Buffer.from(data.subarray(at));
  }
  if (rest.length > 0) throw new Error(`the trace ends within a record: ${rest.length} bytes are left`);
}

/** Lines of any of the text formats; the first line that is not a title decides which. */
export async function* textRequests(source: Readable): AsyncGenerator<TraceRequest> {
  const keys = new KeyNumbers();
  const request: TraceRequest = { key: 0, valueBytes: 0, ttlRequests: 0 };
  let format: TraceFormat | undefined;
  let number = 0;
  for await (const line of createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    const text = line.trim();
    if (text === '' || text === '*' || text.startsWith('#')) continue;
    const columns = text.split(',');
    if (number === 1 && columns.length >= 3 && !Number.isFinite(Number(columns[0]))) continue;
    format ??= formatOf(text);
    if (format === 'twitter' && columns[5] !== 'get' && columns[5] !== 'gets') continue;
    const key = (format === 'keys' ? text : columns[1])?.trim() ?? '';
    const bytes = Number(format === 'keys' ? DEFAULT_VALUE_BYTES : format === 'csv' ? columns[2] : columns[3]);
    if (key === '' || !Number.isFinite(bytes)) throw new Error(`line ${number} is no request: ${text.slice(0, 80)}`);
    request.key = keys.numberOf(key);
    request.valueBytes = clamp(bytes);
    yield request;
  }
}
