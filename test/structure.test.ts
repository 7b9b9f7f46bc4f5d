import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { FAULTS } from '../src/core/errors.ts'
import { rings, type SourceFile, sourceFiles } from './support/source-tree.ts'

/** Which folder of `src` may import which. Read it top to bottom: arrows only ever point down. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['cli'],
  'cli/compose': ['cli', 'engine', 'services', 'store', 'blobs', 'azure', 'mlflow', 'core'],
  cli: ['api', 'controller', 'engine', 'services/service.ts', 'store/store.ts', 'core'],
  api: ['engine', 'core'],
  controller: ['engine', 'core'],
  engine: [
    'services/service.ts',
    'store/store.ts',
    'store/ledger.ts',
    'store/history-ledger.ts',
    'blobs/blob-store.ts',
    'mlflow/tracking.ts',
    'mlflow/awake.ts',
    'mlflow/points.ts',
    'mlflow/kept.ts',
    'mlflow/registry.ts',
    'mlflow/artifacts.ts',
    'mlflow/logged-models.ts',
    'mlflow/traces.ts',
    'mlflow/evaluation-datasets.ts',
    'mlflow/evaluation-records.ts',
    'disk',
    'core',
  ],
  services: [
    'azure',
    'mlflow',
    'blobs',
    'core/model.ts',
    'core/errors.ts',
    'core/portable.ts',
    'core/snapshot.ts',
    'core/canonical.ts',
  ],
  store: ['blobs/blob-store.ts', 'core/model.ts', 'core/errors.ts'],
  blobs: ['azure', 'disk', 'core/model.ts', 'core/errors.ts'],
  azure: ['core/model.ts', 'core/errors.ts'],
  mlflow: ['disk', 'core/model.ts', 'core/errors.ts'],
  disk: ['core/errors.ts'],
  core: [],
}

/** Files over the stop size, each with the reason. */
const LARGE: Readonly<Record<string, string>> = {}

const STOP = { lines: 400, testLines: 600, entries: 30 }

const product = sourceFiles('src')
const emulator = sourceFiles('emulator')
const all = [
  ...product,
  ...emulator,
  ...sourceFiles('test', ...['demo', 'bench', 'web'].filter((folder) => existsSync(folder))),
]

it('imports only downwards', () => {
  const wrong = product.flatMap((file) =>
    file.imports.filter((target) => !allowed(file, target)).map((target) => `${file.path} imports ${target}`),
  )
  expect(wrong).toEqual([])
})

it('lets the emulator and the product know nothing of each other', () => {
  const wrong = [
    ...product.filter((file) => file.imports.some((target) => target.startsWith('emulator/'))),
    ...emulator.filter((file) => file.imports.some((target) => target.startsWith('src/'))),
  ]
  expect(wrong.map((file) => file.path)).toEqual([])
})

it('keeps the core free of everything but hashing', () => {
  const wrong = product
    .filter((file) => file.path.startsWith('src/core/') && !isTest(file))
    .flatMap((file) =>
      file.packages.filter((name) => name !== 'node:crypto').map((name) => `${file.path} imports ${name}`),
    )
  expect(wrong).toEqual([])
})

it('names services, stores and blob stores only where they are joined', () => {
  const folders = serviceFolders()
  const namesService = (target: string) => folders.some((name) => target.startsWith(`src/services/${name}/`))
  const wrong = product
    .filter(
      (file) => !isTest(file) && !file.path.startsWith('src/cli/compose/') && file.path !== 'src/services/registry.ts',
    )
    .flatMap((file) =>
      file.imports
        .filter((target) => namesService(target) && folderOf(target) !== folderOf(file.path))
        .map((target) => `${file.path} imports ${target}`),
    )
  expect(wrong).toEqual([])
})

it('has no rings of imports', () => {
  expect(rings(all, (file) => file.runtimeImports)).toEqual([])
})

it('finds the same four files in every service', () => {
  const missing = serviceFolders().flatMap((name) =>
    ['index.ts', 'schema.ts', 'index.test.ts', 'readme.md']
      .map((file) => `src/services/${name}/${file}`)
      .filter((path) => !existsSync(path)),
  )
  expect(missing).toEqual([])
})

it('holds the budgets of size', () => {
  const long = all
    .map((file) => ({
      path: file.path,
      lines: file.text.split('\n').length - 1,
      limit: isTest(file) ? STOP.testLines : STOP.lines,
    }))
    .filter(({ path, lines, limit }) => lines > limit && LARGE[path] === undefined)
    .map(({ path, lines, limit }) => `${path} has ${lines} lines, ${limit} is the stop`)
  expect(long).toEqual([])
})

it('keeps folders readable', () => {
  const counts = new Map<string, number>()
  for (const file of all.filter((one) => !isTest(one)))
    counts.set(folderOf(file.path), (counts.get(folderOf(file.path)) ?? 0) + 1)
  const full = [...counts].filter(([folder, count]) => count > STOP.entries && !folder.endsWith('/ml'))
  expect(full).toEqual([])
})

it('leaves no test out and none alone', () => {
  const marks = /\b(?:it|test|describe)\.(?:skip|only|todo)\b/
  expect(
    all
      .filter((file) => isTest(file) && file.path !== 'test/structure.test.ts' && marks.test(file.text))
      .map((file) => file.path),
  ).toEqual([])
})

it('explains every error code on a page, and no other', () => {
  const headings = [...readFileSync('docs/errors.md', 'utf8').matchAll(/^## `([^`]+)`/gm)].map(([, code]) => code)
  expect(headings.toSorted()).toEqual(Object.keys(FAULTS).toSorted())
})

function isTest(file: SourceFile): boolean {
  return file.path.endsWith('.test.ts') || file.path.endsWith('conformance.ts')
}

function allowed(file: SourceFile, target: string): boolean {
  const [, top = '', second = ''] = file.path.split('/')
  const from = `${top}/${second}` in MAY_IMPORT ? `${top}/${second}` : top
  const inside = target.replace(/^src\//, '')
  if (isTest(file) && target.startsWith('test/support/')) return true
  if (inside.split('/')[0] === top) return true
  return (MAY_IMPORT[from] ?? []).some((entry) => inside === entry || inside.startsWith(`${entry}/`))
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function serviceFolders(): string[] {
  return readdirSync('src/services', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
}
