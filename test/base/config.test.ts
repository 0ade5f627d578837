import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  describeOptions,
  durationMs,
  httpUrl,
  integer,
  oneOf,
  option,
  readCommand,
  readOptions,
  text,
  toggle,
} from '../../src/base/config.ts';
import { formatHostPort, hostPort, listenAddress, type HostPort } from '../../src/base/host-port.ts';
import { isFleetError } from '../../src/base/errors.ts';

const SPEC = {
  drainTimeout: option(durationMs, { env: 'X_DRAIN', default: '2s', help: 'how long to drain' }),
  daemon: option(hostPort, { short: 'd', help: 'the daemon' }),
  token: option(text, { env: ['X_FIRST', 'X_SECOND'], flag: false, help: 'the secret' }),
  verbose: toggle({ env: 'X_VERBOSE', help: 'say more' }),
};

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isFleetError(error, 'BAD_CONFIG')) return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('readOptions', () => {
  test('gives defaults, undefined without a default, and false for a toggle', () => {
    const options = readOptions(SPEC, [], {});
    expectTypeOf(options).toEqualTypeOf<{
      drainTimeout: number;
      daemon: HostPort | undefined;
      token: string | undefined;
      verbose: boolean;
    }>();
    expect(options).toEqual({ drainTimeout: 2000, daemon: undefined, token: undefined, verbose: false });
  });

  test('a flag wins over the environment, the environment over the default', () => {
    expect(readOptions(SPEC, ['--drain-timeout', '1ms'], { X_DRAIN: '3s' }).drainTimeout).toBe(1);
    expect(readOptions(SPEC, ['--drain-timeout=5m'], {}).drainTimeout).toBe(300_000);
    expect(readOptions(SPEC, [], { X_DRAIN: '3s' }).drainTimeout).toBe(3000);
  });

  test('an empty variable counts as unset, and the first that is set wins', () => {
    expect(readOptions(SPEC, [], { X_FIRST: '', X_SECOND: 'b' }).token).toBe('b');
    expect(readOptions(SPEC, [], { X_FIRST: 'a', X_SECOND: 'b' }).token).toBe('a');
    expect(readOptions(SPEC, [], { X_DRAIN: '' }).drainTimeout).toBe(2000);
  });

  test('toggles come from flags and from words for yes', () => {
    expect(readOptions(SPEC, ['--verbose'], {}).verbose).toBe(true);
    expect(readOptions(SPEC, [], { X_VERBOSE: 'yes' }).verbose).toBe(true);
    expect(readOptions(SPEC, [], { X_VERBOSE: '0' }).verbose).toBe(false);
    expect(messageOf(() => readOptions(SPEC, [], { X_VERBOSE: 'maybe' }))).toContain('X_VERBOSE');
  });

  test.each([
    [['--nope'], {}, "Unknown option '--nope'"],
    [['--token', 'x'], {}, "Unknown option '--token'"],
    [['--drain-timeout'], {}, '--drain-timeout'],
    [['word'], {}, 'unexpected argument "word"'],
    [['--drain-timeout', 'soon'], {}, '--drain-timeout: expected a duration such as 250ms, 30s or 5m, got "soon"'],
    [['-d', 'here'], {}, '--daemon: expected HOST:PORT (an IPv6 address in brackets), got "here"'],
    [[], { X_DRAIN: '7' }, 'X_DRAIN: expected a duration such as 250ms, 30s or 5m, got "7"'],
  ])('%j with %j is refused in one line that names what is wrong', (args, env, expected) => {
    const message = messageOf(() => readOptions(SPEC, args, env));
    expect(message).toContain(expected);
    expect(message).not.toContain('\n');
    expect(message).not.toContain('To specify');
  });
});

describe('readCommand', () => {
  test('gives the words beside the flags, and those after --', () => {
    expect(readCommand(SPEC, ['get', '--verbose', 'a', '--', '-b'], {}).words).toEqual(['get', 'a', '-b']);
  });
});

describe('describeOptions', () => {
  test('has a line for each option with its variable and default', () => {
    expect(describeOptions(SPEC)).toBe(
      [
        '  --drain-timeout DURATION  how long to drain (X_DRAIN; default 2s)',
        '  -d, --daemon HOST:PORT    the daemon',
        '  X_FIRST, X_SECOND         the secret',
        '  --verbose                 say more (X_VERBOSE)',
      ].join('\n'),
    );
  });
});

describe('parsers', () => {
  test.each([
    ['127.0.0.1:11211', { host: '127.0.0.1', port: 11211 }],
    ['cache-1:1', { host: 'cache-1', port: 1 }],
    ['[::1]:65535', { host: '::1', port: 65535 }],
    ['[fe80::1%eth0]:80', { host: 'fe80::1%eth0', port: 80 }],
  ])('hostPort reads %s and formatHostPort writes it back', (value, address) => {
    expect(hostPort.parse(value)).toEqual(address);
    expect(formatHostPort(address)).toBe(value);
  });

  test.each(['', ':80', 'a', 'a:', 'a:0', 'a:65536', '::1:80', '[::1]', 'a b:80', 'http://a:80', 'u@a:80'])(
    'hostPort refuses %j',
    (value) => {
      expect(() => hostPort.parse(value)).toThrow('HOST:PORT');
    },
  );

  test('only an address to listen on may have port 0', () => {
    expect(listenAddress.parse('127.0.0.1:0')).toEqual({ host: '127.0.0.1', port: 0 });
  });

  test('durations have units', () => {
    expect(['250ms', '1.5s', '2m', '1h', '0s'].map(durationMs.parse)).toEqual([250, 1500, 120_000, 3_600_000, 0]);
    for (const bad of ['', '5', 's', '-1s', '1 s', '1d', '1e3s'])
      expect(() => durationMs.parse(bad)).toThrow('duration');
  });

  test('integers are bounded', () => {
    const parser = integer(1, 1024);
    expect([parser.parse('1'), parser.parse('1024')]).toEqual([1, 1024]);
    for (const bad of ['', '0', '1025', '1.0', '0x10', ' 1', '1e3'])
      expect(() => parser.parse(bad)).toThrow('from 1 to 1024');
  });

  test('words come from their list', () => {
    expect(oneOf(['docker', 'static']).parse('static')).toBe('static');
    expect(() => oneOf(['docker', 'static']).parse('dns')).toThrow('one of docker, static');
  });

  test('URLs lose the slash at their end, other schemes are refused', () => {
    expect(httpUrl.parse('http://coordinator:8080/')).toBe('http://coordinator:8080');
    for (const bad of ['', 'coordinator:8080', 'ftp://a', '/x']) expect(() => httpUrl.parse(bad)).toThrow('URL');
  });
});
