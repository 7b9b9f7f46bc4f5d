import { expect, it } from 'vitest'
import { Fault } from '../../core/errors.ts'
import type { Artifacts } from '../../mlflow/artifacts.ts'
import type { HistoryLedger } from '../../store/history-ledger.ts'
import { copyFiles } from './files.ts'

const ROOT = 'memory:/run'
const signal = AbortSignal.timeout(20_000)

/** Files in memory, and a record of what was read and written. */
function shelf(content: Readonly<Record<string, string>> = {}) {
  const files = new Map(Object.entries(content).map(([path, text]) => [path, Buffer.from(text)]))
  const [reads, writes]: [string[], string[]] = [[], []]
  const artifacts: Artifacts = {
    reaches: () => true,
    files: async function* () {
      for (const [path, bytes] of files) yield { path, length: bytes.length }
    },
    read: async (_, path) => {
      reads.push(path)
      const bytes = files.get(path)
      return bytes === undefined ? undefined : chunks(bytes)
    },
    write: async (_, path, { bytes }) => {
      writes.push(path)
      const all: Uint8Array[] = []
      for await (const chunk of bytes) all.push(chunk)
      files.set(path, Buffer.concat(all))
    },
  }
  return { artifacts, root: ROOT, files, reads, writes }
}

async function* chunks(bytes: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 3) yield bytes.subarray(at, at + 3)
}

function notes(): HistoryLedger {
  const kept = new Map<string, string>()
  return {
    get: (key) => kept.get(key),
    put: (key, value) => void kept.set(key, value),
    forget: (key) => void kept.delete(key),
    keys: (prefix) => [...kept.keys()].filter((key) => key.startsWith(prefix)),
    close: () => undefined,
  }
}

const rewritten = (text: string) => text.replaceAll('old', 'new')

it('carries every file, the empty ones too, and again none of them', async () => {
  const [from, to, ledger] = [shelf({ 'a/b.txt': 'hello', empty: '' }), shelf(), notes()]
  const copy = { from, to, ledger, key: 'file/1', rewritten, signal }
  expect(await copyFiles(copy)).toEqual({ files: 2, bytes: 5 })
  expect(await copyFiles(copy)).toEqual({ files: 0, bytes: 0 })
  expect(to.files).toEqual(from.files)
  expect(to.writes).toHaveLength(2)
})

it('writes nothing that is there already, though nobody noted it', async () => {
  const [from, to] = [
    shelf({ 'a.txt': 'hello', MLmodel: 'run: old' }),
    shelf({ 'a.txt': 'hello', MLmodel: 'run: new' }),
  ]
  await copyFiles({ from, to, ledger: notes(), key: 'file/1', rewritten, signal })
  expect(to.writes).toEqual([])
})

it('writes a file again that changed, or of which only a part arrived', async () => {
  const [from, to, ledger] = [shelf({ changed: 'one', half: 'whole' }), shelf({ half: 'who' }), notes()]
  const copy = { from, to, ledger, key: 'file/1', rewritten, signal }
  await copyFiles(copy)
  from.files.set('changed', Buffer.from('two'))
  await copyFiles(copy)
  expect(to.files).toEqual(from.files)
  expect(to.writes.toSorted()).toEqual(['changed', 'changed', 'half'])
})

it('says only the description of a model in the names of the target', async () => {
  const [from, to] = [shelf({ 'm/MLmodel': 'run: old', 'm/notes': 'run: old' }), shelf()]
  await copyFiles({ from, to, ledger: notes(), key: 'file/1', rewritten, signal })
  expect(Object.fromEntries([...to.files].map(([path, bytes]) => [path, String(bytes)]))).toEqual({
    'm/MLmodel': 'run: new',
    'm/notes': 'run: old',
  })
})

it('says that a store lost what it took', async () => {
  const [from, to] = [shelf({ a: '1' }), shelf()]
  const forgetful = { ...to, artifacts: { ...to.artifacts, write: () => Promise.resolve() } }
  const copying = copyFiles({ from, to: forgetful, ledger: notes(), key: 'file/1', rewritten, signal })
  await expect(copying).rejects.toMatchObject({ code: 'blob/damaged' })
})

