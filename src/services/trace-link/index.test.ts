import { expect, it } from 'vitest'
import {
  carriesBetweenServers,
  makeRun,
  type OneHistory,
  servicesBetween,
  twoHistories,
} from '../../../test/support/two-histories.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)

async function makeTrace(history: OneHistory, experimentId: string, id: string) {
  const info = { trace_id: id, state: 'OK', trace_metadata: {} }
  await history.traces.put({ id, experimentId, info }, signal)
  await history.traces.putSpans({ id, experimentId, info }, [{ span_id: id, name: 'root' }], signal)
}

async function fill(history: OneHistory) {
  const run = await makeRun(history, 'evaluates')
  const other = await history.tracking.createExperiment('served', [], signal)
  await makeTrace(history, run.info.experiment_id, 'tr-own')
  await makeTrace(history, other, 'tr-served')
  await history.traces.link(run.info.run_id, ['tr-own', 'tr-served'], signal)
  return run
}

carriesBetweenServers(two, { kind: 'trace-link', fill })

it('is to the replica of the run, and leans on it and on the trace, wherever that is', async () => {
  const { source, target, carry, items } = two()
  const run = await fill(source)
  await carry()
  const replica = target.census.byShared(run.info.run_id)
  const experiments = await Array.fromAsync(target.tracking.experiments(signal))
  const linked = await target.traces.linked(
    replica?.id ?? '',
    experiments.map(({ id }) => id),
    signal,
  )
  expect(linked.map(({ id }) => id).toSorted()).toEqual(['tr-own', 'tr-served'])
  const needs = (await items('trace-link', target)).map((one) => one.needs)
  const ofRun = `run/churn/${run.info.run_id}`
  expect(needs).toEqual([
    [ofRun, 'trace/churn/tr-own'],
    [ofRun, 'trace/served/tr-served'],
  ])
})

it('does not believe what it noted of a replica that it writes to', async () => {
  const { source, target, carry, items } = two()
  const run = await fill(source)
  await carry()
  await makeTrace(source, run.info.experiment_id, 'tr-late')
  await source.traces.link(run.info.run_id, ['tr-late'], signal)
  await source.tracking.log(run.info.run_id, { tags: [{ key: 'a', value: 'b' }] }, signal)
  expect(await carry()).toContain(`trace-link/churn/${run.info.run_id}/tr-late`)
  expect(await items('trace-link', target)).toHaveLength(3)
  expect(await carry()).toEqual([])
})

it('names what is not there to be linked', async () => {
  const { source, target, service, items } = two()
  await fill(source)
  const [wanted] = await items('trace-link', source)
  if (wanted === undefined) throw new Error('no link')
  const converging = service('trace-link').converge(target.place, wanted, { source: source.place, signal })
  await expect(converging).rejects.toMatchObject({ code: 'azure/changed' })
})

it('is looked for once with a run that is over, and not at all where there are no traces', async () => {
  const { source, target } = two()
  const run = await makeRun(source, 'first')
  expect(await askedBy(source, target)).toEqual([])
  await makeTrace(source, run.info.experiment_id, 'tr-own')
  expect(await askedBy(source, target)).toEqual([run.info.run_id])
  expect(await askedBy(source, target)).toEqual([])
  expect(await askedBy(source, target, true)).toEqual([run.info.run_id])
  await source.tracking.updateRun(run.info.run_id, { status: 'RUNNING' }, signal)
  for (const _ of [1, 2]) expect(await askedBy(source, target)).toEqual([run.info.run_id])
})

/** Ids of the runs whose links a list of a new process asks for. */
async function askedBy(history: OneHistory, other: OneHistory, afresh = false): Promise<readonly string[]> {
  const asked: string[] = []
  const { traces } = history
  const watched: OneHistory = {
    ...history,
    traces: {
      ...traces,
      linked: (id, experiments, until) => {
        asked.push(id)
        return traces.linked(id, experiments, until)
      },
    },
  }
  const links = servicesBetween(watched, other).find(({ kind }) => kind === 'trace-link')
  await Array.fromAsync(links?.list(history.place, { signal, afresh }) ?? [])
  return asked
}
