import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string
  readonly text: string
  /** Paths of the repository's own files that it imports. */
  readonly imports: readonly string[]
  /** Of these, the ones that are loaded before it runs: `import type` leaves nothing behind. */
  readonly runtimeImports: readonly string[]
  /** Packages and `node:` modules that it imports. */
  readonly packages: readonly string[]
}

const LEFT_OUT = new Set(['node_modules', '.venv', '.holdfast', '.git'])
/** What is loaded when it is needed. */
const LATER = /\bimport\('([^']+)'\)/g
const IMPORT = /^\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm

/** Every TypeScript file below the folders, read once. */
export function sourceFiles(...folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) => [...below(folder)]).map(parsed)
}

function* below(folder: string): Iterable<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (LEFT_OUT.has(entry.name)) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* below(path)
    else if (entry.name.endsWith('.ts')) yield path
  }
}

function parsed(path: string): SourceFile {
  const text = readFileSync(path, 'utf8')
  const first = [...text.matchAll(IMPORT)].map(([, type, target = '']) => ({ type: type !== undefined, target }))
  const later = [...text.matchAll(LATER)].map(([, target = '']) => ({ type: true, target }))
  const found = [...first, ...later]
  const own = found
    .filter(({ target }) => target.startsWith('.'))
    .map(({ type, target }) => ({ type, target: normalize(join(dirname(path), target)) }))
  return {
    path,
    text,
    imports: own.map(({ target }) => target),
    runtimeImports: own.filter(({ type }) => !type).map(({ target }) => target),
    packages: found.map(({ target }) => target).filter((target) => !target.startsWith('.')),
  }
}

/** Rings of imports, each as the list of its files. */
export function rings(files: readonly SourceFile[], importsOf: (file: SourceFile) => readonly string[]): string[][] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const state = new Map<string, 'open' | 'done'>()
  const found: string[][] = []
  const trail: string[] = []
  const visit = (path: string): void => {
    const file = byPath.get(path)
    if (file === undefined || state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      found.push([...trail.slice(trail.indexOf(path)), path])
      return
    }
    state.set(path, 'open')
    trail.push(path)
    for (const next of importsOf(file)) visit(next)
    trail.pop()
    state.set(path, 'done')
  }
  for (const file of files) visit(file.path)
  return found
}
