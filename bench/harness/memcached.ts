/**
 * Finds the real memcached: MEMCACHED=path, else PATH, else the image `memcached:1.6`, whose files are taken out with
 * `docker export` and run here, so that it is pinned, started and measured exactly as ours is and no container's
 * seccomp filter slows its system calls.
 *
 * Versions matter: 1.6.18 (Debian 12) answers each pipelined request with a write of its own, which makes it several
 * times slower there than 1.6.38. If PATH has one older than {@link LEAST_VERSION} and the image has not, the image's
 * is taken.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Subject } from './server.ts';

/** The name of the memcached that is compared with, whatever its version. */
const NAME = 'memcached';
/** The official image; its tag follows the current release. */
const IMAGE = 'memcached:1.6';
/** From here on, responses to pipelined requests are written together. Older ones are only taken if named. */
const LEAST_VERSION = '1.6.38';
/** Where the files of the image go; node_modules is never checked in. */
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/memfleet-bench/', import.meta.url));

/** How to get one, for those who have none. */
export const HOW_TO_GET =
  `no memcached ${LEAST_VERSION} or newer found: set MEMCACHED=path, install one on PATH, ` +
  `or pull the image (docker pull ${IMAGE})`;

function output(command: string, ...args: string[]): string {
  return execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 120_000,
  }).trim();
}

/** Runs as the user who runs this: memcached refuses root unless it is told. */
function asUser(command: readonly string[]): string[] {
  return process.getuid?.() === 0 ? [...command, '-u', userInfo().username] : [...command];
}

/** A memcached given by its command; named after its version unless given a name. @throws Error if it does not tell its version */
export function memcachedAt(command: readonly string[], name?: string): Subject {
  const [binary = '', ...args] = command;
  let version: string;
  try {
    version = output(binary, ...args, '-V').replace(/^memcached\s+/, '');
  } catch (error) {
    throw new Error(`${binary} is no memcached that runs`, { cause: error });
  }
  return { name: name ?? `memcached-${version}`, ours: false, runtime: 'native', version, command: asUser(command) };
}

/** Compares dotted versions by their numbers: negative if `a` is older. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0));
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Takes memcached and its libraries out of the image. Returns its command, or undefined without Docker or image. */
function fromImage(): string[] | undefined {
  let id: string;
  try {
    id = output('docker', 'image', 'inspect', IMAGE, '--format', '{{.Id}}')
      .replace(/^sha256:/, '')
      .slice(0, 16);
  } catch {
    return undefined;
  }
  const folder = join(CACHE, `memcached-${id}`);
  if (!existsSync(folder)) {
    const container = output('docker', 'create', IMAGE);
    const partial = `${folder}.${process.pid}`;
    try {
      mkdirSync(partial, { recursive: true });
      const names = "usr/bin/memcached usr/local/bin/memcached 'usr/lib/*-linux-gnu*' 'lib/*-linux-gnu*' lib lib64";
      // tar complains about each name that the image does not have; what counts is whether memcached came out.
      output('sh', '-c', `docker export ${container} | tar -x -C '${partial}' --wildcards ${names} || true`);
      renameSync(partial, folder);
    } finally {
      rmSync(partial, { recursive: true, force: true });
      output('docker', 'rm', container);
    }
  }
  const binary = ['usr/local/bin/memcached', 'usr/bin/memcached'].map((path) => join(folder, path)).find(existsSync);
  const libraries = ['usr/lib', 'lib']
    .map((path) => join(folder, path))
    .filter(existsSync)
    .flatMap((path) =>
      readdirSync(path)
        .filter((name) => name.includes('-linux-gnu'))
        .map((name) => join(path, name)),
    );
  const loader = libraries
    .flatMap((path) =>
      readdirSync(path)
        .filter((name) => name.startsWith('ld-linux'))
        .map((name) => join(path, name)),
    )
    .at(0);
  if (binary === undefined || loader === undefined) return undefined;
  // The image's own loader and libraries, so that it does not depend on what this machine has.
  return [loader, '--library-path', libraries.join(':'), binary];
}

/** The memcached to compare with, or undefined with none. An old one on PATH is only taken if there is no image. */
export function findMemcached(): Subject | undefined {
  const named = process.env['MEMCACHED'];
  if (named !== undefined && named !== '') return memcachedAt([named], NAME);
  let onPath: Subject | undefined;
  try {
    onPath = memcachedAt(['memcached'], NAME);
  } catch {
    onPath = undefined;
  }
  if (onPath !== undefined && compareVersions(onPath.version, LEAST_VERSION) >= 0) return onPath;
  const image = fromImage();
  if (image === undefined) return onPath;
  const subject = memcachedAt(image, NAME);
  return onPath === undefined || compareVersions(subject.version, onPath.version) > 0 ? subject : onPath;
}
