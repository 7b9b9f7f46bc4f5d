import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createPipelineRequest } from '@azure/core-rest-pipeline'
import { expect, it, onTestFinished } from 'vitest'
import { openTransport } from './transport.ts'

/** Takes connections in and answers nothing, as a proxy does whose target hangs. */
async function hangingProxy() {
  const open = new Set<Socket>()
  const closed: Promise<unknown>[] = []
  const server = createServer((socket) => {
    open.add(socket.resume().on('error', () => undefined))
    closed.push(once(socket, 'close').then(() => open.delete(socket)))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, closed }
}

it('leaves no connection behind of a request that ran out of time before its proxy had answered', async () => {
  const proxy = await hangingProxy()
  const surroundings = { local: false, proxy: proxy.url, caPath: undefined, application: undefined }
  const transport = openTransport(surroundings, 300)
  onTestFinished(() => transport.close())
  for (let n = 0; n < 3; n++) {
    const request = createPipelineRequest({ url: 'https://storage.example.invalid/' })
    await expect(transport.client.sendRequest(request)).rejects.toThrow('aborted')
  }
  expect(proxy.closed).toHaveLength(3)
  await Promise.all(proxy.closed)
})
