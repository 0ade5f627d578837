/** The daemon's flags: what each of them sets, in every form that getopt takes, and one clear line for every mistake. */
import { describe, expect, test } from 'vitest';
import { FleetError } from '../../src/base/errors.ts';
import { deriveToken } from '../../src/base/token.ts';
import { readDaemonOptions } from '../../src/daemon/options/options.ts';
import type { Settings } from '../../src/daemon/settings.ts';

const MEGABYTE = 1024 * 1024;

function read(
  line: string,
  env: Record<string, string> = {},
): Settings & { user?: string | undefined; pidFile?: string | undefined } {
  const request = readDaemonOptions(line === '' ? [] : line.split(' '), env);
  if (request.kind !== 'run') throw new Error(`'${line}' asks for ${request.kind}`);
  return { ...request.settings, user: request.user, pidFile: request.pidFile };
}

describe('flags', () => {
  test.each<[string, Partial<ReturnType<typeof read>>]>([
    [
      '',
      { port: 11211, maxBytes: 64 * MEGABYTE, maxConnections: 1024, itemSizeMax: MEGABYTE, evictionDisabled: false },
    ],
    ['', { listen: [{ host: '0.0.0.0', port: 11211 }], verbosity: 0, configToken: undefined }],
    ['-p 0', { listen: [], port: 0, listenUdp: [] }],
    ['-p 0 -l a:1', { listen: [], port: 0 }],
    ['-p -1', { listen: [{ host: '0.0.0.0', port: 0 }], port: -1 }],
    ['-p -1 -l a,b:5,c:0,d:-1', { listen: ['a', 'b', 'c', 'd'].map((host) => ({ host, port: host === 'b' ? 5 : 0 })) }],
    [
      '-U 7',
      { port: 7, udpPort: 7, listen: [{ host: '0.0.0.0', port: 7 }], listenUdp: [{ host: '0.0.0.0', port: 7 }] },
    ],
    ['-U 7 -p 8', { port: 8, udpPort: 7, listenUdp: [{ host: '0.0.0.0', port: 7 }] }],
    ['-p 0 -U 7', { port: 0, listen: [], listenUdp: [{ host: '0.0.0.0', port: 7 }] }],
    ['-U -1', { port: -1, udpPort: -1, listenUdp: [{ host: '0.0.0.0', port: 0 }] }],
    ['-U 0', { port: 11211, udpPort: 0, listenUdp: [] }],
    // An address's own port is for both.
    ['-U 7 -p 8 -l a,b:9,proto[ascii]:b:9', { listenUdp: [7, 9].map((port, i) => ({ host: 'ab'[i], port })) }],
    ['-U 7 -s /tmp/x', { listenUdp: [] }],
    ['-l a -l a', { listen: [{ host: 'a', port: 11211 }] }],
    ['-p12000', { port: 12000, listen: [{ host: '0.0.0.0', port: 12000 }] }],
    ['--port=12000', { port: 12000 }],
    ['--port 12000', { port: 12000 }],
    ['-l 127.0.0.1', { listen: [{ host: '127.0.0.1', port: 11211 }], inter: '127.0.0.1' }],
    ['-l 127.0.0.1 -p 5', { listen: [{ host: '127.0.0.1', port: 5 }] }],
    [
      '-l a:1,b',
      {
        listen: [
          { host: 'a', port: 1 },
          { host: 'b', port: 11211 },
        ],
        inter: 'a:1,b',
      },
    ],
    [
      '-l a -l b:2',
      {
        listen: [
          { host: 'a', port: 11211 },
          { host: 'b', port: 2 },
        ],
      },
    ],
    ['-l [::1]:7', { listen: [{ host: '::1', port: 7 }] }],
    ['-l [::1]', { listen: [{ host: '::1', port: 11211 }] }],
    ['-l ::1', { listen: [{ host: '::1', port: 11211 }] }],
    ['-l fe80::1:2', { listen: [{ host: 'fe80::1:2', port: 11211 }] }],
    // memcached takes any beginning of a protocol's name, and leaves -B to a word that is none.
    ['-l proto[ascii]:a:1', { listen: [{ host: 'a', port: 1, protocol: 'ascii' }] }],
    ['-l proto[bin]:[::1]:1', { listen: [{ host: '::1', port: 1, protocol: 'binary' }] }],
    ['-l proto[negotiating]:a -B ascii', { listen: [{ host: 'a', port: 11211, protocol: 'auto' }] }],
    ['-l proto[bogus]:a;tag_x_:b;tag[12345678]:c', { listen: ['a', 'b', 'c'].map((host) => ({ host, port: 11211 })) }],
    [
      '-s /tmp/x --sidecar-socket=/tmp/y',
      {
        listen: [
          { path: '/tmp/x', mode: 0o700 },
          { path: '/tmp/y', mode: 0o600, protocol: 'ascii', isPrivate: true },
        ],
      },
    ],
    ['-s /tmp/x', { listen: [{ path: '/tmp/x', mode: 0o700 }], domainSocket: '/tmp/x', port: 11211 }],
    ['-s /tmp/x -a 0666', { listen: [{ path: '/tmp/x', mode: 0o666 }] }],
    ['-m 128', { maxBytes: 128 * MEGABYTE }],
    ['-m 4096', { maxBytes: 4096 * MEGABYTE }],
    ['-M', { evictionDisabled: true }],
    ['-c 5', { maxConnections: 5 }],
    ['-I 2m', { itemSizeMax: 2 * MEGABYTE }],
    ['-I 512k', { itemSizeMax: 512 * 1024 }],
    ['-I 2048', { itemSizeMax: 2048 }],
    ['-I 1G -m 4096', { itemSizeMax: 1024 * MEGABYTE }],
    ['-t 4', { threads: 4 }],
    ['-v', { verbosity: 1 }],
    ['-vvv', { verbosity: 3 }],
    ['-vMv', { verbosity: 2, evictionDisabled: true }],
    ['-b 5', { backlog: 5 }],
    ['-f 1.25', { growthFactor: 1.25 }],
    ['-F', { flushEnabled: false }],
    ['-A', { shutdownEnabled: true }],
    ['-U 0 -k -r', { port: 11211 }],
    ['-u nobody', { user: 'nobody' }],
    ['-P /tmp/pid', { pidFile: '/tmp/pid' }],
    ['--eviction=s3fifo', { eviction: 's3fifo' }],
  ])('%s', (line, expected) => {
    expect(read(line)).toMatchObject(expected);
  });

  test('-h and -V ask for text, whatever else is there', () => {
    expect(readDaemonOptions(['-p', '1', '-h'], {}).kind).toBe('help');
    expect(readDaemonOptions(['-vV'], {}).kind).toBe('version');
    expect(readDaemonOptions(['--help'], {}).kind).toBe('help');
    expect(readDaemonOptions(['--version'], {}).kind).toBe('version');
  });

  test('the token of the configuration comes from the environment; its own name wins', () => {
    expect(read('', { MEMFLEET_TOKEN: 'a' }).configToken).toBe(deriveToken('a', 'config'));
    expect(read('', { MEMFLEET_TOKEN: 'a', MEMFLEET_CONFIG_TOKEN: 'b' }).configToken).toBe('b');
    expect(read('', { MEMFLEET_TOKEN: '' }).configToken).toBeUndefined();
  });

  test('one reading leaves nothing for the next', () => {
    read('-l a -m 128 -vv');
    expect(read('')).toMatchObject({ inter: '', maxBytes: 64 * MEGABYTE, verbosity: 0 });
  });

  test.each([
    ['stray', "'stray'"],
    ['-', "'-'"],
    ['-Q', "'-Q'"],
    ['--bogus', "'--bogus'"],
    ['-p', '-p'],
    ['-p x', '-p x'],
    ['-p 65536', '65535'],
    ['-p -2', '-p -2'],
    ['-m 0', '-m 0'],
    ['-m 1.5', '-m 1.5'],
    ['-m 17000', '-m 17000'],
    ['-c 0', '-c 0'],
    ['-I 1', '1k'],
    ['-I 2g -m 8192', '1024m'],
    ['-I x', '-I x'],
    ['-I 33m', 'half'],
    ['-m 1024 -I 1g', 'half'],
    ['-U x', '-U x'],
    ['-a 9', '-a 9'],
    ['-f 1', '-f 1'],
    ['-f x', '-f x'],
    ['-t 0', '-t 0'],
    ['-b -1', '-b -1'],
    ['-l a:b', 'a:b'],
    ['-l proto[proxy]:a', 'proxy'],
    ['-l proto[ascii:a', 'proto[ascii'],
    ['-l tag[]:a', 'a tag has 1 to 8'],
    ['-l tag[123456789]:a', 'a tag has 1 to 8'],
    ['-l tag[a]:proto[ascii]:b', 'tag[a]'],
    ['-l btls:a', "'btls' needs -Z"],
    ['-l notls:a', "'notls' needs -Z"],
    ['-Y users -l proto[binary]:a', '-Y'],
    ['-l a:70000', '70000'],
    ['--eviction=random', 'random'],
  ])('%s is refused with one line that names it', (line, mention) => {
    let failure: unknown;
    try {
      read(line);
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(FleetError);
    expect(failure).toMatchObject({ code: 'BAD_CONFIG', message: expect.stringContaining(mention) });
    expect((failure as Error).message).not.toContain('\n');
  });
});
