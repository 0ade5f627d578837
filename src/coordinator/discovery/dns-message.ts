/**
 * DNS messages (RFC 1035, RFC 6891): a question as bytes, and the records of an answer. Pure.
 *
 * Written here because Node's resolver cannot do what discovery needs: it sends no EDNS and cannot be told to use TCP
 * (c-ares in Node 24), and some servers cut such answers to a few records without saying so. An answer comes from the
 * network: whatever is not a well-formed answer is undefined, and no length or pointer in it is believed.
 */
import { FleetError } from '../../base/errors.ts';

/** The types of record that are asked for, and the one that leads from name to name. */
const TYPES = { A: 1, CNAME: 5, AAAA: 28, SRV: 33 } as const;
const OPT_TYPE = 41;
const CLASS_IN = 1;

export type QuestionType = 'A' | 'AAAA' | 'SRV';

export interface DnsQuestion {
  readonly name: string;
  readonly type: QuestionType;
}

/** One SRV record, without weight and priority. */
export interface ServiceTarget {
  /** In lower case, without the dot at its end. */
  readonly target: string;
  readonly port: number;
}

/** What a server says. */
export interface DnsAnswer {
  /** RFC 1035 4.1.1: 0 NOERROR, 1 FORMERR, 2 SERVFAIL, 3 NXDOMAIN, 4 NOTIMP, 5 REFUSED. */
  readonly rcode: number;
  /** The answer was cut to what a datagram holds (TC). */
  readonly truncated: boolean;
  /** Of A and AAAA records, in their order. */
  readonly addresses: readonly string[];
  readonly services: readonly ServiceTarget[];
}

/** RFC 1035 2.3.4: octets of a name on the wire, its lengths included. */
const NAME_BYTES_MAX = 255;
const LABEL_BYTES_MAX = 63;
const HEADER_BYTES = 12;

/** RFC 9715 and DNS flag day 2020: the largest datagram that is not cut into fragments on any usual path. */
const EDNS_BYTES = 1_232;

/**
 * A question as it is sent.
 * @param id 0 to 65535, by chance: who answers must know it
 * @param edns says that datagrams above 512 bytes are welcome
 * @throws FleetError DISCOVERY_FAILED: the name cannot stand in a message
 */
export function encodeQuestion({ name, type }: DnsQuestion, id: number, edns: boolean): Buffer {
  const labels = name.replace(/\.$/, '').split('.');
  const encoded = labels.map((label) => Buffer.from(label, 'latin1'));
  const nameBytes = encoded.reduce((sum, label) => sum + 1 + label.length, 1);
  if (nameBytes > NAME_BYTES_MAX || encoded.some(({ length }) => length === 0 || length > LABEL_BYTES_MAX)) {
    throw new FleetError('DISCOVERY_FAILED', `DNS: ${name} is no name that can be asked for`);
  }
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x0100, 2); // recursion desired
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(edns ? 1 : 0, 10);
  const tail = Buffer.alloc(5);
  tail.writeUInt16BE(TYPES[type], 1);
  tail.writeUInt16BE(CLASS_IN, 3);
  const parts = [header, ...encoded.flatMap((label) => [Buffer.of(label.length), label]), tail];
  if (edns) {
    const option = Buffer.alloc(11);
    option.writeUInt16BE(OPT_TYPE, 1);
    option.writeUInt16BE(EDNS_BYTES, 3);
    parts.push(option);
  }
  return Buffer.concat(parts);
}

/** The answer to `question` that `bytes` are; undefined if they are none, be they malformed or meant for another. */
export function decodeAnswer(bytes: Buffer, question: DnsQuestion, id: number): DnsAnswer | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readUInt16BE(0) !== id) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & 0x8000) === 0) return undefined;
  const rcode = flags & 0x000f;
  const truncated = (flags & 0x0200) !== 0;
  const reader = new Reader(bytes, HEADER_BYTES);
  const questionCount = bytes.readUInt16BE(4);
  // A server that could not read the question need not repeat it.
  if (questionCount === 0) return rcode === 0 ? undefined : { rcode, truncated, addresses: [], services: [] };
  const asked = reader.name();
  const askedType = reader.uint16();
  if (reader.uint16() !== CLASS_IN || questionCount !== 1) return undefined;
  if (asked !== lowerName(question.name) || askedType !== TYPES[question.type]) return undefined;
  const records = readRecords(reader, bytes.readUInt16BE(6));
  // What does not fit may have been cut anywhere; an answer that was not cut is whole.
  if (reader.failed && !truncated) return undefined;
  return { rcode, truncated, ...recordsOf(question, records) };
}

