/**
 * The auto-discovery endpoint: enough of memcached's text protocol for clients that ask `config get cluster`, as they
 * do with ElastiCache and Memorystore. It holds no items; whoever takes it for a cache is told ERROR.
 *
 * What real clients need of it, each with a test: trailing spaces in the command (php), flags `0` (emcache), the whole
 * answer in one write (pymemcache loses what came in an earlier chunk), digits only in the version (.NET, npm
 * memcached), `END` instead of an empty list (Java throws on one), the key of old engines as well (libmemcached).
 */
import { createServer, type Server } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { HostPort } from '../base/host-port.ts';
import type { Logger } from '../base/log.ts';
import { MEMCACHED_VERSION } from '../base/memcached.ts';
import { productVersion } from '../base/version.ts';
import { discoveryPayload, untoldNodes } from '../topology/discovery-payload.ts';
import { activeNodes, type TopologyDocument } from '../topology/document.ts';
import { DISCOVERY_PAYLOAD_BYTES_SAFE, VERSION_MAX } from '../topology/limits.ts';
import { DiscoveryConnections } from './discovery-connections.ts';
import type { Publisher } from './publisher.ts';

/** The key that engines before 1.4.14 gave the configuration under. */
const LEGACY_KEY = 'AmazonElastiCache:cluster';

/** What is said while nobody knows whether there are nodes: END would say that there are none. */
const NOT_YET = 'SERVER_ERROR the nodes are not known yet\r\n';

export interface DiscoveryEndpointOptions {
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pid: number;
  /** 1,024 unless given. */
  readonly connectionsMax?: number;
}

/** The endpoint's server. */
export class DiscoveryEndpoint {
  readonly #options: DiscoveryEndpointOptions;
  readonly #server: Server;
  readonly #connections: DiscoveryConnections;
  readonly #startedMs: number;
  /** The answers of a version, made once: a client that does not take its own costs no copy. */
  readonly #made = new Map<string, Buffer>();
  #madeOf: TopologyDocument | undefined;
  #warnedVersion = 0;

  constructor(options: DiscoveryEndpointOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonicMs();
    const { clock, connectionsMax } = options;
    this.#connections = new DiscoveryConnections((line) => this.answer(line), clock, connectionsMax);
    this.#server = createServer((socket) => this.#connections.add(socket));
  }

  /** Open connections. */
  get connectionCount(): number {
    return this.#connections.size;
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
    this.#connections.close();
    await promise;
  }

  /** The answer to one line. */
  answer(line: string): string | Buffer | undefined {
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

  #configuration(word: string, key: string, asked: string | undefined): string | Buffer {
    if (asked !== key) return 'END\r\n';
    const document = this.#options.publisher.current?.document;
    if (document === undefined) return NOT_YET;
    if (this.#madeOf !== document) this.#made.clear();
    this.#madeOf = document;
    const answer = this.#made.get(word) ?? Buffer.from(this.#make(document, word, key));
    this.#made.set(word, answer);
    return answer;
  }

  #make(document: TopologyDocument, word: string, key: string): string {
    const payload = discoveryPayload(document);
    const bytes = Buffer.byteLength(payload ?? '');
    if (this.#warnedVersion !== document.version) this.#warn(document, bytes);
    return payload === undefined ? 'END\r\n' : `${word} ${key} 0 ${bytes}\r\n${payload}\r\nEND\r\n`;
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
      curr_connections: this.#connections.size,
      total_connections: this.#connections.total,
      topology_version: document?.version ?? 0,
      topology_versions_left: VERSION_MAX - (document?.version ?? 0),
      topology_nodes: nodes.length,
      // Of these, left out of the answer to `config get cluster` because they have IPv6 alone.
      topology_nodes_untold: untold.length,
    };
    const lines = Object.entries(stats).map(([name, value]) => `STAT ${name} ${value}\r\n`);
    return `${lines.join('')}END\r\n`;
  }
}
