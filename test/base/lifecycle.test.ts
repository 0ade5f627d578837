import { EventEmitter } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { FleetError } from '../../src/base/errors.ts';
import { createLifecycle, listenError, reportFailure } from '../../src/base/lifecycle.ts';
import { silentLogger } from '../../src/base/log.ts';

function setUp() {
  const signals = new EventEmitter();
  const clock = new ManualClock();
  return { signals, clock, lifecycle: createLifecycle({ log: silentLogger, signals, clock, shutdownTimeoutMs: 1000 }) };
}

describe('lifecycle', () => {
  test.each(['SIGTERM', 'SIGINT'])('%s aborts once and closes in reverse order', async (name) => {
    const { signals, lifecycle } = setUp();
    const closed: string[] = [];
    lifecycle.onShutdown('first', () => closed.push('first'));
    lifecycle.onShutdown('second', async () => {
      await Promise.resolve();
      closed.push('second');
    });
    signals.emit(name);
    expect(lifecycle.signal.reason).toBe(name);
    await lifecycle.untilStopped();
    expect(closed).toEqual(['second', 'first']);
    expect(signals.listenerCount('SIGTERM') + signals.listenerCount('SIGINT')).toBe(0);
  });

  test('a close that fails does not keep the others from closing', async () => {
    const { lifecycle } = setUp();
    const closed: string[] = [];
    lifecycle.onShutdown('first', () => closed.push('first'));
    lifecycle.onShutdown('second', () => Promise.reject(new Error('no')));
    lifecycle.stop('enough');
    lifecycle.stop('again');
    await lifecycle.untilStopped();
    expect(closed).toEqual(['first']);
    expect(lifecycle.signal.reason).toBe('enough');
  });

  test('a close that hangs is waited for until the bound, or until a second signal', async () => {
    for (const give of ['bound', 'signal']) {
      const { signals, clock, lifecycle } = setUp();
      lifecycle.onShutdown('stuck', () => new Promise(() => {}));
      signals.emit('SIGTERM');
      const stopped = lifecycle.untilStopped();
      await new Promise(setImmediate);
      if (give === 'bound') clock.advance(1000);
      else signals.emit('SIGTERM');
      await stopped;
    }
  });
});

describe('failures', () => {
  test('a taken port becomes PORT_TAKEN that names the address', async () => {
    const first = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => first.once('listening', resolve));
    const { port } = first.address() as { port: number };
    const second = createServer().listen(port, '127.0.0.1');
    const error = await new Promise((resolve) => second.once('error', resolve));
    first.close();
    expect(listenError(error, { host: '127.0.0.1', port })).toMatchObject({
      code: 'PORT_TAKEN',
      message: `127.0.0.1:${port} is in use`,
    });
    const other = new Error('else');
    expect(listenError(other, { host: '127.0.0.1', port })).toBe(other);
  });

  test('an operating error is one line and a code, a defect is thrown on', () => {
    const lines: string[] = [];
    const codes = (['BAD_CONFIG', 'PORT_TAKEN', 'CONNECT_FAILED'] as const).map((code) =>
      reportFailure('sidecar', new FleetError(code, 'why'), (line) => lines.push(line)),
    );
    expect(codes).toEqual([64, 71, 1]);
    expect(lines).toEqual(Array(3).fill('memfleet sidecar: why\n'));
    expect(() => reportFailure('sidecar', new TypeError('x'), () => {})).toThrow(TypeError);
  });
});
