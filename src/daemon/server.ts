/**
 * The daemon put together: store, engine, listeners and connections, the tick of its clock, and an orderly end.
 * `main.ts` reads the flags and handles signals; tests build a server directly, with a clock of their own.
 */
import { sleep, systemClock, type Clock } from '../base/clock.ts';
import { nextTurn } from '../base/turns.ts';
import * as replies from '../protocol/text/replies.ts';
import type { ArrivingMemory } from './arriving-memory.ts';
import { LoginFailures } from './auth/login-failures.ts';
import { PasswordFile, type PasswordFormat } from './auth/passwords.ts';
import { ClusterConfig } from './cluster-config.ts';
import { Connection, type ConnectionContext } from './connection.ts';
import type { Counters } from './counters.ts';
import { Engine } from './engine.ts';
import { HeldMemory, defaultConnMemory } from './held-memory.ts';
import { HouseKeeping } from './house-keeping.ts';
import * as limits from './limits.ts';
import { whyTooMuch } from './memory-limit.ts';
import { MetaCommands } from './meta/commands.ts';
import { Output } from './output.ts';
import { SecondHand } from './clock.ts';
import { protocolName, type ProtocolName, type Settings } from './settings.ts';
import { PrefixStats } from './stats/prefixes.ts';
import { Crawler } from './storage/crawler.ts';
import { HEADER_BYTES } from './storage/layout.ts';
import { Store } from './storage/store.ts';
import type { LineLog, ListeningSocket } from './stats/rows.ts';
import { endpoint } from './transport/common.ts';
import type { Door, Listener, SocketHandler, Transport, TransportSocket } from './transport/transport.ts';
import type { TlsTransport } from './transport/tls.ts';
import { WaitingRoom } from './waiting-room.ts';
import { WatchHub } from './watch/hub.ts';

/** How often a stopping daemon looks whether its connections have gone quiet. */
const STOP_POLL_MS = 20;

export interface ServerParts {
  settings: Settings;
  transport: Transport;
  /** For the addresses that are to use TLS (`-Z`). */
  tls?: TlsTransport | undefined;
  productVersion: string;
  /** The machine's clock unless a test brings its own. */
  clock?: Clock;
  /** 32 bits of chance for the hash table. */
  hashSeed: number;
  /** Collects garbage, on a runtime that has to be told. */
  collectGarbage?: (() => void) | undefined;
  /** Bytes that the container has; nobody asks unless given. */
  memoryLimit?: () => number | undefined;
  /** Takes lines for standard error, if the verbosity asks for them. */
  log: LineLog;
}

/** How `-vv` tells of a new connection (memcached.c, conn_new). */
const GREETINGS: Record<ProtocolName, string> = {
  auto: 'auto-negotiating client connection',
  ascii: 'ascii client connection.',
  binary: 'binary client connection.',
};

const IGNORE: SocketHandler = { onData() {}, onDrain() {}, onClose() {} };

