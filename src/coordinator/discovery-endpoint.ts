/**
 * The auto-discovery endpoint: enough of memcached's text protocol for clients that ask `config get cluster`, as they
 * do with ElastiCache and Memorystore. It holds no items; whoever takes it for a cache is told ERROR.
 *
 * What real clients need of it, each with a test: trailing spaces in the command (php), flags `0` (emcache), the whole
 * answer in one write (pymemcache loses what came in an earlier chunk), digits only in the version (.NET, npm
 * memcached), `END` instead of an empty list (Java throws on one), the key of old engines as well (libmemcached).
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { HostPort } from '../base/host-port.ts';
import type { Logger } from '../base/log.ts';
import { MEMCACHED_VERSION } from '../base/memcached.ts';
import { productVersion } from '../base/version.ts';
import { discoveryPayload, untoldNodes } from '../topology/discovery-payload.ts';
import { activeNodes, type TopologyDocument } from '../topology/document.ts';
import { DISCOVERY_PAYLOAD_BYTES_SAFE, VERSION_MAX } from '../topology/limits.ts';
import { DISCOVERY_CONNECTIONS_MAX, DISCOVERY_IDLE_MS, DISCOVERY_LINE_BYTES_MAX } from './limits.ts';
import type { Publisher } from './publisher.ts';

/** The key that engines before 1.4.14 gave the configuration under. */
const LEGACY_KEY = 'AmazonElastiCache:cluster';

/** The first byte of a request in the binary protocol, which is not spoken here. */
const BINARY_MAGIC = 0x80;

/** A reader that leaves this much unread is cut off. */
const UNREAD_BYTES_MAX = 256 * 1024;

/** The answer to one line, without its line end; undefined to close the connection. */
export type Answer = (line: string) => string | undefined;

export interface DiscoveryEndpointOptions {
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pid: number;
  /** Default {@link DISCOVERY_CONNECTIONS_MAX}. */
  readonly connectionsMax?: number;
  /** Default {@link DISCOVERY_IDLE_MS}. */
  readonly idleMs?: number;
}

/** The endpoint's server. */
export class DiscoveryEndpoint {
  readonly #options: DiscoveryEndpointOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #startedMs: number;
  #total = 0;
  #warnedVersion = 0;

  constructor(options: DiscoveryEndpointOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonicMs();
    this.#server = createServer((socket) => this.#onConnection(socket));
  }

