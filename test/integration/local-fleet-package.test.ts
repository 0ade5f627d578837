/** The package as npm would publish it, unpacked into an empty folder: the command, the client and its types. */
import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LocalFleet, run } from '../support/local-fleet.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
let command: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'memfleet-package-'));
  const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], undefined, ROOT);
  expect(packed.code, packed.stderr).toBe(0);
  const installed = join(folder, 'node_modules', 'memfleet');
  mkdirSync(installed, { recursive: true });
  const [archive = ''] = /memfleet-[\w.-]+\.tgz/.exec(packed.stdout) ?? [];
  const unpacked = await run('tar', ['-xzf', join(folder, archive), '-C', installed, '--strip-components=1']);
  expect(unpacked.code, unpacked.stderr).toBe(0);
  // What npm would install beside it is what this checkout has.
  symlinkSync(join(ROOT, 'node_modules'), join(installed, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{ "name": "application", "type": "module" }');
  command = join(installed, 'bin', 'memfleet');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the command says its version', async () => {
  expect(await run(command, ['--version'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^memfleet \d+\./),
  });
});

test('a fleet runs, and an application uses it through the client', async () => {
  await using fleet = await LocalFleet.start(2, [], command);
  const application = [
    "import { createFleet } from 'memfleet';",
    'await using fleet = createFleet({ coordinator: process.argv[2] });',
    "await fleet.set('key', { from: 'the package' });",
    "console.log(await fleet.get('key'));",
  ];
  writeFileSync(join(folder, 'application.js'), application.join('\n'));
  const ran = await run(process.execPath, [join(folder, 'application.js'), fleet.url]);
  expect(ran).toEqual({ code: 0, stdout: "{ from: 'the package' }\n", stderr: '' });
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
  writeFileSync(join(folder, 'types.ts'), source.join('\n'));
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node'];
  const roots = ['--typeRoots', join(ROOT, 'node_modules', '@types')];
  const checked = await run(join(ROOT, 'node_modules', '.bin', 'tsc'), [...flags, ...roots, 'types.ts'], '', folder);
  expect(checked).toEqual({ code: 0, stdout: '', stderr: '' });
});
