import { Fault } from '../../core/errors.ts'
import { type Address, address, type Item, segmentsOf } from '../../core/model.ts'
import { awakeRun } from '../../mlflow/awake.ts'
import { linksOf } from '../../mlflow/logged-models.ts'
import type { Histories, HistoryNames } from '../history-names.ts'
import { experimentNames, sharedModelId } from '../history-place.ts'
import type { Place, Reach, Service } from '../service.ts'
import { type LinkedRun, linkedRuns, notedLinks } from './reading.ts'
import { keyOf, type ModelLinkBody, modelLinkBody, modelLinkItem } from './schema.ts'

/** What runs say of the logged models that they read and made. See ./readme.md. */
export function modelLinks(histories: Histories): Service {
  const converge: Service['converge'] = (place, wanted, { signal }) => add(histories, place, { wanted, signal })
  return {
    kind: 'model-link',
    needs: ['run', 'logged-model'],
    can: { converge: true, update: true, remove: false, acts: false, ordered: false },
    list: (place, reach) => list(histories, place, reach),
    read: (place, of, { signal }) => read(histories, place, { of, signal }),
    references: () => [],
    converge,
    mergeInto: converge,
    remove: () => Promise.reject(new Fault('run/defect', 'What a run says of logged models is never removed')),
  }
}

async function* list(histories: Histories, place: Place, reach: Reach): AsyncIterable<Item> {
  const history = histories.of(place)
  const { signal } = reach
  const experiments = await experimentNames(history, signal)
  for await (const one of linkedRuns(history, place, { experiments: [...experiments.keys()], reach })) {
    const experiment = experiments.get(one.run.info.experiment_id) ?? ''
    const found = await itemOf(histories.namesOf(place), one, { experiment, signal })
    if (found !== undefined) yield found
  }
}

/** `undefined` for a run that names none. */
async function itemOf(
  names: HistoryNames,
  { run, links: { read: reads, made } }: LinkedRun,
  { experiment, signal }: { readonly experiment: string; readonly signal: AbortSignal },
): Promise<Item | undefined> {
  if (reads.length + made.length === 0) return undefined
  const needs = new Set<Address>()
  const nameOf = async (id: string) => {
    const model = await names.model(id, signal)
    // A model of another experiment is carried with that one.
    const isHere = model?.experimentId === run.info.experiment_id
    if (model !== undefined && isHere) needs.add(address('logged-model', experiment, sharedModelId(model)))
    return names.shared(id, signal)
  }
  const body: ModelLinkBody = {
    experiment,
    run: await names.shared(run.info.run_id, signal),
    read: await Promise.all(reads.map(({ modelId }) => nameOf(modelId))),
    made: await Promise.all(made.map(async ({ modelId, step }) => ({ model: await nameOf(modelId), step }))),
  }
  return modelLinkItem(body, [...needs])
}

async function read(
  histories: Histories,
  place: Place,
  { of, signal }: { readonly of: Address; readonly signal: AbortSignal },
): Promise<Item | undefined> {
  const [experiment = '', id = ''] = segmentsOf(of)
  const resident = await histories.namesOf(place).runOf(id, signal)
  const run = resident && (await histories.of(place).tracking.run(resident.id, signal))
  return run && itemOf(histories.namesOf(place), { run, links: linksOf(run) }, { experiment, signal })
}

/** Adds what is not there: no server takes a link away. */
async function add(
  histories: Histories,
  place: Place,
  { wanted, signal }: { readonly wanted: Item; readonly signal: AbortSignal },
): Promise<Item> {
  const body = modelLinkBody(wanted.body)
  const { tracking, models, notes } = histories.of(place)
  const names = histories.namesOf(place)
  const runId = (await names.runOf(body.run, signal))?.id
  if (runId === undefined) throw noRun(body, place)
  // A search shows the run as before when it is linked to a model that it read.
  notedLinks(notes, place, runId).forget()
  const of = wanted.address
  const there = await read(histories, place, { of, signal })
  const lacking = lackingLinks(body, there === undefined ? { read: [], made: [] } : modelLinkBody(there.body))
  if (lacking.read.length + lacking.made.length > 0) {
    const links = {
      read: await Promise.all(lacking.read.map(async (id) => ({ modelId: await names.own(id, signal), step: 0 }))),
      made: await Promise.all(
        lacking.made.map(async ({ model, step }) => ({ modelId: await names.own(model, signal), step })),
      ),
    }
    await awakeRun(tracking, runId, signal, () => models.link(runId, links, signal))
  }
  return (await read(histories, place, { of, signal })) ?? wanted
}

type LinkSets = Pick<ModelLinkBody, 'read' | 'made'>

function lackingLinks(wanted: LinkSets, has: LinkSets): LinkSets {
  const made = new Set(has.made.map(keyOf))
  return {
    read: wanted.read.filter((id) => !has.read.includes(id)),
    made: wanted.made.filter((one) => !made.has(keyOf(one))),
  }
}

function noRun({ run }: ModelLinkBody, place: Place): Fault {
  return new Fault('azure/changed', `${place.location} has no run ${run} to be linked`, {
    hint: 'Run it again: the run is carried first.',
  })
}
