/** Handshakes under way. Goal: the bound holds and the oldest makes room. Method: sockets that are only names. */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Handshakes } from '../../src/daemon/transport/handshakes.ts';

class NamedSocket extends EventEmitter {
  readonly remoteAddress = '127.0.0.1';
  readonly localAddress = '127.0.0.1';
  readonly localPort = 11211;
  readonly remotePort: number;
  destroyed = false;

  constructor(remotePort: number) {
    super();
    this.remotePort = remotePort;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

function connect(handshakes: Handshakes, port: number): NamedSocket {
  const socket = new NamedSocket(port);
  handshakes.begin(socket as unknown as Socket);
  return socket;
}

test('one above the bound cuts off the oldest that is still under way', () => {
  const handshakes = new Handshakes(2);
  const [first, second, third] = [1, 2, 3].map((port) => {
    const socket = connect(handshakes, port);
    // Another object with the same ends, as on Node.
    if (port === 1) handshakes.end(new NamedSocket(1) as unknown as Socket);
    return socket;
  });
  expect([first?.destroyed, second?.destroyed, third?.destroyed]).toEqual([false, false, false]);
  connect(handshakes, 4);
  expect([first?.destroyed, second?.destroyed, third?.destroyed]).toEqual([false, true, false]);
  expect([handshakes.failed, handshakes.dropped]).toEqual([1, 1]);
});

test('one that closes before its end has failed, once; one that closes after it has not', () => {
  const handshakes = new Handshakes(2);
  connect(handshakes, 1).destroy();
  const done = connect(handshakes, 2);
  handshakes.end(done as unknown as Socket);
  done.destroy();
  expect([handshakes.failed, handshakes.dropped]).toEqual([1, 0]);
});
