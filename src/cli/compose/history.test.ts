import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Fault } from '../../core/errors.ts'
import { copyHistory } from '../../engine/history/copy.ts'
import { foresee } from '../../engine/history/foresee.ts'
import { silent } from '../../engine/parts.ts'
import { openFolder } from '../../mlflow/folder/folder.ts'
import { type HistoryOptions, type OpenHistory, openHistory } from './history.ts'

const signal = AbortSignal.timeout(60_000)
const DAY = 86_400_000
let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-history-'))
  await ended('old', DAY)
})
afterEach(() => rm(root, { recursive: true }))

/** Makes a run at the source that is over. */
async function ended(run_name: string, start_time: number): Promise<void> {
  const { tracking } = await openFolder(join(root, 'from'), 'target')
  const experiment_id = await tracking.createExperiment('churn', [], signal)
  const { info } = await tracking.createRun({ experiment_id, run_name, start_time, user_id: 'ada' }, signal)
  await tracking.updateRun(info.run_id, { status: 'FINISHED', end_time: start_time + 1 }, signal)
}

/** Opens a copy from one folder to another, which keeps ids, for the time of some work. */
async function opened<T>(work: (open: OpenHistory) => Promise<T>, more: Partial<HistoryOptions> = {}): Promise<T> {
  const open = await openHistory({
    from: join(root, 'from'),
    to: join(root, 'to'),
    state: join(root, 'state'),
    writes: true,
    recheck: false,
    sinceLast: false,
    filesBelow: [],
    registries: { FROM: undefined, TO: undefined },
    filter: { experiments: [], models: [], since: undefined },
    progress: silent,
    signal,
    ...more,
  })
  try {
    return await work(open)
  } finally {
    open.close()
  }
}

const copied = (more: Partial<HistoryOptions> = {}) => opened(({ parts }) => copyHistory(parts, signal), more)
const lastOf = () => opened(async ({ parts }) => parts.filter.since, { sinceLast: true })

it('takes what is recent alone where the last copy was whole, and everything where the target is another by now', async () => {
  await copied()
  expect(await lastOf()).toBeGreaterThan(Date.now() - DAY)
  await rm(join(root, 'to'), { recursive: true })
  expect(await lastOf()).toBeUndefined()
  expect(await copied({ sinceLast: true })).toMatchObject({ troubles: [], tally: { runs: 1 } })
  expect(await lastOf()).toBeGreaterThan(Date.now() - DAY)
})

it('takes everything again where the first copy to a target that was made anew was not whole', async () => {
  await copied()
  await ended('late', Date.now())
  await copied()
  await rm(join(root, 'to'), { recursive: true })
  const carried = await opened(({ parts }) => {
    const { converge } = parts.runs
    const refusing: typeof converge = (place, wanted, carriage) => {
      if (wanted.body['name'] === 'old') throw new Fault('azure/refused', 'not now', { hint: 'Run it again.' })
      return converge(place, wanted, carriage)
    }
    return copyHistory({ ...parts, runs: { ...parts.runs, converge: refusing } }, signal)
  })
  expect(carried.counts).toEqual([{ experiment: 'churn', source: 2, target: 1 }])
  expect(await lastOf()).toBeUndefined()
})

it('leaves nothing on the disk where it does not write, and goes by what was noted', async () => {
  const foreseen = (more: Partial<HistoryOptions> = {}) =>
    opened(({ parts }) => foresee(parts, signal), { writes: false, ...more })
  expect(await foreseen()).toMatchObject({ runs: 1, toMake: new Map([['churn', 1]]), troubles: [] })
  expect(await readdir(root)).toEqual(['from'])
  await copied()
  await ended('late', Date.now())
  const before = await readdir(join(root, 'state'))
  expect(await foreseen({ sinceLast: true })).toMatchObject({ runs: 1, toMake: new Map([['churn', 1]]) })
  expect(await readdir(join(root, 'state'))).toEqual(before)
})

it.each([
  ['http://ada:secret@A.example:80/', 'http://a.example'],
  ['./from', 'from'],
])('refuses to copy a place into itself, however it is written: %s and %s', async (from, to) => {
  const within = (named: string) => (named.startsWith('http') ? named : `${root}/${named}`)
  const opening = opened(async () => undefined, { from: within(from), to: within(to) })
  await expect(opening).rejects.toMatchObject({
    code: 'usage/bad-argument',
    message: expect.stringMatching(/^FROM and TO are both (?!.*secret)/),
  })
})

it('repeats no password of a URI that it cannot read', async () => {
  const opening = opened(async () => undefined, { from: 'htp://ada:sec/ret@a.example' })
  await expect(opening).rejects.toMatchObject({
    code: 'usage/bad-argument',
    message: expect.stringMatching(/^htp:\/\/a\.example is neither/),
  })
})
