/**
 * A memcached in miniature, in process, for tests of the client that need a peer and no more: get gets gat set add
 * replace append prepend cas incr decr touch delete version stats flush_all, and mg without its value. It counts what it is asked.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

interface Item {
  flags: string;
  exptime: number;
  data: string;
  cas: number;
}

export class TinyMemcached implements AsyncDisposable {
  readonly items = new Map<string, Item>();
  /** The command lines that came, oldest first. */
  readonly lines: string[] = [];
  readonly sockets = new Set<Socket>();
  #cas = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async start(): Promise<TinyMemcached> {
    const server = createServer();
    const tiny = new TinyMemcached(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return tiny;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (;;) {
        const end = text.indexOf('\r\n');
        if (end === -1) return;
        const words = text.slice(0, end).split(' ');
        const stores = /^(set|add|replace|append|prepend|cas)$/.test(words[0] ?? '');
        const used = end + 2 + (stores ? Number(words[4]) + 2 : 0);
        if (text.length < used) return;
        this.lines.push(text.slice(0, end));
        const data = stores ? text.slice(end + 2, used - 2) : '';
        text = text.slice(used);
        socket.write(this.#answer(words, data), 'latin1');
      }
    });
  }

  #answer(words: string[], data: string): string {
    const [verb = '', key = '', a = '', b = ''] = words;
    const item = this.items.get(key);
    if (verb === 'get' || verb === 'gets') return this.#values(words.slice(1), verb === 'gets');
    if (verb === 'gat') return this.#values(words.slice(2), false);
    if (verb === 'mg') {
      return item === undefined ? 'EN\r\n' : `HD s${item.data.length} f${item.flags} c${item.cas} t-1 l0 h0\r\n`;
    }
    if (verb === 'version') return 'VERSION 1.6.0\r\n';
    if (verb === 'stats') return `STAT curr_items ${this.items.size}\r\nSTAT argument ${key} x\r\nEND\r\n`;
    if (verb === 'flush_all') {
      this.items.clear();
      return 'OK\r\n';
    }
    if (verb === 'delete') return this.items.delete(key) ? 'DELETED\r\n' : 'NOT_FOUND\r\n';
    if (verb === 'touch') return item === undefined ? 'NOT_FOUND\r\n' : 'TOUCHED\r\n';
    if (verb === 'incr' || verb === 'decr') {
      if (item === undefined) return 'NOT_FOUND\r\n';
      if (!/^\d+$/.test(item.data)) return 'CLIENT_ERROR cannot increment or decrement non-numeric value\r\n';
      item.data = String(BigInt.asUintN(64, BigInt(item.data) + (verb === 'incr' ? 1n : -1n) * BigInt(a)));
      return `${item.data}\r\n`;
    }
    return this.#store(verb, key, a, Number(b), data, words[5]);
  }

  #values(keys: string[], withCas: boolean): string {
    const found = keys.map((key) => {
      const item = this.items.get(key);
      if (item === undefined) return '';
      const cas = withCas ? ` ${item.cas}` : '';
      return `VALUE ${key} ${item.flags} ${item.data.length}${cas}\r\n${item.data}\r\n`;
    });
    return `${found.join('')}END\r\n`;
  }

  #store(verb: string, key: string, flags: string, exptime: number, data: string, cas: string | undefined): string {
    const item = this.items.get(key);
    if (verb === 'cas' && item === undefined) return 'NOT_FOUND\r\n';
    if (verb === 'cas' && String(item?.cas) !== cas) return 'EXISTS\r\n';
    if (verb === 'add' ? item !== undefined : verb !== 'set' && item === undefined) return 'NOT_STORED\r\n';
    this.#cas += 1;
    const joined = verb === 'append' ? `${item?.data}${data}` : verb === 'prepend' ? `${data}${item?.data}` : data;
    const kept = verb === 'append' || verb === 'prepend' ? item : undefined;
    this.items.set(key, { flags: kept?.flags ?? flags, exptime, data: joined, cas: this.#cas });
    return 'STORED\r\n';
  }
}
