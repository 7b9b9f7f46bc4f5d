import { randomUUID } from 'node:crypto'
import type { Call, Reply } from '../../call.ts'
import { checkWrite, conditionsOf } from '../conditions.ts'
import { applyLease, type LeaseAction, type LeaseOutcome } from '../lease.ts'
import { invalidHeader } from '../refusals.ts'
import {
  blobOf,
  containerNote,
  containerOf,
  headerOf,
  noteOf,
  numberHeader,
  requiredHeader,
  type StorageRequest,
  stamps,
} from '../request.ts'

const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i

export async function leaseBlob(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs, clock } = request
  const action = actionOf(call)
  return call.commit(() => {
    const blob = blobOf(request)
    checkWrite(conditionsOf(call.headers), blob)
    const outcome = applyLease(blob.lease, action, clock.now())
    blobs.catalogue.note(blob, { lease: outcome.lease })
    const note = noteOf(target, blob, { lease: outcome.lease?.id ?? null })
    return { status: STATUS[action.is], headers: { ...stamps(blob), ...told(action, outcome) }, note }
  })
}

export async function leaseContainer(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs, clock } = request
  const action = actionOf(call)
  return call.commit(() => {
    const container = containerOf(request)
    checkWrite(conditionsOf(call.headers), container)
    const outcome = applyLease(container.lease, action, clock.now())
    blobs.accounts.leaseContainer(container, outcome.lease)
    const note = containerNote(target, { lease: outcome.lease?.id ?? null })
    return { status: STATUS[action.is], headers: { ...stamps(container), ...told(action, outcome) }, note }
  })
}

const STATUS = { acquire: 201, renew: 200, change: 200, release: 200, break: 202 } as const

function told(action: LeaseAction, outcome: LeaseOutcome): Record<string, string> {
  if (action.is === 'break') return { 'x-ms-lease-time': String(outcome.remaining ?? 0) }
  return outcome.lease === null ? {} : { 'x-ms-lease-id': outcome.lease.id }
}

function actionOf(call: Call): LeaseAction {
  const action = requiredHeader(call, 'x-ms-lease-action').toLowerCase()
  switch (action) {
    case 'acquire':
      return { is: 'acquire', seconds: durationOf(call), proposed: proposedOf(call) ?? randomUUID() }
    case 'renew':
    case 'release':
      return { is: action, id: requiredHeader(call, 'x-ms-lease-id').toLowerCase() }
    case 'change': {
      const id = requiredHeader(call, 'x-ms-lease-id').toLowerCase()
      requiredHeader(call, 'x-ms-proposed-lease-id')
      return { is: 'change', id, proposed: proposedOf(call) ?? '' }
    }
    case 'break': {
      const seconds = numberHeader(call, 'x-ms-lease-break-period')
      if (seconds !== undefined && (seconds < 0 || seconds > 60)) {
        throw invalidHeader('x-ms-lease-break-period', String(seconds))
      }
      return { is: 'break', seconds }
    }
    default:
      throw invalidHeader('x-ms-lease-action', action)
  }
}

function durationOf(call: Call): number {
  requiredHeader(call, 'x-ms-lease-duration')
  const seconds = numberHeader(call, 'x-ms-lease-duration') ?? 0
  if (seconds !== -1 && (seconds < 15 || seconds > 60)) throw invalidHeader('x-ms-lease-duration', String(seconds))
  return seconds
}

function proposedOf(call: Call): string | undefined {
  const id = headerOf(call, 'x-ms-proposed-lease-id')
  if (id !== undefined && !UUID.test(id)) throw invalidHeader('x-ms-proposed-lease-id', id)
  return id?.toLowerCase()
}
