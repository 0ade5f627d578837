/**
 * A DNS server in the test's own process, over UDP and TCP on one port of 127.0.0.1, that does what real ones do to
 * their clients: gives some of its records, cuts an answer, refuses, fails, or says nothing.
 */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

const TYPES = { A: 1, CNAME: 5, AAAA: 28, SRV: 33 } as const;
type Type = keyof typeof TYPES;

/** What the server does with questions for a name. */
export interface NameZone {
  A?: readonly string[];
  AAAA?: readonly string[];
  /** `target:port` each. */
  SRV?: readonly string[];
  CNAME?: string;
  /** Over UDP only so many records, other ones each time, without a word (Consul). */
  limit?: number;
  /** Over UDP the answer is cut to so many records and says so. */
  truncated?: number;
  /** RFC 1035's RCODE, for all types or one: 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED. */
  rcode?: number | Partial<Record<Type, number>>;
  /** Takes the question and says nothing. */
  silent?: boolean;
}

/** A question as it came. */
export interface Asked {
  readonly name: string;
  readonly type: string;
  readonly over: 'udp' | 'tcp';
  readonly edns: boolean;
}

export class DnsServer {
  /** By name in lower case; may be changed at any time. */
  zone: Record<string, NameZone>;
  readonly asked: Asked[] = [];
  /** Answers FORMERR to EDNS, as servers from before it do. */
  old = false;
  /** Does not answer over TCP: connections are taken and nothing comes. */
  tcpSilent = false;
  readonly #udp: DatagramSocket;
  readonly #tcp: Server | undefined;
  readonly #connections = new Set<Socket>();
  /** Name and type → how often it was asked for. */
  readonly #turns = new Map<string, number>();

  private constructor(zone: Record<string, NameZone>, udp: DatagramSocket, tcp: Server | undefined) {
    this.zone = zone;
    this.#udp = udp;
    this.#tcp = tcp;
    udp.on('message', (query, from) => {
      const answer = this.#answer(query, 'udp');
      if (answer !== undefined) udp.send(answer, from.port, from.address);
    });
    tcp?.on('connection', (socket) => this.#serve(socket));
  }

  /** @param over without TCP, connections are refused */
  static async start(zone: Record<string, NameZone> = {}, over: 'udp' | 'both' = 'both'): Promise<DnsServer> {
    for (;;) {
      const udp = createSocket('udp4').bind(0, '127.0.0.1');
      await once(udp, 'listening');
      if (over === 'udp') return new DnsServer(zone, udp, undefined);
      const tcp = createServer().listen(udp.address().port, '127.0.0.1');
      // The port may be taken for TCP: then another one.
      const free = await once(tcp, 'listening').then(
        () => true,
        () => false,
      );
      if (free) return new DnsServer(zone, udp, tcp);
      udp.close();
    }
  }

  /** For `dnsQueries`, and for `--dns-servers`. */
  get address(): string {
    return `127.0.0.1:${this.#udp.address().port}`;
  }

  async close(): Promise<void> {
    this.#udp.close();
    for (const socket of this.#connections) socket.destroy();
    this.#tcp?.close();
  }

  #serve(socket: Socket): void {
    let received = Buffer.alloc(0);
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (this.tcpSilent || received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const answer = this.#answer(received.subarray(2, 2 + received.readUInt16BE(0)), 'tcp');
      received = Buffer.alloc(0);
      if (answer === undefined) return;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length, 0);
      // In pieces, as a network may deliver it.
      socket.write(length.subarray(0, 1));
      setImmediate(() => socket.write(Buffer.concat([length.subarray(1), answer])));
    });
  }

  #answer(query: Buffer, over: 'udp' | 'tcp'): Buffer | undefined {
    const { name, type, edns, end } = readQuestion(query);
    this.asked.push({ name, type: type ?? '?', over, edns });
    if (edns && this.old) return header(query, 1, false, 0, query.subarray(12, end));
    let owner = name;
    const records: Buffer[] = [];
    for (let alias = this.zone[owner]?.CNAME; alias !== undefined; alias = this.zone[owner]?.CNAME) {
      records.push(record(owner, TYPES.CNAME, encodeName(alias)));
      owner = alias;
    }
    const entry = this.zone[owner];
    if (entry?.silent === true) return undefined;
    const given = typeof entry?.rcode === 'object' ? type !== undefined && entry.rcode[type] : entry?.rcode;
    const rcode = entry === undefined ? 3 : given || 0;
    const all = rcode === 0 && type !== undefined ? this.#recordsOf(owner, type, entry) : [];
    const cut = over === 'udp' && entry?.truncated !== undefined;
    const few = over === 'udp' ? all.slice(0, entry?.truncated ?? entry?.limit) : all;
    return header(query, rcode, cut, records.length + few.length, query.subarray(12, end), ...records, ...few);
  }

  #recordsOf(owner: string, type: Type, entry: NameZone = {}): Buffer[] {
    const data =
      type === 'SRV' ? (entry.SRV ?? []).map(service) : type === 'CNAME' ? [] : (entry[type] ?? []).map(address);
    // Others come first each time.
    const turn = (this.#turns.get(`${owner} ${type}`) ?? 0) + 1;
    this.#turns.set(`${owner} ${type}`, turn);
    const from = turn % Math.max(1, data.length);
    return [...data.slice(from), ...data.slice(0, from)].map((one) => record(owner, TYPES[type], one));
  }
}

function readQuestion(query: Buffer): { name: string; type: Type | undefined; edns: boolean; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const asked = query.readUInt16BE(at + 1);
  const type = (Object.keys(TYPES) as Type[]).find((known) => TYPES[known] === asked);
  return { name: labels.join('.').toLowerCase(), type, edns: query.readUInt16BE(10) > 0, end: at + 5 };
}

function header(query: Buffer, rcode: number, cut: boolean, answers: number, ...rest: Buffer[]): Buffer {
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8580 | (cut ? 0x0200 : 0) | rcode, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(answers, 6);
  return Buffer.concat([head, ...rest]);
}

function record(owner: string, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(600, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([encodeName(owner), fixed, data]);
}

export function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.of(label.length), Buffer.from(label, 'latin1')]),
    Buffer.of(0),
  ]);
}

function service(text: string): Buffer {
  const [, target = '', port = ''] = /^(.*):(\d+)$/.exec(text) ?? [];
  const fixed = Buffer.alloc(6);
  fixed.writeUInt16BE(Number(port), 4);
  return Buffer.concat([fixed, encodeName(target)]);
}

function address(text: string): Buffer {
  if (!text.includes(':')) return Buffer.from(text.split('.').map(Number));
  const [head = [], tail = []] = text.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const all = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
