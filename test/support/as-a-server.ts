import { Fault } from '../../src/core/errors.ts'
import type { Json, JsonObject } from '../../src/core/model.ts'
import type { LoggedModels } from '../../src/mlflow/logged-models.ts'
import type { Trace, Traces } from '../../src/mlflow/traces.ts'
import type { Tracking } from '../../src/mlflow/tracking.ts'

/** What of a folder's history behaves otherwise than a server's. */
interface Apis {
  readonly tracking: Tracking
  readonly models: LoggedModels
  readonly traces: Traces
}

/**
 * A folder's history with what MLflow's own store is strict about: what is deleted takes nothing new, an experiment
 * takes its runs along, one that stands cannot be restored, what a trace says of itself is added to what it says
 * already, and spans may lengthen it. (`mlflow/store/tracking/sqlalchemy_store.py`, 3.15)
 */
export function asAServer({ tracking, models, traces }: Apis): Apis {
  async function demandLiving(experimentId: string, signal: AbortSignal): Promise<void> {
    if ((await tracking.experiment(experimentId, signal))?.deleted === true) throw refusal('the experiment is deleted')
  }
  async function demandLivingRun(id: string, signal: AbortSignal): Promise<void> {
    const run = await tracking.run(id, signal)
    if (run?.info['lifecycle_stage'] === 'deleted') throw refusal('the run is deleted')
  }
  return {
    tracking: {
      ...tracking,
      createRun: async (run, signal) => {
        await demandLiving(String(run['experiment_id']), signal)
        return tracking.createRun(run, signal)
      },
      log: async (id, batch, signal) => {
        await demandLivingRun(id, signal)
        return tracking.log(id, batch, signal)
      },
      setExperimentDeleted: async (id, deleted, signal) => {
        if ((await tracking.experiment(id, signal))?.deleted === deleted) throw refusal('there is no such experiment')
        await tracking.setExperimentDeleted(id, deleted, signal)
        for await (const { info } of tracking.runs([id], signal)) {
          await tracking.setRunDeleted(info.run_id, deleted, signal)
        }
      },
    },
    models: {
      ...models,
      create: async (model, signal) => {
        await demandLiving(model.experimentId, signal)
        return models.create(model, signal)
      },
      link: async (id, links, signal) => {
        await demandLivingRun(id, signal)
        return models.link(id, links, signal)
      },
    },
    traces: addingTraces(traces, demandLiving),
  }
}

function addingTraces(
  traces: Traces,
  demandLiving: (experimentId: string, signal: AbortSignal) => Promise<void>,
): Traces {
  async function change(id: string, info: (before: JsonObject) => JsonObject, signal: AbortSignal): Promise<void> {
    const there = await traces.trace(id, signal)
    if (there !== undefined) await traces.put({ ...there, info: info(there.info) }, signal)
  }
  return {
    ...traces,
    put: async (trace, signal) => {
      await demandLiving(trace.experimentId, signal)
      const there = await traces.trace(trace.id, signal)
      await traces.put(there === undefined ? trace : { ...trace, info: both(there, trace) }, signal)
    },
    putSpans: async (trace, spans, signal) => {
      await demandLiving(trace.experimentId, signal)
      await traces.putSpans(trace, spans, signal)
      // The time between the first and the last whole millisecond of the spans, which the client may have rounded otherwise.
      await change(trace.id, (info) => ({ ...info, execution_duration: '0.124s' }), signal)
    },
    deleteTag: (id, key, signal) => change(id, (info) => ({ ...info, tags: without(info['tags'], key) }), signal),
    deleteAssessment: (id, of, signal) =>
      change(
        id,
        (info) => ({ ...info, assessments: assessmentsIn(info).filter((one) => one['assessment_id'] !== of) }),
        signal,
      ),
  }
}

function both({ info: before }: Trace, { info }: Trace): JsonObject {
  const more = new Set(assessmentsIn(info).map((one) => one['assessment_id']))
  const kept = assessmentsIn(before).filter((one) => !more.has(one['assessment_id'] ?? null))
  const joined = (field: string) => ({ ...(before[field] as JsonObject), ...(info[field] as JsonObject) })
  return {
    ...info,
    tags: joined('tags'),
    trace_metadata: joined('trace_metadata'),
    assessments: [...kept, ...assessmentsIn(info)],
  }
}

function assessmentsIn(info: JsonObject): readonly JsonObject[] {
  return (info['assessments'] ?? []) as readonly JsonObject[]
}

function without(tags: Json | undefined, key: string): JsonObject {
  return Object.fromEntries(Object.entries((tags ?? {}) as JsonObject).filter(([other]) => other !== key))
}

function refusal(why: string): Fault {
  return new Fault('azure/refused', `It is refused: ${why}`, { hint: 'Restore it first.' })
}
