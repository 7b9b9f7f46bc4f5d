import type { Reply } from '../../call.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import type { Container, Policy, PublicAccess } from '../accounts.ts'
import { checkRead, checkWrite, conditionsOf } from '../conditions.ts'
import { checkLease, leaseState } from '../lease.ts'
import { invalidHeader } from '../refusals.ts'
import { containerNote, containerOf, headerOf, metadataOf, type StorageRequest, stamps } from '../request.ts'
import { CONTAINER_NAME } from '../target.ts'
import { childrenOf, document, element, optional, parseXml, textOf } from '../xml.ts'

export async function createContainer(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs } = request
  if (target.container.length < 3 || target.container.length > 63) {
    const message = 'The specified resource name length is not within the permissible limits.'
    throw new Refusal(400, 'OutOfRangeInput', message)
  }
  if (!CONTAINER_NAME.test(target.container)) {
    throw new Refusal(400, 'InvalidResourceName', 'The specified resource name contains invalid characters.')
  }
  if (headerOf(call, 'x-ms-default-encryption-scope') !== undefined) throw notImplemented('encryption scopes')
  const options = { metadata: metadataOf(call), access: accessOf(request) }
  return call.commit(() => {
    if (blobs.accounts.container(target.account, target.container) !== undefined) {
      throw new Refusal(409, 'ContainerAlreadyExists', 'The specified container already exists.')
    }
    blobs.accounts.addContainer(target.account, target.container, options)
    const made = containerOf(request)
    return { status: 201, headers: stamps(made), note: containerNote(target, { etag: made.etag }) }
  })
}

export async function containerProperties(request: StorageRequest): Promise<Reply> {
  const container = containerOf(request)
  checkRead(conditionsOf(request.call.headers), container)
  checkLease(container.lease, headerOf(request.call, 'x-ms-lease-id'), leaseFor(request, false))
  return { status: 200, headers: { ...stamps(container), ...describing(container, request.clock.now()) } }
}

export async function deleteContainer(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs } = request
  return call.commit(() => {
    const container = containerOf(request)
    checkWrite(conditionsOf(call.headers), container)
    checkLease(container.lease, headerOf(call, 'x-ms-lease-id'), leaseFor(request, true))
    blobs.catalogue.clear(container)
    blobs.accounts.dropContainer(container)
    return { status: 202, note: containerNote(target, { removed: true }) }
  })
}

export async function setContainerMetadata(request: StorageRequest): Promise<Reply> {
  const metadata = metadataOf(request.call)
  return changed(request, (container) => request.blobs.accounts.changeContainer(container, { metadata }))
}

export async function containerAccess(request: StorageRequest): Promise<Reply> {
  const container = containerOf(request)
  checkLease(container.lease, headerOf(request.call, 'x-ms-lease-id'), leaseFor(request, false))
  const policies = container.policies.map(({ id, start, expiry, permission }) => {
    const policy =
      optional('Start', start || undefined) +
      optional('Expiry', expiry || undefined) +
      optional('Permission', permission || undefined)
    return element('SignedIdentifier', optional('Id', id) + element('AccessPolicy', policy))
  })
  return {
    status: 200,
    headers: { 'content-type': 'application/xml', ...stamps(container), ...publicAccess(container.access) },
    body: document(element('SignedIdentifiers', policies.join(''))),
  }
}

export async function setContainerAccess(request: StorageRequest): Promise<Reply> {
  const text = (await request.call.bytes()).toString('utf8')
  const access = accessOf(request)
  const policies = text.trim() === '' ? [] : policiesIn(text)
  return changed(request, (container) => request.blobs.accounts.changeContainer(container, { access, policies }))
}

function policiesIn(text: string): Policy[] {
  const found = childrenOf(parseXml(text), 'SignedIdentifier').map((one): Policy => {
    const policy = childrenOf(one, 'AccessPolicy')[0]
    return {
      id: textOf(one, 'Id'),
      start: textOf(policy, 'Start'),
      expiry: textOf(policy, 'Expiry'),
      permission: textOf(policy, 'Permission'),
    }
  })
  if (found.length > 5 || found.some(({ id }) => id === '' || id.length > 64)) {
    throw new Refusal(
      400,
      'InvalidXmlDocument',
      'A container has at most 5 access policies, with ids of 1 to 64 characters.',
    )
  }
  return found
}

function changed(request: StorageRequest, change: (container: Container) => Container): Promise<Reply> {
  const { call, target } = request
  return call.commit(() => {
    const container = containerOf(request)
    checkWrite(conditionsOf(call.headers), container)
    checkLease(container.lease, headerOf(call, 'x-ms-lease-id'), leaseFor(request, false))
    const after = change(container)
    return { status: 200, headers: stamps(after), note: containerNote(target, { etag: after.etag }) }
  })
}

function leaseFor({ clock }: StorageRequest, writes: boolean): Parameters<typeof checkLease>[2] {
  return { now: clock.now(), on: 'Container', writes }
}

function accessOf({ call, target, blobs }: StorageRequest): PublicAccess {
  const value = headerOf(call, 'x-ms-blob-public-access')
  if (value === undefined) return 'none'
  if (value !== 'blob' && value !== 'container') throw invalidHeader('x-ms-blob-public-access', value)
  if (blobs.accounts.get(target.account)?.publicAccessAllowed !== true) {
    throw new Refusal(409, 'PublicAccessNotPermitted', 'Public access is not permitted on this storage account.')
  }
  return value
}

function describing(container: Container, now: number): Record<string, string> {
  const metadata = Object.entries(container.metadata).map(([name, value]) => [`x-ms-meta-${name}`, value])
  return {
    ...Object.fromEntries(metadata),
    ...leaseHeaders(container, now),
    ...publicAccess(container.access),
    'x-ms-has-immutability-policy': 'false',
    'x-ms-has-legal-hold': 'false',
  }
}

function publicAccess(access: PublicAccess): Record<string, string> {
  return access === 'none' ? {} : { 'x-ms-blob-public-access': access }
}

/** The headers that tell of a lease. */
export function leaseHeaders(of: Pick<Container, 'lease'>, now: number): Record<string, string> {
  const state = leaseState(of.lease, now)
  const duration = of.lease?.seconds === -1 ? 'infinite' : 'fixed'
  return {
    'x-ms-lease-state': state,
    'x-ms-lease-status': state === 'leased' || state === 'breaking' ? 'locked' : 'unlocked',
    ...(state === 'leased' ? { 'x-ms-lease-duration': duration } : {}),
  }
}
