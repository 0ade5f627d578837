/**
 * The few calls of the C library that `epoll.ts` is made of, through Bun's `bun:ffi`. Numbers are those of
 * Linux (include/uapi, glibc's headers). Only this file knows how a C structure lies in memory.
 *
 * A failed call returns -1. Its errno is only asked for where nothing else tells what is wrong, right after the call.
 */
import { constants } from 'node:os';

/** How calls of a library take and return values. */
type Signatures = Readonly<Record<string, { args: string[]; returns: string }>>;

/** What is used of `bun:ffi` (bun.com/docs/api/ffi); Bun's own types would clash with Node's. */
interface Ffi {
  dlopen: (name: string, signatures: Signatures) => { symbols: unknown };
  ptr: (bytes: ArrayBufferView) => Pointer;
  read: { i32: (pointer: Pointer) => number };
}

/** An address in this process. */
export type Pointer = number;

interface Symbols {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Pointer, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: Pointer, length: Pointer, flags: number): number;
  getsockname(fd: number, address: Pointer, length: Pointer): number;
  setsockopt(fd: number, level: number, name: number, value: Pointer, length: number): number;
  shutdown(fd: number, how: number): number;
  close(fd: number): number;
  recv(fd: number, bytes: Pointer, length: number, flags: number): number;
  recvmsg(fd: number, message: Pointer, flags: number): number;
  send(fd: number, bytes: Pointer, length: number, flags: number): number;
  recvfrom(fd: number, bytes: Pointer, length: number, flags: number, address: Pointer, addressLength: Pointer): number;
  sendto(fd: number, bytes: Pointer, length: number, flags: number, address: Pointer, addressLength: number): number;
  sendmsg(fd: number, message: Pointer, flags: number): number;
  ioctl(fd: number, request: number, argument: Pointer): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: Pointer): number;
  epoll_wait(epoll: number, events: Pointer, count: number, timeoutMs: number): number;
  inet_pton(family: number, text: Pointer, address: Pointer): number;
  inet_ntop(family: number, address: Pointer, text: Pointer, length: number): Pointer;
  if_nametoindex(name: Pointer): number;
  __errno_location(): Pointer;
}

const I = 'i32';
const P = 'ptr';
const U = 'usize';

/** ssize_t results are read as 32 bits: no call here moves 2 GiB at once. */
const SIGNATURES: Record<keyof Symbols, { args: string[]; returns: string }> = {
  socket: { args: [I, I, I], returns: I },
  bind: { args: [I, P, I], returns: I },
  listen: { args: [I, I], returns: I },
  accept4: { args: [I, P, P, I], returns: I },
  getsockname: { args: [I, P, P], returns: I },
  setsockopt: { args: [I, I, I, P, I], returns: I },
  shutdown: { args: [I, I], returns: I },
  close: { args: [I], returns: I },
  recv: { args: [I, P, U, I], returns: I },
  recvmsg: { args: [I, P, I], returns: I },
  send: { args: [I, P, U, I], returns: I },
  recvfrom: { args: [I, P, U, I, P, P], returns: I },
  sendto: { args: [I, P, U, I, P, I], returns: I },
  sendmsg: { args: [I, P, I], returns: I },
  ioctl: { args: [I, U, P], returns: I },
  epoll_create1: { args: [I], returns: I },
  epoll_ctl: { args: [I, I, I, P], returns: I },
  epoll_wait: { args: [I, P, I, I], returns: I },
  inet_pton: { args: [I, P, P], returns: I },
  inet_ntop: { args: [I, P, P, I], returns: P },
  if_nametoindex: { args: [P], returns: I },
  __errno_location: { args: [], returns: P },
};

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_KEEPALIVE = 9;
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
export const TCP_QUICKACK = 12;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const SHUT_WR = 1;
export const MSG_NOSIGNAL = 0x4000;
export const FIONREAD = 0x541b;
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 16;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLL_CLOEXEC = 0o2000000;

export interface Libc extends Symbols {
  /** Where bytes begin in memory; to be used at once, or kept if they are {@link fixedMemory}. */
  ptr(bytes: ArrayBufferView): Pointer;
  /** Name of the error of the call right before, for example `EADDRINUSE`. */
  errorName(): string;
}

/**
 * Memory whose address may be kept. A small typed array that has no buffer of its own lies on the collector's heap, and
 * was seen to be moved from there.
 */
export function fixedMemory(byteLength: number): ArrayBuffer {
  return new ArrayBuffer(byteLength);
}

/** The error of the call right before, as Node's own are. */
export function systemError(libc: Libc): Error {
  const code = libc.errorName();
  return Object.assign(new Error(code), { code });
}

/** The C library, or undefined where this process cannot reach it: under Node, on other systems than Linux with glibc. */
export async function loadLibc(): Promise<Libc | undefined> {
  const opened = await openLibc(SIGNATURES);
  if (opened === undefined) return undefined;
  const { ptr, read } = opened.ffi;
  const symbols = opened.symbols as Symbols;
  const names = new Map(Object.entries(constants.errno).map(([text, code]) => [code, text]));
  const errorName = (): string => {
    const code = read.i32(symbols.__errno_location());
    return names.get(code) ?? `errno ${code}`;
  };
  return { ...symbols, ptr, errorName };
}

/** Some calls of the C library, or undefined where this process cannot reach it: under Node, on other systems than Linux with glibc. */
export async function openLibc(signatures: Signatures): Promise<{ ffi: Ffi; symbols: unknown } | undefined> {
  if (process.versions['bun'] === undefined || process.platform !== 'linux') return undefined;
  // A name that the compiler cannot look up: there are no types for it beside Node's.
  const name: string = 'bun:ffi';
  try {
    const ffi = (await import(name)) as Ffi;
    return { ffi, symbols: ffi.dlopen('libc.so.6', signatures).symbols };
  } catch {
    return undefined;
  }
}
