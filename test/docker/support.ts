/**
 * Driving Docker from the tests: commands, a compose project that belongs to one test file alone, the engine's events
 * with their times, and a follower of the coordinator's server-sent events. Everything a project makes is gone after
 * `down()`, also when a test failed half-way.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { TopologyDocument } from '../../src/topology/document.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** The tests' own tag: a developer's `memfleet:latest` stays what it is. */
export const IMAGE = 'memfleet:test';

/** What compose.yaml gives every container of ours. */
export const HARDENED = (
  '--init --read-only --cap-drop ALL --security-opt no-new-privileges:true ' +
  '--tmpfs /tmp:size=16m --memory 512m --pids-limit 128'
).split(' ');

/** What throw-away containers run: the base of our own image, so it is there wherever that was built. */
const NODE_IMAGE = 'node:24-bookworm-slim';

/** How long a container may run that only answers one question. */
const COMMAND_TIMEOUT_MS = 300_000;

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end; does not reject on a non-zero code. */
export async function run(
  command: string,
  args: readonly string[],
  options: { input?: string; env?: Record<string, string> } = {},
): Promise<Finished> {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...options.env },
    timeout: COMMAND_TIMEOUT_MS,
    stdio: 'pipe',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // A command that has ended before it was told that there is no input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** Runs `docker` and answers with its standard output; rejects with all it said if it fails. */
export async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('docker', args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  return stdout.trim();
}

/**
 * Builds the image under the tests' tag; after the first time the engine's cache makes this a second's work. Its label
 * is on every container of it, so that what a cut-off run left can be found.
 */
export async function buildImage(): Promise<void> {
  const secret = ['--secret', `id=ca,src=${process.env['BUILD_CA_FILE'] ?? '/dev/null'}`];
  await docker(
    'build',
    '--progress',
    'plain',
    '-f',
    'docker/Dockerfile',
    '-t',
    IMAGE,
    '--label',
    'memfleet.test=image',
    ...secret,
    '.',
  );
}

/** Asks again and again until the answer is neither undefined nor an error. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 60_000,
): Promise<T> {
  const deadlineMs = Date.now() + timeoutMs;
  let last: unknown = 'no answer yet';
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: last });
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

/** A port of this machine that is free now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** One event of the engine, as far as the tests look at it. */
export interface EngineEvent {
  action: string;
  container: string;
  signal: string | undefined;
  atMs: number;
}

/** A compose project with a name and ports of its own. */
export class Project {
  readonly name: string;
  readonly #env: Record<string, string>;
  #watcher: ChildProcess | undefined;

  /** What the engine did to this project's containers since `watch()`. */
  readonly events: EngineEvent[] = [];

  constructor(name: string, env: Record<string, string>) {
    this.name = name;
    this.#env = { ...env, MEMFLEET_IMAGE: IMAGE };
  }

  /** A project whose name no other run has, on ports that are free. */
  static async create(purpose: string, env: Record<string, string> = {}): Promise<Project> {
    const ports: Record<string, string> = {};
    for (const name of ['HTTP', 'DISCOVERY', 'PROMETHEUS', 'GRAFANA']) {
      ports[`MEMFLEET_${name}_PORT`] = String(await freePort());
    }
    return new Project(`memfleet-test-${purpose}-${process.pid}`, { ...ports, ...env });
  }

  /** The address of one of the published ports, for example `HTTP`. */
  url(port: 'HTTP' | 'DISCOVERY' | 'PROMETHEUS'): string {
    return `http://127.0.0.1:${this.#env[`MEMFLEET_${port}_PORT`]}`;
  }

  /** Runs `docker compose` on this project. */
  async compose(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run('docker', ['compose', '-p', this.name, ...args], { env: this.#env });
    if (code !== 0) throw new Error(`docker compose ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
    return stdout.trim();
  }

  /** Runs a script with Node in a throw-away container on the fleet's network; answers with its output. */
  async node(script: string): Promise<string> {
    return await this.#runNode(['--network', `${this.name}_fleet`], script);
  }

  /** As {@link node}, with what the coordinator has of the proxy in front of Docker: the volume with its socket. */
  async nodeBesideProxy(script: string): Promise<string> {
    return await this.#runNode(['--network', 'none', '-v', `${this.name}_docker-api:/run/docker-api:ro`], script);
  }

  async #runNode(options: readonly string[], script: string): Promise<string> {
    const args = ['run', '--rm', '-i', ...options, NODE_IMAGE, 'node', '--input-type=module', '-'];
    const { code, stdout, stderr } = await run('docker', args, { input: script });
    if (code !== 0) throw new Error(`the script ended with ${code}:\n${stdout}${stderr}`);
    return stdout.trim();
  }

  /** The names of the project's containers of one service that run, in order. */
  async containers(service: string): Promise<string[]> {
    const names = await this.compose('ps', '--format', '{{.Name}}', service);
    return names
      .split('\n')
      .filter((name) => name !== '')
      .sort();
  }

  /** Begins to collect the engine's events. */
  async watch(): Promise<void> {
    const filter = `label=com.docker.compose.project=${this.name}`;
    const child = spawn('docker', ['events', '--since', '1s', '--filter', filter, '--format', '{{json .}}'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#watcher = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line) as {
        Action: string;
        timeNano: number;
        Actor: { Attributes: Record<string, string> };
      };
      this.events.push({
        action: event.Action,
        container: event.Actor.Attributes['name'] ?? '',
        signal: event.Actor.Attributes['signal'],
        atMs: event.timeNano / 1e6,
      });
    });
    await once(child, 'spawn');
  }

  /** What the containers said, for a failure's message. */
  async logs(): Promise<string> {
    return await this.compose('logs', '--no-color', '--tail', '200');
  }

  /** Removes containers, networks and volumes. */
  async down(): Promise<void> {
    this.#watcher?.kill();
    await this.compose('down', '-v', '--remove-orphans', '-t', '5');
  }
}

/** A topology document and when it came. */
export interface Arrival {
  document: TopologyDocument;
  atMs: number;
}

/** Follows a coordinator's server-sent events, noting when each document came. */
export class Follower {
  readonly arrivals: Arrival[] = [];
  readonly #abort = new AbortController();
  readonly #url: string;

  constructor(coordinator: string) {
    this.#url = `${coordinator}/v1/topology/events`;
  }

  /** The document that came last. */
  get newest(): TopologyDocument | undefined {
    return this.arrivals.at(-1)?.document;
  }

  /** Resolves when the stream is open; documents come from then on. */
  async start(): Promise<void> {
    const response = await fetch(this.#url, { signal: this.#abort.signal });
    if (!response.ok || response.body === null) throw new Error(`${this.#url} answered ${response.status}`);
    void this.#read(response.body).catch(() => undefined);
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = '';
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      text += chunk.replaceAll('\r\n', '\n');
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const data = text
          .slice(0, end)
          .split('\n')
          .filter((line) => line.startsWith('data:'))
          .map((line) => line.slice('data:'.length).trimStart());
        text = text.slice(end + 2);
        if (data.length > 0) {
          this.arrivals.push({ document: JSON.parse(data.join('\n')) as TopologyDocument, atMs: Date.now() });
        }
      }
    }
  }

  /** The first document after `sinceMs` that satisfies `condition`, waited for. */
  async first(what: string, sinceMs: number, condition: (document: TopologyDocument) => boolean): Promise<Arrival> {
    return await eventually(what, () =>
      this.arrivals.find(({ document, atMs }) => atMs >= sinceMs && condition(document)),
    );
  }

  stop(): void {
    this.#abort.abort();
  }
}
