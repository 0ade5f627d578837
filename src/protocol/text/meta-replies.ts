/** The fixed error lines of the meta protocol. Source: proto_text.c and, for the wording, memcached 1.6.45 itself. */
import { bytesOf } from '../../base/bytes.ts';

export const NOOP = bytesOf('MN\r\n');
export const MISS = bytesOf('EN\r\n');
export const DUPLICATE_FLAG = bytesOf('CLIENT_ERROR duplicate flag\r\n');
export const INVALID_FLAG = bytesOf('CLIENT_ERROR invalid flag\r\n');
/** What ma says to every flag it does not take. */
export const INVALID_OR_DUPLICATE_FLAG = bytesOf('CLIENT_ERROR invalid or duplicate flag\r\n');
export const BAD_TOKEN = bytesOf('CLIENT_ERROR bad token in command line format\r\n');
export const BAD_KEY = bytesOf('CLIENT_ERROR error decoding key\r\n');
export const BAD_SET_MODE = bytesOf('CLIENT_ERROR invalid mode for ms M token\r\n');
export const BAD_ARITHMETIC_MODE = bytesOf('CLIENT_ERROR invalid mode for ma M token\r\n');
export const BAD_INITIAL = bytesOf('CLIENT_ERROR invalid numeric initial value\r\n');
export const BAD_DELTA = bytesOf('CLIENT_ERROR invalid numeric delta value\r\n');
export const OPAQUE_TOO_LONG = bytesOf('CLIENT_ERROR opaque token too long\r\n');
export const TOO_MANY_FLAGS = bytesOf('CLIENT_ERROR options flags are too long\r\n');
export const NO_MEMORY = bytesOf('SERVER_ERROR out of memory\r\n');
export const NO_MEMORY_FOR_NEW = bytesOf('SERVER_ERROR Out of memory allocating new item\r\n');
