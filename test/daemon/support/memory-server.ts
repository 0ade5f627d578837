/** A whole daemon in process, over a transport in memory and a clock that stands still. */
import { ManualClock } from '../../../src/base/clock.ts';
import { Server, type ServerParts } from '../../../src/daemon/server.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../../src/daemon/settings.ts';
import { until } from '../../support/until.ts';
import { MemoryTransport, type MemorySocket } from '../../support/memory-transport.ts';

export interface MemoryServer {
  server: Server;
  clock: ManualClock;
  /** What it has said on standard error. */
  lines: string[];
  connect: () => MemorySocket;
}

/** @param gathers whether its sockets take runs of bytes from where they lie, and put them where they belong */
export async function startMemoryServer(
  settings: Partial<Settings> = {},
  gathers = false,
  parts: Partial<ServerParts> = {},
): Promise<MemoryServer> {
  const clock = new ManualClock();
  const transport = new MemoryTransport(gathers);
  const lines: string[] = [];
  const server = new Server({
    settings: { ...DEFAULT_SETTINGS, ...settings },
    transport,
    productVersion: '0.0.0',
    clock,
    hashSeed: 1,
    log: { write: (text) => void lines.push(text.trimEnd()), dropped: 0 },
    ...parts,
  });
  await server.listen();
  return { server, clock, lines, connect: () => transport.connect() };
}

/** The answer to a request that may come in pieces; it ends with END. */
export async function askAll(socket: MemorySocket, request: string): Promise<string> {
  let answer = socket.ask(request);
  await until(`the end of ${request.trim()}`, () =>
    (answer += socket.received().toString('latin1')).endsWith('END\r\n'),
  );
  return answer;
}

/** One general statistic. */
export function stat(socket: MemorySocket, name: string): number {
  const match = new RegExp(`STAT ${name} (\\S+)`).exec(socket.ask('stats\r\n'));
  if (match === null) throw new Error(`no stat ${name}`);
  return Number(match[1]);
}
