import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import type { Point } from '../tracking.ts'
import { openFolder } from './folder.ts'

const signal = AbortSignal.timeout(60_000)
const folders: string[] = []

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'history-folder-'))
  folders.push(folder)
  return folder
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of items) found.push(one)
  return found
}

async function* bytesOf(...texts: readonly string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

/** Every file in a folder, by its path. */
async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
}

/** A folder with one run. */
async function withRun(id = 'r1') {
  const path = await emptyFolder()
  const { tracking, artifacts } = await openFolder(path, 'target')
  await tracking.createExperiment('e', [], signal)
  await tracking.createWithId(id, { experiment_id: 'e', run_name: 'one', start_time: 5 })
  const root = String((await tracking.run(id, signal))?.info['artifact_uri'])
  const put = (file: string, ...texts: readonly string[]) =>
    artifacts.write(root, file, { bytes: bytesOf(...texts), signal })
  const get = async (file: string, side: 'source' | 'target' = 'source') => {
    const bytes = await (await openFolder(path, side)).artifacts.read(root, file, signal)
    return bytes === undefined ? undefined : Buffer.concat(await all(bytes)).toString()
  }
  return { path, tracking, artifacts, root, put, get }
}

it('gives back points as they came, whatever their values, keys and order', async () => {
  const { path, tracking } = await withRun()
  const points: Point[] = [
    { key: '../ä/b', value: 'NaN', timestamp: 3, step: 1 },
    { key: '../ä/b', value: '-Infinity', timestamp: -2, step: -7 },
    { key: '../ä/b', value: 0.1 + 0.2, timestamp: 3, step: 1 },
    { key: '../ä/b', value: 0.1 + 0.2, timestamp: 3, step: 1, about: { dataset_name: 'd' } },
    { key: 'x'.repeat(250), value: 1e-300, timestamp: 0, step: 0 },
  ]
  await tracking.log('r1', { metrics: points.slice(0, 2) }, signal)
  await tracking.log('r1', { metrics: points.slice(2) }, signal)
  const again = (await openFolder(path, 'source')).tracking
  const keys = ['../ä/b', 'x'.repeat(250)]
  const found = await Promise.all(keys.map((key) => all(again.history('r1', key, signal))))
  expect(found.flat()).toEqual(points)
  expect((await again.run('r1', signal))?.latest.map(({ key }) => key)).toEqual(keys)
})

it('keeps a run under its id, however hostile or long that is, within the folder', async () => {
  for (const id of ['../../x', '.', '~', 'a/b', 'ü'.repeat(300), '']) {
    const { path, put, get } = await withRun(id)
    await put('f', 'bytes')
    expect((await (await openFolder(path, 'source')).tracking.run(id, signal))?.info.run_id).toBe(id)
    expect(await get('f')).toBe('bytes')
    const below = (await filesIn(path)).every((file) => file.startsWith(path))
    expect(below).toBe(true)
  }
})

it('keeps files under any path, also where one is a folder of another', async () => {
  const { put, get, artifacts, root, path } = await withRun()
  const paths = ['../../../out', '/abs', 'a', 'a/b', 'A', 'a//c', '.hidden', '~x', 'e', `${'n'.repeat(400)}/x`]
  for (const name of paths) await put(name, name)
  for (const name of paths) expect(await get(name)).toBe(name)
  expect((await all(artifacts.files(root, signal))).map((one) => one.path).toSorted()).toEqual(paths.toSorted())
  expect((await readdir(join(path, '..'))).includes('out')).toBe(false)
})

it('writes nothing where nothing changes', async () => {
  const { path, tracking } = await withRun()
  const change = async () => {
    await tracking.log('r1', { tags: [{ key: 'k', value: 'v' }], params: [{ key: 'p', value: '1' }] }, signal)
    await tracking.updateRun('r1', { status: 'FINISHED', end_time: 9 }, signal)
    await tracking.createWithId('r1', { experiment_id: 'e' })
  }
  await change()
  const before = await stamps(path)
  await change()
  expect(await stamps(path)).toEqual(before)
})

async function stamps(path: string) {
  const { stat } = await import('node:fs/promises')
  return Promise.all((await filesIn(path)).map(async (file) => [file, (await stat(file)).ino]))
}

it('finds damage of any file, and names the file', async () => {
  const { path, tracking, put } = await withRun()
  await tracking.log('r1', { metrics: [{ key: 'loss', value: 12, timestamp: 1, step: 1 }] }, signal)
  await put('model.bin', 'one byte')
  const { registry } = await openFolder(path, 'target')
  await registry.createModel({ name: 'm', description: '', tags: [] }, signal)
  for (const file of await filesIn(path)) {
    const before = await readFile(file)
    const changed = Buffer.from(before)
    const at = changed.lastIndexOf('1') < 0 ? changed.length - 3 : changed.lastIndexOf('1')
    changed[at] = 'x'.charCodeAt(0)
    await writeFile(file, changed)
    // A line of the notes that is changed no longer says the sum of the file that it is about.
    const named = file.endsWith('files.jsonl') ? 'model.bin' : file.slice(path.length + 1)
    await expect(readAll(path), file).rejects.toThrow(named)
    await writeFile(file, before)
  }
  await expect(readAll(path)).resolves.toBeUndefined()
})

