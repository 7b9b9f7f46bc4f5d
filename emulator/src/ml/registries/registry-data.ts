import { objectOf } from '../../arm/envelope.ts'
import type { Call, Handler, Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import type { Route } from '../../router.ts'
import { pendingUpload } from '../pending-upload.ts'
import { containerSasOf } from '../storage-of.ts'
import { needRegistry, REGISTRY, type Registry, registryOf } from './registry-of.ts'

type Params = Readonly<Record<string, string>>

const LIFETIME_HOURS = 24

/** How the bytes of a registry's assets come and go: with signatures for containers of its own account. */
export function registryDataRoutes(region: Region): readonly Route[] {
  const upload: Handler = (call, params) => pendingUpload(region, call, of(region, params))
  const pending = ['codes', 'data', 'models'].map((segment): Route => {
    const operation = segment === 'data' ? 'data' : segment.slice(0, -1)
    const path = `${REGISTRY}/${segment}/:name/versions/:version/startPendingUpload`
    return ['POST', path, `registry_${operation}_versions_create_or_get_start_pending_upload`, upload]
  })
  const reading = reference(region)
  return [
    ...pending,
    // The three that only clients of the data plane know.
    [
      'PUT',
      `${REGISTRY}/tempdatarefs/:name/versions/:version`,
      'registry_temporary_data_references',
      temporary(region),
    ],
    ['POST', `${REGISTRY}/datarefs/:name/versions/:version`, 'registry_data_references', reading],
    [
      'POST',
      `${REGISTRY}/datareferences/:name/versions/:version`,
      'registry_data_references_get_blob_reference_sas',
      reading,
    ],
  ]
}

function of(region: Region, params: Params): Registry {
  return registryOf(needRegistry(region, params['r'] ?? ''))
}

/** A place for the bytes of an asset that is not there yet. Clients take a 409 for: nothing is to be sent. */
function temporary(region: Region): Handler {
  return async (call, params) => {
    const registry = of(region, params)
    const { assetId } = objectOf((await call.json()) ?? {}, 'The request body')
    const path = /^azureml:\/\/registries\/[^/]+\/(.*\/versions\/[^/]+)$/i.exec(String(assetId))?.[1]
    if (path !== undefined && region.resources.get(`${registry.id}/${path}`) !== undefined) {
      throw new Refusal(409, 'UserError', `The asset '${assetId}' is there already.`)
    }
    return pendingUpload(region, call, registry)
  }
}

/** A signature with which an asset of the registry is read. Clients take it for that of the whole container. */
function reference(region: Region): Handler {
  return async (call: Call, params): Promise<Reply> => {
    const registry = of(region, params)
    const { blobUri } = objectOf(await call.json(), 'The request body')
    const found = new RegExp(`^(https://${registry.storageAccount}\\.blob\\.[^/]+/([^/?]+))`, 'i').exec(String(blobUri))
    if (found === null) {
      throw new Refusal(400, 'UserError', `The blob '${blobUri}' is not one of the registry '${registry.name}'.`)
    }
    const { storageAccount: account } = registry
    const sas = containerSasOf(region, { account, container: found[2] ?? '', hours: LIFETIME_HOURS })
    const blobReferenceForConsumption = {
      blobUri,
      storageAccountArmId: registry.storageAccountId,
      credential: { credentialType: 'SAS', sasUri: `${found[1]}?${sas}` },
    }
    return { status: 200, body: { blobReferenceForConsumption }, unlogged: true }
  }
}
