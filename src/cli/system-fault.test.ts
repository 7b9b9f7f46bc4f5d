import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { systemFault } from './system-fault.ts'

async function thrownBy(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work()
  } catch (thrown) {
    return thrown
  }
  return undefined
}

it('names the path that cannot be used', async () => {
  const path = join(tmpdir(), 'holdfast-nowhere', 'file')
  const fault = systemFault(await thrownBy(() => writeFile(path, '')))
  expect(fault).toMatchObject({ code: 'usage/bad-argument', message: `${path} is not there` })
})

it('knows a folder where a file was named, though the system does not say which', async () => {
  expect(systemFault(await thrownBy(() => readFile(tmpdir())))?.message).toBe('What was named is a folder')
})

it('names the port that is taken', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const other = createServer()
  const thrown = await new Promise((resolve) => other.once('error', resolve).listen(port, '127.0.0.1'))
  await new Promise((resolve) => server.close(resolve))
  expect(systemFault(thrown)?.message).toBe(`127.0.0.1:${port} is taken by another process`)
})

it('says of a full disk that it goes on, and takes nothing else for a slip', () => {
  expect(systemFault(Object.assign(new Error('full'), { code: 'ENOSPC', path: '/a' }))).toMatchObject({
    code: 'store/full',
    message: 'There is no space left for /a',
  })
  expect(systemFault(new TypeError('x is undefined'))).toBeUndefined()
  expect(systemFault(undefined)).toBeUndefined()
})
