import { type FastifyInstance, fastify } from 'fastify'
import type { Finding } from '../engine/prober.ts'
import { IMPATIENT } from './patience.ts'
import { SIGNATURE, signatureOf } from './signed.ts'

/** What a vantage point sends. The nonce is the asker's: an old report cannot be played again. */
export interface VantageReport {
  /** Points of several protections may share name and key: what one says of its sides is nothing of another's. */
  readonly protection: string
  readonly point: string
  readonly nonce: string
  readonly findings: readonly Finding[]
}

export interface VantageServerOptions {
  readonly protection: string
  readonly point: string
  /** Shared with the controller; proves who speaks. */
  readonly key: string
  findings(): readonly Finding[]
}

/** The HTTP face of a vantage point: `GET /report?nonce=…`, signed. */
export function vantageServer({ protection, point, key, findings }: VantageServerOptions): FastifyInstance {
  const server = fastify(IMPATIENT)
  server.get<{ Querystring: { nonce: string } }>(
    '/report',
    { schema: { querystring: NONCE } },
    async (request, reply) => {
      const report: VantageReport = { protection, point, nonce: request.query.nonce, findings: findings() }
      const body = JSON.stringify(report)
      return reply.type('application/json').header(SIGNATURE, signatureOf(body, key)).send(body)
    },
  )
  return server
}

const NONCE = {
  type: 'object',
  required: ['nonce'],
  properties: { nonce: { type: 'string', minLength: 16, maxLength: 128 } },
} as const