it('refuses files that the server does not hand out, by where they are', async () => {
  const from = shelf({ a: '1' })
  const elsewhere = { root: 's3://bucket/run', artifacts: { ...from.artifacts, reaches: () => false } }
  const copying = copyFiles({ from: elsewhere, to: shelf(), ledger: notes(), key: 'file/1', rewritten, signal })
  await expect(copying).rejects.toMatchObject({
    code: 'azure/refused',
    message: expect.stringContaining('s3://bucket'),
  })
})

it('carries the others where one cannot be read or is not taken, and names each', async () => {
  const [from, to, ledger] = [shelf({ a: '1', bad: '2', c: '3', refused: '4', e: '5' }), shelf(), notes()]
  const { read } = from.artifacts
  const { write } = to.artifacts
  const odd = {
    read: (root: string, path: string, until: AbortSignal) =>
      path === 'bad' ? Promise.resolve(undefined) : read(root, path, until),
    write: async (...call: Parameters<typeof write>) => {
      if (call[1] === 'refused') throw new Fault('azure/refused', 'Invalid path', { facts: { status: 400 } })
      return write(...call)
    },
  }
  const copy = {
    from: { ...from, artifacts: { ...from.artifacts, read: odd.read } },
    to: { ...to, artifacts: { ...to.artifacts, write: odd.write } },
    ...{ ledger, key: 'file/1', rewritten, signal },
  }
  await expect(copyFiles(copy)).rejects.toThrow(/^2 of its files are not carried: "bad", "refused"/)
  expect([...to.files.keys()].toSorted()).toEqual(['a', 'c', 'e'])
})

it('ends at once where a place does not answer any more', async () => {
  const [from, to, ledger] = [
    shelf(Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`${n}`, 'x']))),
    shelf(),
    notes(),
  ]
  let asked = 0
  const read = () => {
    asked += 1
    return Promise.reject(new Fault('azure/unreachable', 'it did not answer'))
  }
  const gone = { ...from, artifacts: { ...from.artifacts, read } }
  await expect(copyFiles({ from: gone, to, ledger, key: 'file/1', rewritten, signal })).rejects.toThrow(
    'did not answer',
  )
  expect(asked).toBeLessThan(10)
})

it('begins a file anew that a limit refused', async () => {
  const [from, to] = [shelf({ a: '1', b: '2' }), shelf()]
  const { write } = to.artifacts
  let refusals = 3
  const limited: typeof write = async (...call) => {
    if (refusals-- > 0) throw new Fault('azure/throttled', 'Too many', { facts: { status: 429 } })
    return write(...call)
  }
  const copy = { from, to: { ...to, artifacts: { ...to.artifacts, write: limited } }, ledger: notes() }
  expect(await copyFiles({ ...copy, key: 'file/1', rewritten, signal })).toEqual({ files: 2, bytes: 2 })
  expect(to.files).toEqual(from.files)
})

/** Files in memory that tell versions, and of which other places can take what is long. */
function versioned(content: Readonly<Record<string, string | Buffer>> = {}) {
  const inner = shelf()
  const versions = new Map<string, number>()
  const fetched: string[] = []
  const put = (path: string, bytes: string | Buffer) => {
    inner.files.set(path, Buffer.from(bytes))
    versions.set(path, (versions.get(path) ?? 0) + 1)
  }
  for (const [path, bytes] of Object.entries(content)) put(path, bytes)
  const artifacts: Artifacts = {
    ...inner.artifacts,
    files: async function* () {
      for (const [path, bytes] of inner.files) {
        const origin = { version: String(versions.get(path)), bytes }
        yield { path, length: bytes.length, origin }
      }
    },
    fetch: async (_, path, { origin }) => {
      fetched.push(path)
      put(path, (origin as unknown as { readonly bytes: Buffer }).bytes)
      return true
    },
  }
  return { ...inner, artifacts, put, fetched }
}

const LONG = Buffer.alloc(9 * 1024 * 1024, 'long')

it('lets the target fetch what is long itself, and reads the rest', async () => {
  const [from, to] = [versioned({ 'long.bin': LONG, short: 'short', 'm/MLmodel': 'run: old' }), versioned()]
  const copied = await copyFiles({ from, to, ledger: notes(), key: 'file/1', rewritten, signal })
  expect(copied).toEqual({ files: 3, bytes: LONG.length + 13 })
  expect(to.fetched).toEqual(['long.bin'])
  expect(from.reads.toSorted()).toEqual(['m/MLmodel', 'short'])
  expect(Object.fromEntries([...to.files].map(([path, bytes]) => [path, bytes.length]))).toEqual({
    ...{ 'long.bin': LONG.length, short: 5, 'm/MLmodel': 8 },
  })
})

