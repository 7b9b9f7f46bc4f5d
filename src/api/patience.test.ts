import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { expect, it } from 'vitest'
import { controllerServer } from './controller-server.ts'
import { vantageServer } from './vantage-server.ts'

const nothing = async () => ({})
const SERVERS = {
  'a controller': () =>
    controllerServer({
      health: () => ({ ok: true, sentence: 'it is well' }),
      active: nothing,
      status: nothing,
      unready: () => undefined,
      metrics: async () => [],
    }),
  'a vantage point': () => vantageServer({ protection: 'churn', point: 'west', key: 'k', findings: () => [] }),
}

it.each(['a controller', 'a vantage point'] as const)(
  'of %s ends at once, whoever has connected and said nothing, or half a request',
  async (which) => {
    const server = SERVERS[which]()
    await server.listen({ host: '127.0.0.1', port: 0 })
    const { port } = server.server.address() as AddressInfo
    for (const said of ['', 'GET /health HTTP/1.1\r\nhost: x\r\n']) {
      const accepted = once(server.server, 'connection')
      const socket = connect(port, '127.0.0.1').on('error', () => undefined)
      await accepted
      if (said !== '') await new Promise((resolve) => socket.write(said, resolve))
    }
    await server.close()
    expect(server.server.listening).toBe(false)
  },
)

it('end a request that does not come to its end', () => {
  for (const server of Object.values(SERVERS)) expect(server().server.requestTimeout).toBeGreaterThan(0)
})
