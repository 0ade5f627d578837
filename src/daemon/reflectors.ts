/**
 * What comes over UDP and is not to be answered, lest two servers answer each other for ever, or a third one shouts at
 * somebody: its sender may be forged (CVE-2018-1000115, CVE-2024-2169). Pure.
 */
import { Magic } from '../protocol/binary/opcodes.ts';

/** Below are the ports of services (IANA's system ports: echo, chargen, DNS, TFTP, NTP, SNMP …), above clients have theirs. */
const SYSTEM_PORTS_END = 1024;

/** Services above: SSDP, WS-Discovery, multicast DNS, memcached. */
const REFLECTORS: ReadonlySet<number> = new Set([1900, 3702, 5353, 11211]);

/** Whether no client sends from this port. @param own the port that it came to */
export function isReflector(port: number, own: number): boolean {
  return port < SYSTEM_PORTS_END || port === own || REFLECTORS.has(port);
}

/**
 * Whether a datagram's contents, by their first byte, are what a memcached answers. Answers of the text protocol, errors
 * too, begin with a capital letter or a digit, and no command does (protocol.txt); those of the binary one have a magic.
 */
export function isAnswer(first: number | undefined): boolean {
  if (first === undefined) return true;
  return first === Magic.RESPONSE || (first >= 0x41 && first <= 0x5a) || (first >= 0x30 && first <= 0x39);
}