it('has a file fetched again that a limit refused', async () => {
  const [from, to] = [versioned({ 'long.bin': LONG }), versioned()]
  const { fetch } = to.artifacts
  let refusals = 2
  const limited: NonNullable<typeof fetch> = async (...call) => {
    if (refusals-- > 0) throw new Fault('azure/throttled', 'The server is busy', { facts: { status: 503 } })
    return (await fetch?.(...call)) === true
  }
  const copy = { from, to: { ...to, artifacts: { ...to.artifacts, fetch: limited } }, ledger: notes() }
  expect(await copyFiles({ ...copy, key: 'file/1', rewritten, signal })).toEqual({ files: 1, bytes: LONG.length })
  expect(from.reads).toEqual([])
})

it('reads what is long where the target cannot fetch it', async () => {
  const [from, to] = [versioned({ 'long.bin': LONG }), versioned()]
  const unable = { ...to, artifacts: { ...to.artifacts, fetch: () => Promise.resolve(false) } }
  await copyFiles({ from, to: unable, ledger: notes(), key: 'file/1', rewritten, signal })
  expect(to.files.get('long.bin')?.equals(LONG)).toBe(true)
})

it('reads no file again whose version was carried, and carries one that has another', async () => {
  const [from, to, ledger] = [versioned({ a: '1', b: '2', MLmodel: 'run: old' }), versioned(), notes()]
  const copy = { from, to, ledger, key: 'file/1', rewritten, signal }
  await copyFiles(copy)
  from.reads.splice(0)
  from.put('b', 'other')
  expect(await copyFiles(copy)).toEqual({ files: 1, bytes: 5 })
  // The description of a model is read each time: what it is to say follows the names of others.
  expect(from.reads.toSorted()).toEqual(['MLmodel', 'b'])
  expect(String(to.files.get('b'))).toBe('other')
})

it('finds what stands by reading both, once, where only its sum was noted or nothing', async () => {
  const [from, to, ledger] = [versioned({ a: '1', b: '2' }), versioned({ a: '1', b: '2' }), notes()]
  const { artifacts: plain } = shelf({ a: '1' })
  await copyFiles({ from: { artifacts: plain, root: ROOT }, to, ledger, key: 'file/1', rewritten, signal })
  const copy = { from, to, ledger, key: 'file/1', rewritten, signal }
  await copyFiles(copy)
  expect(from.reads.splice(0).toSorted()).toEqual(['a', 'b'])
  await copyFiles(copy)
  expect([from.reads, to.writes]).toEqual([[], []])
})

it('lets few long files pass at once, in all runs together, and short ones beside them', async () => {
  let [now, most, short] = [0, 0, 0]
  const copies = ['1', '2', '3'].map(async (id) => {
    const long = Object.fromEntries(Array.from({ length: 4 }, (_, n) => [`long-${n}`, 'x'.repeat(2 * 1024 * 1024)]))
    const [from, to] = [shelf({ ...long, short: 'x' }), shelf()]
    const { write } = to.artifacts
    async function* whole(path: string): AsyncIterable<Uint8Array> {
      yield from.files.get(path) ?? Buffer.alloc(0)
    }
    const read = (_: string, path: string) => Promise.resolve(whole(path))
    const counting: typeof write = async (root, path, content) => {
      if (path === 'short') short += 1
      else most = Math.max(most, ++now)
      await write(root, path, content)
      if (path !== 'short') now -= 1
    }
    const counted = { ...to, artifacts: { ...to.artifacts, write: counting } }
    const source = { ...from, artifacts: { ...from.artifacts, read } }
    await copyFiles({ from: source, to: counted, ledger: notes(), key: `file/${id}`, rewritten, signal })
    for (const [path, bytes] of from.files) expect(to.files.get(path)?.equals(bytes)).toBe(true)
  })
  await Promise.all(copies)
  expect([most, short]).toEqual([4, 3])
})
