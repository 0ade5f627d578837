/**
 * The container's memory, from the process's own files: as Docker, systemd and Kubernetes mount them, in cgroup 1 and 2.
 * The trees of the first cases were read in containers with `-m 128m`.
 */
import { expect, describe, test } from 'vitest';
import { memoryLimit, whyTooMuch } from '../../src/daemon/memory-limit.ts';
import { startMemoryServer } from './support/memory-server.ts';

const MEGABYTE = 1024 * 1024;
const ID = '6c7942cc8d9ecd34fbfab3a726121c0814a9b358ec6d41ef7986953912cf7e4a';
const V2 = '30 23 0:26 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate\n';
const V1 = (root: string, at = '/sys/fs/cgroup/memory'): string =>
  `79 78 0:46 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n` +
  `80 79 0:29 ${root} /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n` +
  `83 79 0:32 ${root} ${at} ro,nosuid master:11 - cgroup cgroup rw,memory\n`;
const SLICE = '/kubepods.slice/kubepods-burstable.slice';

interface Tree {
  cgroup: string;
  mounts: string;
  files: Record<string, string | number>;
  expect: number | undefined;
}

function limitOf({ cgroup, mounts, files }: Tree): number | undefined {
  const all: Record<string, string | number> = {
    '/proc/self/cgroup': cgroup,
    '/proc/self/mountinfo': mounts,
    ...files,
  };
  return memoryLimit((path) =>
    Object.hasOwn(all, path) ? `${all[path]}${path.startsWith('/sys') ? '\n' : ''}` : undefined,
  );
}

describe('the limit', () => {
  test.each<[string, Tree]>([
    [
      'cgroup 2 in a namespace of its own',
      { cgroup: '0::/\n', mounts: V2, files: { '/sys/fs/cgroup/memory.max': 134217728 }, expect: 134217728 },
    ],
    [
      'cgroup 2 without a limit',
      { cgroup: '0::/\n', mounts: V2, files: { '/sys/fs/cgroup/memory.max': 'max' }, expect: undefined },
    ],
    [
      'cgroup 2 on the machine itself, which has no such file',
      { cgroup: '0::/\n', mounts: V2, files: {}, expect: undefined },
    ],
    [
      'cgroup 2, nested: the least of all above counts',
      {
        cgroup: `0::${SLICE}/pod1\n`,
        mounts: V2,
        files: {
          [`/sys/fs/cgroup${SLICE}/pod1/memory.max`]: 'max',
          [`/sys/fs/cgroup${SLICE}/memory.max`]: 300,
          '/sys/fs/cgroup/kubepods.slice/memory.max': 900,
        },
        expect: 300,
      },
    ],
    [
      'cgroup 2 of the host, of which only our part is mounted',
      {
        cgroup: `0::/docker/${ID}\n`,
        mounts: V2.replace(' / /sys', ` /docker/${ID} /sys`),
        files: { '/sys/fs/cgroup/memory.max': 77 },
        expect: 77,
      },
    ],
    [
      'cgroup 2, moved out of the namespace',
      { cgroup: '0::/../other\n', mounts: V2, files: { '/sys/fs/cgroup/memory.max': 5 }, expect: 5 },
    ],
    [
      'cgroup 1 in a container',
      {
        cgroup: `9:name=systemd:/docker/${ID}\n4:memory:/docker/${ID}\n0::/docker/${ID}\n`,
        mounts: V1(`/docker/${ID}`),
        files: { '/sys/fs/cgroup/memory/memory.limit_in_bytes': 134217728 },
        expect: 134217728,
      },
    ],
    [
      'cgroup 1 without a limit',
      {
        cgroup: '4:memory:/\n',
        mounts: V1('/'),
        files: { '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712' },
        expect: undefined,
      },
    ],
    [
      'cgroup 1, nested, with its controllers together and a space in the path',
      {
        cgroup: '4:cpu,memory:/a/b\n',
        mounts: V1('/', String.raw`/sys/fs/my\040groups`),
        files: {
          '/sys/fs/my groups/a/b/memory.limit_in_bytes': 500,
          '/sys/fs/my groups/a/memory.limit_in_bytes': 400,
          '/sys/fs/my groups/memory.limit_in_bytes': '9223372036854771712',
        },
        expect: 400,
      },
    ],
    [
      'both, the memory being with cgroup 1',
      {
        cgroup: '4:memory:/x\n0::/y\n',
        mounts: V1('/') + V2.replace('/sys/fs/cgroup ', '/sys/fs/cgroup/unified '),
        files: { '/sys/fs/cgroup/memory/x/memory.limit_in_bytes': 600 },
        expect: 600,
      },
    ],
    ['a system without control groups', { cgroup: '', mounts: '', files: {}, expect: undefined }],
    [
      'what is no number',
      { cgroup: '0::/\n', mounts: V2, files: { '/sys/fs/cgroup/memory.max': 'x' }, expect: undefined },
    ],
  ])('%s', (_, tree) => {
    expect(limitOf(tree)).toBe(tree.expect);
  });
});

test('the arithmetic has items, index and program', () => {
  expect(whyTooMuch(64 * MEGABYTE, undefined)).toBeUndefined();
  expect(whyTooMuch(64 * MEGABYTE, 171 * MEGABYTE)).toBeUndefined();
  expect(whyTooMuch(64 * MEGABYTE, 170 * MEGABYTE)).toBe(
    '64m of items, 7m of index and 100m of program are 171m, and the container has 170m',
  );
});

test('cache_memlimit beyond the container is refused and changes nothing, and what fits is obeyed', async () => {
  let limit: number | undefined = 512 * MEGABYTE;
  const { connect } = await startMemoryServer({}, false, { memoryLimit: () => limit });
  const socket = connect();
  const tooMuch = '1024m of items, 103m of index and 100m of program are 1227m, and the container has 512m';
  expect(socket.ask('cache_memlimit 1024\r\n')).toBe(`MEMLIMIT_ADJUST_FAILED ${tooMuch}\r\n`);
  expect(socket.ask('stats\r\n')).toContain(`STAT limit_maxbytes ${64 * MEGABYTE}\r\n`);
  expect(socket.ask('cache_memlimit 256\r\n')).toBe('OK\r\n');
  expect(socket.ask('stats\r\n')).toContain(`STAT limit_maxbytes ${256 * MEGABYTE}\r\n`);
  // Of a container whose limit is raised while it runs.
  limit = undefined;
  expect(socket.ask('cache_memlimit 1024\r\n')).toBe('OK\r\n');
});
