import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { movableClock } from '../clock.ts'
import { Database } from '../state/database.ts'
import { Runs } from './runs.ts'

const WORKSPACE = '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w'

let folder: string
let db: Database
let runs: Runs

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'runs-'))
  db = new Database(join(folder, 'state.db'))
  runs = new Runs(db, movableClock())
})

afterEach(() => {
  db.close()
  rmSync(folder, { recursive: true })
})

test('an experiment is made once, whatever the case of the workspace id', async () => {
  const first = await db.write(() => runs.experiment(WORKSPACE, 'Default'))
  const second = await db.write(() => runs.experiment(WORKSPACE.toUpperCase(), 'Default'))
  expect(second).toEqual(first)
})

test('a run keeps the id its client chose and goes through its statuses', async () => {
  const run = await db.write(() =>
    runs.create(WORKSPACE, {
      id: 'clever_fox_1',
      experimentKey: runs.experiment(WORKSPACE, 'train').key,
      name: 'clever fox',
      status: 'Queued',
      user: 'somebody',
      tags: { a: 'b', 'mlflow.parentRunId': 'p' },
    }),
  )
  expect(run).toMatchObject({ id: 'clever_fox_1', experimentName: 'train', parent: 'p', start: null, end: null })
  const running = await db.write(() => runs.update(WORKSPACE, run.id, { status: 'Running' }))
  expect(running.start).toBeTypeOf('number')
  const ended = await db.write(() => runs.update(WORKSPACE, run.id, { status: 'Completed', properties: { x: '1' } }))
  expect(ended).toMatchObject({ status: 'Completed', properties: { x: '1' }, start: running.start })
  expect(ended.end).toBeTypeOf('number')
  expect(runs.tags(ended)).toEqual({ a: 'b', 'mlflow.parentRunId': 'p', 'mlflow.runName': 'clever fox' })
})

test('a second run with the same id is refused and leaves the first as it was', async () => {
  const make = () =>
    db.write(() =>
      runs.create(WORKSPACE, {
        id: 'one',
        experimentKey: runs.experiment(WORKSPACE, 'train').key,
        name: 'n',
        status: 'Running',
        user: '',
      }),
    )
  await make()
  await expect(make()).rejects.toMatchObject({ code: 'RESOURCE_ALREADY_EXISTS' })
})

test('metric points append, keep NaN and infinities, and the latest is the one of the highest step', async () => {
  const run = await db.write(() =>
    runs.create(WORKSPACE, {
      experimentKey: runs.experiment(WORKSPACE, 'train').key,
      name: 'n',
      status: 'Running',
      user: '',
    }),
  )
  const point = (value: number, step: number) => ({ key: 'loss', value, timestamp: 10, step })
  const points = [point(1.5, 2), point(Number.NaN, 1), point(Number.POSITIVE_INFINITY, 0)]
  await db.write(() => runs.log(run, { metrics: points }))
  await db.write(() => runs.log(run, { metrics: [point(1.5, 2)] }))
  expect(runs.metrics.history(run.key, 'loss', { offset: 0, limit: 10 }).map(({ value }) => value)).toEqual([
    Number.POSITIVE_INFINITY,
    Number.NaN,
    1.5,
    1.5,
  ])
  expect(runs.metrics.latest(run.key)).toEqual([point(1.5, 2)])
})
