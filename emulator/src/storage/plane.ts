import type { Call, Plane, Reply } from '../call.ts'
import { notImplemented, Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { authorize } from './authorize.ts'
import { Copies } from './copies.ts'
import { mayBeInBatch } from './operations/batch.ts'
import { BLOB_OFFERS, type Operation, operationOf } from './operations/table.ts'
import type { StorageRequest } from './request.ts'
import { headerOf } from './request.ts'
import { Sources } from './sources.ts'
import { accountOf, targetOf } from './target.ts'
import { refuseUnheard } from './unheard.ts'
import { document, element, optional } from './xml.ts'

const HOSTS = /\.(blob|dfs|file|queue|table)\.core\.windows\.net$/
const NAME = 'blob'

/** The blob service of every account in the region, at `{account}.blob.core.windows.net`. */
export function blobService(region: Region): Plane {
  const { blobs, clock, db, activity, tokens, proxy, root } = region
  const rules = { accounts: blobs.accounts, tokens, clock }
  const sources = new Sources({ ...rules, blobs, proxy, root })
  const copies = new Copies({ db, clock, activity, blobs, sources })
  region.closing.push(() => copies.close())
  copies.resume()
  /** A request within a request is judged like any other, but its refusal is an answer. */
  const answer = async (call: Call): Promise<Reply> => {
    try {
      const target = targetOf(call)
      const operation = operationOf(call, target)
      call.operation = operation.name
      if (!mayBeInBatch(operation.name)) throw new Refusal(400, 'InvalidInput', 'The operation may not be in a batch.')
      const grant = await authorize(call, target, operation.needs, rules)
      return await operation.answer({ call, target, grant, blobs, copies, clock, answer })
    } catch (failure) {
      if (failure instanceof Refusal) return refused(failure, call, clock.iso())
      throw failure
    }
  }
  const asked = new WeakMap<Call, { readonly operation: Operation; readonly request: StorageRequest }>()

  return {
    name: NAME,
    offers: BLOB_OFFERS,
    serves: (host) => HOSTS.test(host),
    authenticate: async (call) => {
      if (accountOf(call.host) === undefined) throw notImplemented(`the service at ${call.host}`)
      const target = targetOf(call)
      const operation = operationOf(call, target)
      call.operation = operation.name
      const grant = await authorize(call, target, operation.needs, rules)
      refuseUnheard(call)
      asked.set(call, { operation, request: { call, target, grant, blobs, copies, clock, answer } })
      return grant.caller
    },
    handle: async (call) => {
      const found = asked.get(call)
      if (found === undefined) throw new Error('a call was handled before it was authenticated')
      const reply = await found.operation.answer(found.request)
      return { ...reply, headers: { ...common(call), ...reply.headers } }
    },
    refuse: (refusal, call) => refused(refusal, call, clock.iso()),
  }
}

function common(call: Call): Record<string, string> {
  const version = headerOf(call, 'x-ms-version') ?? call.query.get('sv') ?? '2021-12-02'
  return { 'x-ms-version': version, server: 'Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0' }
}

/** Throttled storage says 503 ServerBusy where ARM says 429. Codes and envelope are those of the blob service. */
function refused(refusal: Parameters<Plane['refuse']>[0], call: Call, now: string): Reply {
  const isBusy = refusal.status === 429
  const status = isBusy ? 503 : refusal.status
  const code = isBusy ? 'ServerBusy' : refusal.code === 'InternalServerError' ? 'InternalError' : refusal.code
  const headers = { ...common(call), 'x-ms-error-code': code, ...refusal.headers }
  if (status === 304 || call.method === 'HEAD') return { status, headers }
  const message = `${refusal.message}\nRequestId:${call.id}\nTime:${now}`
  const body = document(element('Error', optional('Code', code) + optional('Message', message)))
  return { status, headers: { ...headers, 'content-type': 'application/xml' }, body }
}
