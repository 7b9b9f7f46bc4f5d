import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A way to a server on which every byte takes its time, in each direction half of the round trip. */
export interface Delay {
  /** Where to go instead of the server: `http://127.0.0.1:port`. */
  readonly base: string
  stop(): void
}

/** Opens such a way to what listens at `base`. */
export async function delayed(base: string, roundTripMilliseconds: number): Promise<Delay> {
  const { hostname, port } = new URL(base)
  const half = roundTripMilliseconds / 2
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const beyond = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true })
    for (const [from, to] of [
      [client, beyond],
      [beyond, client],
    ] as const) {
      sockets.add(from)
      from.on('data', (chunk: Buffer) => void setTimeout(() => to.writable && to.write(chunk), half))
      from.on('end', () => void setTimeout(() => to.end(), half))
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        // Whatever is still on its way must arrive first.
        setTimeout(() => to.end(), half)
      })
    }
  })
  const address = await listening(server)
  return {
    base: `http://127.0.0.1:${address.port}`,
    stop: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** The round trip that a delay really makes, in milliseconds: the median of short messages to an echo behind it. */
export async function measuredRoundTrip(roundTripMilliseconds: number, messages = 40): Promise<number> {
  const echo = createServer({ noDelay: true }, (socket) => void socket.pipe(socket))
  const { port } = await listening(echo)
  const way = await delayed(`http://127.0.0.1:${port}`, roundTripMilliseconds)
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(way.base).port), noDelay: true })
  await once(socket, 'connect')
  const times: number[] = []
  for (let sent = 0; sent < messages; sent++) {
    const began = performance.now()
    socket.write('x')
    await once(socket, 'data')
    times.push(performance.now() - began)
  }
  socket.destroy()
  way.stop()
  echo.close()
  return times.toSorted((one, other) => one - other)[Math.floor(messages / 2)] ?? Number.NaN
}

async function listening(server: Server): Promise<AddressInfo> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address() as AddressInfo
}
