import { describe, expect, test } from 'vitest';
import { asksForHelp, wayToDaemon, splitDaemonFlags } from '../../src/cli/daemon-flags.ts';

const words = (line: string): string[] => line.split(' ').filter((word) => word !== '');

describe('where a daemon will listen', () => {
  test.each([
    ['', '127.0.0.1', 11211],
    ['-m 256 -vv -c 4096', '127.0.0.1', 11211],
    ['-p 11300', '127.0.0.1', 11300],
    ['-p11300 -m64', '127.0.0.1', 11300],
    ['-vp 11300', '127.0.0.1', 11300],
    ['--port=11300', '127.0.0.1', 11300],
    ['--port 11300 --memory-limit=64', '127.0.0.1', 11300],
    ['-l 0.0.0.0', '127.0.0.1', 11211],
    ['-l *', '127.0.0.1', 11211],
    ['-l :: -p 11300', '::1', 11300],
    ['-l 10.1.2.3', '10.1.2.3', 11211],
    ['-l 10.1.2.3:11400,127.0.0.1 -p 1', '10.1.2.3', 11400],
    ['-l [fd00::1]:11400', 'fd00::1', 11400],
    ['--listen=cache.local', 'cache.local', 11211],
    ['-m -p', '127.0.0.1', 11211],
    ['-U 11300', '127.0.0.1', 11300],
    ['--udp-port=11300', '127.0.0.1', 11300],
    ['-U 11300 -p 11301', '127.0.0.1', 11301],
    ['-U 0', '127.0.0.1', 11211],
  ])('%j → %s:%i', (line, host, port) => {
    expect(wayToDaemon(words(line))).toEqual({ host, port });
  });

  test.each(['-p x', '-p 65536', '-U x', '-l 127.0.0.1:70000'])('%j has no port for a sidecar to ask', (line) => {
    expect(() => wayToDaemon(words(line))).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });

  test.each(['-d', '-vd', '--daemon -p 11300'])('%j would leave its node behind', (line) => {
    expect(() => wayToDaemon(words(line))).toThrow('-d cannot be used here');
  });

  test.each([
    '-s /tmp/socket',
    '-p 0',
    '-p 0 -U 11300',
    '-p 0 -l 127.0.0.1:11300',
    '-p -1',
    '-U -1',
    '-l 127.0.0.1:0',
    '-l [::1]:-1',
    '-vs /tmp/socket',
    '--unix-socket=/tmp/socket -p 0',
    '-Z -o ssl_chain_cert=x',
    '--enable-ssl -p 11300',
    '-S',
    '-Y users',
    '--auth-file users',
    '-B binary',
    '-l proto[binary]:127.0.0.1:11300',
    '-l tag[a]:127.0.0.1:11300',
  ])('%j leaves a sidecar no port in the text protocol, so it gets a socket of its own', (line) => {
    expect(wayToDaemon(words(line))).toBe('private socket');
  });
});

test('help and version are asked for by a flag, not by a value', () => {
  expect(asksForHelp(['-h'])).toBe(true);
  expect(asksForHelp(['-m', '64', '-V'])).toBe(true);
  expect(asksForHelp(['-o', '-h', '-vv'])).toBe(false);
});

const split = (line: string) => splitDaemonFlags(words(line), ['--nodes', '--daemon-port'], ['--help', '-h']);

describe("what belongs to a local fleet and what to its daemons'", () => {
  test('long flags are ours, short ones with their values go on', () => {
    expect(split('--nodes 2 -m 256 -I2m --daemon-port=1200 -vvc 4096 -M')).toEqual({
      ours: ['--nodes', '2', '--daemon-port=1200'],
      others: ['-m', '256', '-I2m', '-vvc', '4096', '-M'],
    });
    expect(split('-h').ours).toEqual(['-h']);
    expect(split('--nodes').ours).toEqual(['--nodes']);
    expect(split('-n 48').others).toEqual(['-n', '48']);
  });

  test.each([
    ['-p 11300', '-p cannot be used'],
    ['-vl 0.0.0.0', '-l cannot be used'],
    ['-s /tmp/x', '-s cannot be used'],
    ['-U 11300', '-U cannot be used'],
    ['-d', '-d cannot be used'],
    ['--nodez 3', 'unknown option "--nodez"'],
    ['4', 'unexpected argument "4"'],
    ['-M 4', 'unexpected argument "4"'],
  ])('%j is refused', (line, message) => {
    expect(() => split(line)).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringContaining(message) }),
    );
  });
});
