/**
 * The router: from a key to the connection of its owner. It owns the connections, one for each active node, and
 * replaces ring and connections together when a topology arrives: a request sees the old pair or the new one.
 *
 * Connections are known by address, so a node that only changed its weight or its neighbours keeps its connection, and
 * a container that came back under another IP gets a new one. A node that leaves the ring
 * replies to what it was asked; then its connection closes.
 */
import type { FleetError } from '../../base/errors.ts';
import type { TopologyDocument, TopologyNode } from '../../topology/document.ts';
import { buildRing, type Ring } from '../../topology/ring.ts';
import type { Connection } from '../wire/connection.ts';
import type { ConnectionOptions } from '../wire/options.ts';

/** What the router reports, and how it connects. */
export interface RouterOptions {
  connect: (options: Pick<Required<ConnectionOptions>, 'host' | 'port' | 'onDown' | 'onUp'>) => Connection;
  onDown: (node: TopologyNode, error: FleetError) => void;
  onUp: (node: TopologyNode) => void;
}

interface Peer {
  /** The node as the topology last described it. */
  node: TopologyNode;
  connection: Connection;
}

interface Route {
  document: TopologyDocument;
  ring: Ring;
  /** Same positions as `ring.nodes`. */
  connections: Connection[];
}

/** See the head of the file. */
export class Router {
  readonly #options: RouterOptions;
  #peers = new Map<string, Peer>();
  #route: Route | undefined;
  #draining = new Set<Promise<void>>();

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** The topology in force. */
  get document(): TopologyDocument | undefined {
    return this.#route?.document;
  }

  /** True once there is a topology. */
  get ready(): boolean {
    return this.#route !== undefined;
  }

  /** The active nodes with their connections. */
  peers(): { node: TopologyNode; connection: Connection }[] {
    const route = this.#route;
    return route === undefined
      ? []
      : route.ring.nodes.map((node, index) => ({ node, connection: route.connections[index] }));
  }

  /** The owner's position among {@link Router.peers}, or -1. */
  ownerIndex(key: string): number {
    return this.#route === undefined ? -1 : this.#route.ring.ownerIndex(key);
  }

  /** The node that owns `key`. */
  owner(key: string): TopologyNode | undefined {
    return this.#route?.ring.owner(key);
  }

  /** The connection to the owner of `key`, or undefined if no node is active. */
  connectionOf(key: string): Connection | undefined {
    const route = this.#route;
    return route === undefined ? undefined : route.connections[route.ring.ownerIndex(key)];
  }

  /** Puts a topology in force. */
  apply(document: TopologyDocument): void {
    const ring = buildRing(document);
    const peers = new Map<string, Peer>();
    const connections = ring.nodes.map((node) => {
      const address = addressOf(node);
      const peer = peers.get(address) ?? this.#peers.get(address) ?? this.#connect(node);
      peer.node = node;
      peers.set(address, peer);
      return peer.connection;
    });
    const leaving = [...this.#peers].filter(([address]) => !peers.has(address));
    this.#peers = peers;
    this.#route = { document, ring, connections };
    for (const [, peer] of leaving) this.#drain(peer.connection);
  }

  /** Closes every connection, each after the replies that are due on it. */
  async close(): Promise<void> {
    for (const peer of this.#peers.values()) this.#drain(peer.connection);
    this.#peers = new Map();
    await Promise.all(this.#draining);
  }

  #connect(node: TopologyNode): Peer {
    const peer: { node: TopologyNode; connection?: Connection } = { node };
    const connection = this.#options.connect({
      host: node.ip === '' ? node.host : node.ip,
      port: node.port,
      onDown: (error) => this.#options.onDown(peer.node, error),
      onUp: () => this.#options.onUp(peer.node),
    });
    return Object.assign(peer, { connection });
  }

  #drain(connection: Connection): void {
    const closed = connection.close();
    this.#draining.add(closed);
    void closed.then(() => this.#draining.delete(closed));
  }
}

function addressOf(node: TopologyNode): string {
  return `${node.ip === '' ? node.host : node.ip} ${node.port}`;
}
