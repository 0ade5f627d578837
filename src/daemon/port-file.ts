/**
 * Which ports were bound, for whoever started the daemon with `-p -1`: memcached's file, by the name that
 * MEMCACHED_PORT_FILENAME gives (memcached.c, server_socket). It is there whole or not at all.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { FleetError } from '../base/errors.ts';

/** The variable that names the file. */
export const PORT_FILE_VARIABLE = 'MEMCACHED_PORT_FILENAME';

/** The file's lines, such as `TCP INET: 11211`; Unix sockets have none. */
function portLines(endpoints: readonly string[]): string {
  let text = '';
  for (const endpoint of endpoints) {
    const match = /^(tcp|udp)(6?):.*:(\d+)$/.exec(endpoint);
    if (match !== null) text += `${match[1]?.toUpperCase()} INET${match[2]}: ${match[3]}\n`;
  }
  return text;
}

/** @throws FleetError BAD_CONFIG if it cannot be written */
export function writePortFile(path: string, endpoints: readonly string[]): void {
  try {
    writeFileSync(`${path}.lck`, portLines(endpoints));
    renameSync(`${path}.lck`, path);
  } catch (error) {
    throw new FleetError('BAD_CONFIG', `${PORT_FILE_VARIABLE} ${path}: cannot be written`, error);
  }
}
