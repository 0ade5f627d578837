/**
 * A cache container with compose's limits, full of items, and clients that have it hold memory. Goal: the kernel never
 * ends it, its health checks pass all along, and others are served. Method: the attacks of test/security/memory-attacks.ts
 * one after the other, and a log that is written faster than anybody reads; a new attack there is one here.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RawClient } from '../conformance/raw-client.ts';
import { ATTACKS, Attackers, Probe, carryOut, type Attack } from '../security/memory-attacks.ts';
import { describeWith } from '../support/requirements.ts';
import { buildImage, docker, eventually, HARDENED, IMAGE } from './support.ts';

const PORT = 11_211;
/** More of the smallest items than `-m 64` has room for. */
const ITEMS = 1_000_000;
const ITEMS_AT_ONCE = 5000;
const REQUESTS_LOGGED = 20_000;
/** As long as the probe must go on being answered behind an attack, in answers. */
const ANSWERS = 20;

function* fill(): Generator<Buffer> {
  for (let at = 0; at < ITEMS; at += ITEMS_AT_ONCE) {
    let text = '';
    for (let i = at; i < at + ITEMS_AT_ONCE; i++) text += `set ${i} 0 0 1 noreply\r\n1\r\n`;
    yield Buffer.from(text);
  }
}

/** What is looked at of what `docker inspect` says. */
interface Inspected {
  RestartCount: number;
  State: {
    Running: boolean;
    OOMKilled: boolean;
    Health: { Status: string; Log: { Start: string; ExitCode: number }[] };
  };
}

const WELL = { running: true, killed: false, restarts: 0, health: 'healthy', failedChecks: [] };

const CHATTER: Attack = {
  name: 'a log that has more to say than is read',
  connections: 20,
  prepare: () => [Buffer.from('verbosity 2\r\n')],
  send: () => Buffer.from(`get ${'k'.repeat(200)}\r\n`.repeat(REQUESTS_LOGGED)),
};

describeWith(['docker'], 'a container with the limits of compose.yaml', () => {
  beforeAll(async () => {
    await buildImage();
  });

  describe.each(['bun', 'node'])('on %s', (runtime) => {
    let container = '';
    let host = '';
    let healthyAtMs = 0;

    beforeAll(async () => {
      const options = [...HARDENED, '--restart', 'unless-stopped', '-e', 'NODE_OPTIONS=--max-old-space-size=64'];
      container = await docker('run', '-d', ...options, IMAGE, '-m', '64', '--runtime', runtime);
      host = await docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', container);
      const isHealthy = async (): Promise<true | undefined> =>
        (await docker('inspect', '-f', '{{.State.Health.Status}}', container)) === 'healthy' ? true : undefined;
      await eventually('it is healthy', isHealthy);
      healthyAtMs = Date.now();
      const client = await RawClient.connect(PORT, host);
      await carryOut(client, fill());
      client.destroy();
    });

    afterAll(async () => {
      if (container !== '') await docker('rm', '-f', container);
    });

    async function inspect(): Promise<Inspected> {
      return JSON.parse(await docker('inspect', '-f', '{{json .}}', container)) as Inspected;
    }

    /** What the engine says of it, but for the health checks before `healthyAtMs`. */
    async function state(): Promise<object> {
      const { State, RestartCount } = await inspect();
      return {
        running: State.Running,
        killed: State.OOMKilled,
        restarts: RestartCount,
        health: State.Health.Status,
        failedChecks: State.Health.Log.filter(
          ({ Start, ExitCode }) => ExitCode !== 0 && Date.parse(Start) > healthyAtMs,
        ),
      };
    }

    /** The most memory that it ever had, in MiB, for docs/docker.md. */
    async function peak(): Promise<number> {
      const files = '/sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory/memory.max_usage_in_bytes';
      const text = await docker('exec', container, 'sh', '-c', `cat ${files} 2>/dev/null || true`);
      return Math.round(Number(text.split('\n')[0]) / 2 ** 20);
    }

    test.each([...ATTACKS, CHATTER])('$name', async (attack) => {
      const client = await RawClient.connect(PORT, host);
      if (attack.prepare !== undefined) await carryOut(client, attack.prepare());
      const probe = new Probe(await RawClient.connect(PORT, host));
      const attackers = new Attackers();
      try {
        await attackers.strike(attack, PORT, host);
        if (attack.meanwhile !== undefined) await carryOut(client, attack.meanwhile());
        const answered = probe.tookMs.length + ANSWERS;
        await eventually('others are served', () => (probe.tookMs.length > answered ? true : undefined));
        await carryOut(client, [Buffer.from('verbosity 0\r\n')]);
      } finally {
        attackers.release();
      }
      await probe.stop();
      client.destroy();
      expect(await state()).toEqual(WELL);
      console.log(`${runtime}, after "${attack.name}": at most ${await peak()} MiB so far`);
    });

    test('and the next health check passes, too', async () => {
      const endMs = Date.now();
      await eventually('a health check', async () => {
        const { State } = await inspect();
        return State.Health.Log.some(({ Start }) => Date.parse(Start) > endMs) ? true : undefined;
      });
      expect(await state()).toEqual(WELL);
    });
  });
});
