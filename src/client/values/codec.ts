/**
 * Values ⇄ bytes and flags. Pure. The default codec writes what clients of other languages can read as far as their
 * habits agree, and tells strings, bytes and JSON apart when it reads them back:
 *
 *   written         flags     python-memcached reads   other clients read
 *   string          0         bytes                    a string or bytes
 *   integer         2         int                      text of digits; a counter can be incremented
 *   bytes           131072    (an error)               bytes
 *   anything else   65552     str, the JSON text       the JSON text
 *
 * 65552 has the bit 16 that Python's clients take for text; the bits above say to us which of ours it is. Reading, a
 * str of python-memcached (16) and its numbers (2, 4) become strings and numbers; flags of which nothing is known give
 * the bytes as they are.
 */
import { FleetError } from '../../base/errors.ts';

/** Bytes and what they mean. */
export interface EncodedValue {
  data: Uint8Array;
  /** Unsigned, 32 bits. */
  flags: number;
}

/** How values are turned into bytes and back. */
export interface Codec {
  /** @throws FleetError BAD_VALUE if the value cannot be stored */
  encode(value: unknown): EncodedValue;
  /**
   * @param data a view that is valid only during the call: copy what is to be kept
   * @throws FleetError BAD_VALUE if the bytes are not what the flags say
   */
  decode(data: Buffer, flags: number): unknown;
}

/** Text, and what every client writes that knows no flags. */
export const FLAGS_TEXT = 0;
/** An integer as text: `_FLAG_INTEGER` of python-memcached. */
export const FLAGS_INTEGER = 2;
/** An integer of Python 2 beyond 32 bits: `_FLAG_LONG`. */
const FLAGS_LONG = 4;
/** A str of Python: `_FLAG_TEXT`. */
const FLAGS_PYTHON_TEXT = 16;
/** JSON of this client. */
export const FLAGS_JSON = 0x10000 | FLAGS_PYTHON_TEXT;
/** Bytes of this client. */
export const FLAGS_BYTES = 0x20000;

/** Strings, bytes, integers and everything that JSON can hold; see the head of the file. */
export const defaultCodec: Codec = { encode: encodeValue, decode: decodeValue };

/** Bytes and nothing else, both ways, with flags 0: for values that other programs write and read as they are. */
export const bytesCodec: Codec = {
  encode(value) {
    if (value instanceof Uint8Array) return { data: value, flags: FLAGS_TEXT };
    if (typeof value === 'string') return { data: Buffer.from(value), flags: FLAGS_TEXT };
    throw new FleetError('BAD_VALUE', `a ${typeof value} cannot be stored by the bytes codec`);
  },
  decode: (data) => Buffer.from(data),
};

function encodeValue(value: unknown): EncodedValue {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new FleetError('BAD_VALUE', 'a string has half of a surrogate pair');
    return { data: Buffer.from(value), flags: FLAGS_TEXT };
  }
  if (value instanceof Uint8Array) return { data: value, flags: FLAGS_BYTES };
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) {
    // -0 becomes 0, as it does in JSON.
    return { data: Buffer.from(String(value)), flags: FLAGS_INTEGER };
  }
  return { data: Buffer.from(jsonOf(value)), flags: FLAGS_JSON };
}

function jsonOf(value: unknown): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new FleetError('BAD_VALUE', `${value} has no JSON`);
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    throw new FleetError('BAD_VALUE', 'a value cannot be written as JSON', error);
  }
  if (json === undefined) throw new FleetError('BAD_VALUE', `a ${typeof value} has no JSON`);
  return json;
}

function decodeValue(data: Buffer, flags: number): unknown {
  switch (flags) {
    case FLAGS_TEXT:
    case FLAGS_PYTHON_TEXT:
      return data.toString();
    case FLAGS_JSON:
      return parseJson(data.toString());
    case FLAGS_INTEGER:
    case FLAGS_LONG:
      return integerOf(data.toString('latin1')) ?? Buffer.from(data);
    default:
      return Buffer.from(data);
  }
}

/**
 * A number, or a bigint where a number would not be exact; undefined if it is no integer (other clients give the flags
 * another meaning). memcached pads a counter that has lost a digit with spaces.
 */
function integerOf(text: string): number | bigint | undefined {
  const digits = text.trimEnd();
  if (digits.length > 400 || !/^-?\d+$/.test(digits)) return undefined;
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : BigInt(digits);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FleetError('BAD_VALUE', 'a stored value has the flags of JSON but is not JSON', error);
  }
}