  /** Open connections. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Resolves with the port once the endpoint accepts; rejects with the system's error. */
  listen({ host, port }: HostPort): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.once('error', reject);
    this.#server.listen({ host, port }, () => {
      this.#server.off('error', reject);
      const address = this.#server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
    return promise;
  }

  /** Stops accepting and ends every connection. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#sockets) socket.destroy();
    await promise;
  }

  /** The answer to one line. */
  answer(line: string): string | undefined {
    const words = line.split(' ').filter((word) => word !== '');
    const [command, ...rest] = words;
    switch (command) {
      case 'config':
        return rest[0] === 'get' && rest.length === 2 ? this.#configuration('CONFIG', 'cluster', rest[1]) : 'ERROR\r\n';
      case 'get':
      case 'gets':
        return rest.length === 1 && rest[0] === LEGACY_KEY
          ? this.#configuration('VALUE', LEGACY_KEY, LEGACY_KEY)
          : 'ERROR\r\n';
      case 'version':
        return `VERSION ${MEMCACHED_VERSION}\r\n`;
      case 'stats':
        return rest.length === 0 ? this.#stats() : 'ERROR\r\n';
      case 'quit':
        return undefined;
      default:
        return 'ERROR\r\n';
    }
  }

  #configuration(word: string, key: string, asked: string | undefined): string {
    const { publisher } = this.#options;
    const document = publisher.current?.document;
    const payload = asked === key && document !== undefined ? discoveryPayload(document) : undefined;
    const bytes = Buffer.byteLength(payload ?? '');
    if (document !== undefined && this.#warnedVersion !== document.version) this.#warn(document, bytes);
    if (payload === undefined) return 'END\r\n';
    return `${word} ${key} 0 ${bytes}\r\n${payload}\r\nEND\r\n`;
  }

  /** Once for each version: what some clients, or all of them, will not see. */
  #warn(document: TopologyDocument, bytes: number): void {
    const { log } = this.#options;
    this.#warnedVersion = document.version;
    if (bytes > DISCOVERY_PAYLOAD_BYTES_SAFE) {
      log.warn(
        { bytes, safe: DISCOVERY_PAYLOAD_BYTES_SAFE },
        'node list too long for pymemcache, which reads 4096 bytes',
      );
    }
    const untold = untoldNodes(document);
    if (untold.length > 0) {
      const nodes = untold.slice(0, 10).map(({ name, ip }) => `${name} ${ip}`);
      const all = untold.length === activeNodes(document).length;
      const what = all ? 'auto-discovery is empty: no node has' : 'auto-discovery leaves out nodes without';
      log.warn({ nodes, count: untold.length }, `${what} an IPv4 address; --ip-discovery ipv6 tells them too`);
    }
  }

  #stats(): string {
    const { clock, pid, publisher } = this.#options;
    const document = publisher.current?.document;
    const nodes = document === undefined ? [] : activeNodes(document);
    const untold = document === undefined ? [] : untoldNodes(document);
    const stats = {
      pid,
      uptime: Math.floor((clock.monotonicMs() - this.#startedMs) / 1000),
      time: Math.floor(clock.nowMs() / 1000),
      version: MEMCACHED_VERSION,
      memfleet_version: productVersion(),
      pointer_size: 64,
      curr_connections: this.#sockets.size,
      total_connections: this.#total,
      topology_version: document?.version ?? 0,
      topology_versions_left: VERSION_MAX - (document?.version ?? 0),
      topology_nodes: nodes.length,
      // Of these, left out of the answer to `config get cluster` because they have IPv6 alone.
      topology_nodes_untold: untold.length,
    };
    const lines = Object.entries(stats).map(([name, value]) => `STAT ${name} ${value}\r\n`);
    return `${lines.join('')}END\r\n`;
  }

  #onConnection(socket: Socket): void {
    const { connectionsMax = DISCOVERY_CONNECTIONS_MAX, idleMs = DISCOVERY_IDLE_MS } = this.#options;
    socket.on('error', () => socket.destroy());
    if (this.#sockets.size >= connectionsMax) {
      // memcached's own words for it.
      socket.end('ERROR Too many open connections\r\n');
      return;
    }
    this.#total += 1;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.setNoDelay(true);
    socket.setTimeout(idleMs, () => socket.destroy());
    const feed = lineReader(
      (line) => this.answer(line),
      (answer) => void socket.write(answer),
    );
    socket.on('data', (chunk) => {
      const open = feed(chunk);
      if (!open) socket.end();
      else if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy();
    });
  }
}

/**
 * Cuts bytes into lines and hands on the answers. The function returned takes the next bytes and gives false once the
 * connection is to be closed; what comes after that is ignored.
 */
export function lineReader(answer: Answer, write: (answer: string) => void): (chunk: Buffer) => boolean {
  let rest = '';
  let open = true;
  return (chunk) => {
    if (!open) return false;
    if (rest === '' && chunk[0] === BINARY_MAGIC) return (open = false);
    // latin1 keeps every byte apart; no command here has others than ASCII.
    rest += chunk.toString('latin1');
    let end = rest.indexOf('\n');
    for (; open && end >= 0; end = rest.indexOf('\n')) {
      const text = answer(rest.slice(0, end).replace(/\r$/, ''));
      rest = rest.slice(end + 1);
      if (text === undefined) open = false;
      else write(text);
    }
    if (open && rest.length > DISCOVERY_LINE_BYTES_MAX) {
      write('CLIENT_ERROR line too long\r\n');
      open = false;
    }
    return open;
  };
}
