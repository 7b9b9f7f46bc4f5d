import { ARM_AUDIENCE, type AzureReply, type Exchange } from '../../azure/exchange.ts'
import { refusalOf } from '../../azure/faults.ts'
import type { JsonObject } from '../../core/model.ts'
import type { Place } from '../service.ts'
import type { RunAccess } from './index.ts'
import { isNoLineage, type Lineage, lineageIn } from './lineage.ts'
import { PARENT_TAG, type RunBody } from './schema.ts'

/**
 * Runs by Azure ML's own run history, which unlike MLflow's API takes an id from the client: `PATCH …/runs/{id}`
 * makes the run that is not there (run-history.json v1.0, `Runs_AddOrModifyByExperimentName`).
 */
export function runHistory(
  exchange: Exchange,
  place: Place,
): Required<Pick<RunAccess, 'createWithId' | 'setStart' | 'lineage'>> {
  const root = `https://${place.location}.api.azureml.ms/history/v1.0${place.workspace}`

  async function patch(
    { experiment, id }: Pick<RunBody, 'experiment' | 'id'>,
    body: JsonObject,
    signal: AbortSignal,
  ): Promise<boolean> {
    const url = `${root}/experiments/${encodeURIComponent(experiment)}/runs/${encodeURIComponent(id)}`
    const request = { method: 'PATCH', url, body, signal, audience: ARM_AUDIENCE } as const
    const reply = await exchange(request)
    if (reply.status < 300) return idIn(reply) === id
    // A refusal means that this server has no such way; a failure of it means nothing.
    if (reply.status === 429 || reply.status === 401 || reply.status === 403) throw refusalOf(request, reply)
    if (reply.status >= 500 && reply.status !== 501) throw refusalOf(request, reply)
    return false
  }

  /** Of many runs in one call (`Runs_BatchGetRunData`). Where there is no such call, no run is known to have any. */
  async function lineagesOf(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Lineage>> {
    const requests = Object.fromEntries(ids.map((runId) => [runId, { runId, selectRunMetadata: true }]))
    const request = {
      method: 'POST',
      url: `${root}/batchrundata`,
      body: { requests },
      signal,
      audience: ARM_AUDIENCE,
    } as const
    const reply = await exchange(request)
    if (reply.status === 404 || reply.status === 405 || reply.status === 501) return new Map()
    if (reply.status >= 300) throw refusalOf(request, reply)
    const { successfulResults } = reply.body as {
      readonly successfulResults?: Readonly<Record<string, RunData>> | null
    }
    const found = Object.entries(successfulResults ?? {}).map(
      ([id, data]) => [id, lineageIn(data.runMetadata)] as const,
    )
    return new Map(found.filter(([, lineage]) => !isNoLineage(lineage)))
  }

  return {
    lineage: {
      of: lineagesOf,
      set: (run, { inputs, outputs }, signal) => patch(run, { runId: run.id, inputs, outputs }, signal),
    },
    createWithId: async (run, signal) => {
      const parent = run.tags[PARENT_TAG]
      const body = {
        runId: run.id,
        displayName: run.name,
        status: firstStatus(run),
        ...startIn(run),
        ...(parent === undefined ? {} : { parentRunId: parent }),
      }
      // A tag that is refused must not cost the run its id: it is logged by itself later.
      return (await patch(run, { ...body, tags: run.tags }, signal)) || patch(run, body, signal)
    },
    setStart: (run, signal) => (hasStart(run) ? patch(run, startIn(run), signal) : Promise.resolve(false)),
  }
}

interface RunData {
  readonly runMetadata?: unknown
}

/** A run is complete only when all of it is there: until then it goes on, or has not begun. */
function firstStatus({ status, start }: RunBody): string {
  return status === 'SCHEDULED' || start === 0 ? 'NotStarted' : 'Running'
}

function startIn(run: RunBody): { readonly startTimeUtc?: string } {
  return hasStart(run) ? { startTimeUtc: new Date(run.start).toISOString() } : {}
}

/** False for a run that has not begun, and for a number that no calendar reaches: a client may log nanoseconds. */
function hasStart({ start }: RunBody): boolean {
  return start !== 0 && !Number.isNaN(new Date(start).getTime())
}

function idIn({ body }: AzureReply): unknown {
  return (body as { readonly runId?: unknown } | undefined)?.runId
}
