import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import {
  carriesBetweenServers,
  makeLogged,
  makeRun,
  type OneHistory,
  readText,
  rootOf,
  twoHistories,
  writeText,
} from '../../../test/support/two-histories.ts'

const two = twoHistories()

async function fill(history: OneHistory) {
  const run = await makeRun(history, 'first')
  const id = run.info.run_id
  await writeText(history, rootOf(run), {
    'a/b.txt': 'hello',
    empty: '',
    'm/MLmodel': `run_id: ${id}\nat: ${rootOf(run)}/m`,
  })
  const model = await makeLogged(history, run, 'lm')
  await writeText(history, model.location, { MLmodel: `model_id: ${model.id}\nrun_id: ${id}\n` })
  return { run, model }
}

carriesBetweenServers(two, { kind: 'artifact', fill })

it('says a description of a model in the ids and places of the side it stands on, and no other file', async () => {
  const { source, target, signal, carry } = two()
  const { run } = await fill(source)
  await writeText(source, rootOf(run), { notes: `run ${run.info.run_id}` })
  await carry()
  const [replica] = await Array.fromAsync(target.tracking.runs(await experimentsOf(target), signal))
  if (replica === undefined) throw new Error('no run')
  const id = replica.info.run_id
  expect(id).not.toBe(run.info.run_id)
  expect(await readText(target, rootOf(replica), 'm/MLmodel')).toBe(`run_id: ${id}\nat: ${rootOf(replica)}/m`)
  expect(await readText(target, rootOf(replica), 'notes')).toBe(`run ${run.info.run_id}`)
})

it('reads the files of a run that is over once, and of one that is open each time', async () => {
  const { source, signal, items } = two()
  const { run } = await fill(source)
  const read: string[] = []
  const { artifacts } = source
  Object.assign(source, {
    artifacts: {
      ...artifacts,
      read: (root: string, path: string, until: AbortSignal) => {
        read.push(path)
        return artifacts.read(root, path, until)
      },
    },
  })
  await items('artifact', source)
  expect(read.splice(0)).toHaveLength(4)
  await items('artifact', source)
  expect(read.splice(0)).toEqual([])
  await source.tracking.updateRun(run.info.run_id, { status: 'RUNNING' }, signal)
  await items('artifact', source)
  await writeText(source, rootOf(run), { 'a/b.txt': 'HELLO' })
  read.splice(0)
  await items('artifact', source)
  expect(read.toSorted()).toEqual(['a/b.txt', 'empty', 'm/MLmodel'])
})

it('reads of a run that is open only what has another version, where a place tells versions', async () => {
  const { source, signal, items } = two()
  const { run } = await fill(source)
  await source.tracking.updateRun(run.info.run_id, { status: 'RUNNING' }, signal)
  const { artifacts } = source
  const read: string[] = []
  const versions = new Map<string, string>()
  Object.assign(source, {
    artifacts: {
      ...artifacts,
      files: async function* (root: string, until: AbortSignal) {
        for await (const file of artifacts.files(root, until))
          yield { ...file, origin: { version: versions.get(file.path) ?? '1' } }
      },
      read: (root: string, path: string, until: AbortSignal) => {
        read.push(path)
        return artifacts.read(root, path, until)
      },
    },
  })
  const before = await items('artifact', source)
  await writeText(source, rootOf(run), { 'a/b.txt': 'HELLO' })
  versions.set('a/b.txt', '2')
  read.splice(0)
  const after = await items('artifact', source)
  // What a description of a model says in portable form follows the names of others.
  expect(read.toSorted()).toEqual(['a/b.txt', 'm/MLmodel'])
  expect(after.filter((one, at) => one.digest !== before[at]?.digest)).toMatchObject([{ body: { path: 'a/b.txt' } }])
})

it('sees what was written to a run that is over where nothing noted is believed', async () => {
  const { source, signal, service, items } = two()
  const { run } = await fill(source)
  const before = await items('artifact', source)
  await writeText(source, rootOf(run), { late: 'late' })
  expect(await items('artifact', source)).toHaveLength(before.length)
  const afresh = await Array.fromAsync(service('artifact').list(source.place, { signal, afresh: true }))
  expect(afresh).toHaveLength(before.length + 1)
})

it('puts other bytes of the other side beside ours, and changes neither', async () => {
  const { source, target, signal, service, carry, items } = two()
  const { run } = await fill(source)
  await carry()
  await source.tracking.updateRun(run.info.run_id, { status: 'RUNNING' }, signal)
  await writeText(source, rootOf(run), { 'a/b.txt': 'theirs' })
  const theirs = (await items('artifact', source)).find(({ address }) => address.endsWith('/a%2Fb.txt'))
  const aside = theirs && service('artifact').aside?.(theirs, 'f1')
  if (aside === undefined) throw new Error('no name of its own')
  await service('artifact').converge(target.place, aside, { source: source.place, signal })
  const [replica] = await Array.fromAsync(target.tracking.runs(await experimentsOf(target), signal))
  const root = replica === undefined ? '' : rootOf(replica)
  expect(await readText(target, root, 'a/b.txt')).toBe('hello')
  expect(await readText(target, root, 'a/b.txt.holdfast-f1')).toBe('theirs')
})

it('names what a server does not hand out, and carries nothing in its place', async () => {
  const { source, target, signal, service, items } = two()
  await fill(source)
  Object.assign(source, { artifacts: { ...source.artifacts, reaches: () => false } })
  const [one, ...more] = await items('artifact', source)
  expect(more).toHaveLength(1)
  if (one === undefined) throw new Error('nothing is named')
  const carried = service('artifact').converge(target.place, one, { source: source.place, signal })
  await expect(carried).rejects.toMatchObject({ code: expect.stringMatching(/^azure\/refused$|^blob\/changed$/) })
})

it('is not published as equal where the bytes changed on the way', async () => {
  const { source, target, signal, service, carry, items } = two()
  const { run } = await fill(source)
  await carry()
  await source.tracking.updateRun(run.info.run_id, { status: 'RUNNING' }, signal)
  await writeText(source, rootOf(run), { 'a/b.txt': 'one' })
  const planned = (await items('artifact', source)).find(({ address }) => address.endsWith('/a%2Fb.txt'))
  await source.artifacts.write(rootOf(run), 'a/b.txt', { bytes: Readable.from([Buffer.from('two')]), signal })
  if (planned === undefined) throw new Error('no file')
  const stands = await service('artifact').converge(target.place, planned, { source: source.place, signal })
  expect(stands.digest).not.toBe(planned.digest)
  expect(stands.observedAt).toBeDefined()
})

async function experimentsOf({ tracking }: OneHistory): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { id } of tracking.experiments(AbortSignal.timeout(10_000))) found.push(id)
  return found
}
