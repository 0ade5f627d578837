/**
 * How much memory the container has: the least limit of our own control group and of those around it, in cgroup 1 and 2.
 * What is read is in the process's own files, so it holds wherever the hierarchy is mounted, with and without a cgroup
 * namespace. The file system is a parameter.
 */
import { readFileSync } from 'node:fs';
import { INDEX_SHARE, PROGRAM_BYTES } from './limits.ts';

/** The text of a file; undefined if it is not there. */
export type ReadText = (path: string) => string | undefined;

/** Where a memory hierarchy is mounted, which part of it, and the file with a group's limit. */
interface Hierarchy {
  /** The group that is at the mount point. */
  root: string;
  mountPoint: string;
  limitFile: 'memory.max' | 'memory.limit_in_bytes';
}

/** From here on a number means that there is no limit: cgroup 1 says 2^63 less a page. */
const UNLIMITED_BYTES = 2 ** 60;
const MEGABYTE = 1024 * 1024;

/** The container's limit in bytes; undefined without one. */
export function memoryLimit(read: ReadText = readText): number | undefined {
  const groups = read('/proc/self/cgroup') ?? '';
  const mounts = read('/proc/self/mountinfo') ?? '';
  const limits = memoryHierarchies(mounts).flatMap((hierarchy) =>
    limitFiles(hierarchy, ownGroup(groups, hierarchy)).map((path) => parseLimit(read(path))),
  );
  const least = Math.min(...limits);
  return least < UNLIMITED_BYTES ? least : undefined;
}

/** What a daemon needs for so many bytes of items: theirs, the index, and the program. */
export function bytesNeeded(itemBytes: number): number {
  return Math.ceil(itemBytes * (1 + INDEX_SHARE)) + PROGRAM_BYTES;
}

/** Why so many bytes of items are more than the container has, with the arithmetic; undefined if they are not. */
export function whyTooMuch(itemBytes: number, limitBytes: number | undefined): string | undefined {
  if (limitBytes === undefined || bytesNeeded(itemBytes) <= limitBytes) return undefined;
  const [items, index, program] = [itemBytes, itemBytes * INDEX_SHARE, PROGRAM_BYTES].map(megabytes);
  const all = megabytes(bytesNeeded(itemBytes));
  return `${items}m of items, ${index}m of index and ${program}m of program are ${all}m, and the container has ${megabytes(limitBytes)}m`;
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / MEGABYTE);
}

/** proc(5), mountinfo: … root mount-point options [tags] - type source super-options. */
function memoryHierarchies(mountinfo: string): Hierarchy[] {
  return mountinfo.split('\n').flatMap((line): Hierarchy[] => {
    const [mount = '', fileSystem = ''] = line.split(' - ');
    const [, , , root = '', mountPoint = ''] = mount.split(' ').map(unescape);
    const [type, , options = ''] = fileSystem.split(' ');
    if (type === 'cgroup2') return [{ root, mountPoint, limitFile: 'memory.max' }];
    const isMemory = type === 'cgroup' && options.split(',').includes('memory');
    return isMemory ? [{ root, mountPoint, limitFile: 'memory.limit_in_bytes' }] : [];
  });
}

/** mountinfo writes what would end a field in octal. */
function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

/** Our group in a hierarchy, by the lines of /proc/self/cgroup: id, controllers, path; those of cgroup 2 have none. */
function ownGroup(groups: string, { limitFile }: Hierarchy): string {
  for (const line of groups.split('\n')) {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (line === '') continue;
    const isOurs = limitFile === 'memory.max' ? controllers === '' : controllers.split(',').includes('memory');
    if (isOurs) return path;
  }
  return '/';
}

/** The files with the limits of our group and of all above it that can be seen. */
function limitFiles({ root, mountPoint, limitFile }: Hierarchy, group: string): string[] {
  const inside = root === '/' ? group : group.startsWith(`${root}/`) ? group.slice(root.length) : '/';
  // A group outside of the namespace is told as a way up (/../other), where nothing can be seen.
  const names = inside.includes('..') ? [] : inside.split('/').filter((name) => name !== '');
  return Array.from({ length: names.length + 1 }, (_, depth) =>
    [mountPoint, ...names.slice(0, depth), limitFile].join('/'),
  );
}

function parseLimit(text: string | undefined): number {
  const word = text?.trim() ?? '';
  return /^\d+$/.test(word) ? Number(word) : Infinity;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
