import { randomUUID } from 'node:crypto'
import type { Plane, Reply } from '../call.ts'
import { notImplemented } from '../refusal.ts'
import { destinationOf } from './hosts.ts'

const NOWHERE = { regions: new Set<string>(), owner: () => undefined }

/** Swallows what clients report about themselves to their vendor. */
export function telemetry(): Plane {
  return {
    name: 'telemetry',
    offers: [{ operation: 'telemetry', method: 'POST', path: '/*', served: true }],
    serves: (host) => destinationOf(host, NOWHERE)?.to === 'telemetry',
    authenticate: async () => ({ id: 'anonymous', audience: '' }),
    handle: async (call): Promise<Reply> => {
      call.body.resume()
      const body = { itemsReceived: 0, itemsAccepted: 0, appId: randomUUID(), errors: [] }
      return { status: 200, body, unlogged: true }
    },
    refuse: ({ status, message }) => ({ status, body: { message } }),
  }
}

/** Says that Microsoft Graph is not played, in Graph's own envelope. */
export function graph(): Plane {
  return {
    name: 'arm',
    offers: [{ operation: 'Microsoft Graph', method: '*', path: '/*', served: false }],
    serves: (host) => host === 'graph.microsoft.com',
    authenticate: async () => ({ id: 'anonymous', audience: '' }),
    handle: (call) => Promise.reject(notImplemented(`Microsoft Graph ${call.method} ${call.path}`)),
    refuse: ({ status, code, message }) => ({ status, body: { error: { code, message } } }),
  }
}