interface Data {
  readonly alias?: string;
  readonly address?: string;
  readonly service?: ServiceTarget;
}

interface RawRecord extends Data {
  readonly owner: string;
  readonly type: number;
}

function readRecords(reader: Reader, count: number): RawRecord[] {
  const records: RawRecord[] = [];
  for (let index = 0; index < count; index += 1) {
    const owner = reader.name();
    const type = reader.uint16();
    const inClass = reader.uint16() === CLASS_IN;
    reader.skip(4);
    const length = reader.uint16();
    const end = reader.position + length;
    const data = inClass ? readData(reader, type, length) : {};
    if (reader.failed || (data !== undefined && reader.position > end)) break;
    reader.position = end;
    if (end > reader.end) reader.failed = true;
    if (data !== undefined && !reader.failed) records.push({ owner, type, ...data });
  }
  return records;
}

/** What a record says; undefined if it does not say it as its type must. */
function readData(reader: Reader, type: number, length: number): Data | undefined {
  switch (type) {
    case TYPES.A:
      return length === 4 ? { address: reader.bytes(4).join('.') } : undefined;
    case TYPES.AAAA:
      return length === 16 ? { address: ipv6Text(reader.bytes(16)) } : undefined;
    case TYPES.CNAME:
      return { alias: reader.name() };
    case TYPES.SRV: {
      reader.skip(4);
      const port = reader.uint16();
      return { service: { target: reader.name(), port } };
    }
    default:
      return {};
  }
}

/** The records of the name that was asked for, and of those that it is an alias of. */
function recordsOf(
  { name, type }: DnsQuestion,
  records: readonly RawRecord[],
): Pick<DnsAnswer, 'addresses' | 'services'> {
  const names = new Set([lowerName(name)]);
  // A set that grows while it is gone through is gone through to its end; an alias of itself adds nothing.
  for (const known of names) {
    for (const { owner, alias } of records) if (owner === known && alias !== undefined) names.add(alias);
  }
  const wanted = records.filter((record) => record.type === TYPES[type] && names.has(record.owner));
  return {
    addresses: wanted.flatMap(({ address }) => address ?? []),
    services: wanted.flatMap(({ service }) => service ?? []),
  };
}

function lowerName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  // The URL parser writes the short form (RFC 5952).
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** Reads on from a place in a message; beyond its end everything is 0 or empty and `failed` is set. */
class Reader {
  position: number;
  failed = false;
  readonly #message: Buffer;

  constructor(message: Buffer, position: number) {
    this.#message = message;
    this.position = position;
  }

  get end(): number {
    return this.#message.length;
  }

  skip(count: number): void {
    this.position += count;
    if (this.position > this.end) this.failed = true;
  }

  uint16(): number {
    const at = this.position;
    this.skip(2);
    return this.failed ? 0 : this.#message.readUInt16BE(at);
  }

  bytes(count: number): Buffer {
    const at = this.position;
    this.skip(count);
    return this.failed ? Buffer.alloc(count) : this.#message.subarray(at, at + count);
  }

  /** In lower case, without a dot at its end. A pointer leads back only, so a name ends whatever it holds. */
  name(): string {
    const labels: string[] = [];
    let at = this.position;
    let after: number | undefined;
    let bytesLeft = NAME_BYTES_MAX;
    let pointersBelow = at;
    for (;;) {
      const length = this.#message[at] ?? -1;
      if (length === 0) break;
      if (length >= 0xc0 && at + 1 < this.end) {
        after ??= at + 2;
        at = this.#message.readUInt16BE(at) & 0x3fff;
        if (at >= pointersBelow) this.failed = true;
        pointersBelow = at;
      } else if (length > 0 && length <= LABEL_BYTES_MAX && at + 1 + length <= this.end) {
        labels.push(this.#message.toString('latin1', at + 1, at + 1 + length));
        at += 1 + length;
        bytesLeft -= 1 + length;
      } else {
        this.failed = true;
      }
      if (bytesLeft < 1) this.failed = true;
      if (this.failed) return '';
    }
    this.position = after ?? at + 1;
    return labels.join('.').toLowerCase();
  }
}
