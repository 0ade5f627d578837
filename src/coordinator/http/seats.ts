/**
 * Who follows the topology over HTTP: a bounded number in all ({@link file://../publisher.ts}), for one address, and for
 * one connection. A seat is given back when the request has ended or its connection has closed, whichever is first.
 */
import type { FastifyRequest } from 'fastify';
import { networkOf } from '../../base/host-port.ts';
import { WATCHERS_PER_ADDRESS_MAX } from '../limits.ts';

/** See the head of this file. */
export class FollowerSeats {
  readonly #perAddressMax: number;
  readonly #taken = new Map<string, number>();
  readonly #connections = new WeakSet<object>();

  constructor(perAddressMax = WATCHERS_PER_ADDRESS_MAX) {
    this.#perAddressMax = perAddressMax;
  }

  /**
   * A seat for this request.
   * @returns gives it back; undefined if its connection or address has as many as it may
   */
  take({ ip, raw: { socket } }: FastifyRequest): (() => void) | undefined {
    const address = networkOf(ip);
    const taken = this.#taken.get(address) ?? 0;
    if (taken >= this.#perAddressMax || this.#connections.has(socket) || socket.destroyed) return undefined;
    this.#taken.set(address, taken + 1);
    this.#connections.add(socket);
    let given = false;
    const giveBack = (): void => {
      if (given) return;
      given = true;
      socket.off('close', giveBack);
      this.#connections.delete(socket);
      const left = (this.#taken.get(address) ?? 1) - 1;
      if (left === 0) this.#taken.delete(address);
      else this.#taken.set(address, left);
    };
    socket.once('close', giveBack);
    return giveBack;
  }
}