it('finds that a file is there which no line of its notes names: the line is lost, or leads out of the folder', async () => {
  const { path, put } = await withRun()
  await put('a/model.bin', 'bytes')
  const [notes] = (await filesIn(path)).filter((file) => file.endsWith('files.jsonl'))
  if (notes === undefined) throw new Error('no notes')
  const before = await readFile(notes, 'utf8')
  for (const text of [
    '',
    before.replace('"a/model.bin","length"', '"../../../../etc/passwd","length"'),
    before.slice(9),
  ]) {
    expect(text).not.toBe(before)
    await writeFile(notes, text)
    await expect(readAll(path), text).rejects.toMatchObject({ code: 'blob/damaged' })
  }
  await rm(notes)
  await expect(readAll(path)).rejects.toThrow('a/model.bin')
  await writeFile(notes, before)
  await expect(readAll(path)).resolves.toBeUndefined()
})

/** Reads everything that a folder holds. */
async function readAll(path: string): Promise<void> {
  const { tracking, artifacts, registry } = await openFolder(path, 'source')
  for await (const { id } of tracking.experiments(signal)) {
    for await (const { info, latest } of tracking.runs([id], signal)) {
      for (const { key } of latest) await all(tracking.history(info.run_id, key, signal))
      const root = String(info['artifact_uri'])
      for (const file of await all(artifacts.files(root, signal))) {
        await all((await artifacts.read(root, file.path, signal)) ?? bytesOf())
      }
    }
  }
  await all(registry.models(signal))
}

it('says of a file that is gone that it is, and writes it again where the folder is the target', async () => {
  const { path, put, get, root } = await withRun()
  await put('f', 'bytes')
  const [file = ''] = (await filesIn(path)).filter((one) => one.endsWith('/f'))
  await rm(file)
  const source = await openFolder(path, 'source')
  await expect(all(source.artifacts.files(root, signal))).rejects.toMatchObject({ code: 'blob/damaged' })
  expect(await all((await openFolder(path, 'target')).artifacts.files(root, signal))).toEqual([])
  await put('f', 'bytes')
  expect(await get('f')).toBe('bytes')
})

it('reads over a note that a crash cut off, and leaves no half of a file', async () => {
  const { path, put, get, artifacts, root } = await withRun()
  await put('f', 'bytes')
  const [notes = ''] = (await filesIn(path)).filter((one) => one.endsWith('files.jsonl'))
  const whole = await readFile(notes)
  await put('g', 'more')
  await truncate(notes, whole.length + 9)
  async function* broken(): AsyncIterable<Uint8Array> {
    yield Buffer.from('half')
    throw new Error('the source went away')
  }
  await expect(artifacts.write(root, 'f', { bytes: broken(), signal })).rejects.toThrow('the source went away')
  expect(await get('f')).toBe('bytes')
  await put('h', 'last')
  expect([await get('g'), await get('h')]).toEqual([undefined, 'last'])
  expect((await filesIn(path)).filter((one) => one.includes('/~'))).toEqual([])
})

it('makes no folder by being read, and refuses one that holds anything else', async () => {
  const path = await emptyFolder()
  const fresh = await openFolder(join(path, 'new'), 'target')
  expect(await all(fresh.tracking.experiments(signal))).toEqual([])
  expect(await readdir(path)).toEqual([])
  await expect(openFolder(join(path, 'new'), 'source')).rejects.toMatchObject({ code: 'usage/bad-argument' })
  await mkdir(join(path, 'photos'))
  await expect(openFolder(path, 'target')).rejects.toMatchObject({ code: 'usage/bad-argument' })
})

it('never gives a number of a version again', async () => {
  const { registry } = await openFolder(await emptyFolder(), 'target')
  await registry.createModel({ name: 'm', description: '', tags: [] }, signal)
  const more = { runId: '', runLink: '', modelId: '', description: '', tags: [] }
  const make = () => registry.createVersion({ name: 'm', source: 's', ...more }, signal)
  await make()
  await registry.deleteVersion({ name: 'm', version: '1' }, signal)
  expect((await make()).version).toBe('2')
})

it('keeps a trace with its spans, each once', async () => {
  const path = await emptyFolder()
  const { traces } = await openFolder(path, 'target')
  const trace = { id: 'tr-1', experimentId: 'e', info: { trace_id: 'tr-1', state: 'OK' } }
  const spans = [
    { span_id: 'YQ==', name: 'one', start_time_unix_nano: '1795902378217000001' },
    { span_id: 'Yg==', name: 'two' },
  ]
  await traces.put(trace, signal)
  await traces.putSpans(trace, spans.slice(0, 1), signal)
  await traces.putSpans(trace, spans, signal)
  const again = (await openFolder(path, 'source')).traces
  const list = await again.list(['e', 'none'], signal)
  expect(list === undefined ? [] : await all(list)).toEqual([trace])
  expect(await again.spans('tr-1', signal)).toEqual(spans)
})
