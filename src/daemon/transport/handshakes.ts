/**
 * TLS handshakes that are under way, over all listeners. Who has connected and says nothing costs its client nothing, so
 * there is a bound, and at it the oldest handshake is cut off, not the newest turned away: one that is meant takes a few
 * round trips, so the oldest of a thousand is nearly always one that nobody means to end.
 */
import type { Socket } from 'node:net';

export class Handshakes {
  /** Handshakes that came to nothing, for whatever reason. */
  failed = 0;
  /** Those of them that were cut off because others came. */
  dropped = 0;
  readonly #max: number;
  /** By the two ends: Node shows another object when the handshake is done than when it began. Oldest first. */
  readonly #underWay = new Map<string, Socket>();

  /** @param max handshakes that may be under way at once */
  constructor(max: number) {
    this.#max = max;
  }

  /** A client has connected. */
  begin(socket: Socket): void {
    const ends = endsOf(socket);
    this.#underWay.set(ends, socket);
    socket.once('close', () => {
      if (this.#underWay.get(ends) === socket && this.#underWay.delete(ends)) this.failed++;
    });
    if (this.#underWay.size <= this.#max) return;
    for (const [oldestEnds, oldest] of this.#underWay) {
      this.#underWay.delete(oldestEnds);
      this.failed++;
      this.dropped++;
      oldest.destroy();
      return;
    }
  }

  /** A client has done its part. */
  end(socket: Socket): void {
    this.#underWay.delete(endsOf(socket));
  }
}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
