import { type FastifyInstance, fastify } from 'fastify'
import { exposition, METRICS_TYPE, type Metric } from './metrics.ts'
import { IMPATIENT } from './patience.ts'

/** What a controller can be asked, read at each request. */
export interface Asked {
  /** Whether it has ticked lately, and in one sentence what it thinks. */
  health(): { readonly ok: boolean; readonly sentence: string }
  /** The workspace in charge, in the form of `config.json`, with side and epoch. */
  active(): Promise<unknown>
  status(): Promise<unknown>
  /** Why it is not ready to act, or `undefined` if it is. */
  unready(): string | undefined
  metrics(): Promise<readonly Metric[]>
}

/** The HTTP face of a controller, for load balancers, scripts and clients that follow the active workspace. */
export function controllerServer(asked: Asked): FastifyInstance {
  const server = fastify(IMPATIENT)
  server.get('/health', async (_request, reply) => {
    const health = asked.health()
    return reply.code(health.ok ? 200 : 503).send(health)
  })
  server.get('/health/live', async (_request, reply) => {
    const { ok } = asked.health()
    return reply.code(ok ? 200 : 503).send({ ok })
  })
  server.get('/health/ready', async (_request, reply) => {
    const reason = asked.unready()
    return reply.code(reason === undefined ? 200 : 503).send({ ok: reason === undefined, reason: reason ?? null })
  })
  server.get('/metrics', async (_request, reply) =>
    reply.header('content-type', METRICS_TYPE).send(exposition(await asked.metrics())),
  )
  server.get('/active', () => asked.active())
  server.get('/status', () => asked.status())
  return server
}
