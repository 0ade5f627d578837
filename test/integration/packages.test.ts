/**
 * Both packages as npm would publish them, installed into empty projects: `memfleet`, the client, on every runtime that
 * it promises, and `@memfleet/server` with the command.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { LocalFleet, run } from '../support/local-fleet.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What the client may weigh in a project's node_modules. */
const CLIENT_BYTES_MAX = 300_000;

/** Major versions of Node that the client promises to run on, the oldest, ours and the newest. */
const NODE_MAJORS = [22, 24, 26];

/** A name and version is enough: nothing here is looked up but what is named. */
const INSTALL = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'];

/** Makes a folder a project and installs into it. */
async function install(project: string, ...what: string[]): Promise<void> {
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "name": "application", "private": true, "type": "module" }');
  const installed = await run('npm', [...INSTALL, ...what], '', project);
  expect(installed.code, installed.stderr).toBe(0);
}

/** The Bun of this checkout. */
function bunOf(): string {
  const [name = ''] = readdirSync(join(ROOT, 'node_modules', '@oven'));
  return join(ROOT, 'node_modules', '@oven', name, 'bin', 'bun');
}

describeWith(['registry'], 'the packages, in empty projects', () => {
  const folder = mkdtempSync(join(tmpdir(), 'memfleet-packages-'));
  const client = join(folder, 'client');
  const server = join(folder, 'server');
  const command = join(server, 'node_modules', '.bin', 'memfleet');
  let packed: { name: string; filename: string; unpackedSize: number }[];

  const archive = (name: string): string => join(folder, packed.find((one) => one.name === name)?.filename ?? name);

  beforeAll(async () => {
    const workspaces = ['--workspace', 'memfleet', '--include-workspace-root'];
    const made = await run('npm', ['pack', '--json', '--pack-destination', folder, ...workspaces], '', ROOT);
    expect(made.code, made.stderr).toBe(0);
    // A list, or since npm 12 an object by name.
    packed = Object.values(JSON.parse(made.stdout) as Record<string, (typeof packed)[number]>);
    await install(client, archive('memfleet'));
    await install(server, archive('@memfleet/server'), archive('memfleet'));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('the client brings nothing but itself, and is small', () => {
    const installed = readdirSync(join(client, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(installed).toEqual(['memfleet']);
    expect(packed.find(({ name }) => name === 'memfleet')?.unpackedSize).toBeLessThan(CLIENT_BYTES_MAX);
  });

  test('the command says its version', async () => {
    expect(await run(command, ['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^memfleet \d+\./),
    });
    expect(await run('npx', ['--no-install', '@memfleet/server', 'version'], '', server)).toMatchObject({ code: 0 });
  });

  test('a fleet runs, and an application uses it through the client, imported and required, on each runtime', async () => {
    await using fleet = await LocalFleet.start(2, [], command);
    const body = [
      'async function main(createFleet) {',
      '  await using fleet = createFleet({ coordinator: process.argv[2] });',
      "  await fleet.set('key', { from: 'the package' });",
      "  console.log((await fleet.get('key')).from);",
      '}',
    ];
    // What every runtime here reads as it is: Node 22 has no `await using`.
    const plain = body
      .join('\n')
      .replace('await using fleet', 'const fleet')
      .replace(/\n\}$/, '\n  await fleet.close();\n}');
    writeFileSync(
      join(client, 'imports.mjs'),
      `import { createFleet } from 'memfleet';\n${plain}\nawait main(createFleet);`,
    );
    writeFileSync(join(client, 'requires.cjs'), `${plain}\nmain(require('memfleet').createFleet);`);
    const runtimes = [bunOf(), ...(await Promise.all(NODE_MAJORS.map((major) => nodeOf(major))))];
    for (const runtime of runtimes) {
      for (const program of ['imports.mjs', 'requires.cjs']) {
        const ran = await run(runtime, [program, fleet.url], '', client);
        expect(ran, `${runtime} ${program}`).toEqual({ code: 0, stdout: 'the package\n', stderr: '' });
      }
    }
    const page = await fetch(fleet.url);
    expect(page.headers.get('content-type')).toContain('text/html');
  });

  test("the client's types are there and say what is wrong", async () => {
    const source = [
      "import { createFleet, FleetError, type Fleet, type TopologyDocument } from 'memfleet';",
      "const fleet: Fleet = createFleet({ servers: ['127.0.0.1:11211'] });",
      "export const value: string | undefined = await fleet.get<string>('key');",
      'export const document: TopologyDocument | undefined = fleet.topology;',
      "export const code = (error: unknown) => error instanceof FleetError && error.code === 'TIMEOUT';",
      '// @ts-expect-error A key is text.',
      'await fleet.get(1);',
    ];
    writeFileSync(join(client, 'types.ts'), source.join('\n'));
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node'];
    const roots = ['--typeRoots', join(ROOT, 'node_modules', '@types')];
    const checked = await run(join(ROOT, 'node_modules', '.bin', 'tsc'), [...flags, ...roots, 'types.ts'], '', client);
    expect(checked).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  /** The newest Node of a major version, as npm brings it. */
  async function nodeOf(major: number): Promise<string> {
    const project = join(folder, `node-${major}`);
    const architecture = process.arch === 'arm64' ? 'arm64' : 'x64';
    await install(project, `node-linux-${architecture}@${major}`);
    return join(project, 'node_modules', `node-linux-${architecture}`, 'bin', 'node');
  }
});
