import type { Reply } from '../../call.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import { TENANT } from '../../tokens.ts'
import type { Container } from '../accounts.ts'
import { leaseState } from '../lease.ts'
import { invalidQuery, notAuthenticated } from '../refusals.ts'
import { headerOf, type StorageRequest } from '../request.ts'
import { delegationKey, seconds } from '../sas.ts'
import { childrenOf, document, element, escaped, type Node, optional, parseXml, textOf } from '../xml.ts'

const XML = { 'content-type': 'application/xml' }
const WEEK = 7 * 24 * 3600 * 1000

/** Containers of an account, a page at a time. */
export async function listContainers({ call, target, blobs, clock }: StorageRequest): Promise<Reply> {
  const prefix = call.query.get('prefix') ?? ''
  const marker = call.query.get('marker') ?? ''
  const limit = pageSize(call.query.get('maxresults'))
  const withMetadata = (call.query.get('include') ?? '').split(',').includes('metadata')
  const found = blobs.accounts.containers(target.account, { prefix, from: marker, limit: limit + 1 })
  const items = found.slice(0, limit).map((one) => containerElement(one, withMetadata, clock.now()))
  const next = found[limit]?.name ?? ''
  const body =
    optional('Prefix', prefix) +
    optional('Marker', marker) +
    optional('MaxResults', limit) +
    element('Containers', items.join('')) +
    element('NextMarker', escaped(next))
  const endpoint = `https://${call.host}/`
  return {
    status: 200,
    headers: XML,
    body: document(`<EnumerationResults ServiceEndpoint="${endpoint}">${body}</EnumerationResults>`),
  }
}

function containerElement(one: Container, withMetadata: boolean, now: number): string {
  const state = leaseState(one.lease, now)
  const active = state === 'leased' || state === 'breaking'
  const properties =
    optional('Last-Modified', new Date(one.modified).toUTCString()) +
    optional('Etag', one.etag) +
    optional('LeaseStatus', active ? 'locked' : 'unlocked') +
    optional('LeaseState', state) +
    optional('LeaseDuration', state === 'leased' ? (one.lease?.seconds === -1 ? 'infinite' : 'fixed') : undefined) +
    optional('PublicAccess', one.access === 'none' ? undefined : one.access) +
    '<HasImmutabilityPolicy>false</HasImmutabilityPolicy><HasLegalHold>false</HasLegalHold>'
  const metadata = Object.entries(one.metadata).map(([name, value]) => optional(name, value))
  return element(
    'Container',
    optional('Name', one.name) +
      element('Properties', properties) +
      (withMetadata ? element('Metadata', metadata.join('')) : ''),
  )
}

/** How many entries a page may have: Azure's limit is 5000, which is also the default. */
export function pageSize(text: string | null): number {
  if (text === null || text === '') return 5000
  const size = Number(text)
  if (!Number.isInteger(size) || size < 1) throw invalidQuery('maxresults', text)
  return Math.min(size, 5000)
}

const DEFAULT_PROPERTIES =
  '<StorageServiceProperties><Logging><Version>1.0</Version><Read>false</Read><Write>false</Write>' +
  '<Delete>false</Delete><RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></Logging>' +
  '<HourMetrics><Version>1.0</Version><Enabled>false</Enabled><RetentionPolicy><Enabled>false</Enabled>' +
  '</RetentionPolicy></HourMetrics><MinuteMetrics><Version>1.0</Version><Enabled>false</Enabled>' +
  '<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></MinuteMetrics><Cors />' +
  '<DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy>' +
  '<StaticWebsite><Enabled>false</Enabled></StaticWebsite></StorageServiceProperties>'

export async function getServiceProperties({ target, blobs }: StorageRequest): Promise<Reply> {
  const body = blobs.accounts.serviceProperties(target.account) ?? DEFAULT_PROPERTIES
  return { status: 200, headers: XML, body: document(body) }
}

/** Keeps logging, metrics and CORS as they are sent. What would change the fate of blobs is refused by name. */
export async function setServiceProperties({ call, target, blobs }: StorageRequest): Promise<Reply> {
  const text = (await call.bytes()).toString('utf8')
  const root = parseXml(text)
  for (const feature of ['DeleteRetentionPolicy', 'StaticWebsite']) {
    if (textOf(childrenOf(root, feature)[0], 'Enabled') === 'true') {
      throw notImplemented(`${call.operation} with ${feature}`)
    }
  }
  return call.commit(() => {
    const merged = merge(blobs.accounts.serviceProperties(target.account) ?? DEFAULT_PROPERTIES, root)
    blobs.accounts.setServiceProperties(target.account, merged)
    return { status: 202, note: { subject: `storage/${target.account}/properties` } }
  })
}

/** A part that is not sent stays as it was. */
function merge(stored: string, sent: Node): string {
  const kept = parseXml(stored).children.filter((child) => childrenOf(sent, child.name).length === 0)
  return element(sent.name, [...sent.children, ...kept].map(printed).join(''))
}

function printed(node: Node): string {
  return element(node.name, node.children.length === 0 ? escaped(node.text) : node.children.map(printed).join(''))
}

export async function accountInfo(_request: StorageRequest): Promise<Reply> {
  const headers = {
    'x-ms-sku-name': 'Standard_LRS',
    'x-ms-account-kind': 'StorageV2',
    'x-ms-is-hns-enabled': 'false',
  }
  return { status: 200, headers }
}

/** A key for user delegation SAS, for the caller of a bearer token and at most seven days. */
export async function userDelegationKey(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs, clock, grant } = request
  if (headerOf(call, 'authorization')?.toLowerCase().startsWith('bearer ') !== true) {
    throw notAuthenticated('Only authentication scheme Bearer is supported.')
  }
  const info = parseXml((await call.bytes()).toString('utf8'))
  const now = clock.now()
  const from = Date.parse(textOf(info, 'Start') || new Date(now).toISOString())
  const to = Date.parse(textOf(info, 'Expiry'))
  if (!(to > now && to > from && to - now <= WEEK)) {
    throw new Refusal(
      400,
      'InvalidXmlNodeValue',
      `The expiry '${textOf(info, 'Expiry')}' is not within seven days from now.`,
    )
  }
  const signed = {
    skoid: grant.caller.id,
    sktid: TENANT,
    skt: seconds(new Date(from)),
    ske: seconds(new Date(to)),
    sks: 'b',
    skv: headerOf(call, 'x-ms-version') ?? '2022-11-02',
  }
  const secret = blobs.accounts.get(target.account)?.delegationSecret ?? ''
  const body =
    optional('SignedOid', signed.skoid) +
    optional('SignedTid', signed.sktid) +
    optional('SignedStart', signed.skt) +
    optional('SignedExpiry', signed.ske) +
    optional('SignedService', signed.sks) +
    optional('SignedVersion', signed.skv) +
    optional('Value', delegationKey(secret, signed))
  return { status: 200, headers: XML, body: document(element('UserDelegationKey', body)), unlogged: true }
}
