/** Every fixed answer of the classic text protocol, as bytes. Source: protocol.txt and, for the wording, proto_text.c. */
import { bytesOf } from '../../base/bytes.ts';

export const STORED = bytesOf('STORED\r\n');
export const NOT_STORED = bytesOf('NOT_STORED\r\n');
export const EXISTS = bytesOf('EXISTS\r\n');
export const NOT_FOUND = bytesOf('NOT_FOUND\r\n');
export const DELETED = bytesOf('DELETED\r\n');
export const TOUCHED = bytesOf('TOUCHED\r\n');
export const OK = bytesOf('OK\r\n');
export const END = bytesOf('END\r\n');
export const RESET = bytesOf('RESET\r\n');
export const VALUE = bytesOf('VALUE ');
export const ERROR = bytesOf('ERROR\r\n');
export const BAD_FORMAT = bytesOf('CLIENT_ERROR bad command line format\r\n');
export const BAD_EXPTIME = bytesOf('CLIENT_ERROR invalid exptime argument\r\n');
export const BAD_DELTA = bytesOf('CLIENT_ERROR invalid numeric delta argument\r\n');
export const BAD_DATA_CHUNK = bytesOf('CLIENT_ERROR bad data chunk\r\n');
export const NOT_A_NUMBER = bytesOf('CLIENT_ERROR cannot increment or decrement non-numeric value\r\n');
export const TOO_LARGE = bytesOf('SERVER_ERROR object too large for cache\r\n');
export const OUT_OF_MEMORY = bytesOf('SERVER_ERROR out of memory storing object\r\n');
export const INCR_OUT_OF_MEMORY = bytesOf('SERVER_ERROR out of memory\r\n');
export const TOO_MANY_CONNECTIONS = bytesOf('ERROR Too many open connections\r\n');
export const CONFIG_REFUSED = bytesOf('CLIENT_ERROR config set needs the token of this fleet\r\n');
export const NOT_OVER_UDP = bytesOf('SERVER_ERROR not available over UDP\r\n');
export const CONFIG_TOO_LARGE = bytesOf('SERVER_ERROR configuration too large\r\n');
export const FLUSH_DISABLED = bytesOf('CLIENT_ERROR flush_all not allowed\r\n');
