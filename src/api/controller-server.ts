import { type FastifyInstance, fastify } from 'fastify'

/** What a controller can be asked, read at each request. */
export interface Asked {
  /** Whether it has ticked lately, and in one sentence what it thinks. */
  health(): { readonly ok: boolean; readonly sentence: string }
  /** The workspace in charge, in the form of `config.json`, with side and epoch. */
  active(): Promise<unknown>
  status(): Promise<unknown>
}

/** The HTTP face of a controller, for load balancers, scripts and clients that follow the active workspace. */
export function controllerServer(asked: Asked): FastifyInstance {
  const server = fastify()
  server.get('/health', async (_request, reply) => {
    const health = asked.health()
    return reply.code(health.ok ? 200 : 503).send(health)
  })
  server.get('/active', () => asked.active())
  server.get('/status', () => asked.status())
  return server
}