export class Server implements ConnectionContext {
  readonly settings: Settings;
  readonly time: SecondHand;
  readonly store: Store;
  readonly engine: Engine;
  readonly counters: Counters;
  readonly output: Output;
  readonly meta: MetaCommands;
  readonly crawler: Crawler;
  readonly watch: WatchHub;
  readonly prefixes: PrefixStats;
  readonly held: HeldMemory;
  readonly saslPasswords: PasswordFile | undefined;
  readonly textPasswords: PasswordFile | undefined;
  readonly loginFailures: LoginFailures;
  readonly clusterConfig: ClusterConfig;
  readonly productVersion: string;
  readonly tls: TlsTransport | undefined;
  certificatesReadAt: number;
  readonly log: LineLog;
  readonly #parts: ServerParts;
  readonly clock: Clock;
  readonly #connections = new Set<Connection>();
  #privateCount = 0;
  readonly #waitingRoom: WaitingRoom;
  readonly listening: ListeningSocket[] = [];
  readonly #listeners: Listener[] = [];
  readonly #udpListeners: Listener[] = [];
  /** Connections that came, whatever became of them. */
  #accepted = 0;
  #nextId = 1;
  readonly #houseKeeping: HouseKeeping;
  #stopping: Promise<void> | undefined;
  #onStop: () => void = () => {};

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.log = parts.log;
    this.clock = parts.clock ?? systemClock;
    this.settings = parts.settings;
    this.productVersion = parts.productVersion;
    this.time = new SecondHand(this.clock);
    this.tls = parts.tls;
    this.certificatesReadAt = this.time.now;
    const readBytes = limits.CARRY_BYTES + limits.READ_BYTES;
    const { settings } = parts;
    this.store = new Store(
      {
        memoryLimitBytes: settings.maxBytes,
        scratchBytes: readBytes + limits.OUTPUT_REGIONS * limits.OUTPUT_BYTES,
        evictionDisabled: settings.evictionDisabled,
        eviction: settings.eviction,
        hashSeed: parts.hashSeed,
        casDisabled: !settings.casEnabled,
        hashExpand: settings.extended.hashExpand,
        trackSizes: settings.extended.trackSizes,
        ...(settings.growthFactor === undefined ? {} : { growthFactor: settings.growthFactor }),
        ...(settings.chunkSize === undefined ? {} : { smallestBytes: HEADER_BYTES + settings.chunkSize }),
        ...(settings.extended.hashpowerInit === 0 ? {} : { hashPower: settings.extended.hashpowerInit }),
      },
      this.time,
    );
    this.engine = new Engine(this.store, this.time, settings.itemSizeMax);
    this.counters = this.engine.counters;
    this.output = new Output(this.store, readBytes);
    this.meta = new MetaCommands(this.engine, this.output, this.time);
    this.crawler = new Crawler(this.store);
    const { saslEnabled, saslPasswordFile, authFile } = settings;
    const say = (line: string): void => this.say(line);
    const users = (path: string | undefined, format: PasswordFormat): PasswordFile | undefined =>
      path === undefined ? undefined : new PasswordFile(path, format, say);
    this.saslPasswords = users(saslEnabled ? saslPasswordFile : undefined, 'sasl');
    this.textPasswords = users(authFile, 'ascii');
    this.loginFailures = new LoginFailures(this.clock, say);
    this.held = new HeldMemory(
      settings.extended.connMemoryLimit || defaultConnMemory(settings.maxBytes, settings.itemSizeMax),
      parts.collectGarbage,
    );
    this.#waitingRoom = new WaitingRoom(this.counters, this.clock, this.held);
    this.watch = new WatchHub(this.store, this.time);
    this.prefixes = new PrefixStats(settings.detailEnabled, settings.statKeyPrefix);
    this.store.policy.tune(settings.extended);
    this.store.balancesPages = settings.extended.slabAutomove !== 0;
    this.clusterConfig = new ClusterConfig(settings.configToken);
    this.#houseKeeping = new HouseKeeping(this, this.clock);
  }

  /** The ports that were bound, in the order of the settings. */
  get ports(): number[] {
    return this.#listeners.map((listener) => listener.port);
  }

  /**
   * Opens every address; all or none.
   *
   * @throws FleetError PORT_TAKEN
   */
  async listen(): Promise<void> {
    const readBuffer = { bytes: this.output.bytes, start: limits.CARRY_BYTES, length: limits.READ_BYTES };
    this.#nameClasses();
    try {
      // First, since whoever waits for the daemon waits for its TCP port.
      await this.#listenUdp();
      for (const address of this.settings.listen) {
        const accept = (socket: TransportSocket): SocketHandler => this.#accept(socket, address);
        const options = { address, backlog: Math.max(1, this.settings.backlog), readBuffer, accept };
        const transport = 'tls' in address && this.tls !== undefined ? this.tls : this.#parts.transport;
        const listener = await transport.listen(options);
        this.#listeners.push(listener);
        const name = 'path' in address ? `unix:${address.path}` : endpoint(address.host, listener.port);
        this.listening.push({ id: this.#nextId++, isUdp: false, endpoint: name, lastUsedAt: this.time.now });
        this.#verbose(
          `<${this.#nextId - 1} server listening (${protocolName(address.protocol ?? this.settings.protocol)})`,
        );
      }
    } catch (error) {
      this.#closeListeners();
      throw error;
    }
    this.#houseKeeping.start();
  }

  /** `-U`; without it nothing of UDP is loaded. */
  async #listenUdp(): Promise<void> {
    const { listenUdp } = this.settings;
    if (listenUdp.length === 0) return;
    const { UdpListener } = await import('./udp.ts');
    for (const { host, port } of listenUdp) {
      const id = this.#nextId++;
      const listener = await UdpListener.bind(this.#parts.transport, host, port, this);
      this.#udpListeners.push(listener);
      const name = endpoint(host, listener.port).replace(/^tcp/, 'udp');
      this.listening.push({
        id,
        isUdp: true,
        endpoint: name,
        get lastUsedAt() {
          return listener.lastUsedAt;
        },
      });
      this.#verbose(`<${id} server listening (udp)`);
    }
  }

  get arriving(): ArrivingMemory {
    return this.engine.arriving;
  }

  connections(): Iterable<Connection> {
    return this.#connections;
  }

  forget(connection: Connection): void {
    if (this.#connections.delete(connection)) {
      this.counters.currentConnections--;
      if (connection.isPrivate) this.#privateCount--;
    }
    this.#verbose(`<${connection.id} connection closed.`);
    this.watch.disconnected(connection, connection.closeReason);
    if (!this.#isFull({})) {
      this.#waitingRoom.admit((socket, door) => this.#serve(socket, door));
    }
  }

  /** Resolves when {@link stop} was called, by a signal or by the command `shutdown`. */
  untilStopped(): Promise<void> {
    return new Promise((resolve) => {
      this.#onStop = resolve;
    });
  }

  whyTooMuch(itemBytes: number): string | undefined {
    return whyTooMuch(itemBytes, this.#parts.memoryLimit?.());
  }

  stop(): void {
    this.#onStop();
  }

  refreshCertificates(): string | undefined {
    const trouble = this.tls?.refresh();
    if (trouble === undefined) this.certificatesReadAt = this.time.now;
    return trouble;
  }

  /**
   * SIGHUP: reads names, passwords and certificates again, as memcached does. What cannot be used changes nothing, and is
   * told of.
   */
  reload(): void {
    this.textPasswords?.reload();
    this.saslPasswords?.reload();
    const trouble = this.refreshCertificates();
    // memcached's words (memcached.c, clock_handler).
    if (trouble !== undefined) this.say(`Could not reload TLS certificates on SIGHUP: ${trouble}`);
  }

  /** Stops accepting, answers what has arrived, sends what was answered, and closes; bounded by STOP_GRACE_MS. */
  close(): Promise<void> {
    this.#stopping ??= this.#close();
    return this.#stopping;
  }

  async #close(): Promise<void> {
    const deadlineMs = this.clock.monotonicMs() + limits.STOP_GRACE_MS;
    await this.#acceptWaiting(deadlineMs);
    this.#closeListeners();
    this.#waitingRoom.close();
    do {
      for (const connection of this.#connections) connection.sawData = false;
      await sleep(this.clock, STOP_POLL_MS);
      // On a busy machine the time may be up before the sockets were looked at once.
      await this.#turn();
    } while (this.#anyBusy() && this.clock.monotonicMs() < deadlineMs);
    for (const connection of this.#connections) connection.end();
    while (this.#connections.size > 0 && this.clock.monotonicMs() < deadlineMs) await sleep(this.clock, STOP_POLL_MS);
    for (const connection of this.#connections) connection.socket.destroy();
    this.#houseKeeping.stop();
  }

  #closeListeners(): void {
    for (const listener of [...this.#listeners, ...this.#udpListeners]) listener.close();
  }

  #anyBusy(): boolean {
    for (const connection of this.#connections) if (connection.isBusy) return true;
    return false;
  }

  /** Who has connected has arrived: accepts until nobody waits. Node accepts one connection of a listener a turn. */
  async #acceptWaiting(deadlineMs: number): Promise<void> {
    let before: number;
    do {
      before = this.#accepted;
      // A turn that begins after the sockets were looked at ends without looking; the next one looks.
      await this.#turn();
      await this.#turn();
    } while (this.#accepted > before && this.clock.monotonicMs() < deadlineMs);
  }

  /** Lets the event loop go on to where it began. */
  #turn(): Promise<void> {
    return new Promise((resolve) => nextTurn(resolve));
  }

  #accept(socket: TransportSocket, door: Door): SocketHandler {
    this.#accepted++;
    if (this.#isFull(door)) {
      const { extended, backlog } = this.settings;
      if (!extended.maxconnsFast && door.isPrivate !== true && this.#waitingRoom.size < backlog)
        return this.#waitingRoom.wait(socket, door);
      this.counters.rejectedConnections++;
      socket.write(replies.TOO_MANY_CONNECTIONS, 0, replies.TOO_MANY_CONNECTIONS.length);
      socket.end();
      return IGNORE;
    }
    return this.#serve(socket, door);
  }

  /** Whether there is no room for one more. The sidecar's connections have room of their own. */
  #isFull({ isPrivate }: Door): boolean {
    if (isPrivate === true) return this.#privateCount >= limits.SIDECAR_CONNECTIONS_MAX;
    return this.#connections.size - this.#privateCount >= this.settings.maxConnections;
  }

  #serve(socket: TransportSocket, door: Door): Connection {
    const connection = new Connection(this.#nextId++, socket, this, door);
    this.#connections.add(connection);
    this.counters.totalConnections++;
    this.counters.currentConnections++;
    if (connection.isPrivate) this.#privateCount++;
    if (this.settings.verbosity > 1)
      this.say(`<${connection.id} new ${GREETINGS[door.protocol ?? this.settings.protocol]}`);
    this.watch.connected(connection);
    return connection;
  }

  say(line: string): void {
    this.log.write(`${line}\n`);
  }

  /** memcached's first words under `-vv` (slabs.c, slabs_init). */
  #nameClasses(): void {
    const { chunkBytes, chunksPerPage, largest } = this.store.slabs.classes;
    for (let id = 1; id <= largest; id++) {
      const [size, count] = [String(chunkBytes[id]).padStart(9), String(chunksPerPage[id]).padStart(7)];
      this.#verbose(`slab class ${String(id).padStart(3)}: chunk size ${size} perslab ${count}`);
    }
  }

  #verbose(line: string): void {
    if (this.settings.verbosity > 1) this.say(line);
  }
}
