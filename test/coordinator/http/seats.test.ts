import { EventEmitter } from 'node:events';
import type { FastifyRequest } from 'fastify';
import { describe, expect, test } from 'vitest';
import { networkOf } from '../../../src/base/host-port.ts';
import { FollowerSeats } from '../../../src/coordinator/http/seats.ts';

function requestFrom(ip: string, socket = new EventEmitter()): FastifyRequest {
  return { ip, raw: { socket: Object.assign(socket, { destroyed: false }) } } as unknown as FastifyRequest;
}

describe('seats of followers', () => {
  test('are bounded for an address, and one that is given back can be had again', () => {
    const seats = new FollowerSeats(2);
    const first = seats.take(requestFrom('10.0.0.1'));
    expect(seats.take(requestFrom('::ffff:10.0.0.1'))).toBeTypeOf('function');
    expect(seats.take(requestFrom('10.0.0.1'))).toBeUndefined();
    expect(seats.take(requestFrom('10.0.0.2'))).toBeTypeOf('function');
    first?.();
    first?.();
    expect(seats.take(requestFrom('10.0.0.1'))).toBeTypeOf('function');
    expect(seats.take(requestFrom('10.0.0.1'))).toBeUndefined();
  });

  test('are one for a connection, which gives it back when it closes', () => {
    const seats = new FollowerSeats(2);
    const socket = new EventEmitter();
    const leave = seats.take(requestFrom('10.0.0.1', socket));
    expect(seats.take(requestFrom('10.0.0.1', socket))).toBeUndefined();
    leave?.();
    expect(socket.listenerCount('close')).toBe(0);
    expect(seats.take(requestFrom('10.0.0.1', socket))).toBeTypeOf('function');
    socket.emit('close');
    expect([1, 2, 3].map(() => seats.take(requestFrom('10.0.0.1')) !== undefined)).toEqual([true, true, false]);
  });
});

test.each([
  ['10.1.2.3', '10.1.2.3'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:0001:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('the address %s counts as %s', (ip, network) => {
  expect(networkOf(ip)).toBe(network);
});
