import { type Azure, openAzure } from '../../azure/open-azure.ts'
import { surroundingsOf } from '../../azure/transport.ts'
import { otherSide, type Side } from '../../core/model.ts'
import { DEFAULT_DATASTORE } from '../../core/portable.ts'
import { ML_API, propertiesOf, textOf } from '../../services/arm-body.ts'
import { placeCheckpoint } from '../../services/checkpoint/index.ts'
import { submission } from '../../services/job/index.ts'
import { placeOf } from '../../services/place.ts'
import { registry } from '../../services/registry.ts'
import type { Place } from '../../services/service.ts'
import type { Estate, EstateOptions } from './estate.ts'
import { knownNames } from './names.ts'
import { PROBED, questionsOf, reachesOutside } from './probes.ts'
import { openReach } from './reach.ts'
import { makeSecondary } from './secondary.ts'

/** Status under which MLflow files a run that was ended from outside. */
const KILLED = 'KILLED'

/** Two workspaces of Azure ML. */
export function openWorkspacePair({ policy, remembered, requestMilliseconds }: EstateOptions): Estate {
  const azure = openAzure({ surroundings: surroundingsOf(process.env), requestMilliseconds })
  const reach = openReach(azure)
  const names = knownNames(policy, azure, remembered)

  async function open(side: Side, signal: AbortSignal): Promise<Place | undefined> {
    const own = await names.of(side, signal)
    if (own === undefined) return undefined
    const now = () =>
      azure.earliest(`${own.location}.api.azureml.ms`) ?? azure.earliest('management.azure.com') ?? Date.now()
    return { ...placeOf(own, await names.of(otherSide(side), signal)), now }
  }

  return {
    services: registry({ arm: azure.arm, ...reach }),
    planes: PROBED,
    open,
    learn: names.learn,
    questions: (side, place) => questionsOf(azure, side, place),
    reachOutside: (signal) => reachesOutside(azure, signal, policy.failover.outside),
    makeSecondary: (signal) => makeSecondary(azure, policy, signal),
    resubmitting: {
      submit: submission(azure.critical),
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
        await tracking.updateRun(id, { status: KILLED, end_time: Date.now() }, signal)
      },
      sharedDatastores: (place, signal) => sharedDatastores(azure, place, signal),
    },
    gate: azure.transport.gate,
    calls: azure.calls,
    close: azure.close,
  }
}

/** Datastores that are on another account than the side's own: the other side has the same account behind them. */
async function sharedDatastores(azure: Azure, place: Place, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const own = place.storageAccount.slice(place.storageAccount.lastIndexOf('/') + 1).toLowerCase()
  const shared = new Set<string>()
  for await (const body of azure.arm.pages(`${place.workspace}/datastores`, { signal, apiVersion: ML_API })) {
    const account = textOf(propertiesOf(body)['accountName'])?.toLowerCase()
    const name = textOf(body['name'])
    if (name === undefined || account === undefined || account === own) continue
    shared.add(name)
    if (propertiesOf(body)['isDefault'] === true) shared.add(DEFAULT_DATASTORE)
  }
  return shared
}
