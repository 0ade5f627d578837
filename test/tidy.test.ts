/**
 * The repository's own rules as tests: who may import whom, what every file has, and that documents and code say the
 * same. Who may import whom is what docs/architecture.md says: its tables are read, not repeated.
 */
import { globSync, readFileSync, existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../src/base/errors.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Each runtime dependency with the places that may import it. A new one needs a line in `docs/adr/`. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@fastify/swagger': ['http'],
  '@fastify/type-provider-typebox': ['sidecar', 'coordinator'],
  '@kubernetes/client-node': ['coordinator/discovery/kubernetes-client.ts'],
  dockerode: ['coordinator/discovery/docker.ts'],
  fastify: ['http', 'sidecar', 'coordinator'],
  pino: ['base/log.ts'],
  'pino-pretty': ['base/log.ts'],
  'prom-client': ['sidecar', 'coordinator'],
  typebox: ['api'],
};

const FILE_LINES_MAX = 500;
const README_LINES_MAX = 150;

function files(...patterns: string[]): string[] {
  return globSync(patterns, { cwd: root, exclude: ['**/node_modules/**', 'dist/**'] }).sort();
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

const sources = files('src/**/*.ts');
const programs = [
  ...sources,
  ...files('bench/**/*.ts', 'examples/**/*.{ts,py}', 'bin/*', '.ci/*', 'docker/*.{sh,mjs}'),
];
const code = files('{src,test,bench,examples}/**/*.ts');
const documents = files('*.md', 'docs/**/*.md');

/** What a file imports or re-exports, statically or not. */
function imports(path: string): string[] {
  const pattern = /^(?:import|export)\s(?:[^'";]*?\sfrom\s)?'([^']+)'|\bimport\('([^']+)'\)/gm;
  return [...read(path).matchAll(pattern)].map((match) => match[1] ?? match[2] ?? '');
}

/** The part of a path below `src/`. */
function inSource(path: string, specifier: string): string {
  return relative(join(root, 'src'), resolve(root, dirname(path), specifier));
}

/** `daemon` of `daemon/storage/store.ts`. */
function areaOf(path: string): string {
  return path.split('/')[0] ?? '';
}

/** `daemon/storage` of `daemon/storage/store.ts`; undefined for what stands at the top of its area. */
function folderOf(path: string): string | undefined {
  const parts = path.split('/');
  return parts.length > 2 ? parts.slice(0, 2).join('/') : undefined;
}

/** The tables of docs/architecture.md: each area, and each folder of one, with what it may import. */
const ALLOWED: ReadonlyMap<string, readonly string[]> = new Map(
  [...read('docs/architecture.md').matchAll(/^\| `([\w/]+)\/` \| [^|]+ \| ([^|]+) \|$/gm)].map(
    ([, place = '', names = '']) => [place, names === '–' ? [] : names.split(', ')],
  ),
);

/**
 * The permission that an import from one file of `src/` to another needs: `PLACE NAME`, a row of the tables and what
 * must stand in it. Undefined if it needs none.
 */
function neededPermission(from: string, to: string): string | undefined {
  const [area, folder] = [areaOf(from), folderOf(from)];
  // The command starts the other processes, each through its main.
  if (area === 'cli' && /^(daemon|sidecar|coordinator)\/main\.ts$/.test(to)) return undefined;
  if (areaOf(to) !== area) return `${area} ${areaOf(to)}`;
  if (folder === undefined || folderOf(to) === folder) return undefined;
  if (ALLOWED.get(folder)?.includes('all') === true) return `${folder} all`;
  return `${folder} ${(to.split('/')[1] ?? '').replace(/\.ts$/, '')}`;
}

function mayImportPackage(own: string, specifier: string): boolean {
  if (specifier.startsWith('node:')) return true;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  return (PACKAGES[name] ?? []).some((place) => own === place || areaOf(own) === place);
}

describe('imports', () => {
  test('each file imports only what its folder may, and each folder may only what it needs', () => {
    const wrong: string[] = [];
    const unused = new Set([...ALLOWED].flatMap(([place, names]) => names.map((name) => `${place} ${name}`)));
    const allowed = new Set(unused);
    for (const path of sources) {
      const own = relative('src', path);
      for (const specifier of imports(path)) {
        const needed = specifier.startsWith('.') ? neededPermission(own, inSource(path, specifier)) : undefined;
        if (needed !== undefined) unused.delete(needed);
        if (needed !== undefined && !allowed.has(needed)) wrong.push(`${path}: the tables do not say "${needed}"`);
        if (!specifier.startsWith('.') && !mayImportPackage(own, specifier)) wrong.push(`${path}: ${specifier}`);
      }
    }
    expect(wrong).toEqual([]);
    expect([...unused]).toEqual([]);
  });

  test('nobody takes more of the client than it names for others', () => {
    const reaching = sources
      .filter((path) => !path.startsWith('src/client/'))
      .flatMap((path) =>
        imports(path)
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => inSource(path, specifier))
          .filter((to) => /^client\/(?!index\.ts$|internal\.ts$)/.test(to))
          .map((to) => `${path}: ${to}`),
      );
    expect(reaching).toEqual([]);
  });

  test('each folder of the source stands in the tables of the architecture, and nothing else does', () => {
    const folders = sources.map((path) => relative('src', path)).flatMap((own) => [areaOf(own), folderOf(own) ?? []]);
    expect([...ALLOWED.keys()].sort()).toEqual([...new Set(folders.flat())].sort());
  });

  test('what is pure touches nothing but what it is given', () => {
    // Of node: only what computes.
    const touching =
      /'node:(?!(?:util|crypto|zlib)')[^']+'|\b(?:fetch|setTimeout|setInterval|setImmediate)\(|\bprocess\.|\bMath\.random\b/g;
    const found = sources.flatMap((path) => {
      const text = read(path);
      const isPure =
        /^src\/(?:protocol|topology)\//.test(path) || /\bPure\b/.test(/^\/\*\*[\s\S]*?\*\//.exec(text)?.[0] ?? '');
      const code = withoutComments(text).replace(/^import \{ isIP(?:v[46])? \} from 'node:net';$/m, '');
      return isPure ? [...code.matchAll(touching)].map(([what]) => `${path}: ${what}`) : [];
    });
    expect(found).toEqual([]);
  });

  test('the runtime dependencies are those listed here, and each has a line in an ADR', () => {
    const manifest = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    expect(Object.keys(manifest.dependencies).sort()).toEqual(Object.keys(PACKAGES).sort());
    const decisions = files('docs/adr/*.md').map(read).join('\n');
    for (const name of Object.keys(PACKAGES)) expect(decisions).toContain(`\`${name}\``);
  });

  test('a daemon loads nothing that it does not need', () => {
    const seen = new Set(['src/daemon/main.ts']);
    for (const path of seen) {
      const direct = read(path).matchAll(/^(?:import|export)\s(?!type\s)(?:[^'";]*?\sfrom\s)?'(\.[^']+)'/gm);
      for (const [, specifier = ''] of direct) seen.add(join('src', inSource(path, specifier)));
    }
    expect([...seen].filter((path) => /^src\/(daemon|protocol|base)\//.test(path))).toEqual([...seen]);
    expect([...seen]).not.toContain('src/base/log.ts');
  });

  test('only the edges of a process touch environment, arguments and exit', () => {
    // A supervisor hands its environment on, and a process without its supervisor has nobody to return to.
    const edges = new Set(['src/cli/command.ts', 'src/cli/launch.ts', 'src/base/parent.ts']);
    const touching = sources.filter((path) => /\bprocess\.(env|argv|exit)\b/.test(withoutComments(read(path))));
    expect(touching.filter((path) => !path.endsWith('/main.ts') && !edges.has(path))).toEqual([]);
  });

  test('only the clock asks for the time', () => {
    const asking = sources.filter((path) =>
      /\b(Date|performance)\.now\(|new Date\(\)/.test(withoutComments(read(path))),
    );
    expect(asking.filter((path) => !path.endsWith('/main.ts') && path !== 'src/base/clock.ts')).toEqual([]);
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}

describe('files', () => {
  test('each program begins with a comment that says what it is', () => {
    const bare = programs.filter((path) => !/^(?:#!.*\n)?(?:\/\*\*|\/\/|#|""")/.test(read(path)));
    expect(bare).toEqual([]);
  });

  test(`none is longer than ${FILE_LINES_MAX} lines`, () => {
    expect(code.filter((path) => read(path).split('\n').length > FILE_LINES_MAX + 1)).toEqual([]);
  });

  test('nothing is put off', () => {
    // Written so that this file does not find itself.
    const marks = /\b(TO{1}DO|FIX{1}ME|X{3}|HAC{1}K)\b/;
    expect([...programs, ...code, ...documents].filter((path) => marks.test(read(path)))).toEqual([]);
  });

  test('what is exported is used somewhere else', () => {
    const words = new Map(code.map((path) => [path, new Set(read(path).match(/[A-Za-z_$][\w$]*/g))]));
    const unused: string[] = [];
    for (const path of sources) {
      const text = read(path);
      for (const [, kind, name = ''] of text.matchAll(EXPORT)) {
        const elsewhere = code.some((other) => other !== path && words.get(other)?.has(name) === true);
        // A type names what a signature in the same file asks for, a constant says what a bound is: to be read by both
        // people and the file itself is use enough. A function or class that only its file uses needs no export.
        const ownUses = text.split(new RegExp(`\\b${name.replaceAll('$', '\\$')}\\b`)).length - 1;
        const speaksForItself = kind === 'interface' || kind === 'type' || /^[A-Z0-9_]+$/.test(name);
        if (!elsewhere && !(speaksForItself && ownUses > 1)) unused.push(`${path}: ${name}`);
      }
    }
    expect(unused).toEqual([]);
  });
});

const EXPORT =
  /^export (?:declare )?(?:async )?(?:abstract )?(function\*?|class|const|let|interface|type) ([A-Za-z_$][\w$]*)/gm;

describe('documents', () => {
  test('every error code is documented, and none that does not exist', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \| (.+?) \|/gm)];
    expect(Object.fromEntries(rows.map(([, code, meaning]) => [code, meaning]))).toEqual(ERROR_CODES);
  });

  test(`the README has at most ${README_LINES_MAX} lines`, () => {
    expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(README_LINES_MAX);
  });

  test.each(documents)('%s links to what is there', (path) => {
    const links = [...read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)].map(
      (match) => match[1] ?? '',
    );
    expect(links.filter((link) => !existsSync(resolve(root, dirname(path), link)))).toEqual([]);
  });
});
