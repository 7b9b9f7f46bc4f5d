import { envelope, page, propertiesOf, seqOf, storable } from '../../arm/envelope.ts'
import type { Resource } from '../../arm/resources.ts'
import type { Handler } from '../../call.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import type { Route } from '../../router.ts'
import { ACCOUNT, accountIdOf, accountOf, type Params, TYPE } from './paths.ts'

type Fields = Readonly<Record<string, unknown>>

/** The services of an account, by the segment that names them in ids. */
const SERVICES = {
  blobServices: { cors: { corsRules: [] }, deleteRetentionPolicy: { enabled: false } },
  fileServices: { cors: { corsRules: [] }, shareDeleteRetentionPolicy: { enabled: false } },
  queueServices: { cors: { corsRules: [] } },
  tableServices: { cors: { corsRules: [] } },
} as const satisfies Record<string, Fields>

type Service = keyof typeof SERVICES

/** Settings that would change what a write answers or a read finds, and that nothing here obeys. */
const UNHEARD = ['restorePolicy', 'changeFeed', 'isVersioningEnabled']

/**
 * Settings of an account's services, and its file shares: kept as they are sent. No bytes stand behind a share yet.
 *
 * For how long something deleted can be had back is kept too, since templates set it, and is not obeyed: what is deleted
 * is gone, and asking for it back is answered 501.
 */
export function serviceRoutes(region: Region): readonly Route[] {
  const services = (Object.keys(SERVICES) as Service[]).flatMap((service): Route[] => {
    const operation = `${service.charAt(0).toUpperCase()}${service.slice(1)}`
    return [
      ['GET', `${ACCOUNT}/${service}`, `${operation}_List`, listOne(region, service)],
      ['GET', `${ACCOUNT}/${service}/default`, `${operation}_GetServiceProperties`, get(region, service)],
      ['PUT', `${ACCOUNT}/${service}/default`, `${operation}_SetServiceProperties`, put(region, service)],
    ]
  })
  const shares = `${ACCOUNT}/fileServices/default/shares`
  return [
    ...services,
    ['GET', shares, 'FileShares_List', listShares(region)],
    ['PUT', `${shares}/:share`, 'FileShares_Create', putShare(region)],
    ['PATCH', `${shares}/:share`, 'FileShares_Update', putShare(region)],
    ['GET', `${shares}/:share`, 'FileShares_Get', getShare(region)],
    ['DELETE', `${shares}/:share`, 'FileShares_Delete', removeShare(region)],
  ]
}

function listOne(region: Region, service: Service): Handler {
  return (_call, params) => ({ status: 200, body: { value: [shown(region, params, service)] } })
}

function get(region: Region, service: Service): Handler {
  return (_call, params) => ({ status: 200, body: shown(region, params, service) })
}

function put(region: Region, service: Service): Handler {
  return async (call, params) => {
    const body = storable(await call.json())
    const properties = propertiesOf(body)
    for (const name of UNHEARD) {
      if (isOn(properties[name])) throw notImplemented(`${call.operation} with ${name}`)
    }
    return call.commit(() => {
      accountOf(region, params)
      const after = region.resources.put(serviceIdOf(params, service), body, call.caller.id)
      return {
        status: 200,
        body: shown(region, params, service),
        note: { subject: after.id, facts: { etag: after.etag } },
      }
    })
  }
}

function isOn(policy: unknown): boolean {
  if (policy === true) return true
  return typeof policy === 'object' && policy !== null && 'enabled' in policy && policy.enabled === true
}

function serviceIdOf(params: Params, service: Service): string {
  return `${accountIdOf(params)}/${service}/default`
}

function shown(region: Region, params: Params, service: Service): unknown {
  accountOf(region, params)
  const id = serviceIdOf(params, service)
  const stored = region.resources.get(id)
  const properties = { ...SERVICES[service], ...(stored === undefined ? {} : propertiesOf(stored.body)) }
  const account = region.resources.need(accountIdOf(params))
  return { sku: account.body['sku'], properties, id, name: 'default', type: `${TYPE}/${service}` }
}

function shareIdOf(params: Params): string {
  return `${accountIdOf(params)}/fileServices/default/shares/${params['share']}`
}

function listShares(region: Region): Handler {
  return (call, params) => {
    accountOf(region, params)
    const parent = serviceIdOf(params, 'fileServices')
    const { items, next } = region.resources.list(parent, `${TYPE}/fileServices/shares`, {
      ...seqOf(call),
      limit: 1000,
    })
    return page(call, items.map(share), next)
  }
}

function putShare(region: Region): Handler {
  return async (call, params) => {
    const body = storable((await call.json()) ?? {})
    return call.commit(() => {
      accountOf(region, params)
      const before = region.resources.get(shareIdOf(params))
      if (before === undefined && call.method === 'PATCH') throw noShare()
      const properties = { ...(before === undefined ? {} : propertiesOf(before.body)), ...propertiesOf(body) }
      const after = region.resources.put(shareIdOf(params), { ...body, properties }, call.caller.id)
      const note = { subject: after.id, facts: { etag: after.etag } }
      return { status: before === undefined ? 201 : 200, body: share(after), note }
    })
  }
}

function getShare(region: Region): Handler {
  return (_call, params) => {
    accountOf(region, params)
    const found = region.resources.get(shareIdOf(params))
    if (found === undefined) throw noShare()
    return { status: 200, body: share(found) }
  }
}

function removeShare(region: Region): Handler {
  return (call, params) =>
    call.commit(() => {
      accountOf(region, params)
      const isGone = region.resources.remove(shareIdOf(params))
      return { status: isGone ? 200 : 204, note: { subject: shareIdOf(params), facts: { removed: isGone } } }
    })
}

function share(resource: Resource): unknown {
  const properties = {
    shareQuota: 5120,
    accessTier: 'TransactionOptimized',
    enabledProtocols: 'SMB',
    leaseStatus: 'Unlocked',
    leaseState: 'Available',
    lastModifiedTime: resource.modifiedAt,
    ...propertiesOf(resource.body),
  }
  return { ...envelope(resource, properties), etag: resource.etag }
}

function noShare(): Refusal {
  return new Refusal(404, 'ShareNotFound', 'The specified share does not exist.')
}
