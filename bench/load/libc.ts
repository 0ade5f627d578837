/**
 * The few calls of the C library that the load generator makes itself under Bun, through `bun:ffi`: sockets without an
 * event loop, and the exact processor time of another process. Numbers are those of Linux (include/uapi).
 */

import { openLibc } from '../../src/daemon/transport/libc.ts';

export { AF_INET, IPPROTO_TCP, MSG_NOSIGNAL, SOCK_STREAM, TCP_NODELAY } from '../../src/daemon/transport/libc.ts';

/** The calls; a failed one returns -1. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: Int32Array, length: number): number;
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  recv(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  poll(descriptors: Int32Array, count: number, timeoutMs: number): number;
  read(fd: number, bytes: Uint32Array, length: number): number;
  close(fd: number): number;
  /** perf_event_open(2), for which the library has no function of its own. */
  syscall(number: number, attributes: Uint8Array, pid: number, core: number, group: number, flags: number): number;
}

const I = 'i32';
const P = 'ptr';
const U = 'usize';

const SIGNATURES: Record<keyof Libc, { args: string[]; returns: string }> = {
  socket: { args: [I, I, I], returns: I },
  connect: { args: [I, P, I], returns: I },
  setsockopt: { args: [I, I, I, P, I], returns: I },
  send: { args: [I, P, U, I], returns: I },
  recv: { args: [I, P, U, I], returns: I },
  poll: { args: [P, U, I], returns: I },
  read: { args: [I, P, U], returns: I },
  close: { args: [I], returns: I },
  syscall: { args: ['i64', P, I, I, I, U], returns: I },
};

export const MSG_DONTWAIT = 0x40;
export const POLLIN = 1;

/** Number of perf_event_open; undefined on processors that this was not written for. */
export const PERF_EVENT_OPEN = { x64: 298, arm64: 241 }[process.arch as string];

/** The C library, or undefined where this process cannot reach it. */
export async function loadLibc(): Promise<Libc | undefined> {
  return (await openLibc(SIGNATURES))?.symbols as Libc | undefined;
}
