/**
 * A daemon made of what a real memcached 1.6.38 once answered (test/sidecar/fixtures), on loopback, port 0. It can be
 * told to hang, and, as our own daemon does and memcached does not, to keep a cluster configuration.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';

/** One fixture as memcached sent it; the empty argument is plain `stats`. */
export function fixture(argument: string): string {
  const name = argument === '' ? 'stats' : `stats-${argument}`;
  return readFileSync(new URL(`../fixtures/${name}.txt`, import.meta.url), 'utf8').replaceAll('\n', '\r\n');
}

/** A fixture as the client would read it. */
export function fixtureStats(argument: string): Map<string, string> {
  const lines = fixture(argument).matchAll(/^STAT (\S+) (.*)\r$/gm);
  return new Map([...lines].map((match) => [match[1] ?? '', match[2] ?? '']));
}

export class FakeDaemon {
  /** Every command line in the order in which they came, `config set` with its payload. */
  readonly commands: string[] = [];
  /** Answers in place of the fixtures: argument of `stats` → whole answer. */
  readonly answers = new Map<string, string>();
  /** The token of `config set`; undefined makes it a stock memcached, which knows no `config`. */
  token: string | undefined;
  /** What `config get cluster` answers. */
  config: string | undefined;
  /** Takes no further connection. */
  full = false;
  #hung = false;
  /** What is to be answered once the daemon hangs no more. */
  #late: (() => void)[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async start(port = 0): Promise<FakeDaemon> {
    const server = createServer();
    const daemon = new FakeDaemon(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return daemon;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** While true, nothing is answered; then everything is, as by a process that was stopped and continued. */
  set hung(hung: boolean) {
    this.#hung = hung;
    if (hung) return;
    for (const answer of this.#late.splice(0)) answer();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    if (this.full) return void socket.end('ERROR Too many open connections\r\n');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (;;) {
        const end = text.indexOf('\r\n');
        if (end < 0) return;
        const line = text.slice(0, end);
        const bytes = /^config set cluster 0 (\d+) /.exec(line)?.[1];
        const whole = end + 2 + (bytes === undefined ? 0 : Number(bytes) + 2);
        if (text.length < whole) return;
        const payload = bytes === undefined ? '' : text.slice(end + 2, whole - 2);
        text = text.slice(whole);
        this.commands.push(payload === '' ? line : `${line}\n${payload}`);
        const answer = (): void => void socket.write(this.#answer(line, payload));
        if (this.#hung) this.#late.push(answer);
        else answer();
      }
    });
  }

  #answer(line: string, payload: string): string {
    const [command, ...words] = line.split(' ');
    if (command === 'stats') return this.answers.get(words[0] ?? '') ?? fixture(words[0] ?? '');
    if (command === 'version') return 'VERSION 1.6.38\r\n';
    if (command !== 'config' || this.token === undefined) return 'ERROR\r\n';
    if (words[0] === 'set') {
      if (words[4] !== this.token) return 'CLIENT_ERROR unauthorized\r\n';
      this.config = payload;
      return 'STORED\r\n';
    }
    if (this.config === undefined) return 'END\r\n';
    return `CONFIG cluster 0 ${this.config.length}\r\n${this.config}\r\nEND\r\n`;
  }
}
