/** Secrets that stand in files, as those of Docker, a Swarm and Kubernetes do, instead of in the environment. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { Environment } from './config.ts';
import { FleetError } from './errors.ts';

/** Bytes of a file with a secret; a longer one is refused, since it is something else. */
const SECRET_BYTES_MAX = 4096;

/** The variables that may name a file, with `_FILE` behind them. */
const SECRETS = ['MEMFLEET_TOKEN', 'MEMFLEET_CONFIG_TOKEN'] as const;

/**
 * The environment with the secrets that it only names: `MEMFLEET_TOKEN` is what the file that `MEMFLEET_TOKEN_FILE` names
 * has, without white space around it, unless `MEMFLEET_TOKEN` itself is set. An empty file is none, as an empty variable.
 * @throws FleetError BAD_CONFIG: a file cannot be read, or is longer than a secret
 */
export function withSecretFiles(env: Environment): Environment {
  const all: Record<string, string | undefined> = { ...env };
  for (const name of SECRETS) {
    const path = env[`${name}_FILE`];
    if (!all[name] && path) all[name] = readSecret(`${name}_FILE`, path);
  }
  return all;
}

function readSecret(name: string, path: string): string | undefined {
  const bytes = Buffer.alloc(SECRET_BYTES_MAX + 1);
  let length = 0;
  try {
    const file = openSync(path, 'r');
    try {
      length = readSync(file, bytes);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new FleetError('BAD_CONFIG', `${name}: cannot read ${JSON.stringify(path)}`, error);
  }
  if (length > SECRET_BYTES_MAX) {
    throw new FleetError('BAD_CONFIG', `${name}: ${JSON.stringify(path)} has more than ${SECRET_BYTES_MAX} bytes`);
  }
  return bytes.toString('utf8', 0, length).trim() || undefined;
}
