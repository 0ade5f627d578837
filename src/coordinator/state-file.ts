/**
 * What a coordinator must not forget: the document it published last and which nodes an operator has drained.
 * Saved so that a reader finds the old or the new state whole, never a part: written beside, flushed, renamed.
 */
import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FleetError } from '../base/errors.ts';
import { readFileBounded } from '../base/read-file.ts';
import type { TopologyDocument } from '../topology/document.ts';
import { parseTopology } from '../topology/validate.ts';

export interface SavedState {
  readonly document: TopologyDocument | undefined;
  /** Names of nodes that stay out of the ring until they are resumed. */
  readonly drained: readonly string[];
}

/** Where the state is kept. */
export interface StateStore {
  /**
   * The state saved last; undefined if there is none.
   * @throws FleetError STATE_UNREADABLE: there is something, but it cannot be used
   */
  load(): Promise<SavedState | undefined>;
  /** @throws FleetError STATE_UNREADABLE: it could not be written; the state saved before is still there */
  save(state: SavedState): Promise<void>;
}

/** Forgets with the process. Versions still rise over a restart, because they follow the clock. */
export function memoryStore(): StateStore {
  let saved: SavedState | undefined;
  return {
    load: async () => saved,
    save: async (state) => {
      saved = state;
    },
  };
}

/** A state in a file. Its directory must exist. */
export function fileStore(path: string): StateStore {
  return { load: () => loadFile(path), save: (state) => saveFile(path, state) };
}

/** A state file larger than this is not ours: NODES_MAX nodes take about 256 KiB. */
const STATE_BYTES_MAX = 4 * 1024 * 1024;

async function loadFile(path: string): Promise<SavedState | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFileBounded(path, STATE_BYTES_MAX);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw unreadable(path, error);
  }
  try {
    return parseState(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    throw unreadable(path, error);
  }
}

function parseState(value: unknown): SavedState {
  if (typeof value !== 'object' || value === null) throw new Error('no object');
  const { document, drained } = value as { document?: unknown; drained?: unknown };
  if (!Array.isArray(drained) || !drained.every((name) => typeof name === 'string')) throw new Error('bad "drained"');
  return { document: document === undefined ? undefined : parseTopology(document), drained };
}

async function saveFile(path: string, state: SavedState): Promise<void> {
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o644);
    try {
      await file.writeFile(`${JSON.stringify(state)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw unreadable(path, error);
  }
}

/** The rename itself survives a power cut only once the directory is flushed. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function unreadable(path: string, error: unknown): FleetError {
  const why = error instanceof Error ? error.message : String(error);
  return new FleetError('STATE_UNREADABLE', `state file ${path}: ${why}`, error);
}
