import { expect, test } from 'vitest';
import { planLocalFleet } from '../../src/cli/local-fleet.ts';

const options = {
  nodes: 2,
  daemonPort: 11211,
  sidecarPort: 9151,
  coordinatorPort: 8080,
  discoveryPort: 11210,
  daemonFlags: ['-m', '256'],
  configToken: 'secret',
  logLevel: 'warn',
};

test('a plan names every process with its ports and flags', () => {
  const plan = planLocalFleet(options);
  expect(plan.coordinatorUrl).toBe('http://127.0.0.1:8080');
  expect([...plan.core, ...plan.sidecars].map((child) => `${child.name}: ${child.args.join(' ')}`)).toEqual([
    'daemon node-1: daemon -m 256 -l 127.0.0.1 -p 11211',
    'daemon node-2: daemon -m 256 -l 127.0.0.1 -p 11212',
    'coordinator: coordinator --listen 127.0.0.1:8080 --discovery-listen 127.0.0.1:11210 --discover static ' +
      '--nodes node-1=127.0.0.1:11211=http://127.0.0.1:9151,node-2=127.0.0.1:11212=http://127.0.0.1:9152',
    'sidecar node-1: sidecar --daemon 127.0.0.1:11211 --listen 127.0.0.1:9151 --name node-1 --coordinator http://127.0.0.1:8080',
    'sidecar node-2: sidecar --daemon 127.0.0.1:11212 --listen 127.0.0.1:9152 --name node-2 --coordinator http://127.0.0.1:8080',
  ]);
});

test('the secret is in the environment, where no process list shows it', () => {
  const plan = planLocalFleet(options);
  for (const child of [...plan.core, ...plan.sidecars]) {
    expect(child.env).toMatchObject({ MEMFLEET_CONFIG_TOKEN: 'secret' });
    expect(child.args.join(' ')).not.toContain('secret');
  }
});

test.each([
  [{ daemonPort: 11209 }, 'port 11210 would be used twice'],
  [{ daemonPort: 65_535 }, 'port 65536 is above 65535'],
  [{ sidecarPort: 8079 }, 'port 8080 would be used twice'],
])('%j is refused', (change, message) => {
  expect(() => planLocalFleet({ ...options, ...change })).toThrow(
    expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringContaining(message) }),
  );
});
