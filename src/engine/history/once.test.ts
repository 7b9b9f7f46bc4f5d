import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { makeLogged, makeRun, twoHistories } from '../../../test/support/two-histories.ts'
import { copyHistory } from './copy.ts'
import { underWay } from './once.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(60_000)

async function* twice<T>(items: AsyncIterable<T>): AsyncIterable<T> {
  for await (const item of items) yield* [item, item]
}

it('carries what a list gives twice side by side as one: a run with its points, a logged model, a trace', async () => {
  const { source, target, items } = two()
  const run = await makeRun(source, 'first')
  await makeLogged(source, run, 'lm')
  const metrics = [1, 2, 3].map((step) => ({ key: 'loss', value: step / 2, timestamp: 1500, step }))
  await source.tracking.log(run.info.run_id, { metrics }, signal)
  const { tracking, models, traces } = source
  const info = { trace_id: 'tr-1', state: 'OK', trace_metadata: {} }
  const trace = { id: 'tr-1', experimentId: run.info.experiment_id, info }
  await traces.put(trace, signal)
  await traces.putSpans(trace, [{ span_id: 'cm9vdA==', name: 'root' }], signal)
  Object.assign(source, {
    tracking: { ...tracking, runs: (...of: Parameters<typeof tracking.runs>) => twice(tracking.runs(...of)) },
    models: {
      ...models,
      list: async (...of: Parameters<typeof models.list>) => {
        const found = await models.list(...of)
        return found && twice(found)
      },
    },
    traces: {
      ...traces,
      list: async (...of: Parameters<typeof traces.list>) => {
        const found = await traces.list(...of)
        return found && twice(found)
      },
    },
  })
  const tally = { points: 3, traces: 1 }
  expect(await copyHistory(copying(two()), signal)).toMatchObject({ troubles: [], tally })
  const { id = '' } = (await target.tracking.experimentByName('churn', signal)) ?? {}
  const [there, ...more] = await Array.fromAsync(target.tracking.runs([id], signal))
  expect(more).toEqual([])
  const points = await Array.fromAsync(target.tracking.history(there?.info.run_id ?? '', 'loss', signal))
  expect(points.map(({ step }) => step)).toEqual([1, 2, 3])
  expect(await items('logged-model', target)).toHaveLength(1)
})

it('gives a thing again once the work on it has ended, and holds nothing of it', async () => {
  const going = underWay<string>((id) => id)
  const given: string[] = []
  async function* all() {
    yield* ['a', 'a', 'b']
    going.end('a')
    yield* ['a', 'b']
  }
  for await (const one of going.once(all())) given.push(one)
  expect(given).toEqual(['a', 'b', 'a'])
})
