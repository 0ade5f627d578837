/**
 * Answers of the binary protocol, written into the output: the header of each repeats the opcode and opaque of the
 * request it belongs to. Owns nothing but the one header that is written again and again.
 */
import { TWO_32, writeLatin } from '../../base/bytes.ts';
import { Magic, statusText, type Status } from '../../protocol/binary/opcodes.ts';
import { HEADER_BYTES, PacketHead, readInt32, writeInt32, writePacketHead } from '../../protocol/binary/packet.ts';
import type { Output } from '../output.ts';
import * as layout from '../storage/layout.ts';
import { NONE, type ChunkRef } from '../storage/layout.ts';
import type { Store } from '../storage/store.ts';

/** Bytes of the client flags, the extras of a value. */
const FLAGS_BYTES = 4;
/** Bytes of a number as incr and decr answer it. */
const NUMBER_BYTES = 8;

/** What an exptime beyond 2038 counts as: the end of 2038's January, where our seconds end. */
const EXPTIME_MAX = 0x7fff_ffff;

const head = new PacketHead();

/** Sets the header of the next answer, to a request. */
function begin(request: PacketHead, status: number, extrasBytes: number, keyBytes: number, bodyBytes: number): void {
  head.opcode = request.opcode;
  head.opaque = request.opaque;
  head.status = status;
  head.extrasBytes = extrasBytes;
  head.keyBytes = keyBytes;
  head.bodyBytes = bodyBytes;
  head.casHigh = 0;
  head.casLow = 0;
}

function setCas(cas: number): void {
  head.casHigh = (cas / TWO_32) | 0;
  head.casLow = cas | 0;
}

export class BinaryAnswers {
  readonly #output: Output;
  readonly #store: Store;

  constructor(output: Output, store: Store) {
    this.#output = output;
    this.#store = store;
  }

  /** Adds a success with nothing but a CAS; 0 = none. */
  done(request: PacketHead, cas: number): void {
    begin(request, 0, 0, 0, 0);
    setCas(cas);
    this.#writeHead();
  }

  /** Adds a success with a text as its value. */
  text(request: PacketHead, text: string): void {
    begin(request, 0, 0, 0, text.length);
    this.#writeHead();
    this.#output.text(text);
  }

  /** Adds an error with the text of its status, or another. */
  error(request: PacketHead, status: Status, text = statusText(status)): void {
    begin(request, status, 0, 0, text.length);
    this.#writeHead();
    this.#output.text(text);
  }

  /** Adds an answer that carries only the key that was asked for: the miss of a GETK. */
  keyNotFound(request: PacketHead, status: Status, key: Uint8Array, start: number): void {
    begin(request, status, 0, request.keyBytes, request.keyBytes);
    this.#writeHead();
    const output = this.#output;
    for (let i = 0; i < request.keyBytes; i++) output.bytes[output.position++] = key[start + i];
  }

  /** Adds the number that incr or decr arrived at, and the item's CAS. */
  number(request: PacketHead, number: number | bigint, cas: number): void {
    begin(request, 0, 0, 0, NUMBER_BYTES);
    setCas(cas);
    this.#writeHead();
    const value = BigInt(number);
    const output = this.#output;
    const at = writeInt32(output.bytes, output.position, Number(value >> 32n));
    output.position = writeInt32(output.bytes, at, Number(value & 0xffff_ffffn));
  }

  /** Bytes that {@link writeItem} writes. */
  itemBytes(ref: ChunkRef, withKey: boolean, withValue: boolean): number {
    const { items } = this.#store;
    return HEADER_BYTES + FLAGS_BYTES + (withKey ? items.keyBytes(ref) : 0) + (withValue ? items.valueBytes(ref) : 0);
  }

  /** Writes an item's flags, and its key and value if they are wanted, anywhere; returns the position behind them. */
  writeItem(
    request: PacketHead,
    ref: ChunkRef,
    withKey: boolean,
    withValue: boolean,
    to: Uint8Array,
    position: number,
  ): number {
    const { items } = this.#store;
    const at = this.writeItemHead(request, ref, withKey, withValue, to, position);
    if (!withValue) return at;
    const valueStart = items.valueStart(ref);
    const valueBytes = items.valueBytes(ref);
    if (valueBytes > 0) items.copyRun(ref, valueStart, valueStart + valueBytes, to, at);
    return at + valueBytes;
  }

  /** Writes what stands in front of an item's value; returns the position behind it. */
  writeItemHead(
    request: PacketHead,
    ref: ChunkRef,
    withKey: boolean,
    withValue: boolean,
    to: Uint8Array,
    position: number,
  ): number {
    const { items, memory } = this.#store;
    const keyBytes = withKey ? items.keyBytes(ref) : 0;
    const valueBytes = withValue ? items.valueBytes(ref) : 0;
    begin(request, 0, FLAGS_BYTES, keyBytes, FLAGS_BYTES + keyBytes + valueBytes);
    head.casHigh = memory.word(ref, layout.CAS_HIGH);
    head.casLow = memory.word(ref, layout.CAS_LOW);
    let at = writePacketHead(to, position, Magic.RESPONSE, head);
    at = writeInt32(to, at, items.clientFlags(ref));
    if (keyBytes > 0) items.copyRun(ref, 0, keyBytes, to, at);
    return at + keyBytes;
  }

  #writeHead(): void {
    const output = this.#output;
    output.position = writePacketHead(output.bytes, output.position, Magic.RESPONSE, head);
  }
}

/** Whether a request asks for a CAS that an item has not. */
export function hasOtherCas(request: PacketHead, { memory }: Store, ref: ChunkRef): boolean {
  const { casHigh, casLow } = request;
  if (ref === NONE || (casHigh | casLow) === 0) return false;
  return memory.word(ref, layout.CAS_HIGH) !== casHigh || memory.word(ref, layout.CAS_LOW) !== casLow;
}

/** An exptime among the extras. Unlike the text protocol's it is unsigned: there is no "expired at once". */
export function exptimeAt(bytes: Uint8Array, position: number): number {
  return Math.min(readInt32(bytes, position) >>> 0, EXPTIME_MAX);
}

/** Packets of `stats`: one for each row, and an empty one behind the last. */
export function statsPackets(request: PacketHead, rows: readonly (readonly [string, string])[]): Uint8Array {
  const length = rows.reduce((sum, [name, value]) => sum + HEADER_BYTES + name.length + value.length, HEADER_BYTES);
  const packets = new Uint8Array(length);
  let at = 0;
  for (const [name, value] of rows) {
    begin(request, 0, 0, name.length, name.length + value.length);
    at = writePacketHead(packets, at, Magic.RESPONSE, head);
    at = writeLatin(packets, writeLatin(packets, at, name), value);
  }
  begin(request, 0, 0, 0, 0);
  writePacketHead(packets, at, Magic.RESPONSE, head);
  return packets;
}

/** A packet with flags 0, a key if it is wanted, and a value of text: the fleet's configuration. */
export function configPacket(request: PacketHead, key: string, value: string): Uint8Array {
  const packet = new Uint8Array(HEADER_BYTES + FLAGS_BYTES + key.length + value.length);
  begin(request, 0, FLAGS_BYTES, key.length, FLAGS_BYTES + key.length + value.length);
  const at = writePacketHead(packet, 0, Magic.RESPONSE, head) + FLAGS_BYTES;
  writeLatin(packet, writeLatin(packet, at, key), value);
  return packet;
}
