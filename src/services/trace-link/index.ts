import { Fault } from '../../core/errors.ts'
import { type Address, type Item, segmentsOf } from '../../core/model.ts'
import type { Histories } from '../history-names.ts'
import { experimentNames } from '../history-place.ts'
import type { Place, Reach, Service } from '../service.ts'
import { linkedTraces, notedTraces } from './reading.ts'
import { traceLinkBody, traceLinkItem } from './schema.ts'

/** Which traces were linked to which runs, beside those that came of them. See ./readme.md. */
export function traceLinks(histories: Histories): Service {
  const converge: Service['converge'] = (place, wanted, { signal }) => add(histories, place, { wanted, signal })
  return {
    kind: 'trace-link',
    needs: ['run', 'trace'],
    can: { converge: true, update: false, remove: false, acts: false, ordered: false },
    list: (place, reach) => list(histories, place, reach),
    read: (place, of, { signal }) => read(histories, place, { of, signal }),
    references: () => [],
    converge,
    mergeInto: converge,
    remove: () => Promise.reject(new Fault('run/defect', 'A link of a trace is never removed')),
  }
}

async function* list(histories: Histories, place: Place, reach: Reach): AsyncIterable<Item> {
  const history = histories.of(place)
  const names = histories.namesOf(place)
  const experiments = await experimentNames(history, reach.signal)
  for await (const { run, traces } of linkedTraces(history, place, { experiments: [...experiments.keys()], reach })) {
    const experiment = experiments.get(run.info.experiment_id) ?? ''
    const shared = traces.length === 0 ? '' : await names.shared(run.info.run_id, reach.signal)
    for (const { id, experimentId } of traces) {
      yield traceLinkItem({ experiment, run: shared, trace: id }, experiments.get(experimentId) ?? '')
    }
  }
}

interface Asked {
  readonly of: Address
  readonly signal: AbortSignal
}

async function read(histories: Histories, place: Place, { of, signal }: Asked): Promise<Item | undefined> {
  const [experiment = '', run = '', trace = ''] = segmentsOf(of)
  const { traces, tracking } = histories.of(place)
  const own = await histories.namesOf(place).runOf(run, signal)
  const there = await traces.trace(trace, signal)
  if (own === undefined || there === undefined || !(await traces.isLinked(own.id, there, signal))) return undefined
  const name = (await tracking.experiment(there.experimentId, signal))?.name ?? ''
  return traceLinkItem({ experiment, run, trace }, name)
}

/** No server takes a link away. */
async function add(
  histories: Histories,
  place: Place,
  { wanted, signal }: { readonly wanted: Item; readonly signal: AbortSignal },
): Promise<Item> {
  const { run, trace } = traceLinkBody(wanted.body)
  const { traces, notes } = histories.of(place)
  const own = (await histories.namesOf(place).runOf(run, signal))?.id
  if (own === undefined || (await traces.trace(trace, signal)) === undefined) throw nothingThere(wanted.address, place)
  const of = wanted.address
  const there = await read(histories, place, { of, signal })
  if (there !== undefined) return there
  // A search shows the run as before when a trace is linked to it.
  notedTraces(notes, place, own).forget()
  await traces.link(own, [trace], signal)
  return (await read(histories, place, { of, signal })) ?? wanted
}

function nothingThere(of: Address, place: Place): Fault {
  return new Fault('azure/changed', `${place.location} lacks what ${of} links`, {
    hint: 'Run it again: the run and the trace are carried first.',
  })
}
