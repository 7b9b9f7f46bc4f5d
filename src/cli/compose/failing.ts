import type { Side } from '../../core/model.ts'
import { resubmissions } from '../../core/policy.ts'
import type { Failing } from '../../engine/phase-acts.ts'
import type { Resubmitting } from '../../engine/resubmit.ts'
import type { Tenure } from '../../engine/tenure.ts'
import { ML_API, propertiesOf, textOf } from '../../services/arm-body.ts'
import { placeCheckpoint } from '../../services/checkpoint/index.ts'
import type { Place } from '../../services/service.ts'
import type { Composed } from './compose.ts'

/** Which failover is carried out, and by whom. */
export interface Which {
  readonly tenure: Tenure
  readonly id: string
  readonly from: Side
  readonly to: Side
  readonly signal: AbortSignal
}

export interface Limits {
  readonly callMilliseconds: number
  readonly lostSideMilliseconds: number
}

/** Status under which MLflow files a run that was ended from outside. */
const KILLED = 'KILLED'

/** Joins what the phases of a failover need of the concrete parts. */
export function failingOf(joined: Composed, which: Which, limits: Limits): Failing {
  const { policy, parts, carrying } = joined
  const { workspace } = policy[which.to]
  return {
    parts,
    carrying,
    ...which,
    ...limits,
    pointer: policy.pointer,
    workspace,
    location: which.to === 'secondary' ? policy.secondary.location : '',
    ...resubmittingOf(joined),
  }
}

/** Joins what resubmission may do to the world. */
export function resubmittingOf(joined: Composed): Resubmitting {
  const { policy, parts, reach, submit } = joined
  return {
    submit,
    placeCheckpoint: async (place, request) => {
      const placed = await placeCheckpoint(reach.checkpoints, place, request)
      return placed === undefined ? undefined : { files: placed.body.files.length }
    },
    closeRun: async (place, { id, successor, failover }, signal) => {
      const tracking = reach.trackingOf(place)
      const run = await tracking.run(id, signal)
      if (run === undefined) return
      const tags = [
        { key: 'holdfast.resubmitted_as', value: successor },
        { key: 'holdfast.failover', value: failover },
      ]
      await tracking.log(id, { tags }, signal)
      await tracking.updateRun(id, { status: KILLED, end_time: parts.now() }, signal)
    },
    sharedDatastores: (place, signal) => sharedDatastores(joined, place, signal),
    rule: resubmissions(policy.availability),
    otherwise: 'secondary',
  }
}

/** Datastores that are on another account than the side's own: the other side has the same account behind them. */
async function sharedDatastores({ azure }: Composed, place: Place, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const own = place.storageAccount.slice(place.storageAccount.lastIndexOf('/') + 1).toLowerCase()
  const shared = new Set<string>()
  for await (const body of azure.arm.pages(`${place.workspace}/datastores`, { signal, apiVersion: ML_API })) {
    const account = textOf(propertiesOf(body)['accountName'])?.toLowerCase()
    const name = textOf(body['name'])
    if (name !== undefined && account !== undefined && account !== own) shared.add(name)
  }
  return shared
}
