import { countOf, objectOf, page, placeOf, propertiesOf, queryOf, storable } from '../../arm/envelope.ts'
import type { Handler, Reply } from '../../call.ts'
import { lookup } from '../../lookup.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import type { Route } from '../../router.ts'
import type { Account, Container, PublicAccess } from '../accounts.ts'
import { checkLease, leaseState } from '../lease.ts'
import { CONTAINER_NAME } from '../target.ts'
import { ACCOUNT, accountIdOf, accountOf, type Params, TYPE } from './paths.ts'

const CONTAINERS = `${ACCOUNT}/blobServices/default/containers`
const PAGE = 5000

/** Containers as ARM sees them: the same that the blob service serves. */
export function containerRoutes(region: Region): readonly Route[] {
  return [
    ['GET', CONTAINERS, 'BlobContainers_List', list(region)],
    ['PUT', `${CONTAINERS}/:container`, 'BlobContainers_Create', put(region)],
    ['PATCH', `${CONTAINERS}/:container`, 'BlobContainers_Update', patch(region)],
    ['GET', `${CONTAINERS}/:container`, 'BlobContainers_Get', get(region)],
    ['DELETE', `${CONTAINERS}/:container`, 'BlobContainers_Delete', remove(region)],
  ]
}

function list(region: Region): Handler {
  return (call, params) => {
    const from = placeOf(call) ?? ''
    if (typeof from !== 'string') throw new Refusal(400, 'InvalidSkipToken', 'The token is of another list.')
    const size = countOf(call, '$maxpagesize', { otherwise: PAGE, most: PAGE })
    const account = accountOf(region, params)
    const found = region.blobs.accounts.containers(account.name, { from, limit: size + 1 })
    const filter = queryOf(call, '$filter') ?? ''
    if (filter !== '') throw notImplemented(`${call.operation} with $filter`)
    const shownOnes = found.slice(0, size).map((one) => shown(region, params, one))
    return page(call, shownOnes, found[size]?.name)
  }
}

function get(region: Region): Handler {
  return (_call, params) => ({ status: 200, body: shown(region, params, needed(region, params)) })
}

function put(region: Region): Handler {
  return async (call, params) => {
    const properties = propertiesOf(storable((await call.json()) ?? {}))
    return call.commit(() => {
      const account = accountOf(region, params)
      const name = params['container'] ?? ''
      if (!CONTAINER_NAME.test(name)) {
        throw new Refusal(400, 'ContainerOperationFailure', `'${name}' is not a valid name of a container.`)
      }
      const before = region.blobs.accounts.container(account.name, name)
      if (before === undefined) region.blobs.accounts.addContainer(account.name, name, wanted(properties, account))
      else region.blobs.accounts.changeContainer(before, wanted(properties, account))
      return answer(region, params, before === undefined ? 201 : 200)
    })
  }
}

function patch(region: Region): Handler {
  return async (call, params) => {
    const properties = propertiesOf(storable(await call.json()))
    return call.commit(() => {
      const before = needed(region, params)
      region.blobs.accounts.changeContainer(before, wanted(properties, accountOf(region, params)))
      return answer(region, params, 200)
    })
  }
}

function remove(region: Region): Handler {
  return (call, params) =>
    call.commit(() => {
      const account = accountOf(region, params)
      const found = region.blobs.accounts.container(account.name, params['container'] ?? '')
      if (found === undefined) return { status: 204 }
      checkLease(found.lease, undefined, { now: region.clock.now(), on: 'Container', writes: true })
      region.blobs.catalogue.clear(found)
      region.blobs.accounts.dropContainer(found)
      return { status: 200, note: { subject: `container/${account.name}/${found.name}`, facts: { removed: true } } }
    })
}

function answer(region: Region, params: Params, status: number): Reply {
  const container = needed(region, params)
  const note = { subject: `container/${container.account}/${container.name}`, facts: { etag: container.etag } }
  return { status, body: shown(region, params, container), note }
}

const ACCESS: Readonly<Record<string, PublicAccess>> = lookup({ none: 'none', blob: 'blob', container: 'container' })

function wanted(
  properties: Readonly<Record<string, unknown>>,
  account: Account,
): Partial<Pick<Container, 'access' | 'metadata'>> {
  const access = ACCESS[String(properties['publicAccess'] ?? 'none').toLowerCase()]
  if (access === undefined)
    throw new Refusal(400, 'InvalidRequestContent', 'publicAccess is none of None, Blob, Container.')
  if (access !== 'none' && !account.publicAccessAllowed) {
    throw new Refusal(409, 'PublicAccessNotPermitted', 'Public access is not permitted on this storage account.')
  }
  const metadata = properties['metadata'] === undefined ? undefined : objectOf(properties['metadata'], 'metadata')
  const texts = Object.entries(metadata ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)])
  return {
    ...(properties['publicAccess'] === undefined ? {} : { access }),
    ...(metadata === undefined ? {} : { metadata: Object.fromEntries(texts) }),
  }
}

function needed(region: Region, params: Params): Container {
  const account = accountOf(region, params)
  const found = region.blobs.accounts.container(account.name, params['container'] ?? '')
  if (found === undefined) throw new Refusal(404, 'ContainerNotFound', 'The specified container does not exist.')
  return found
}

function shown(region: Region, params: Params, container: Container): unknown {
  const state = leaseState(container.lease, region.clock.now())
  const access = { none: 'None', blob: 'Blob', container: 'Container' }[container.access]
  return {
    id: `${accountIdOf(params)}/blobServices/default/containers/${container.name}`,
    name: container.name,
    type: `${TYPE}/blobServices/containers`,
    etag: container.etag,
    properties: {
      publicAccess: access,
      metadata: container.metadata,
      leaseStatus: state === 'leased' || state === 'breaking' ? 'Locked' : 'Unlocked',
      leaseState: `${state.charAt(0).toUpperCase()}${state.slice(1)}`,
      lastModifiedTime: new Date(container.modified).toISOString(),
      hasImmutabilityPolicy: false,
      hasLegalHold: false,
      defaultEncryptionScope: '$account-encryption-key',
      denyEncryptionScopeOverride: false,
      deleted: false,
      remainingRetentionDays: 0,
    },
  }
}
