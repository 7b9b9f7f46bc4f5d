import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

/** Certificate and key in PEM. */
export interface Identity {
  readonly cert: string
  readonly key: string
}

export interface Sink {
  readonly port: number
  readonly pid: number
  end(): void
}

/** An https server in a process of its own that reads what it is sent, keeps nothing and answers 201: how fast a client can be at most. */
export async function runSink(identity: Identity): Promise<Sink> {
  const child = fork(fileURLToPath(import.meta.url), [], { env: { ...process.env, SINK: JSON.stringify(identity) } })
  const end = (): void => void child.kill('SIGKILL')
  process.once('exit', end)
  const [port] = await once(child, 'message')
  return { port: Number(port), pid: child.pid ?? 0, end }
}

function serve(identity: Identity): void {
  const server = createServer(identity, (request, response) => {
    request.resume().on('end', () => {
      const headers = { etag: '"nothing"', 'last-modified': new Date().toUTCString() }
      response.writeHead(201, headers).end()
    })
  })
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
  process.on('disconnect', () => process.exit(0))
}

if (process.env['SINK'] !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  serve(JSON.parse(process.env['SINK']) as Identity)
}
