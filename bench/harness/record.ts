/** Results as JSON and as readable Markdown, each with machine, versions and command. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { commandLine, machineLine, ROOT, type Machine } from './machine.ts';
import type { BenchOptions } from './options.ts';
import type { Subject } from './server.ts';

/** What every recorded result begins with. */
export interface ResultHead {
  readonly part: string;
  readonly at: string;
  readonly command: string;
  readonly machine: Machine;
  readonly servers: readonly { readonly name: string; readonly version: string }[];
  readonly node: string;
}

export function resultHead(part: string, machine: Machine, subjects: readonly Subject[]): ResultHead {
  return {
    part,
    at: new Date().toISOString(),
    command: commandLine(),
    machine,
    servers: subjects.map(({ name, version }) => ({ name, version })),
    node: process.version,
  };
}

/** The head as Markdown. */
export function headText(head: ResultHead): string {
  const servers = head.servers.map(({ name, version }) => `${name} ${version}`).join(', ');
  return `${servers}\n${machineLine(head.machine)}; Node ${head.node}; ${head.at}\n\`${head.command}\`\n`;
}

/** Writes what `--json` and `--record` ask for. Returns the paths written. */
export function recordResult(options: BenchOptions, head: ResultHead, data: object, text: string): string[] {
  const written: string[] = [];
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    written.push(path);
  };
  const json = `${JSON.stringify({ ...head, ...data }, null, 1)}\n`;
  if (options.json !== undefined) write(options.json, json);
  if (options.record !== undefined) {
    const path = join(ROOT, 'bench/results', options.record);
    write(`${path}.json`, json);
    write(
      `${path}.md`,
      `# ${head.part}: ${head.servers.map(({ name }) => name).join(', ')}\n\n${headText(head)}\n${text}\n`,
    );
  }
  return written;
}
